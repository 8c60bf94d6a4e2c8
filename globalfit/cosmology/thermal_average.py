"""Thermally averaged cross section, Gondolo and Gelmini, Nucl. Phys. B360 (1991) 145, Eq. 3.8.

With w = sqrt(s)/m - 2, z = x (2 + w) and exponentially scaled Bessel functions,

    <sigma v>(x) = x / (4 K2(x)^2) int dw (2 + w)^4 beta (sigma beta) K1(z) exp(-x w).

The same energies serve every temperature, so that the cross section is evaluated once per point.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.polynomial import Chebyshev, Polynomial
from numpy.typing import NDArray
from scipy.special import kve

from globalfit.cosmology.quadrature import Nodes

# x above which four terms of the expansion of K1(z), z >= 2 x, are accurate to 1e-7, and terms below it.
_LATE_X, _LATE_TERMS, _EARLY_TERMS = 24.0, 4, 9


def thermal_average(
    nodes: Nodes, sigma_beta: Float[Array, " node"], x: NDArray[np.float64]
) -> Float[Array, " x"]:
    """<sigma v> in the unit of `sigma_beta` at constant x = m/T >= 1 (ascending)."""
    energy = 2.0 + nodes.kinetic
    beta = jnp.sqrt(nodes.kinetic * (4.0 + nodes.kinetic)) / energy
    integrand = nodes.weight * energy**3 * jnp.sqrt(energy) * beta * sigma_beta
    parts = ((x[x < _LATE_X], _EARLY_TERMS), (x[x >= _LATE_X], _LATE_TERMS))
    averages = [_boltzmann_sum(tuple(part), terms, nodes.kinetic, integrand) for part, terms in parts if part.size]
    return jnp.asarray(np.sqrt(np.pi * x / 2.0) / (4.0 * kve(2, x) ** 2)) * jnp.concatenate(averages)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _boltzmann_sum(
    x: tuple[float, ...], terms: int, kinetic: Float[Array, " node"], integrand: Float[Array, " node"]
) -> Float[Array, " x"]:
    """Sum over nodes of the integrand times k(x, w) = exp(-x w) sqrt(2 z/pi) exp(z) K1(z)."""
    bessel, _ = _bessel(x, terms, kinetic)
    return jnp.sum(jnp.exp(-_column(x) * kinetic[None, :]) * bessel * integrand[None, :], axis=1)


@_boltzmann_sum.defjvp
def _boltzmann_sum_jvp(
    x: tuple[float, ...], terms: int, primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    kinetic, integrand = primals

    # Reverse mode evaluates the kernel again: that is cheaper than to store an array of (x, node) and fetch it back.
    @jax.checkpoint
    def tangent(kinetic: Array, first: Array, second: Array) -> Array:
        bessel, slope = _bessel(x, terms, kinetic)
        boltzmann = jnp.exp(-_column(x) * kinetic[None, :])
        second_slope = (slope - _column(x) * bessel) * second[None, :]
        return jnp.sum(boltzmann * (bessel * first[None, :] + second_slope), axis=1)

    return _boltzmann_sum(x, terms, kinetic, integrand), tangent(kinetic, tangents[1], integrand * tangents[0])


def _column(x: tuple[float, ...]) -> Array:
    return jnp.asarray(x)[:, None]


def _bessel(x: tuple[float, ...], terms: int, kinetic: Float[Array, " node"]) -> tuple[Array, Array]:
    """sqrt(2 z/pi) exp(z) K1(z) at z = x (2 + w), and its derivative in w; (x, node)."""
    inverse = 1.0 / (2.0 + kinetic[None, :])
    inverse_z = inverse * (1.0 / _column(x))
    value, slope = jnp.zeros_like(inverse_z), jnp.zeros_like(inverse_z)
    for coefficient in _bessel_coefficients(x[0], terms)[::-1]:
        slope = slope * inverse_z + value
        value = value * inverse_z + coefficient
    return value, -slope * inverse_z * inverse


@functools.cache
def _bessel_coefficients(lowest_x: float, terms: int) -> NDArray[np.float64]:
    """Polynomial in 1/z for sqrt(2 z/pi) exp(z) K1(z) at z >= 2 `lowest_x`."""
    fit = Chebyshev.interpolate(
        lambda y: np.sqrt(2.0 / (np.pi * y)) * kve(1, 1.0 / y), terms - 1, domain=[1e-9, 0.5 / lowest_x]
    )
    return fit.convert(kind=Polynomial).coef
