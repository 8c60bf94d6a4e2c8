"""Final states of dark matter that annihilates at rest, as indirect detection sees them.

Dark matter in dwarf galaxies and before recombination is so slow that only the value at threshold counts, without the p
wave that v_rel = 1e-3 in the Galaxy lets through (`observables.annihilation_today`). Only within 1e-9 of a pole at
threshold would the velocities in dwarf galaxies matter.
"""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
from jaxtyping import Array, Float

from globalfit.physics import fermions
from globalfit.physics.annihilation.cross_section import cross_sections
from globalfit.physics.annihilation.propagator import Energies
from globalfit.physics.observables import decay_widths
from globalfit.physics.predictions import Predictions

# Fraction of the pairs of dark-matter particles that can annihilate, in the rate rho^2 sigma v/(2 m^2) of a
# self-conjugate particle, which the lighter pseudo-Dirac state is: elsewhere particles meet antiparticles only.
_PAIRS = {"dirac": 0.5, "scalar": 0.5, "pseudo_dirac": 1.0}


def pair_fraction(predictions: Predictions) -> float:
    """1 for self-conjugate dark matter, 1/2 where particle and antiparticle differ."""
    return _PAIRS[predictions.dark_matter.kind]


def at_rest(predictions: Predictions) -> dict[str, Float[Array, ""]]:
    """sigma v_rel by final state for v_rel -> 0, GeV^-2."""
    return predictions.once("at_rest", _at_rest)


def sigma_v_at_rest(predictions: Predictions) -> Float[Array, ""]:
    """sigma v_rel of all final states for v_rel -> 0, GeV^-2."""
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


def _at_rest(predictions: Predictions) -> dict[str, Float[Array, ""]]:
    portal = predictions.portal
    sections = cross_sections(portal, predictions.inputs, Energies.of_slow_pairs(jnp.zeros(1), portal))
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
