"""What the experiments say about one point: ln L of each, their sum, and the status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from globalfit.experiment import answers
from globalfit.experiment.protocol import Likelihood
from globalfit.physics import status
from globalfit.physics.predictions import Predictions


class Assessment(NamedTuple):
    """`raw` is ln L as each experiment gives it, `terms` the same with -inf where it is not finite (then `status` has
    the flag `non_finite`), `total` their sum, -inf where a fatal status applies."""

    raw: dict[str, Float[Array, ""]]
    terms: dict[str, Float[Array, ""]]
    status: Int[Array, ""]
    total: Float[Array, ""]


def assess(predictions: Predictions, likelihoods: Mapping[str, Likelihood]) -> Assessment:
    """What `likelihoods` say about one point. Raises `ConfigurationError` for one that returns what it must not."""
    raw = {name: answers.log_likelihood(name, item, predictions) for name, item in likelihoods.items()}
    finite = {name: jnp.isfinite(term) for name, term in raw.items()}
    terms = {name: jnp.where(finite[name], term, -jnp.inf) for name, term in raw.items()}
    flags = predictions.flags
    for name, item in likelihoods.items():
        flags |= answers.flags(name, item, predictions) | jnp.where(finite[name], 0, status.NON_FINITE.bit)
    total = sum(terms.values(), start=jnp.zeros(()))
    return Assessment(raw, terms, flags, where_possible(flags, total))


def where_possible(flags: Int[Array, ""], log_likelihood: Float[Array, ""]) -> Float[Array, ""]:
    """ln L of a point; -inf with zero gradient where a fatal status applies."""
    return jnp.where((flags & status.FATAL) != 0, -jnp.inf, log_likelihood)
