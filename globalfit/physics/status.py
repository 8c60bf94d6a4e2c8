"""Status flags of one evaluation.

A status is an integer whose bits are flags, so that it survives `jit` and combines with `|`. Zero means ok.
"""

from __future__ import annotations

import dataclasses
from typing import Final


@dataclasses.dataclass(frozen=True)
class Flag:
    """One condition: its bit, its name, one sentence of meaning, and whether it makes the likelihood zero."""

    bit: int
    name: str
    meaning: str
    fatal: bool = False


NO_SOLUTION: Final = Flag(
    1 << 0,
    "no_solution",
    "The physical masses lie in the eigenmass-repulsion band: no Lagrangian masses give them at this mixing.",
    fatal=True,
)
BEYOND_PERTURBATIVITY: Final = Flag(
    1 << 1,
    "beyond_perturbativity",
    "A coupling exceeds its perturbative-unitarity bound; cross sections are not trustworthy.",
)
WIDE_RESONANCE: Final = Flag(
    1 << 2,
    "wide_resonance",
    "A mediator has a width above 10 % of its mass; the Breit-Wigner form is only indicative.",
)
LIGHT_HADRONS: Final = Flag(
    1 << 3,
    "light_hadrons",
    "The dark matter or a new vector is lighter than 10 GeV, where free quarks do not describe hadronic final states.",
)
OUTSIDE_TABLE: Final = Flag(
    1 << 4,
    "outside_table",
    "A likelihood was asked outside the domain of its data table.",
)
NOT_THERMALISED: Final = Flag(
    1 << 5,
    "not_thermalised",
    "Annihilation never kept up with the expansion, so thermal freeze-out does not apply; the relic density is that of "
    "a thermal start at x = 1.",
)
INVALID_INPUT: Final = Flag(
    1 << 6,
    "invalid_input",
    "A parameter lies outside the domain of the model.",
    fatal=True,
)
NON_FINITE: Final = Flag(
    1 << 7,
    "non_finite",
    "A prediction or a likelihood term came out infinite or not a number; it counts as zero likelihood.",
    fatal=True,
)
BEYOND_EFFECTIVE_THEORY: Final = Flag(
    1 << 8,
    "beyond_effective_theory",
    "The energy of the process exceeds the range in which the effective operators are valid.",
)
NOT_COVERED: Final = Flag(
    1 << 9,
    "not_covered",
    "A search has no data at the mass of a resonance and says nothing about it.",
)
KINETIC_DECOUPLING: Final = Flag(
    1 << 10,
    "kinetic_decoupling",
    "Scattering on the bath ends while annihilation still goes on: by estimate the relic density changes by more than "
    "5 % with the temperature of dark matter, which is not calculated for axial couplings to light vectors, with "
    "hidden fermions, for pseudo-Dirac dark matter and doublets, and with `inputs: {kinetic: equilibrium}`.",
)
BOUND_STATES: Final = Flag(
    1 << 11,
    "bound_states",
    "Dark matter binds and radiates a light vector, which is left out: it lowers the relic density by more than about "
    "10 %.",
)
NO_ENHANCEMENT: Final = Flag(
    1 << 12,
    "no_enhancement",
    "Attraction by a light vector would change annihilation by more than 10 %, but is not calculated for this kind of "
    "dark matter.",
)
STRONG_COUPLING: Final = Flag(
    1 << 13,
    "strong_coupling",
    "A vector couples to dark matter with alpha above 0.3: radiative corrections to annihilation exceed 10 %.",
)
LATE_ANNIHILATION: Final = Flag(
    1 << 14,
    "late_annihilation",
    "Annihilation goes on where dark matter is colder than 1e-8 of its mass, which is not calculated: by estimate the "
    "relic density changes by more than 1 %.",
)

FLAGS: Final = (
    NO_SOLUTION,
    BEYOND_PERTURBATIVITY,
    WIDE_RESONANCE,
    LIGHT_HADRONS,
    OUTSIDE_TABLE,
    NOT_THERMALISED,
    INVALID_INPUT,
    NON_FINITE,
    BEYOND_EFFECTIVE_THEORY,
    NOT_COVERED,
    KINETIC_DECOUPLING,
    BOUND_STATES,
    NO_ENHANCEMENT,
    STRONG_COUPLING,
    LATE_ANNIHILATION,
)
FATAL: Final = sum(flag.bit for flag in FLAGS if flag.fatal)


def describe(code: int) -> str:
    """`ok`, or the names of all flags in `code` joined by `+`."""
    return "+".join(flag.name for flag in FLAGS if code & flag.bit) or "ok"
