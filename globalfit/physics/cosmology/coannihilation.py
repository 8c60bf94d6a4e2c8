"""Freeze-out of two states that turn into each other: chi1 of mass m and chi2 of mass r m, r = 1 + splitting.

Scattering on the bath and decay keep n1/n2 at its equilibrium value, at the temperature of the bath, and every chi2
that is left decays to chi1 (Griest and Seckel 1991; Edsjo and Gondolo, hep-ph/9704361). Then Y = (n1 + n2)/s obeys the
equation of a single particle, with

    n_eq = h n_eq(4 states of mass m),     h = [1 + r^2 K2(r x)/K2(x)]/2,     x = m/T,
    <sigma v> -> 1/h^2 times the average in which (p_12/p_11)^2 sigma_12 + [sigma_11 + (p_22/p_11)^2 sigma_22]/2 stands
                 for sigma of chi chibar,

p_ij the momentum of either particle in the centre-of-mass frame: a Dirac fermion for r = 1. Every pair has nodes in
energy of its own, which resolve what is sharp next to its threshold.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.polynomial import Chebyshev
from numpy.typing import NDArray
from scipy.special import kve

from globalfit.physics.cosmology.quadrature import Nodes
from globalfit.physics.cosmology.thermal_average import thermal_average

# Terms in 1/z of the Bessel function, accurate to 1e-9 for z >= 1.
_BESSEL_TERMS = 16


class Pair(NamedTuple):
    """Nodes of a pair in units of m, and p_ij/p_11 there."""

    nodes: Nodes
    momentum_ratio: Float[Array, " node"]


def pair(nodes: Nodes, first: Float[Array, ""] | float, second: Float[Array, ""] | float) -> Pair:
    """Pair of particles of masses (1 + `first`) m and (1 + `second`) m, from the nodes of two of their mean mass."""
    mean = 0.5 * (first + second)
    scale = 1.0 + mean
    kinetic = 2.0 * mean + scale * nodes.kinetic
    # 2 p_ij/sqrt(s) = beta(mean mass) sqrt(1 - (difference of the masses)^2/s)
    apart = jnp.sqrt(1.0 - ((second - first) / (2.0 + kinetic)) ** 2)
    ratio = scale * apart * jnp.sqrt(nodes.kinetic * (4.0 + nodes.kinetic) / (kinetic * (4.0 + kinetic)))
    return Pair(Nodes(kinetic, scale * nodes.weight, nodes.energies), ratio)


def coannihilation_average(
    pairs: tuple[Pair, Pair, Pair],
    sigma_beta: tuple[Float[Array, " node"], Float[Array, " node"], Float[Array, " node"]],
    abundance: Float[Array, " x"],
    x: NDArray[np.float64],
) -> Float[Array, " x"]:
    """What takes the place of <sigma v> of chi chibar, in the unit of `sigma_beta`.

    Args:
        pairs: chi1 chi1, chi1 chi2 and chi2 chi2.
        sigma_beta: sigma times 2 p_ij/sqrt(s) of each at its nodes.
        abundance: h of the module's formula at x.
        x: m/T >= 1, ascending.
    """
    weights = (0.5, 1.0, 0.5)
    flux = [w * p.momentum_ratio * value for w, p, value in zip(weights, pairs, sigma_beta, strict=True)]
    nodes = jax.tree.map(lambda *parts: jnp.concatenate(parts, axis=-1), *(p.nodes for p in pairs))
    return thermal_average(nodes, jnp.concatenate(flux), x) / abundance**2


def equilibrium_abundance(splitting: Float[Array, ""], x: NDArray[np.float64]) -> Float[Array, " x"]:
    """h of the module's formula at constant x >= 1."""
    ratio = 1.0 + splitting
    bessel = _scaled_bessel(ratio * jnp.asarray(x)) / _scaled_bessel(jnp.asarray(x))
    return 0.5 * (1.0 + ratio * jnp.sqrt(ratio) * bessel * jnp.exp(-splitting * jnp.asarray(x)))


def _scaled_bessel(z: Float[Array, " x"]) -> Float[Array, " x"]:
    """sqrt(2 z/pi) exp(z) K2(z) for z >= 1."""
    result = jnp.zeros_like(z)
    for coefficient in _bessel_coefficients()[::-1]:
        result = result / z + coefficient
    return result


@functools.cache
def _bessel_coefficients() -> NDArray[np.float64]:
    fit = Chebyshev.interpolate(
        lambda y: np.sqrt(2.0 / (np.pi * y)) * kve(2, 1.0 / y), _BESSEL_TERMS - 1, domain=[1e-9, 1.0]
    )
    return np.asarray(fit.convert(kind=np.polynomial.Polynomial).coef, dtype=np.float64)
