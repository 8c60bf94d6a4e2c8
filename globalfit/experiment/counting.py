"""`Counting`: Poisson counts with a known background, ln L = sum(n ln(mu/n) - mu + n), mu = background + signal."""

from __future__ import annotations

from abc import abstractmethod
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from globalfit.experiment.protocol import Likelihood
from globalfit.experiment.statistics import poisson_log_ratio, poisson_residual
from globalfit.physics.predictions import Predictions


class Counting(Likelihood):
    """Observed counts and their background in bins of any shape; a subclass says what signal a point has in them."""

    observed: Float[Array, "*bin"]
    background: Float[Array, "*bin"]

    @abstractmethod
    def expected_signal(self, predictions: Predictions) -> Float[Array, "*bin"]:
        """Expected signal counts of this point."""

    @property
    def no_signal(self) -> Float[Array, ""]:
        return jnp.sum(poisson_log_ratio(self.observed, self.background))

    def expected(self, predictions: Predictions) -> Float[Array, "*bin"]:
        """Expected counts: background and signal."""
        return self.background + self.expected_signal(predictions)

    def log_likelihood(self, predictions: Predictions) -> Float[Array, ""]:
        return jnp.sum(poisson_log_ratio(self.observed, self.expected(predictions)))

    def predicted(self, predictions: Predictions) -> Float[Array, " measurement"]:
        return self.expected(predictions).ravel()

    def pulls(self, predictions: Predictions) -> Float[Array, " measurement"]:
        return poisson_residual(self.observed, self.expected(predictions)).ravel()

    def simulate(self, predictions: Predictions, key: PRNGKeyArray) -> Self:
        drawn = jax.random.poisson(key, self.expected(predictions)).astype(float)
        return eqx.tree_at(lambda item: item.observed, self, drawn)

    def without_signal(self) -> Self:
        """The same counts as expected from the background alone."""
        return eqx.tree_at(lambda item: item.observed, self, self.background)
