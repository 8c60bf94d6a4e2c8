"""Draws of a prior, and the posterior with its gradient there."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from globalfit.posterior.posterior import Posterior, in_chunks


def draws(posterior: Posterior, count: int, seed: int) -> jax.Array:
    u = np.random.default_rng(seed).random((count, posterior.ndim))
    return jax.vmap(posterior.transform)(jnp.asarray(u))


@eqx.filter_jit
def gradients(posterior: Posterior, theta: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """ln L, its gradient and the status."""

    def one(point: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        def value(point: jax.Array) -> tuple[jax.Array, jax.Array]:
            evaluation = posterior.evaluate(point)
            return evaluation.log_likelihood, evaluation.status

        (log_likelihood, flags), gradient = jax.value_and_grad(value, has_aux=True)(point)
        return log_likelihood, gradient, flags

    return in_chunks(one, theta)
