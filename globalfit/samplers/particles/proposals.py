"""Symmetric proposals of random walks in the unit cube, for a whole batch of walks."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

# Fraction of whole differences, which jump between modes.
JUMPS = 0.25


def in_ball(key: PRNGKeyArray, batch: int, ndim: int) -> Float[Array, "batch ndim"]:
    """Uniform points of the unit ball."""
    direction, radius = jax.random.split(key)
    normal = jax.random.normal(direction, (batch, ndim))
    return (
        normal / jnp.linalg.norm(normal, axis=1, keepdims=True) * jax.random.uniform(radius, (batch, 1)) ** (1.0 / ndim)
    )


def differences(key: PRNGKeyArray, batch: int, points: Float[Array, "point ndim"]) -> Float[Array, "batch ndim"]:
    """Scaled differences of two distinct members of a fixed population.

    Differential evolution (ter Braak, Stat. Comput. 16 (2006) 239): the steps follow curved and separate modes. The
    scale is 1 or scattered (Gamma with mean 1, shape 4) about the optimum 2.38 / sqrt(2 ndim) of a Gaussian.
    """
    count, ndim = points.shape
    one, other, size, jump = jax.random.split(key, 4)
    first = jax.random.randint(one, (batch,), 0, count)
    second = (first + jax.random.randint(other, (batch,), 1, count)) % count
    scattered = jax.random.gamma(size, 4.0, (batch, 1)) / 4.0 * 2.38 / math.sqrt(2.0 * ndim)
    scale = jnp.where(jax.random.bernoulli(jump, JUMPS, (batch, 1)), 1.0, scattered)
    return scale * (points[first] - points[second])


def inside_cube(u: Float[Array, "batch ndim"]) -> Array:
    """Which points lie in the open unit cube."""
    return jnp.all((u > 0.0) & (u < 1.0), axis=1)
