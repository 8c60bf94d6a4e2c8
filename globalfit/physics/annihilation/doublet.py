"""Annihilation of a dark-matter doublet of a dark SU(2): what its charged vectors W' add.

The four species chi_1, chi_2 and their antiparticles have the same mass and abundance. In a calculation for one Dirac
particle of the same total density sigma = (1/4) sum_ij sigma(chi_i chi_j-bar) takes their place. With the couplings of
`DarkMatter`, half of the gauge coupling g, that is

- half of what one component gives through V1 and V2, in the s channel and in pairs: two of the four i, j take part;
- the W' in the s channel to hidden fermions, chi_1 chi_2-bar and its conjugate;
- pairs of V2 and W' (`nonabelian_pairs`): V2 V2 is the third part of the abelian part.

The W' has the mass of the V2-like eigenstate and decays to dark matter and hidden fermions. All that it makes counts as
hidden. Mixing of V2 is left out of what the W' adds.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
from jaxtyping import Array, Float

from globalfit.physics.annihilation import channels, spectral
from globalfit.physics.annihilation.nonabelian_pairs import nonabelian_pair_cross_section
from globalfit.physics.annihilation.propagator import Energies
from globalfit.physics.inputs import Inputs
from globalfit.physics.portal import Doublet, Portal

# Share of the pairs of species that annihilate through a neutral vector.
NEUTRAL = 0.5


def all_components(
    portal: Portal,
    doublet: Doublet,
    inputs: Inputs,
    energies: Energies,
    sections: Mapping[str, Float[Array, " energy"]],
) -> dict[str, Float[Array, " energy"]]:
    """sigma beta_chi by final state, GeV^-2, from those of one component with the neutral vectors."""
    result = {name: NEUTRAL * section for name, section in sections.items()}
    result[channels.HIDDEN] += charged_cross_section(portal, doublet, inputs, energies, sections)
    return result


def charged_cross_section(
    portal: Portal,
    doublet: Doublet,
    inputs: Inputs,
    energies: Energies,
    sections: Mapping[str, Float[Array, " energy"]],
) -> Float[Array, " energy"]:
    """sigma beta_chi of everything with a W' in it, GeV^-2; of `sections` only pairs of V2 are used."""
    name = portal.names[1]
    abelian = 2.0 * NEUTRAL * sections[f"{name}_{name}"]
    pairs = nonabelian_pair_cross_section(jnp.sqrt(energies.s), portal.dark.mass, portal.mass[1])
    return abelian + 3.0 / 16.0 * doublet.coupling**4 * pairs + _s_channel(portal, doublet, inputs, energies)


def _s_channel(portal: Portal, doublet: Doublet, inputs: Inputs, energies: Energies) -> Float[Array, " energy"]:
    """One half of sigma beta of chi_1 chi_2-bar to hidden fermions."""
    mass2, coupling2 = portal.mass2[1], 0.5 * doublet.coupling**2
    density = _hidden_density(doublet, energies.s)
    at = mass2[None] if inputs.width == "fixed" else energies.s
    decay = coupling2 * spectral.fermion_pair(at, portal.dark.mass).vector + _hidden_density(doublet, at)
    propagator2 = 1.0 / (energies.gap[1] ** 2 + (at * decay) ** 2)
    return 0.5 * (energies.s + 2.0 * portal.dark.mass**2) * coupling2 * propagator2 * density


def _hidden_density(doublet: Doublet, s: Float[Array, " energy"]) -> Float[Array, " energy"]:
    pairs = spectral.majorana_pair(s[None, :], doublet.mass[:, None], jnp.zeros_like(doublet.mass)[:, None])
    return doublet.coupling2 @ pairs
