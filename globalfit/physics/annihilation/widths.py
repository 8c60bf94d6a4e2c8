"""Widths of the two mass eigenstates: Gamma_k = M_k sum_ij U_ik U_jk rho_ij(M_k^2) over every open channel."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from globalfit.physics import fermions
from globalfit.physics.annihilation import channels
from globalfit.physics.inputs import Inputs
from globalfit.physics.portal import Portal
from globalfit.physics.symmetric import Symmetric, square


class Widths(NamedTuple):
    """Partial widths by channel and their sum, GeV, for both mass eigenstates; `dark` is the decay to dark matter."""

    partial: dict[str, Float[Array, " 2"]]
    total: Float[Array, " 2"]


def widths(portal: Portal, inputs: Inputs) -> Widths:
    """Partial and total widths of both mass eigenstates."""
    projection, s = square(portal.eigenvectors()).times(portal.mass), portal.mass2
    others = channels.boson_densities(portal, inputs, s)
    if portal.hidden is not None:
        others[channels.HIDDEN] = channels.hidden_density(portal.hidden, s)
    others[channels.DARK] = channels.dark_density(portal, s, portal.pole_excess)
    known = Symmetric(*(part[None, :] for part in projection)).contract(channels.fermion_pairs(portal, inputs, s))
    partial = {name: known[index] for name, index in fermions.INDEX.items()}
    partial |= {name: projection.contract(density) for name, density in others.items()}
    return Widths(partial, sum((partial[name] for name in others), start=jnp.sum(known, axis=0)))


def boson_width_density(portal: Portal, decays: Widths) -> Symmetric:
    """Decays to bosons as a constant density, diagonal in the mass eigenstates with Gamma_k/M_k.

    The density of W+ W- itself grows as s^2; resummed without the vertex corrections that tame it, it would take the Z
    out of every amplitude well above 2 m_W.
    """
    known = {*(fermion.name for fermion in fermions.FERMIONS), channels.HIDDEN, channels.DARK}
    width = sum((part for name, part in decays.partial.items() if name not in known), start=jnp.zeros(2))
    return portal.mixing.absorptive(width / portal.mass)
