"""An experiment at many points of the axial model."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from globalfit.experiment.protocol import Likelihood
from globalfit.models.axial import Axial
from globalfit.physics.inputs import Inputs
from globalfit.physics.predictions import NO_WORDS, Predictions

INPUTS = Inputs()
NAMES = tuple(parameter.name for parameter in Axial.parameters)
BATCH = 512


def predictions(experiment: Likelihood, point: jax.Array) -> Predictions:
    """Predictions at (m_chi, mass_ratio, epsilon, alpha_d), with the words of the experiment alone."""
    values = dict(zip(NAMES, jnp.asarray(point, dtype=float), strict=True))
    return Predictions(Axial().portal(values, INPUTS), INPUTS, values, NO_WORDS.extended(experiment.provides))


def evaluate(experiment: Likelihood, points: np.ndarray, words: tuple[str, ...] = ()) -> list[np.ndarray]:
    """ln L, its gradient, the pulls and predictions, in batches of one size so that they are compiled once."""
    points = np.atleast_2d(np.asarray(points))
    padded = np.concatenate([points, np.repeat(points[-1:], -len(points) % BATCH, axis=0)])
    batches = [_evaluate(experiment, jnp.asarray(batch), words) for batch in padded.reshape(-1, BATCH, len(NAMES))]
    return [np.concatenate(part)[: len(points)] for part in zip(*batches, strict=True)]


@eqx.filter_jit
def _evaluate(experiment: Likelihood, points: jax.Array, words: tuple[str, ...]) -> tuple[jax.Array, ...]:
    def one(point: jax.Array) -> tuple[jax.Array, ...]:
        def value(point: jax.Array) -> tuple[jax.Array, tuple[jax.Array, ...]]:
            found = predictions(experiment, point)
            return experiment.log_likelihood(found), (experiment.pulls(found), *(found[word] for word in words))

        (log_likelihood, others), gradient = jax.value_and_grad(value, has_aux=True)(point)
        return log_likelihood, gradient, *others

    return jax.vmap(one)(points)
