"""Faults of plug-ins, found before anything is sampled: what they return, traced and at draws of the prior."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from globalfit.errors import ConfigurationError
from globalfit.experiment.answers import check_answers, reals
from globalfit.physics import status
from globalfit.posterior.posterior import Posterior, in_chunks
from globalfit.samplers.diagnostics import LARGEST


def try_plugins(posterior: Posterior) -> None:
    """Trace one point, without computing it.

    Raises `ConfigurationError` naming the plug-in and its member that returns something of another shape or type.
    """

    def one(theta: Float[Array, " ndim"], key: PRNGKeyArray) -> Float[Array, ""]:
        predictions = posterior.predictions(posterior.parameters.values(theta))
        for name, item in posterior.likelihoods.items():
            check_answers(name, item, predictions, key)
        provided = ((f"the likelihood '{name}'", item.provides) for name, item in posterior.likelihoods.items())
        for who, words in ((f"the model '{posterior.model.name}'", posterior.model.provides), *provided):
            for word in words:
                reals(predictions[word.name], (), who, f"the prediction '{word.name}'")
        return jnp.zeros(())

    jax.eval_shape(one, jax.ShapeDtypeStruct((posterior.ndim,), float), jax.random.key(0))


def check_values(posterior: Posterior, theta: Float[np.ndarray, "point ndim"]) -> None:
    """Raise `ConfigurationError` naming a likelihood that, at these points where there is a solution, is never finite
    nor -inf, or exceeds `LARGEST`."""
    raw, flags = (np.asarray(leaf) for leaf in _values(posterior, jnp.asarray(theta)))
    raw = raw[(flags & status.FATAL) == 0]
    for name, values in zip(posterior.likelihoods, raw.T, strict=False):
        known = values[~np.isnan(values) & (values != np.inf)]
        if len(values) and not len(known):
            raise ConfigurationError(
                f"the likelihood '{name}' is faulty: log_likelihood returned {values[0]:g} at each of {len(values)} "
                "draws of the prior; it must return one real number, finite or -inf."
            )
        if (best := np.max(known, initial=-np.inf)) > LARGEST:
            raise ConfigurationError(
                f"the likelihood '{name}' is faulty: log_likelihood returned {best:.3g}, which double precision rounds "
                f"to {np.spacing(best):.1g}; subtract a constant, so that it stays below {LARGEST:.1e}."
            )


@eqx.filter_jit
def _values(posterior: Posterior, theta: Float[Array, "point ndim"]) -> tuple[Array, Array]:
    """ln L of every likelihood as it returned it, with a column of zeros behind, and the flags of the physics."""

    def one(point: Float[Array, " ndim"]) -> tuple[Array, Array]:
        predictions = posterior.predictions(posterior.parameters.values(point))
        raw = posterior.assess(predictions).raw
        return jnp.stack([*raw.values(), jnp.zeros(())]), predictions.flags

    return in_chunks(one, theta)
