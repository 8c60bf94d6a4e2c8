"""The posterior: priors + model + likelihoods as one pure function, batched, jitted and differentiable.

`Posterior` is a pytree that is passed to jitted functions as an argument, never closed over, so that swapping data or
fixed values does not compile anything again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import equinox as eqx
import jax
from jaxtyping import Array, Float, Int, PyTree

from globalfit.errors import ConfigurationError
from globalfit.experiment.protocol import Likelihood, every_parameter
from globalfit.models import Model, Parameter
from globalfit.physics.dark_matter_fraction import component_fraction
from globalfit.physics.inputs import Inputs
from globalfit.physics.portal import Portal
from globalfit.physics.predictions import Predictions, Vocabulary
from globalfit.posterior.assessment import Assessment, assess
from globalfit.posterior.parameters import Parameters

# Points that are evaluated at once: their working set fits into a core's cache.
CHUNK = 128

DarkMatterRole = Literal["all", "component"]


class Evaluation(NamedTuple):
    """One point (or a batch, then every leaf has a leading axis): log densities, terms by likelihood, status flags."""

    log_likelihood: Float[Array, ""]
    log_prior: Float[Array, ""]
    terms: dict[str, Float[Array, ""]]
    status: Int[Array, ""]


class Posterior(eqx.Module):
    """log L and log prior of the sampled parameters `names`."""

    parameters: Parameters
    model: Model
    likelihoods: dict[str, Likelihood]
    vocabulary: Vocabulary = eqx.field(static=True)
    inputs: Inputs = eqx.field(static=True)
    dark_matter: DarkMatterRole = eqx.field(static=True, default="all")

    @property
    def names(self) -> tuple[str, ...]:
        """Sampled parameters in the order of every parameter vector."""
        return self.parameters.prior.names

    @property
    def ndim(self) -> int:
        """Number of sampled parameters."""
        return self.parameters.prior.ndim

    @property
    def every_parameter(self) -> tuple[Parameter, ...]:
        """Parameters of the model and of the likelihoods, sampled or not, without the run file's auxiliary ones."""
        return every_parameter(self.model, self.likelihoods.values())

    def transform(self, u: Float[Array, " ndim"]) -> Float[Array, " ndim"]:
        """Unit hypercube to parameters, one point."""
        return self.parameters.prior.transform(u)

    def inverse(self, theta: Float[Array, " ndim"]) -> Float[Array, " ndim"]:
        """Parameters to the unit hypercube, one point."""
        return self.parameters.prior.inverse(theta)

    def log_prior(self, theta: Float[Array, " ndim"]) -> Float[Array, ""]:
        """Log prior density of one point, -inf outside the support."""
        return self.parameters.prior.log_density(theta)

    def log_likelihood(self, theta: Float[Array, " ndim"]) -> Float[Array, ""]:
        """ln L of one point; -inf with zero gradient where a fatal status applies."""
        return self.evaluate(theta).log_likelihood

    def predictions(self, values: Mapping[str, Array]) -> Predictions:
        """Predictions of one point given all its parameters by name. Raises `ConfigurationError` for a faulty model."""
        fraction = component_fraction if self.dark_matter == "component" else None
        portal = self.model.portal(values, self.inputs)
        if not isinstance(portal, Portal):
            found = type(portal).__name__
            raise ConfigurationError(
                f"the model '{self.model.name}' is faulty: portal must return a Portal, not {found}."
            )
        return Predictions(portal, self.inputs, values, self.vocabulary, fraction)

    def evaluate(self, theta: Float[Array, " ndim"]) -> Evaluation:
        """Everything about one sampled point."""
        found = self.assess(self.predictions(self.parameters.values(theta)))
        return Evaluation(found.total, self.log_prior(theta), found.terms, found.status)

    def assess(self, predictions: Predictions) -> Assessment:
        """What all experiments say about one point."""
        return assess(predictions, self.likelihoods)


def in_chunks(function: Callable[[PyTree], PyTree], batch: PyTree, chunk: int = CHUNK) -> PyTree:
    """`function` of one point over a batch (leading axis of every leaf), `chunk` points at a time."""
    return jax.lax.map(function, batch, batch_size=chunk)


@eqx.filter_jit
def evaluate(posterior: Posterior, theta: Float[Array, "batch ndim"]) -> Evaluation:
    """Batch of sampled points to log densities, terms and status."""
    return in_chunks(posterior.evaluate, theta)


@eqx.filter_jit
def log_likelihood(posterior: Posterior, theta: Float[Array, "batch ndim"]) -> Float[Array, " batch"]:
    """Batch of sampled points to ln L."""
    return in_chunks(posterior.log_likelihood, theta)
