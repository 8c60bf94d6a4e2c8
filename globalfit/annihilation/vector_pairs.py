"""Annihilation of dark matter into two of the massive vectors, chi chibar -> V_i V_j, by exchange of chi.

Dirac dark matter: vertices gamma^mu (v - a gamma5), t and u channel, all polarisations of massive vectors
(-g + k k/M^2) summed, spins of chi and chibar averaged, tree level. The longitudinal modes of axially coupled vectors
grow with energy; that is the model's own behaviour, kept as it is (its unitarity bound is a status elsewhere).

Closed form. With A = M_i^2, B = M_j^2, T = A + B, M = m_chi^2, S = s - T, delta = s - 4 M, lambda = S^2 - 4 A B and
y = 4 (t - M)(u - M) = S^2 (1 - z^2 cos^2), z^2 = delta lambda/(s S^2), the spin sum is for each product of couplings

    sum |M|^2 = c_2/y^2 + c_1/y + c_0 ,   c_2 = 16 G S^2,

three powers of y only, whose average over the angle needs only L = artanh(z)/z:

    <sum |M|^2> = 16/S^2 [ P + G z^2/(2 (1 - z^2)) + H (L - 1) ].

P is the value at z = 0, where the dark matter or the vectors are at rest. Every small factor (delta, lambda) stands
explicitly, so nothing cancels at either threshold, for light vectors or at high energy. Q = 4 T^2 + 4 T S + 2 S^2:

    v_i^2 v_j^2:      P = lambda + 4 delta (T + 2 M)                             G = -8 (A + 2 M)(B + 2 M)
                      H = Q + 8 M S - 16 M^2
    a_i^2 a_j^2:      P = lambda + delta [4 T + 8 M + 2 M S^2/(A B)]             G = -8 (A - 4 M)(B - 4 M)
                      H = Q + 8 M S + 32 M^2 - 24 T M + 4 M S^2 (T - 2 M)/(A B)
    v_i^2 a_j^2:      P = (8 M - S)^2 + 4 (A^2 + A B + B^2) - 32 B M + 4 T S + 4 M S^2/B
                      G = -8 (A + 2 M)(B - 4 M)
                      H = Q - 16 M S + 32 M^2 - 16 A M - 24 B M + 4 M S^2/B
    a_i^2 v_j^2:      the same with A and B exchanged
    v_i a_i v_j a_j:  P = 16 (A^2 + A B + B^2) - 64 T M + 16 T S - 48 M S + 4 S^2
                      G = -32 (A B + 2 M S)
                      H = 4 Q - 64 T M - 16 M S

Derivation: the spin sums, computed with explicit Dirac matrices to 120 digits at 130 points, determine the coefficients
of the general polynomial in (S, M, A, B, y), all integers; four further points confirm them. The tests compare with
helicity amplitudes summed and integrated numerically.

Complex scalar dark matter: the amplitude

    M^{mu nu} = v_i v_j [ 2 g + (2 p1 - k1)(2 p2 - k2)/(t - M) + (2 p2 - k1)(2 p1 - k2)/(u - M) ]

is transverse to k1 and k2, so that the polarisation sums are -g. Contracted with itself it has the same three powers of
y; with p1 = 4 M - A and p2 = 4 M - B

    2 P = S^2 + S (2 T - 8 M) + p1 p2 + (2 A - p2)(2 B - p1),   G = p1 p2,   2 H = S (2 T - 8 M) + (2 A - p2)(2 B - p1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

# Pairs of mass eigenstates, in the order of the first axis of the result.
PAIRS: tuple[tuple[int, int], ...] = ((0, 0), (0, 1), (1, 1))

_FIRST = np.array([i for i, _ in PAIRS])
_SECOND = np.array([j for _, j in PAIRS])
_SYMMETRY = np.array([0.5 if i == j else 1.0 for i, j in PAIRS])

# Below this z^2 the series of artanh(z)/z - 1 replaces the logarithm; ten terms reach 1e-16 relative.
_SERIES_LIMIT = 0.03
_SERIES = tuple(1.0 / (2 * n + 1) for n in range(10, 0, -1))


def vector_pair_cross_section(
    sqrt_s: Float[Array, " energy"],
    dark_mass: Float[Array, ""],
    mass: Float[Array, " 2"],
    vector: Float[Array, " 2"],
    axial: Float[Array, " 2"],
) -> Float[Array, "pair energy"]:
    """beta_chi sigma(chi chibar -> V_i V_j) in GeV^-2 for the pairs (0,0), (0,1), (1,1).

    beta_chi = sqrt(1 - 4 m_chi^2/s), so that the result stays finite down to sqrt_s = 2 m_chi; sigma v_rel in the
    centre-of-mass frame is twice the result. Identical vectors carry their factor 1/2. Below a pair's threshold the
    result and its gradients are zero. Energies below 2 m_chi count as 2 m_chi in the flux.

    Args:
        sqrt_s: centre-of-mass energies, GeV.
        dark_mass: m_chi, GeV.
        mass: physical masses of the two vectors, GeV, larger than zero.
        vector: their couplings v_k to the dark matter.
        axial: their couplings a_k to the dark matter.
    """
    return _cross_section(sqrt_s, dark_mass, mass, lambda kinematics: _coefficients(*kinematics, vector, axial))


def scalar_vector_pair_cross_section(
    sqrt_s: Float[Array, " energy"],
    dark_mass: Float[Array, ""],
    mass: Float[Array, " 2"],
    vector: Float[Array, " 2"],
) -> Float[Array, "pair energy"]:
    """The same for complex scalar dark matter, phi phi* -> V_i V_j."""
    return _cross_section(sqrt_s, dark_mass, mass, lambda kinematics: _scalar_coefficients(kinematics, vector))


class _Kinematics(NamedTuple):
    """S, delta, lambda, M, A and B of the module's formula."""

    big_s: Float[Array, "pair energy"]
    delta: Float[Array, "pair energy"]
    kaellen: Float[Array, "pair energy"]
    m2: Float[Array, ""]
    a2: Float[Array, "pair 1"]
    b2: Float[Array, "pair 1"]


# P, G and H of the module's formula.
_Coefficients = tuple[Float[Array, "pair energy"], Float[Array, "pair energy"], Float[Array, "pair energy"]]


def _cross_section(
    sqrt_s: Float[Array, " energy"],
    dark_mass: Float[Array, ""],
    mass: Float[Array, " 2"],
    coefficients: Callable[[_Kinematics], _Coefficients],
) -> Float[Array, "pair energy"]:
    first_mass, second_mass = mass[_FIRST][:, None], mass[_SECOND][:, None]
    sum_mass, difference_mass = first_mass + second_mass, first_mass - second_mass
    is_open = sqrt_s[None, :] > sum_mass
    # A closed channel is evaluated at twice its threshold and dropped: no root or pole of a negative number.
    energy = jnp.where(is_open, sqrt_s[None, :], 2.0 * sum_mass)

    a2, b2, m2 = first_mass**2, second_mass**2, dark_mass**2
    s = energy**2
    delta = jnp.maximum((energy - 2.0 * dark_mass) * (energy + 2.0 * dark_mass), 0.0)
    kaellen = (energy - sum_mass) * (energy + sum_mass) * (energy - difference_mass) * (energy + difference_mass)
    big_s = s - a2 - b2

    pole_distance = a2 * b2 * s + m2 * kaellen
    z2_over_rest = delta * kaellen / (4.0 * pole_distance)
    z2 = delta * kaellen / (s * big_s**2)
    rest = 4.0 * pole_distance / (s * big_s**2)
    log_term = _artanh_ratio_minus_one(z2, rest)

    constant, double_pole, logarithm = coefficients(_Kinematics(big_s, delta, kaellen, m2, a2, b2))
    bracket = constant + 0.5 * double_pole * z2_over_rest + logarithm * log_term
    flux = _SYMMETRY[:, None] * jnp.sqrt(kaellen) / (4.0 * jnp.pi * (s * big_s) ** 2)
    return jnp.where(is_open, flux * bracket, 0.0)


def _coefficients(
    big_s: Float[Array, "pair energy"],
    delta: Float[Array, "pair energy"],
    kaellen: Float[Array, "pair energy"],
    m2: Float[Array, ""],
    a2: Float[Array, "pair 1"],
    b2: Float[Array, "pair 1"],
    vector: Float[Array, " 2"],
    axial: Float[Array, " 2"],
) -> _Coefficients:
    """Dirac dark matter, summed over the products of couplings."""
    v_i, v_j = vector[_FIRST][:, None], vector[_SECOND][:, None]
    a_i, a_j = axial[_FIRST][:, None], axial[_SECOND][:, None]
    vv, aa, va, av = (v_i * v_j) ** 2, (a_i * a_j) ** 2, (v_i * a_j) ** 2, (a_i * v_j) ** 2
    interference = v_i * a_i * v_j * a_j
    total, product = a2 + b2, a2 * b2
    mixed = a2**2 + product + b2**2
    s2 = big_s**2
    mass_s2 = m2 * s2

    both_longitudinal = aa * mass_s2 / product
    one_longitudinal = 4.0 * mass_s2 * (va / b2 + av / a2)

    constant = (
        (vv + aa) * kaellen
        + delta * (4.0 * vv * (total + 2.0 * m2) + aa * (4.0 * total + 8.0 * m2) + 2.0 * both_longitudinal)
        + (va + av) * ((8.0 * m2 - big_s) ** 2 + 4.0 * mixed + 4.0 * total * big_s)
        - 32.0 * m2 * (va * b2 + av * a2)
        + one_longitudinal
        + interference * (16.0 * mixed - 64.0 * total * m2 + (16.0 * total - 48.0 * m2) * big_s + 4.0 * s2)
    )
    double_pole = -8.0 * (
        vv * (a2 + 2.0 * m2) * (b2 + 2.0 * m2)
        + aa * (a2 - 4.0 * m2) * (b2 - 4.0 * m2)
        + va * (a2 + 2.0 * m2) * (b2 - 4.0 * m2)
        + av * (a2 - 4.0 * m2) * (b2 + 2.0 * m2)
        + 4.0 * interference * (product + 2.0 * m2 * big_s)
    )
    common = 4.0 * total**2 + 4.0 * total * big_s + 2.0 * s2
    logarithm = (
        (vv + aa + va + av + 4.0 * interference) * common
        + m2 * big_s * (8.0 * (vv + aa) - 16.0 * (va + av + interference))
        + m2**2 * (32.0 * (aa + va + av) - 16.0 * vv)
        - m2 * (24.0 * aa * total + va * (16.0 * a2 + 24.0 * b2) + av * (16.0 * b2 + 24.0 * a2))
        - 64.0 * interference * total * m2
        + 4.0 * both_longitudinal * (total - 2.0 * m2)
        + one_longitudinal
    )
    return constant, double_pole, logarithm


def _scalar_coefficients(kinematics: _Kinematics, vector: Float[Array, " 2"]) -> _Coefficients:
    """Complex scalar dark matter. The factor 4 takes back the average over four spin states in the flux."""
    big_s, _, _, m2, a2, b2 = kinematics
    strength = 4.0 * ((vector[_FIRST] * vector[_SECOND]) ** 2)[:, None]
    first, second = 4.0 * m2 - a2, 4.0 * m2 - b2
    common = big_s * (2.0 * (a2 + b2) - 8.0 * m2) + (2.0 * a2 - second) * (2.0 * b2 - first)
    constant = 0.5 * (big_s**2 + first * second + common)
    double_pole = jnp.broadcast_to(first * second, big_s.shape)
    return strength * constant, strength * double_pole, 0.5 * strength * common


def _artanh_ratio_minus_one(
    z2: Float[Array, "pair energy"], rest: Float[Array, "pair energy"]
) -> Float[Array, "pair energy"]:
    """artanh(z)/z - 1 from z^2 and the separately known 1 - z^2 (which may be tiny)."""
    small = z2 < _SERIES_LIMIT
    series_argument = jnp.where(small, z2, 0.0)
    series = jnp.zeros_like(z2)
    for coefficient in _SERIES:
        series = (series + coefficient) * series_argument
    z = jnp.sqrt(jnp.where(small, 0.5, z2))
    logarithm = 0.5 * jnp.log1p(2.0 * z * (1.0 + z) / jnp.where(small, 0.5, rest))
    return jnp.where(small, series, logarithm / z - 1.0)
