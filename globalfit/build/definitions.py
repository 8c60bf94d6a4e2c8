"""What a run file's expressions and names of its own come to on draws of the prior, before anything is sampled."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit.errors import ConfigurationError
from globalfit.models import Parameter
from globalfit.posterior.evaluated_points import evaluate_batch
from globalfit.posterior.posterior import Posterior
from globalfit.runfile import RunFile

DRAWS = 512
# Points at which a parameter that has the name of a prediction must have its value, and to what accuracy.
COMPARED, TOLERANCE = 8, 1e-6


def check_definitions(run: RunFile, posterior: Posterior) -> None:
    """Raise `ConfigurationError` with the place of an expression of the model's parameters that is finite, or allowed,
    nowhere in the prior, and of a parameter that has the name of a prediction and another value."""
    domains = {parameter.name: parameter for parameter in posterior.every_parameter}
    own = [name for name in posterior.vocabulary if name in run.parameters and name not in domains]
    expressions = [name for name in posterior.parameters.expressions if name in domains]
    if not expressions and not own:
        return
    u = np.random.default_rng(run.seed).random((DRAWS, posterior.ndim))
    values = _values(posterior, u)
    for name in expressions:
        with run.source.at("parameters", name):
            _check_expression(domains[name], values[name])
    if own:
        _check_names(run, posterior, own, {name: column[:COMPARED] for name, column in values.items()})


def _values(posterior: Posterior, u: Float[np.ndarray, "draw ndim"]) -> dict[str, Float[np.ndarray, " draw"]]:
    """All parameters at points of the unit cube."""

    def one(point: Float[Array, " ndim"]) -> dict[str, Array]:
        return posterior.parameters.values(posterior.transform(point) if posterior.ndim else point)

    columns = jax.vmap(one)(jnp.asarray(u))
    return {name: np.broadcast_to(np.asarray(column), len(u)) for name, column in columns.items()}


def _check_expression(domain: Parameter, values: Float[np.ndarray, " draw"]) -> None:
    finite = values[np.isfinite(values)]
    if not len(finite):
        raise ConfigurationError(f"this expression is finite for none of {DRAWS} draws of the prior.")
    if not np.any((finite >= domain.low) & (finite <= domain.high)):
        raise ConfigurationError(
            f"{domain.domain_text}, but on {DRAWS} draws of the prior this expression lies between {finite.min():g} "
            f"and {finite.max():g}."
        )


def _check_names(
    run: RunFile, posterior: Posterior, own: list[str], values: Mapping[str, Float[np.ndarray, " draw"]]
) -> None:
    """Results have one column of a name: what is a parameter and a prediction must be the same."""
    predictions = evaluate_batch(posterior, values, own).predictions
    for name in own:
        known = np.isfinite(predictions[name]) & np.isfinite(values[name])
        if not np.allclose(predictions[name][known], values[name][known], rtol=TOLERANCE, atol=TOLERANCE):
            i = int(np.argmax(known))
            raise run.source.error(
                ("parameters", name),
                f"has the name of a prediction, but not its value: {values[name][i]:g} in place of "
                f"{predictions[name][i]:g} at a draw of the prior. Give it another name.",
            )
