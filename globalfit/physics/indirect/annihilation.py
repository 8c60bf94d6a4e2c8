"""Final states of dark matter that annihilates at rest, as indirect detection sees them.

Dark matter in dwarf galaxies and before recombination is so slow that only the value at threshold counts, without the p
wave that v_rel = 1e-3 in the Galaxy lets through (`observables.annihilation_today`). Only within 1e-9 of a pole at
threshold would the velocities in dwarf galaxies matter.

That is at tree level. All final states share one `enhancement`, the Sommerfeld factor S_0, which depends on the
velocity where they are made: everything here but `sigma_v_at` is to be multiplied with it.
"""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from globalfit.physics import fermions
from globalfit.physics.annihilation.cross_section import tree_cross_sections
from globalfit.physics.annihilation.propagator import Energies
from globalfit.physics.observables import decay_widths
from globalfit.physics.predictions import Predictions
from globalfit.physics.sommerfeld.enhancement import Waves, bounded, enhances, sommerfeld
from globalfit.physics.sommerfeld.flags import limits_of_validity

# Relative velocities in units of c. In dwarf galaxies stars have a dispersion sigma of 3 to 12 km/s along the line of
# sight (McConnachie, arXiv:1204.1562), and so has dark matter: 1/<1/v_rel> = sqrt(pi) sigma is 12 km/s for 7 km/s.
VELOCITY_DWARFS = 4e-5
# Before reionisation: dark matter of 100 GeV that left kinetic equilibrium at 10 MeV is below 1e-9 at a redshift of
# 600. S_0 has long reached its limit for M_V/m > 1e-7.
VELOCITY_RECOMBINATION = 1e-8

# Fraction of the pairs of dark-matter particles that can annihilate, in the rate rho^2 sigma v/(2 m^2) of a
# self-conjugate particle, which the lighter pseudo-Dirac state is: elsewhere particles meet antiparticles only.
_PAIRS = {"dirac": 0.5, "scalar": 0.5, "pseudo_dirac": 1.0}


def pair_fraction(predictions: Predictions) -> float:
    """1 for self-conjugate dark matter, 1/2 where particle and antiparticle differ."""
    return _PAIRS[predictions.dark_matter.kind]


def at_rest(predictions: Predictions) -> dict[str, Float[Array, ""]]:
    """sigma v_rel by final state for v_rel -> 0, GeV^-2, at tree level."""
    return predictions.once("at_rest", _at_rest)


def sigma_v_at(predictions: Predictions, relative_velocity: float) -> Float[Array, ""]:
    """sigma v_rel of all final states at a velocity so low that the p wave is nothing, GeV^-2."""
    return enhancement(predictions, relative_velocity) * sigma_v_at_rest(predictions)


def enhancement(predictions: Predictions, relative_velocity: float) -> Float[Array, ""]:
    """S_0 at a low velocity, with the bound of unitarity: what multiplies `at_rest`."""
    return predictions.once(f"enhancement_{relative_velocity:g}", lambda p: _enhancement(p, relative_velocity))


def enhancement_flags(predictions: Predictions, relative_velocity: float) -> Int[Array, ""]:
    """Status flags of `enhancement`."""
    return limits_of_validity(predictions.portal, predictions.inputs, relative_velocity)


def sigma_v_at_rest(predictions: Predictions) -> Float[Array, ""]:
    """sigma v_rel of all final states for v_rel -> 0, GeV^-2, at tree level."""
    return sum(at_rest(predictions).values(), start=jnp.zeros(()))


@dataclasses.dataclass(frozen=True)
class Moving:
    """Pairs that contain mass eigenstate `vector` (0 or 1), or the Higgs boson where `vector` is None.

    `number` is the number of such particles times sigma v (GeV^-2) in each kind of pair, `energy` the energy of one.
    """

    vector: int | None
    mass: Float[Array, ""]
    number: Float[Array, " pair"]
    energy: Float[Array, " pair"]


@dataclasses.dataclass(frozen=True)
class FinalStates:
    """sigma v (GeV^-2) of pairs that have a spectrum of their own, by its name, and particles that decay in flight."""

    pairs: dict[str, Float[Array, ""]]
    moving: tuple[Moving, ...]


def final_states(predictions: Predictions) -> FinalStates:
    """Annihilation at rest, sorted into pairs of Standard-Model particles and particles that decay in flight.

    Pairs: charged fermions, `neutrinos`, `W`, and `Z` and `Zh` if the Z is one of the mass eigenstates. Every other
    pair of vectors, or of a vector and a Higgs boson, is a pair of particles that decay in flight. Hidden fermions
    count as neutrinos: what the heavy ones decay to is left out.
    """
    return predictions.once("final_states", _final_states)


def decays(predictions: Predictions, vector: int) -> dict[str, Float[Array, ""]]:
    """Branching fractions of one mass eigenstate by pair, as in `final_states`, with `dark` for dark matter.

    A decay to a vector and a Higgs boson counts as one to Z h whatever the vector.
    """
    partial, total = decay_widths(predictions)
    width = jnp.where(total[vector] > 0.0, total[vector], 1.0)
    pairs: dict[str, Float[Array, ""]] = {}
    for name, widths in partial.items():
        pair = _pair(name)
        pairs[pair] = pairs.get(pair, jnp.zeros(())) + widths[vector] / width
    return pairs


def _pair(name: str) -> str:
    if name in fermions.INDEX:
        return "neutrinos" if name.startswith("nu") else name
    return {"ww": "W", "dark": "dark", "hidden": "neutrinos"}.get(name, "Zh")


def _enhancement(predictions: Predictions, relative_velocity: float) -> Float[Array, ""]:
    portal = predictions.portal
    if not enhances(portal, predictions.inputs):
        return jnp.ones(())
    velocity, s = jnp.full(1, 0.5 * relative_velocity), 4.0 * portal.dark.mass[None] ** 2
    sections = Waves(0.5 * sigma_v_at_rest(predictions)[None], jnp.zeros(1))
    return bounded(sommerfeld(portal, velocity), sections, s, velocity).s[0]


def _at_rest(predictions: Predictions) -> dict[str, Float[Array, ""]]:
    portal = predictions.portal
    sections = tree_cross_sections(portal, predictions.inputs, Energies.of_slow_pairs(jnp.zeros(1), portal))
    return {name: 2.0 * section[0] for name, section in sections.items()}


def _final_states(predictions: Predictions) -> FinalStates:
    portal, m_h = predictions.portal, jnp.asarray(predictions.inputs.m_h)
    sigma_v = dict(at_rest(predictions))
    pairs: dict[str, Float[Array, ""]] = {}
    for name in (*fermions.INDEX, "ww", "hidden"):
        pairs[_pair(name)] = pairs.get(_pair(name), jnp.zeros(())) + sigma_v.pop(name, jnp.zeros(()))
    if portal.z is not None:
        z = portal.names[portal.z]
        pairs |= {"Z": sigma_v.pop(f"{z}_{z}"), "Zh": sigma_v.pop(f"{z}_h")}

    labels = (*portal.names, "h")
    mass2 = jnp.concatenate([portal.mass2, m_h[None] ** 2])
    numbers: list[list[Array]] = [[], [], []]
    energies: list[list[Array]] = [[], [], []]
    double = 2.0 * portal.dark.mass
    for i, first in enumerate(labels):
        for j, second in enumerate(labels):
            section = sigma_v.get(f"{first}_{second}")
            if j < i or section is None:
                continue
            for one, other in ((i, j), (j, i)):
                numbers[one].append(section)
                energies[one].append((double**2 + mass2[one] - mass2[other]) / (2.0 * double))
    moving = tuple(
        Moving(k if k < 2 else None, jnp.sqrt(mass2[k]), jnp.stack(numbers[k]), jnp.stack(energies[k]))
        for k in range(3)
        if numbers[k]
    )
    return FinalStates(pairs, moving)
