"""`GaussianData`: several numbers with uncorrelated Gaussian errors, ln L = -sum((observed - expected)^2/sigma^2)/2."""

from __future__ import annotations

from abc import abstractmethod
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from globalfit.experiment.protocol import Likelihood
from globalfit.physics.predictions import Predictions


class GaussianData(Likelihood):
    """Data and their errors; a subclass says what a point predicts for them."""

    observed: Float[Array, " datum"]
    sigma: Float[Array, " datum"]

    @abstractmethod
    def predicted(self, predictions: Predictions) -> Float[Array, " datum"]:
        """What this point predicts for each of the data."""

    def log_likelihood(self, predictions: Predictions) -> Float[Array, ""]:
        return self.log_density(self.predicted(predictions))

    def log_density(self, predicted: Float[Array, " datum"]) -> Float[Array, ""]:
        """ln L of predictions of the data."""
        return -0.5 * jnp.sum(((self.observed - predicted) / self.sigma) ** 2)

    def pulls(self, predictions: Predictions) -> Float[Array, " datum"]:
        return (self.observed - self.predicted(predictions)) / self.sigma

    def simulate(self, predictions: Predictions, key: PRNGKeyArray) -> Self:
        drawn = self.predicted(predictions) + self.sigma * jax.random.normal(key, self.sigma.shape)
        return eqx.tree_at(lambda item: item.observed, self, drawn)
