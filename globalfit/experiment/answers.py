"""What plug-ins return, checked while they are traced: shapes and types are known then, and the check takes no time of
the compiled function."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from globalfit.errors import ConfigurationError, shortened
from globalfit.experiment.protocol import Likelihood
from globalfit.physics.predictions import Predictions


def log_likelihood(name: str, item: Likelihood, predictions: Predictions) -> Float[Array, ""]:
    """ln L of one point. Raises `ConfigurationError` with the likelihood's name if it is not one real number."""
    return reals(item.log_likelihood(predictions), (), f"the likelihood '{name}'", "log_likelihood")


def flags(name: str, item: Likelihood, predictions: Predictions) -> Int[Array, ""]:
    """Its status flags. Raises `ConfigurationError` with the likelihood's name if they are not one integer."""
    found, who = item.status(predictions), f"the likelihood '{name}'"
    return _array(found, (), jnp.integer, who, "status", "one integer")


def reals(value: object, shape: tuple[int, ...], who: str, member: str) -> Array:
    """What a member of a plug-in has returned. Raises `ConfigurationError` unless these are floats of this shape."""
    number = "one real number (a scalar of floats, finite or -inf)"
    return _array(value, shape, jnp.floating, who, member, f"{shape[0]} real numbers" if shape else number)


def check_answers(name: str, item: Likelihood, predictions: Predictions, key: PRNGKeyArray) -> None:
    """Try every member of a likelihood that results are made of.

    Raises `ConfigurationError` with the likelihood's name for one that returns what it must not.
    """
    who, size = f"the likelihood '{name}'", (len(item.measurements),)
    log_likelihood(name, item, predictions)
    flags(name, item, predictions)
    reals(item.predicted(predictions), size, who, "predicted")
    reals(item.pulls(predictions), size, who, "pulls")
    reals(item.maximum, (), who, "maximum")
    if item.no_signal is not None:
        reals(item.no_signal, (), who, "no_signal")
    for member, other in (("simulate", item.simulate(predictions, key)), ("without_signal", item.without_signal())):
        if not isinstance(other, type(item)):
            raise _error(who, member, f"a {type(item).__name__}", shortened(repr(other)))


def _array(value: object, shape: tuple[int, ...], kind: Any, who: str, member: str, wanted: str) -> Array:
    try:
        array = jnp.asarray(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise _error(who, member, wanted, shortened(repr(value))) from None
    if array.shape != shape or not jnp.issubdtype(array.dtype, kind):
        raise _error(who, member, wanted, f"{array.dtype} of the shape {array.shape}")
    return array


def _error(who: str, member: str, wanted: str, found: str) -> ConfigurationError:
    return ConfigurationError(f"{who} is faulty: {member} must return {wanted}; found {found}.")
