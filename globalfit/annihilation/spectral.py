"""Spectral densities rho_X(s): what each final state X adds to the absorptive part of a vector's propagator.

For a current of unit coupling Im Pi_X(s) = s rho_X(s) = sqrt(s) Gamma_X(sqrt(s)). One function per final state serves
widths, running widths and cross sections alike (optical theorem), so that they cannot disagree. With r = m^2/s:

    f fbar   N_c beta (v^2 (1 + 2r) + a^2 (1 - 4r)) / (12 pi)
    W+ W-    beta^3 (1 + 20 r + 12 r^2) / (192 pi r^2)        Standard-Model triple-gauge vertex times the coupling
    phi phi* beta^3 v^2 / (48 pi)
    V h      p (3 + p^2/M_V^2) / (24 pi s^{3/2})              vertex g_{mu nu} times the coupling

All vanish below threshold, with vanishing derivatives.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float


class FermionDensity(NamedTuple):
    """rho of a fermion pair for unit vector and for unit axial coupling."""

    vector: Float[Array, "*energy"]
    axial: Float[Array, "*energy"]


def velocity(s: Float[Array, "*energy"], mass: Float[Array, "*#energy"] | float) -> Float[Array, "*energy"]:
    """beta = sqrt(1 - 4 m^2/s) of a pair, 0 below threshold."""
    beta2 = 1.0 - 4.0 * mass**2 / s
    above = beta2 > 0.0
    return jnp.where(above, jnp.sqrt(jnp.where(above, beta2, 1.0)), 0.0)


def fermion_pair(
    s: Float[Array, "*#energy"], mass: Float[Array, "*#energy"] | float, colours: float = 1.0
) -> FermionDensity:
    """Pair of Dirac fermions."""
    beta = velocity(s, mass)
    scale = colours / (12.0 * math.pi)
    return FermionDensity(scale * beta * (1.0 + 2.0 * mass**2 / s), scale * beta**3)


def scalar_pair(s: Float[Array, "*energy"], mass: Float[Array, "*#energy"]) -> Float[Array, "*energy"]:
    """Pair of complex scalars, for unit coupling."""
    return velocity(s, mass) ** 3 / (48.0 * math.pi)


def w_pair(s: Float[Array, "*energy"], m_w: float) -> Float[Array, "*energy"]:
    """W+ W- pair."""
    r = m_w**2 / s
    return velocity(s, m_w) ** 3 * (1.0 + 20.0 * r + 12.0 * r**2) / (192.0 * math.pi * r**2)


def vector_higgs(s: Float[Array, "*energy"], vector_mass: Float[Array, ""], m_h: float) -> Float[Array, "*energy"]:
    """Vector and Higgs boson, GeV^-2 (the vertex has the dimension of a mass). The intermediate current is transverse:
    its longitudinal part would need a vector that couples to both the axial dark current and the Higgs boson."""
    momentum2 = (s - (vector_mass + m_h) ** 2) * (s - (vector_mass - m_h) ** 2) / (4.0 * s)
    above = s > (vector_mass + m_h) ** 2
    momentum = jnp.where(above, jnp.sqrt(jnp.where(above, momentum2, 1.0)), 0.0)
    return momentum * (3.0 + (momentum / vector_mass) ** 2) / (24.0 * math.pi * s * jnp.sqrt(s))
