"""Batches of unit-cube points to parameters and ln L: one compiled function per batch size, the target as argument."""

from __future__ import annotations

import functools
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit.checkpoint.recording import recorded
from globalfit.errors import ConfigurationError
from globalfit.samplers.protocol import BLOCK, Target

# Points that are evaluated at once: their working set fits into a core's cache.
CHUNK = 128


class PriorDraws(NamedTuple):
    """Independent prior draws with a finite ln L, and how many draws in all it took to find them."""

    u: Float[np.ndarray, "point ndim"]
    theta: Float[np.ndarray, "point ndim"]
    log_likelihood: Float[np.ndarray, " point"]
    tried: int


def log_likelihood(target: Target, theta: Float[Array, " ndim"]) -> Float[Array, ""]:
    """ln L of one point; whatever is not finite counts as -inf."""
    value = target.log_likelihood(theta)
    return jnp.where(jnp.isfinite(value), value, -jnp.inf)


def cube_batch(
    target: Target, u: Float[Array, "batch ndim"]
) -> tuple[Float[Array, "batch ndim"], Float[Array, " batch"]]:
    """Parameters and ln L of a batch, `CHUNK` points at a time; for use inside a jitted function."""

    def one(point: Float[Array, " ndim"]) -> tuple[Float[Array, " ndim"], Float[Array, ""]]:
        theta = target.transform(point)
        return theta, log_likelihood(target, theta)

    return jax.vmap(one)(u) if len(u) <= CHUNK else jax.lax.map(one, u, batch_size=CHUNK)


cube_block = recorded(eqx.filter_jit(cube_batch))


@eqx.filter_jit
def _log_prior_block(target: Target, theta: Float[Array, "batch ndim"]) -> Float[Array, " batch"]:
    return jax.lax.map(target.log_prior, theta, batch_size=CHUNK)


@eqx.filter_jit
def _transform_block(target: Target, u: Float[Array, "batch ndim"]) -> Float[Array, "batch ndim"]:
    return jax.lax.map(target.transform, u, batch_size=CHUNK)


@eqx.filter_jit
def _inverse_block(target: Target, theta: Float[Array, "batch ndim"]) -> Float[Array, "batch ndim"]:
    return jax.lax.map(target.inverse, theta, batch_size=CHUNK)


def inverse_cube(target: Target, theta: Float[np.ndarray, "batch ndim"]) -> Float[np.ndarray, "batch ndim"]:
    """Unit-cube points of any number of parameter points."""
    parts = [np.asarray(_inverse_block(target, jnp.asarray(points))) for points in blocks(theta, BLOCK)]
    return np.concatenate(parts)[: len(theta)]


def transform_cube(target: Target, u: Float[np.ndarray, "batch ndim"]) -> Float[np.ndarray, "batch ndim"]:
    """Parameters of any number of unit-cube points, without their likelihood."""
    parts = [np.asarray(_transform_block(target, jnp.asarray(points))) for points in blocks(u, BLOCK)]
    return np.concatenate(parts)[: len(u)]


def evaluate_cube(
    target: Target, u: Float[np.ndarray, "batch ndim"], block: int = BLOCK
) -> tuple[Float[np.ndarray, "batch ndim"], Float[np.ndarray, " batch"]]:
    """Parameters and ln L of any number of unit-cube points, `block` points per call."""
    parts = [cube_block(target, jnp.asarray(points)) for points in blocks(u, block)]
    theta, value = (np.concatenate([np.asarray(part[i]) for part in parts]) for i in (0, 1))
    return theta[: len(u)], value[: len(u)]


@functools.partial(recorded, make=lambda value: value)
def log_likelihoods(
    target: Target, u: Float[np.ndarray, "batch ndim"], block: int = BLOCK
) -> Float[np.ndarray, " batch"]:
    """ln L alone of any number of unit-cube points; checkpoints then hold no more either."""
    return evaluate_cube(target, u, block)[1]


def evaluate_log_prior(target: Target, theta: Float[np.ndarray, "batch ndim"]) -> Float[np.ndarray, " batch"]:
    """Log prior density of any number of parameter points."""
    parts = [np.asarray(_log_prior_block(target, jnp.asarray(points))) for points in blocks(theta, BLOCK)]
    return np.concatenate(parts)[: len(theta)]


def prior_draws(target: Target, count: int, most: int, random: np.random.Generator) -> PriorDraws:
    """The first `count` prior draws with a finite ln L.

    Raises `ConfigurationError` when `most` draws hold fewer.
    """
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    have = tried = 0
    while have < count:
        if tried >= most:
            raise too_few_solutions(have, tried, count)
        u = random.random((BLOCK, target.ndim))
        theta, value = evaluate_cube(target, u)
        finite = np.flatnonzero(np.isfinite(value))[: count - have]
        found.append((u[finite], theta[finite], value[finite]))
        have += len(finite)
        tried += int(finite[-1]) + 1 if have == count else BLOCK
    u, theta, value = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return PriorDraws(u, theta, value, tried)


def too_few_solutions(have: int, tried: int, needed: int) -> ConfigurationError:
    """The error of a search for points with a finite ln L that is given up."""
    return ConfigurationError(
        f"only {have} of {tried} prior draws have a likelihood above zero; the sampler needs {needed}. "
        "Narrow the priors, or check with `globalfit evaluate` which likelihood excludes everything."
    )


def blocks(points: Float[np.ndarray, "batch ndim"], block: int) -> list[Float[np.ndarray, "block ndim"]]:
    """Blocks of equal shape; the last one is filled up with copies of the last point."""
    count = -(-len(points) // block)
    padded = np.concatenate([points, np.repeat(points[-1:], count * block - len(points), axis=0)])
    return np.split(padded, count)
