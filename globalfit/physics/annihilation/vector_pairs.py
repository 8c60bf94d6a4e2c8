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

Pseudo-Dirac dark matter: a Dirac fermion psi with a Majorana mass term, -m psibar psi - delta/2 (psi^c-bar psi + h.c.),
is psi = (chi2 + i chi1)/sqrt2 with Majorana fermions of masses m -+ delta, and v psibar gamma^mu psi =
i v chi2bar gamma^mu chi1. The two phases of a line chi1 -> chi2 -> chi1 multiply to one, so that chi1 chi1 -> V_i V_j
has the amplitude of chi chibar with the mass n of the exchanged particle in place of m, and the same average over
spins; chi1 chi2 -> V_i V_j vanishes. The current is not conserved: longitudinal vectors couple to n - m as in a Yukawa
theory. With d = n - m, r = n^2 - m^2, b = (n + m)^2, y = 4 (t - n^2)(u - n^2) and S + 2 r in place of S in y, z and
16/S^2

    P = lambda + delta [4 (T + n^2 + m^2) + d^2 S^2/(2 A B)]
    G = -8 [A - (n^2 + m^2)/2 + 3 n m - r^2/(2 A)] [B - (n^2 + m^2)/2 + 3 n m - r^2/(2 B)]
    H = Q + 8 S n^2 + T (2 n^2 + 12 n m - 14 m^2) + 5 n^4 - 12 n^3 m + 14 n^2 m^2 - 12 n m^3 - 11 m^4
        + d^2 { [C - 2 b B]/A + [C - 2 b A]/B } + d^3 [8 S m b + 6 d b^2 - S^2 (3 n + m)]/(2 A B),
    C = S (S + 2 r) + b (3 n^2 - 10 n m + 3 m^2),

from the traces, by computer algebra. If chi2 can decay to chi1 and one vector, and chi1 chi2 make the other on its
shell, the exchanged chi1 of chi2 chi2 -> V_i V_j is real at some energies: that is the resonance of the s channel
again, and the pair is left out there.
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
# An exchanged particle closer to its mass shell than this, relative to one of the mass of the dark matter, is real.
_CLOSEST_POLE = 0.1


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


def majorana_vector_pair_cross_section(
    sqrt_s: Float[Array, " energy"],
    dark_mass: Float[Array, ""],
    difference: Float[Array, ""],
    mass: Float[Array, " 2"],
    vector: Float[Array, " 2"],
) -> Float[Array, "pair energy"]:
    """The same for two equal Majorana fermions of mass `dark_mass` that exchange one heavier by `difference`.

    `difference` is in GeV and larger than -`dark_mass`; `vector` couples the two kinds of fermion.
    """
    shift = difference * (2.0 * dark_mass + difference)
    return _cross_section(
        sqrt_s,
        dark_mass,
        mass,
        lambda kinematics: _majorana_coefficients(kinematics, dark_mass, difference, vector),
        shift,
    )


class _Kinematics(NamedTuple):
    """S, delta, lambda, M, A and B of the module's formulas."""

    big_s: Float[Array, "pair energy"]
    delta: Float[Array, "pair energy"]
    kaellen: Float[Array, "pair energy"]
    m2: Float[Array, ""]
    a2: Float[Array, "pair 1"]
    b2: Float[Array, "pair 1"]


# P, G and H of the module's formula.
_Coefficients = tuple[Float[Array, "pair #energy"], Float[Array, "pair #energy"], Float[Array, "pair #energy"]]


def _cross_section(
    sqrt_s: Float[Array, " energy"],
    dark_mass: Float[Array, ""],
    mass: Float[Array, " 2"],
    coefficients: Callable[[_Kinematics], _Coefficients],
    shift: Float[Array, ""] | float = 0.0,
) -> Float[Array, "pair energy"]:
    """`shift`: mass squared of the exchanged particle less that of the dark matter."""
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

    equal_masses = a2 * b2 * s + m2 * kaellen
    shifted = equal_masses + s * shift * (big_s + shift)
    is_virtual = shifted > _CLOSEST_POLE * equal_masses
    pole_distance = jnp.where(is_virtual, shifted, equal_masses)
    width2 = s * (big_s + jnp.where(is_virtual, 2.0 * shift, 0.0)) ** 2
    z2_over_rest = delta * kaellen / (4.0 * pole_distance)
    z2 = delta * kaellen / width2
    rest = 4.0 * pole_distance / width2
    log_term = artanh_ratio_minus_one(z2, rest)

    constant, double_pole, logarithm = coefficients(_Kinematics(big_s, delta, kaellen, m2, a2, b2))
    bracket = constant + 0.5 * double_pole * z2_over_rest + logarithm * log_term
    flux = _SYMMETRY[:, None] * jnp.sqrt(kaellen) / (4.0 * jnp.pi * s * width2)
    return jnp.where(is_open & is_virtual, flux * bracket, 0.0)


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


def _majorana_coefficients(
    kinematics: _Kinematics, mass: Float[Array, ""], difference: Float[Array, ""], vector: Float[Array, " 2"]
) -> _Coefficients:
    """Pseudo-Dirac dark matter."""
    big_s, delta, kaellen, m2, a2, b2 = kinematics
    strength = ((vector[_FIRST] * vector[_SECOND]) ** 2)[:, None]
    other = mass + difference
    n2, product, sum2 = other**2, other * mass, (other + mass) ** 2
    shift, difference2 = difference * (other + mass), difference**2
    total, s2 = a2 + b2, big_s**2

    constant = kaellen + delta * (4.0 * (total + n2 + m2) + 0.5 * difference2 * s2 / (a2 * b2))
    transverse = 3.0 * product - 0.5 * (n2 + m2)
    first, second = (vector2 + transverse - 0.5 * shift**2 / vector2 for vector2 in (a2, b2))
    longitudinal = big_s * (big_s + 2.0 * shift) + sum2 * (3.0 * (n2 + m2) - 10.0 * product)
    logarithm = (
        4.0 * total**2
        + 4.0 * total * big_s
        + 2.0 * s2
        + 8.0 * big_s * n2
        + total * (2.0 * n2 + 12.0 * product - 14.0 * m2)
        + (5.0 * n2**2 - 12.0 * product * (n2 + m2) + 14.0 * product**2 - 11.0 * m2**2)
        + difference2 * ((longitudinal - 2.0 * sum2 * b2) / a2 + (longitudinal - 2.0 * sum2 * a2) / b2)
        + 0.5
        * difference2
        * difference
        * (8.0 * big_s * mass * sum2 + 6.0 * difference * sum2**2 - s2 * (3.0 * other + mass))
        / (a2 * b2)
    )
    return strength * constant, -8.0 * strength * first * second, strength * logarithm


def artanh_ratio_minus_one(z2: Float[Array, "*energy"], rest: Float[Array, "*energy"]) -> Float[Array, "*energy"]:
    """artanh(z)/z - 1 from z^2 and the separately known 1 - z^2 (which may be tiny)."""
    small = z2 < _SERIES_LIMIT
    series_argument = jnp.where(small, z2, 0.0)
    series = jnp.zeros_like(z2)
    for coefficient in _SERIES:
        series = (series + coefficient) * series_argument
    z = jnp.sqrt(jnp.where(small, 0.5, z2))
    logarithm = 0.5 * jnp.log1p(2.0 * z * (1.0 + z) / jnp.where(small, 0.5, rest))
    return jnp.where(small, series, logarithm / z - 1.0)
