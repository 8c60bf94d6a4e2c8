"""Z-Z' mixing from loops of neutral fermions: the ultraviolet completions of the derivative portal.

A field Phi breaks the gauge group of the Z', and a Majorana fermion N_R joins the neutrino of one lepton doublet L to a
fermion psi_L with the charge of the Z' (Zeng, arXiv:2203.09462, Eqs. 6 and 9):

    L = - M_N N N/2 - Y_nu H L N - Y_psi Phi psi_L N + h.c.,   <H> = v/sqrt 2,   <Phi> = v_Phi/sqrt 2.

With two-component fields the masses are -n.M.n/2, n = (nu_L, N, psi_L), with the entries M_12 = a = Y_nu v/sqrt 2,
M_23 = b = Y_psi v_Phi/sqrt 2 and M_22 = M_N. (The paper's Eq. 8 has Y v instead, at odds with the vacuum values of its
appendix.) The eigenvalues lambda_i, with their signs, are 0, -m_1 and m_2,

    m_2, m_1 = [sqrt(M_N^2 + 4 a^2 + 4 b^2) +- M_N]/2 ,

and the nu_L component of state i times its psi_L component is w_i a b/(a^2 + b^2) with

    w = (-1, m_2/(m_1 + m_2), m_1/(m_1 + m_2)),   sum_i w_i = sum_i w_i lambda_i = 0 .

The Z couples to nu_L with g_Z = e/(2 s_W c_W), the Z' to psi_L with g_psi. One loop adds to the quadratic form
Q_12(q2) = epsilon q2 - delta_m2 of `globalfit.physics.mixing`

    Q_12(q2) = - [g_Z g_psi/(4 pi^2)] [a b/(a^2 + b^2)]^2 sum_ij w_i w_j int_0^1 dx b_ij ln Delta_ij
    b_ij     = x (1-x) q2 - [x lambda_j^2 + (1-x) lambda_i^2 + lambda_i lambda_j]/2
    Delta_ij = x lambda_j^2 + (1-x) lambda_i^2 - x (1-x) q2 .

It is finite, since ln Lambda^2 multiplies q2 (sum w)^2, (sum w)(sum w lambda^2) and (sum w lambda)^2, and falls off at
large q2. The sign is that of screening: alone, a Weyl fermion with charges g_Z and g_psi would give
epsilon = g_Z g_psi/(24 pi^2) per unit of ln(Lambda^2/m^2).

Q_12(0) = -delta_m2 is not zero (the paper says it is): scattering at q2 = 0 is loop-suppressed but does not vanish.
The massless state makes the slope at q2 = 0 diverge like ln(-q2), therefore epsilon is the slope between q2 = 0 and
q2 = -m_Z^2, the scale of the other couplings; heavy states alone would give the derivative at 0. The expansion holds
below the first threshold with a massive state, |q2| < m_1^2.

What is not here, and why:

- Scalars. Although h_H and h_Phi mix, the vertices are h_a Z Z, h_a Z' Z', Z h_a G and Z' h_a G' (G, G' the Goldstone
  bosons): a loop from Z to Z' would need a Z-Z' or G-G' transition to begin with. At one loop there is nothing; the
  paper's Eq. B4 multiplies vertices of the wrong dimension.
- The right-handed partner of psi_L that cancels the anomaly is decoupled (the paper's footnote 5).
- The massless state has a share a^2/(a^2 + b^2) of psi_L and not of nu_L. For one of the three neutrinos of the
  Standard Model the universality of its couplings limits that share to about 1e-3; the doublet L can also be a new one.
- The Z' decays to pairs of the neutral fermions, and dark matter annihilates to them, at tree level.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit.physics.inputs import Inputs

# Gauge group of the Z' next to SU(2)_L.
Completion = Literal["su2xu1", "su2xsu2"]

# The six pairs of the three states; two different ones count twice.
_FIRST, _SECOND = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 1, 2, 1, 2, 2])
_SYMMETRY = np.where(_FIRST == _SECOND, 1.0, 2.0)

# Nodes of x, y = 1 - x and weights by the double-exponential rule, x = 1/(1 + exp(-pi sinh t)): any hierarchy of the
# masses is a smooth step in ln x or ln y. The step leaves relative errors below 1e-11; |t| = 3.4 reaches x = 1e-20.
_STEP = 0.1
_T = _STEP * np.arange(-34, 35)
_X, _Y = 1.0 / (1.0 + np.exp(-math.pi * np.sinh(_T))), 1.0 / (1.0 + np.exp(math.pi * np.sinh(_T)))
_WEIGHT = _STEP * math.pi * np.cosh(_T) * _X * _Y


class LoopMixing(NamedTuple):
    """Kinetic mixing -(epsilon/2) Z.Z', mass mixing delta_m2 Z.Z' (GeV^2), and m_1 (GeV).

    Above `threshold` = m_1 the loop is no constant any more: it has an absorptive part and falls off.
    """

    epsilon: Float[Array, ""]
    delta_m2: Float[Array, ""]
    threshold: Float[Array, ""]


class NeutralFermions(NamedTuple):
    """Masses m_1 <= m_2 (GeV) beside the massless state, [a b/(a^2 + b^2)]^2, and the shares of psi_L in the three."""

    lighter: Float[Array, ""]
    heavier: Float[Array, ""]
    overlap: Float[Array, ""]
    shares: Float[Array, " 3"]


def loop_mixing(fermions: NeutralFermions, coupling: Float[Array, ""], inputs: Inputs) -> LoopMixing:
    """Mixing by the loop of `fermions`; `coupling` is that of the Z' to the psi_L among them."""
    strength = coupling * inputs.charge / (2.0 * inputs.sin_theta_w * inputs.cos_theta_w)
    return LoopMixing(strength * slope(fermions, inputs.m_z**2), strength * mass_mixing(fermions), fermions.lighter)


def fermions_of(
    completion: Completion,
    m_zp: Float[Array, ""],
    g_chi: Float[Array, ""],
    m_n: Float[Array, ""],
    y_nu: Float[Array, ""],
    y_psi: Float[Array, ""],
    inputs: Inputs,
) -> NeutralFermions:
    """The neutral fermions of the completion with gauge group SU(2)_L x U(1) or SU(2)_L x SU(2).

    Args:
        completion: in `su2xsu2` Phi and psi_L are doublets: the Z' is the neutral vector, the component of psi_L that
            mixes has the charge 1/2, and m_Z' = g_chi v_Phi/2 instead of g_chi v_Phi.
        m_zp: mass of the Z', GeV.
        g_chi: gauge coupling of the Z'; nothing mixes at zero.
        m_n: Majorana mass M_N, GeV, larger than zero.
        y_nu: Yukawa coupling of the doublet L.
        y_psi: Yukawa coupling of psi_L.
        inputs: couplings and masses of the Standard Model.
    """
    v_phi = m_zp / (psi_charge(completion) * jnp.where(g_chi > 0.0, g_chi, 1.0))
    return neutral_fermions(y_nu * inputs.higgs_vev / math.sqrt(2.0), y_psi * v_phi / math.sqrt(2.0), m_n)


def psi_charge(completion: Completion) -> float:
    """Coupling of the Z' to the psi_L that mixes, in units of g_chi."""
    return 1.0 if completion == "su2xu1" else 0.5


def neutral_fermions(a: Float[Array, ""], b: Float[Array, ""], m_n: Float[Array, ""]) -> NeutralFermions:
    """Eigenstates of the mass matrix with off-diagonal entries a and b and a Majorana mass `m_n` > 0, GeV."""
    square = a**2 + b**2
    total = jnp.sqrt(m_n**2 + 4.0 * square)
    lighter, heavier = 2.0 * square / (total + m_n), 0.5 * (total + m_n)
    norm = jnp.where(square > 0.0, square, 1.0)
    overlap = jnp.where(square > 0.0, a * b / norm, 0.0) ** 2
    massive = jnp.where(square > 0.0, b**2 / norm, 1.0)
    shares = jnp.stack([a**2 / norm, massive * heavier / total, massive * lighter / total])
    return NeutralFermions(lighter, heavier, overlap, shares)


def slope(fermions: NeutralFermions, scale2: Float[Array, ""] | float) -> Float[Array, ""]:
    """[Q_12(0) - Q_12(-Q^2)]/Q^2 for unit charges, at Q^2 = `scale2` > 0 (GeV^2)."""
    pairs = _pairs(fermions)
    share = jnp.asarray(_X * _Y)[None, :]
    spread = share * scale2
    at_rest = jnp.where(pairs.mass2 > 0.0, pairs.mass2, 1.0)
    logarithm = jnp.log((pairs.mass2 + spread) / fermions.heavier**2)
    difference = jnp.where(pairs.mass2 > 0.0, jnp.log1p(spread / at_rest), 0.0) / scale2
    return _integral(fermions, pairs, share * logarithm - pairs.at_zero * difference)


def mass_mixing(fermions: NeutralFermions) -> Float[Array, ""]:
    """-Q_12(0) for unit charges, GeV^2."""
    pairs = _pairs(fermions)
    at_rest = jnp.where(pairs.mass2 > 0.0, pairs.mass2, 1.0)
    logarithm = jnp.where(pairs.mass2 > 0.0, jnp.log(at_rest / fermions.heavier**2), 0.0)
    return -_integral(fermions, pairs, pairs.at_zero * logarithm)


class _Pairs(NamedTuple):
    """Delta_ij(x) and b_ij(x) at q2 = 0, GeV^2, for the six pairs i <= j and the nodes of x; products w_i w_j."""

    mass2: Float[Array, "pair node"]
    at_zero: Float[Array, "pair node"]
    weight: Float[Array, " pair"]


def _pairs(fermions: NeutralFermions) -> _Pairs:
    lighter, heavier = fermions.lighter, fermions.heavier
    total = lighter + heavier
    signed = jnp.stack([jnp.zeros_like(lighter), -lighter, heavier])
    share = jnp.stack([-jnp.ones_like(lighter), heavier / total, lighter / total])
    first, second = signed[_FIRST][:, None], signed[_SECOND][:, None]
    mass2 = jnp.asarray(_X)[None, :] * second**2 + jnp.asarray(_Y)[None, :] * first**2
    return _Pairs(mass2, -0.5 * (mass2 + first * second), jnp.asarray(_SYMMETRY) * share[_FIRST] * share[_SECOND])


def _integral(fermions: NeutralFermions, pairs: _Pairs, integrand: Float[Array, "pair node"]) -> Float[Array, ""]:
    return -fermions.overlap / (4.0 * math.pi**2) * (pairs.weight @ integrand @ jnp.asarray(_WEIGHT))
