"""<sigma v> and its p^2/E moment, what annihilation does to the number and to the temperature of dark matter.

The temperature of dark matter is T_chi = <p^2/(3 E)>, and <sigma v>_2 is the average of sigma v in which every pair
counts with p^2/(3 E T_chi) of one of the two (Binder et al., arXiv:1706.07433, Eq. 2.12). For f = exp(-E/T_chi) all
integrals but one are elementary or Bessel functions. With w = sqrt(s)/m - 2, z = x (2 + w), c = 4 m^2/s

    <sigma v>_2(x) = x / (4 K2(x)^2) int dw (2 + w)^4 beta (sigma beta) (z/6) [K2(z) - c B(z, c)],
    B(z, c) = int_1^infinity du exp(-z u) / [sqrt(u^2 - 1) (1 + c (u^2 - 1))],

K1(z) standing for (z/6) [...] in <sigma v>. In units of K1(z) -> sqrt(pi/(2 z)) exp(-z) the latter is

    [x w (4 + w)/(2 + w) + Q]/6,        Q = sum_kl q_kl x^-k (2 + w)^-l,      Q -> 3 for w -> 0, x -> infinity,

which does not cancel at threshold. A cross section at w = 0 has 1/2 for the ratio: the pair moves at twice the mass.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.polynomial import Chebyshev, Polynomial
from numpy.typing import NDArray
from scipy.special import kve, roots_genlaguerre

from globalfit.physics.cosmology.quadrature import Nodes
from globalfit.physics.cosmology.thermal_average import (
    EARLY_TERMS,
    LATE_TERMS,
    LATE_X,
    bessel_coefficients,
    boltzmann,
)


class _Range(NamedTuple):
    """Temperatures x >= `lowest` where so many terms in 1/x and 1/(2 + w) are enough (3e-6 of K1, 3e-4 of Q)."""

    lowest: float
    bessel_terms: int
    terms: tuple[int, int]


_EARLY, _LATE = _Range(1.0, EARLY_TERMS, (6, 8)), _Range(LATE_X, LATE_TERMS, (3, 6))


class Moments(NamedTuple):
    """<sigma v> and <sigma v>_2, in the same unit."""

    number: Float[Array, " x"]
    pressure: Float[Array, " x"]


def thermal_moments(nodes: Nodes, sigma_beta: Float[Array, " node"], x: NDArray[np.float64]) -> Moments:
    """Both averages in the unit of `sigma_beta` at constant x = m/T >= 1 (ascending)."""
    energy = 2.0 + nodes.kinetic
    beta = jnp.sqrt(nodes.kinetic * (4.0 + nodes.kinetic)) / energy
    integrand = nodes.weight * energy**3 * jnp.sqrt(energy) * beta * sigma_beta
    parts = ((x[x < _LATE.lowest], _EARLY), (x[x >= _LATE.lowest], _LATE))
    sums = [_sums(tuple(part), which, nodes.kinetic, integrand) for part, which in parts if part.size]
    scale = jnp.asarray(np.sqrt(np.pi * x / 2.0) / (4.0 * kve(2, x) ** 2))
    number, pressure = jnp.concatenate(sums).T * scale[None, :]
    return Moments(number, pressure)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _sums(
    x: tuple[float, ...], which: _Range, kinetic: Float[Array, " node"], integrand: Float[Array, " node"]
) -> Float[Array, "x 2"]:
    """Sum over nodes of integrand exp(-x w), with the weights of both averages."""
    return _summed(x, 0, kinetic, _columns(which, kinetic, integrand))


@_sums.defjvp
def _sums_jvp(
    x: tuple[float, ...], which: _Range, primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    """One product with the matrix exp(-x w), whose own derivative is a column more."""
    columns, d_columns = jax.jvp(functools.partial(_columns, which), primals, tangents)
    steeper = jnp.pad(-tangents[0][:, None, None] * columns, ((0, 0), (0, 1), (0, 0)))
    tangent = steeper + jnp.pad(d_columns, ((0, 0), (1, 0), (0, 0)))
    return _summed(x, 0, primals[0], columns), _summed(x, 1, primals[0], tangent)


def _summed(
    x: tuple[float, ...], extra: int, kinetic: Float[Array, " node"], columns: Float[Array, "node power 2"]
) -> Float[Array, "x 2"]:
    """Sum of exp(-x w) columns x^(1 + extra - power)."""
    powers = np.array(x)[:, None] ** (1.0 + extra - np.arange(columns.shape[1]))
    sums = boltzmann(x, kinetic) @ columns.reshape(kinetic.size, -1)
    return jnp.sum(jnp.asarray(powers)[:, :, None] * sums.reshape(len(x), -1, 2), axis=1)


def _columns(
    which: _Range, kinetic: Float[Array, " node"], integrand: Float[Array, " node"]
) -> Float[Array, "node power 2"]:
    """Coefficients of x^1, x^0, x^-1, ... in the weights of both averages, times the integrand."""
    inverse = 1.0 / (2.0 + kinetic)
    count = max(which.bessel_terms, which.terms[0])
    bessel = np.pad(bessel_coefficients(which.lowest, which.bessel_terms), (0, count - which.bessel_terms))
    number = jnp.asarray(bessel)[None, :] * _powers(inverse, count)
    rest = _powers(inverse, which.terms[1]) @ jnp.asarray(_rest_coefficients(which)).T
    pressure = jnp.pad(rest, ((0, 0), (0, count - which.terms[0]))) / 6.0
    leading = jnp.stack([jnp.zeros_like(kinetic), kinetic * (4.0 + kinetic) * inverse / 6.0], axis=-1)
    weights = jnp.concatenate([leading[:, None, :], jnp.stack([number, pressure], axis=-1)], axis=1)
    return integrand[:, None, None] * weights


def _powers(value: Float[Array, " node"], count: int) -> Float[Array, "node power"]:
    result = [jnp.ones_like(value)]
    for _ in range(count - 1):
        result.append(result[-1] * value)
    return jnp.stack(result, axis=1)


@functools.cache
def _rest_coefficients(which: _Range) -> NDArray[np.float64]:
    """q_kl of the module's Q, shape (power of 1/x, power of 1/(2 + w)): a least-squares fit at Chebyshev points."""
    points = 0.5 * (1.0 - np.cos(np.pi * (np.arange(40) + 0.5) / 40))
    inverse_x, inverse_energy = np.meshgrid(points / which.lowest, 0.5 * points, indexing="ij")
    first, second = which.terms
    basis = np.polynomial.chebyshev.chebvander2d(
        2.0 * which.lowest * inverse_x - 1.0, 4.0 * inverse_energy - 1.0, [first - 1, second - 1]
    )
    fit, *_ = np.linalg.lstsq(basis.reshape(-1, first * second), _rest(inverse_x, inverse_energy).ravel(), rcond=None)
    rows = _monomials(first, 1.0 / which.lowest)
    columns = _monomials(second, 0.5)
    return rows.T @ fit.reshape(first, second) @ columns


def _monomials(count: int, end: float) -> NDArray[np.float64]:
    """Coefficients of Chebyshev polynomials on [0, `end`], shape (polynomial, power)."""
    result = np.zeros((count, count))
    for k in range(count):
        coefficients = Chebyshev.basis(k, domain=[0.0, end]).convert(kind=Polynomial).coef
        result[k, : coefficients.size] = coefficients
    return result


def _rest(inverse_x: NDArray[np.float64], inverse_energy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Q from K2 = K0 + 2 K1/z and a Gauss-Laguerre rule for K0 - c B in u - 1."""
    z, c = 1.0 / (inverse_x * inverse_energy), 4.0 * inverse_energy**2
    scale = np.sqrt(2.0 * z / np.pi)
    nodes, weights = roots_genlaguerre(80, -0.5)
    step = nodes / z[..., None]
    square = step * (2.0 + step)
    ratio = c[..., None] ** 2 * square / (1.0 + c[..., None] * square) / np.sqrt(2.0 + step)
    integral = scale * np.sqrt(z) * np.sum(weights * ratio, axis=-1)
    return 2.0 * scale * kve(1, z) + z * (1.0 - c) * (scale * kve(0, z) - 1.0) + integral
