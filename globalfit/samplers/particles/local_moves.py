"""Symmetric moves of walkers in the unit cube, for a whole batch at once."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

# Fraction of whole differences, which jump between modes.
JUMPS = 0.25
# Fraction of the moves along a difference where there are ellipsoids as well.
DIFFERENCES = 0.5


class LocalMoves(NamedTuple):
    """Moves along differences of two members of a fixed population.

    With `axes`, the columns of each of which span an ellipsoid about a walker, a part of the moves goes to a point of
    these ellipsoids (Skilling, Bayesian Analysis 1 (2006) 833).
    """

    population: Float[Array, "member ndim"]
    axes: Float[Array, "walker ndim ndim"] | None = None

    def propose(
        self, key: PRNGKeyArray, u: Float[Array, "walker ndim"]
    ) -> tuple[Float[Array, "walker ndim"], Bool[Array, " walker"]]:
        """Where the walkers try to go, and which of these moves are within an ellipsoid."""
        ball_key, difference_key, choice_key = jax.random.split(key, 3)
        along = u + differences(difference_key, len(u), self.population)
        if self.axes is None:
            return along, jnp.zeros(len(u), bool)
        within = u + jnp.einsum("qij,qj->qi", self.axes, in_ball(ball_key, *u.shape))
        ellipsoid = jax.random.bernoulli(choice_key, 1.0 - DIFFERENCES, (len(u),))
        return jnp.where(ellipsoid[:, None], within, along), ellipsoid


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
