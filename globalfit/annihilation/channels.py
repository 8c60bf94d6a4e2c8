"""Final states of the s channel and their spectral densities in the basis of V1 and V2.

A density is a symmetric matrix rho_ij(s), kept as its components (11, 12, 22). Contracted with the product of dark
currents it gives a cross section, with the eigenvectors a width, and summed it is the running width.
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from globalfit import fermions
from globalfit.annihilation import spectral
from globalfit.inputs import Inputs
from globalfit.portal import Portal

Density = Float[Array, "3 *energy"]
DARK, W_PAIR = "dark", "ww"


def products(first: Float[Array, "2 *batch"], second: Float[Array, "2 *batch"]) -> Float[Array, "3 *batch"]:
    """Components (11, 12, 22) of the symmetric product of two vectors of couplings."""
    return jnp.stack([first[0] * second[0], 0.5 * (first[0] * second[1] + first[1] * second[0]), first[1] * second[1]])


def fermion_densities(portal: Portal, inputs: Inputs, s: Float[Array, " energy"]) -> dict[str, Density]:
    """Standard-Model fermion pairs by name."""
    masses = fermions.masses(inputs)
    densities = {}
    for i, fermion in enumerate(fermions.FERMIONS):
        pair = spectral.fermion_pair(s, float(masses[i]), float(fermion.colours))
        vector, axial = products(portal.vector[i], portal.vector[i]), products(portal.axial[i], portal.axial[i])
        densities[fermion.name] = _outer(vector, pair.vector) + _outer(axial, pair.axial)
    return densities


def fermion_total(portal: Portal, inputs: Inputs, s: Float[Array, " energy"]) -> Density:
    """Sum of `fermion_densities` as one matrix product, which the compiler can neither fuse nor repeat."""
    pair = spectral.fermion_pair(s[None, :], jnp.asarray(fermions.masses(inputs))[:, None])
    colours = jnp.asarray(fermions.COLOURS)[None, :]
    vector, axial = (colours * products(coupling.T, coupling.T) for coupling in (portal.vector, portal.axial))
    return jnp.concatenate([vector, axial], axis=1) @ jnp.concatenate([pair.vector, pair.axial], axis=0)


def boson_densities(portal: Portal, inputs: Inputs, s: Float[Array, " energy"]) -> dict[str, Density]:
    """W+ W- (`ww`) and each mass eigenstate with a Higgs boson (`z_h`, ...)."""
    densities = {W_PAIR: _outer(products(portal.w_pair, portal.w_pair), spectral.w_pair(s, inputs.m_w))}
    vertices = portal.higgs @ portal.eigenvectors()
    for k, name in enumerate(portal.names):
        density = spectral.vector_higgs(s, portal.mass[k], inputs.m_h)
        densities[f"{name}_h"] = _outer(products(vertices[:, k], vertices[:, k]), density)
    return densities


def dark_density(portal: Portal, s: Float[Array, " energy"]) -> Density:
    """Pair of dark-matter particles."""
    vector, axial = products(portal.dark.vector, portal.dark.vector), products(portal.dark.axial, portal.dark.axial)
    if portal.dark.kind == "scalar":
        return _outer(vector, spectral.scalar_pair(s, portal.dark.mass))
    pair = spectral.fermion_pair(s, portal.dark.mass)
    return _outer(vector, pair.vector) + _outer(axial, pair.axial)


def visible_densities(portal: Portal, inputs: Inputs, s: Float[Array, " energy"]) -> dict[str, Density]:
    """Every final state of the s channel but the dark matter itself."""
    return fermion_densities(portal, inputs, s) | boson_densities(portal, inputs, s)


def contract(matrix: Float[Array, "3 *energy"], density: Density) -> Float[Array, "*energy"]:
    """sum_ij matrix_ij rho_ij of two symmetric matrices."""
    return matrix[0] * density[0] + 2.0 * matrix[1] * density[1] + matrix[2] * density[2]


def _outer(coupling: Float[Array, " 3"], density: Float[Array, " energy"]) -> Density:
    return coupling[:, None] * density[None, :]
