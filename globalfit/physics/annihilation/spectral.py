"""Spectral densities rho_X(s): what each final state X adds to the absorptive part of a vector's propagator.

For a current of unit coupling Im Pi_X(s) = s rho_X(s) = sqrt(s) Gamma_X(sqrt(s)). One function per final state serves
widths, running widths and cross sections alike (optical theorem), so that they cannot disagree. With r = m^2/s:

    f fbar   N_c beta (v^2 (1 + 2r) + a^2 (1 - 4r)) / (12 pi)
    W+ W-    beta^3 (1 + 20 r + 12 r^2) / (192 pi r^2)        Standard-Model triple-gauge vertex times the coupling
    phi phi* beta^3 v^2 / (48 pi)
    chi1 chi2 v^2 sqrt(1 - S/s) (1 - D/s)^{3/2} (1 + S/(2 s)) / (12 pi)     S = (m1 + m2)^2, D = (m1 - m2)^2
    V h      p (3 + p^2/M_V^2) / (24 pi s^{3/2})              vertex g_{mu nu} times the coupling
    n_i n_j  (1 - P)^{3/2} (1 - M)^{1/2} (1 + M/2) / (24 pi)   left-handed currents of Majorana fermions of signed
                                                              masses lambda, P, M = (lambda_i +- lambda_j)^2/s

With g1 and kappa apart, G = s/(4 m_W^2) and E the energy of V in its rest frame with h,

    W+ W-    beta^3 [ (g1 + 2 G kappa)^2 + 2 g1^2 + 4 G (g1 + kappa)^2 ] / (48 pi)
    V h      p [ 2 (a + b sqrt(s) E)^2 + (a E/M_V + b sqrt(s) M_V)^2 ] / (24 pi s^{3/2})

for a g_{mu nu} + b (q.k g_{mu nu} - k_mu q_nu) between the incoming current's momentum q and the vector's k.

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


def velocity(s: Float[Array, "*#energy"], mass: Float[Array, "*#energy"] | float) -> Float[Array, "*energy"]:
    """beta = sqrt(1 - 4 m^2/s) of a pair, 0 below threshold."""
    return pair_velocity(s, s - 4.0 * mass**2)


def pair_velocity(s: Float[Array, "*#energy"], excess: Float[Array, "*#energy"]) -> Float[Array, "*energy"]:
    """The same from the excess of s over the threshold, which may be known without rounding error."""
    beta2 = excess / s
    above = beta2 > 0.0
    return jnp.where(above, jnp.sqrt(jnp.where(above, beta2, 1.0)), 0.0)


def fermion_pair(
    s: Float[Array, "*#energy"], mass: Float[Array, "*#energy"] | float, colours: float = 1.0
) -> FermionDensity:
    """Pair of Dirac fermions."""
    return fermion_pair_above(s, s - 4.0 * mass**2, colours)


def fermion_pair_above(
    s: Float[Array, "*#energy"], excess: Float[Array, "*#energy"], colours: float = 1.0
) -> FermionDensity:
    """The same from the excess of s over 4 m^2, which may be known without rounding error."""
    beta = pair_velocity(s, excess)
    scale = colours / (12.0 * math.pi)
    return FermionDensity(scale * beta * (1.5 - 0.5 * beta**2), scale * beta**3)


def scalar_pair(s: Float[Array, "*#energy"], excess: Float[Array, "*#energy"]) -> Float[Array, "*energy"]:
    """Pair of complex scalars, for unit coupling; `excess` is s over the square of their total mass."""
    return pair_velocity(s, excess) ** 3 / (48.0 * math.pi)


def pseudo_dirac_pair(
    s: Float[Array, "*#energy"], excess: Float[Array, "*#energy"], difference: Float[Array, "*#energy"]
) -> Float[Array, "*energy"]:
    """Two Majorana fermions whose masses differ by `difference` (GeV), for a unit vector coupling between them;
    `excess` is s over the square of their total mass."""
    beta = pair_velocity(s, excess)
    share = difference**2 / s
    apart = jnp.where(share < 1.0, 1.0 - share, 1.0)
    return beta * apart * jnp.sqrt(apart) * (1.5 - 0.5 * excess / s) / (12.0 * math.pi)


def pseudo_dirac_thresholds(
    s: Float[Array, "*energy"], mass: Float[Array, "*#energy"], splitting: Float[Array, "*#energy"]
) -> tuple[Float[Array, "*energy"], Float[Array, "*energy"]]:
    """(m1 + m2)^2/s and (m1 - m2)^2/s of the pair."""
    return ((2.0 + splitting) * mass) ** 2 / s, (splitting * mass) ** 2 / s


def majorana_pair(
    s: Float[Array, "*#energy"], first: Float[Array, "*#energy"], second: Float[Array, "*#energy"]
) -> Float[Array, "*energy"]:
    """Two neutral fermions of a current of left-handed ones, for a unit coupling and one of their two orders.

    `first` and `second` are eigenvalues of the Majorana mass matrix: the vertex is axial for equal signs, vector-like
    for opposite ones. The sum over both orders of all pairs is that of a Weyl fermion where the masses do not matter.
    """
    plus, minus = (first + second) ** 2 / s, (first - second) ** 2 / s
    is_open = jnp.maximum(plus, minus) < 1.0
    momentum = jnp.sqrt(jnp.where(is_open, (1.0 - plus) * (1.0 - minus), 1.0))
    return jnp.where(is_open, momentum * (1.0 - plus) * (1.0 + 0.5 * minus), 0.0) / (24.0 * math.pi)


def w_pair(s: Float[Array, "*energy"], m_w: float) -> Float[Array, "*energy"]:
    """W+ W- pair through the Standard-Model vertex."""
    r = m_w**2 / s
    return velocity(s, m_w) ** 3 * (1.0 + 20.0 * r + 12.0 * r**2) / (192.0 * math.pi * r**2)


class Helicities(NamedTuple):
    """Amplitudes of both vectors, whose products, times `scale`, are densities."""

    amplitudes: tuple[Float[Array, "2 energy"], ...]
    scale: tuple[Float[Array, " energy"], ...]


def w_pair_helicities(
    s: Float[Array, " energy"], m_w: float, charge: Float[Array, " 2"], magnetic: Float[Array, " 2"]
) -> Helicities:
    """W+ W- through g1 = `charge` and kappa = `magnetic`: both longitudinal, both transverse, one of each."""
    growth = s / (4.0 * m_w**2)
    scale = velocity(s, m_w) ** 3 / (48.0 * math.pi)
    first, second = charge[:, None], magnetic[:, None]
    transverse = jnp.broadcast_to(first, (2, s.size))
    return Helicities(
        (first + 2.0 * growth[None, :] * second, transverse, transverse + second),
        (scale, 2.0 * scale, 4.0 * growth * scale),
    )


def vector_higgs_helicities(
    s: Float[Array, " energy"],
    mass: Float[Array, ""],
    m_h: float,
    vertex: Float[Array, " 2"],
    contact: Float[Array, " 2"],
) -> Helicities:
    """Vector and Higgs boson through vertex g_{mu nu} + contact (q.k g_{mu nu} - k_mu q_nu): the vector transverse or
    longitudinal."""
    root_s, scale = jnp.sqrt(s), _vector_higgs_phase_space(s, _vector_higgs_momentum(s, mass, m_h))
    energy = (s + mass**2 - m_h**2) / (2.0 * root_s)
    first, second = vertex[:, None], contact[:, None]
    transverse = first + second * (root_s * energy)[None, :]
    longitudinal = first * (energy / mass)[None, :] + second * (root_s * mass)[None, :]
    return Helicities((transverse, longitudinal), (2.0 * scale, scale))


def vector_higgs(s: Float[Array, "*energy"], vector_mass: Float[Array, ""], m_h: float) -> Float[Array, "*energy"]:
    """Vector and Higgs boson, GeV^-2 (the vertex has the dimension of a mass). The intermediate current is transverse:
    its longitudinal part would need a vector that couples to both the axial dark current and the Higgs boson."""
    momentum = _vector_higgs_momentum(s, vector_mass, m_h)
    return (3.0 + (momentum / vector_mass) ** 2) * _vector_higgs_phase_space(s, momentum)


def _vector_higgs_momentum(s: Float[Array, "*energy"], mass: Float[Array, ""], m_h: float) -> Float[Array, "*energy"]:
    momentum2 = (s - (mass + m_h) ** 2) * (s - (mass - m_h) ** 2) / (4.0 * s)
    above = s > (mass + m_h) ** 2
    return jnp.where(above, jnp.sqrt(jnp.where(above, momentum2, 1.0)), 0.0)


def _vector_higgs_phase_space(
    s: Float[Array, "*#energy"], momentum: Float[Array, "*#energy"]
) -> Float[Array, "*#energy"]:
    return momentum / (24.0 * math.pi * s * jnp.sqrt(s))
