"""Pairs of vectors of a dark SU(2) from annihilation of a dark-matter doublet: the part with the triple-gauge vertex.

With the generators T^a = sigma^a/2 and one mass M of all vectors, T^a T^b = delta^ab/4 + (i/2) eps^abc T^c splits the
amplitude of chi chibar -> V^a V^b into

    (delta^ab/4)(A_t + A_u) + (i/2) eps^abc T^c (A_u - A_t + 2 A_s) ,

A_t and A_u for exchange of dark matter of unit coupling, A_s for one vector in the s channel and the vertex
g^{mu nu}(k2 - k1)^rho + cyclic. The parts do not interfere. Summed over the colours of all four particles, identical
ones counted once, and averaged over spins only,

    sum sigma = g^4 [ (3/8) sigma_A + (3/4) sigma_N ],

sigma_A that of `vector_pairs` for unit coupling, sigma_N with A_u - A_t + 2 A_s in the place of A_t + A_u, and the
factor 1/2 of identical particles in both. With B = M^2, m^2 that of the dark matter, S = s - 2 B, D = s - B and
y = 4 (t - m^2)(u - m^2) = S^2 (1 - z^2 cos^2), z^2 = (s - 4 m^2)(s - 4 B)/S^2,

    sum |A_u - A_t + 2 A_s|^2 = c_2/y^2 + c_1/y + c_0 + c_3 y
    c_2 = -128 S^2 (B + 2 m^2)^2,   c_3 = 18/D^2,   c_0 D^2 = -48 s^2 + s (32 B - 128 m^2) - 152 B^2 - 64 m^2 B
    c_1 D = 32 s^3 + s^2 (128 m^2 - 32 B) + s (512 m^4 + 256 m^2 B + 64 B^2) - 512 m^4 B - 768 m^2 B^2 - 448 B^3,

averaged over the angle with <1/y^2> = [1/(1 - z^2) + L]/(2 S^4), <1/y> = L/S^2, <y> = S^2 (1 - z^2/3) and
L = artanh(z)/z. For M -> 0 only a pair of Goldstone bosons is left at threshold. The mass of a doublet is a vector-like
one, so nothing grows with energy, although the Higgs boson of the dark group is left out.

Derivation: explicit Dirac traces at 120 points determine the coefficients of the polynomials, all integers; the tests
compare with the traces, integrated over the angle.
"""

from __future__ import annotations

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from globalfit.physics.annihilation.vector_pairs import artanh_ratio_minus_one


def nonabelian_pair_cross_section(
    sqrt_s: Float[Array, " energy"], dark_mass: Float[Array, ""], vector_mass: Float[Array, ""]
) -> Float[Array, " energy"]:
    """beta_chi sigma_N of the module's formula for g = 1, GeV^-2; zero below threshold.

    Args:
        sqrt_s: centre-of-mass energies, GeV; below 2 m_chi they count as 2 m_chi in the flux.
        dark_mass: m_chi, GeV.
        vector_mass: M, GeV.
    """
    is_open = sqrt_s > 2.0 * vector_mass
    energy = jnp.where(is_open, sqrt_s, 4.0 * vector_mass)
    s, m2, b2 = energy**2, dark_mass**2, vector_mass**2
    delta = jnp.maximum((energy - 2.0 * dark_mass) * (energy + 2.0 * dark_mass), 0.0)
    phase_space = (energy - 2.0 * vector_mass) * (energy + 2.0 * vector_mass)
    width2, pole = (s - 2.0 * b2) ** 2, s - b2
    z2, rest = delta * phase_space / width2, 4.0 * (b2**2 + m2 * phase_space) / width2
    logarithm = 1.0 + artanh_ratio_minus_one(z2, rest)

    double_pole = -64.0 * (b2 + 2.0 * m2) ** 2 / width2 * (1.0 / rest + logarithm)
    single_pole = (
        32.0 * s**3
        + s**2 * (128.0 * m2 - 32.0 * b2)
        + s * (512.0 * m2**2 + 256.0 * m2 * b2 + 64.0 * b2**2)
        - 512.0 * m2**2 * b2
        - 768.0 * m2 * b2**2
        - 448.0 * b2**3
    ) / (pole * width2)
    constant = -48.0 * s**2 + s * (32.0 * b2 - 128.0 * m2) - 152.0 * b2**2 - 64.0 * m2 * b2
    constant += 18.0 * width2 * (1.0 - z2 / 3.0)
    average = double_pole + single_pole * logarithm + constant / pole**2
    flux = jnp.sqrt(phase_space / s) / (128.0 * math.pi * s)
    return jnp.where(is_open, flux * average, 0.0)
