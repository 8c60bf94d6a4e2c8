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

from globalfit.physics.cosmology.quadrature import Nodes

# x above which three terms of the expansion of K1(z), z >= 2 x, are accurate to 3e-8, and terms below it (3e-6).
LATE_X, LATE_TERMS, EARLY_TERMS = 24.0, 3, 5


def thermal_average(nodes: Nodes, sigma_beta: Float[Array, " node"], x: NDArray[np.float64]) -> Float[Array, " x"]:
    """<sigma v> in the unit of `sigma_beta` at constant x = m/T >= 1 (ascending)."""
    energy = 2.0 + nodes.kinetic
    beta = jnp.sqrt(nodes.kinetic * (4.0 + nodes.kinetic)) / energy
    integrand = nodes.weight * energy**3 * jnp.sqrt(energy) * beta * sigma_beta
    parts = ((x[x < LATE_X], EARLY_TERMS), (x[x >= LATE_X], LATE_TERMS))
    averages = [_boltzmann_sum(tuple(part), terms, nodes.kinetic, integrand) for part, terms in parts if part.size]
    return jnp.asarray(np.sqrt(np.pi * x / 2.0) / (4.0 * kve(2, x) ** 2)) * jnp.concatenate(averages)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _boltzmann_sum(
    x: tuple[float, ...], terms: int, kinetic: Float[Array, " node"], integrand: Float[Array, " node"]
) -> Float[Array, " x"]:
    """Sum over nodes of the integrand times exp(-x w) sqrt(2 z/pi) exp(z) K1(z), z = x (2 + w)."""
    inverse_z = (1.0 / (2.0 + kinetic))[None, :] * (1.0 / np.array(x))[:, None]
    bessel = jnp.zeros_like(inverse_z)
    for coefficient in bessel_coefficients(x[0], terms)[::-1]:
        bessel = bessel * inverse_z + coefficient
    return jnp.sum(boltzmann(x, kinetic) * bessel * integrand[None, :], axis=1)


@_boltzmann_sum.defjvp
def _boltzmann_sum_jvp(
    x: tuple[float, ...], terms: int, primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    """Derivative as one product with the matrix exp(-x w), in powers x^(1-k): several times faster to transpose than
    the derivative of the sum above."""
    (kinetic, integrand), (d_kinetic, d_integrand) = primals, tangents
    c = bessel_coefficients(x[0], terms)
    inverse = 1.0 / (2.0 + kinetic)
    by_kinetic = integrand * d_kinetic
    columns = []
    for k in range(terms + 1):
        column = -c[k] * inverse**k * by_kinetic if k < terms else jnp.zeros_like(kinetic)
        if k > 0:
            column += c[k - 1] * inverse ** (k - 1) * (d_integrand - (k - 1) * inverse * by_kinetic)
        columns.append(column)
    powers = jnp.asarray(np.array(x)[:, None] ** (1.0 - np.arange(terms + 1)))
    tangent = jnp.sum(powers * (boltzmann(x, kinetic) @ jnp.stack(columns, axis=1)), axis=1)
    return _boltzmann_sum(x, terms, kinetic, integrand), tangent


def boltzmann(x: tuple[float, ...], kinetic: Float[Array, " node"]) -> Float[Array, "x node"]:
    """exp(-x w)."""
    return jnp.exp(-jnp.asarray(x)[:, None] * kinetic[None, :])


@functools.cache
def bessel_coefficients(lowest_x: float, terms: int) -> NDArray[np.float64]:
    """Polynomial in 1/z for sqrt(2 z/pi) exp(z) K1(z) at z >= 2 `lowest_x`."""
    fit = Chebyshev.interpolate(
        lambda y: np.sqrt(2.0 / (np.pi * y)) * kve(1, 1.0 / y), terms - 1, domain=[1e-9, 0.5 / lowest_x]
    )
    return np.asarray(fit.convert(kind=Polynomial).coef, dtype=np.float64)
