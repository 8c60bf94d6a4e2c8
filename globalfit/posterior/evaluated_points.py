"""Everything about given points: predictions, likelihood terms, pulls and status, a block of points per call.

Blocks have one fixed size (the last one is padded), so that a table of any length compiles once. The posterior is an
argument of the compiled function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PRNGKeyArray

from globalfit.errors import ConfigurationError, UnknownNameError
from globalfit.experiment.discrepancy import discrepancies
from globalfit.experiment.exclusion import statistic
from globalfit.posterior.posterior import Posterior, in_chunks

BLOCK = 512

Batch = Mapping[str, Float[np.ndarray, " point"]]


Leaf = TypeVar("Leaf", Array, np.ndarray)


class Row(NamedTuple, Generic[Leaf]):
    """One point, scalars of JAX; or a batch, NumPy arrays with a leading axis.

    `exclusion` are the two test statistics of `globalfit.experiment.exclusion`, `discrepancy` the two of
    `globalfit.experiment.discrepancy` (empty if no toys were asked for). `log_prior` is NaN where a sampled parameter
    is not known because the point gives the model's parameters directly.
    """

    predictions: dict[str, Leaf]
    terms: dict[str, Leaf]
    predicted: dict[str, Leaf]
    pulls: dict[str, Leaf]
    exclusion: dict[str, Leaf]
    discrepancy: dict[str, Leaf]
    log_likelihood: Leaf
    log_prior: Leaf
    status: Leaf


def evaluate_point(
    posterior: Posterior, values: Mapping[str, Array], names: Sequence[str], key: PRNGKeyArray | None = None
) -> Row[Array]:
    """Predictions `names`, terms, pulls and status at one point given by all its parameters by name.

    With a `key`, toy data are drawn as this point predicts them and compared with the real ones.
    """
    predictions = posterior.predictions(values)
    words = {name: predictions[name] for name in names}
    found = posterior.assess(predictions)
    predicted = {name: item.predicted(predictions) for name, item in posterior.likelihoods.items()}
    pulls = {name: item.pulls(predictions) for name, item in posterior.likelihoods.items()}
    exclusion = {name: statistic(item, predictions) for name, item in posterior.likelihoods.items()}
    discrepancy = {} if key is None else discrepancies(posterior.likelihoods, predictions, found.terms, key)
    log_prior = _log_prior(posterior, values)
    return Row(words, found.terms, predicted, pulls, exclusion, discrepancy, found.total, log_prior, found.status)


def evaluate_batch(
    posterior: Posterior,
    values: Batch,
    names: Sequence[str] = (),
    watch: Callable[[int], None] = lambda _: None,
    toys: int | None = None,
) -> Row[np.ndarray]:
    """Rows of a batch of points given by parameters by name (see `complete` for which may be left out).

    `watch` is told the number of points done. `toys` is the seed of the toy data, None for none. Raises
    `ConfigurationError` if a parameter is missing, `UnknownNameError` for a prediction that is not in the vocabulary.
    """
    for name in names:
        if name not in posterior.vocabulary:
            raise UnknownNameError("prediction", name, posterior.vocabulary)
    complete_values = complete(posterior, values)
    size = len(next(iter(complete_values.values())))
    parts = []
    for number, (block, count) in enumerate(_blocks(complete_values, size)):
        keys = None if toys is None else _keys(toys, number)
        row = jax.tree.map(np.asarray, _evaluate_block(posterior, block, keys, tuple(names)))
        parts.append(jax.tree.map(lambda leaf, count=count: leaf[:count], row))
        watch(sum(len(part.status) for part in parts))
    if not parts:
        raise ConfigurationError("there are no points to evaluate.")
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)


def complete(posterior: Posterior, values: Batch) -> dict[str, Float[np.ndarray, " point"]]:
    """All parameters that can be known: what is given wins over the run's fixed values and expressions.

    Raises `ConfigurationError` naming the parameters of the model that are missing.
    """
    size = len(next(iter(values.values()))) if values else 1
    parameters = posterior.parameters
    result = {name: np.asarray(column, dtype=float) for name, column in values.items()}
    result = {name: np.full(size, value) for name, value in parameters.fixed.items()} | result
    for name, expression in parameters.expressions.items():
        if name not in result and expression.names <= set(result):
            with np.errstate(all="ignore"):
                result[name] = np.broadcast_to(np.asarray(expression(_arrays(result))), (size,)).astype(float)
    missing = [name for name in _parameters_needed(posterior) if name not in result]
    if missing:
        lacking = _sources(posterior, missing, set(result))
        raise ConfigurationError(
            f"no value for the parameter {_listed(lacking)}: give one with `--set {lacking[0]}=VALUE` or fix it in the "
            "run file."
        )
    return result


def check_domain(posterior: Posterior, values: Mapping[str, float]) -> None:
    """Raise `UnknownNameError` for a name that is no parameter of the run, `ConfigurationError` for a value outside
    the parameter's domain."""
    parameters = posterior.parameters
    domains = {parameter.name: parameter for parameter in posterior.every_parameter}
    known = {*posterior.names, *parameters.fixed, *parameters.expressions}
    for name, value in values.items():
        if name not in known:
            raise UnknownNameError("parameter", name, known)
        domain = domains.get(name)
        if not math.isfinite(value):
            raise ConfigurationError(f"{name} must be finite, found {value}.")
        if domain is not None and not domain.low <= value <= domain.high:
            raise ConfigurationError(f"{domain.domain_text}, found {value:g}.")


def needed(posterior: Posterior, given: set[str]) -> list[str]:
    """Names that must be given in addition to `given` so that every parameter of the model is known."""
    known = given | set(posterior.parameters.fixed)
    for name, expression in posterior.parameters.expressions.items():
        if expression.names <= known:
            known |= {name}
    missing = [name for name in _parameters_needed(posterior) if name not in known]
    return _sources(posterior, missing, known)


def _parameters_needed(posterior: Posterior) -> list[str]:
    """Parameters of the model, and those that likelihoods ask for by name."""
    required = (name for item in posterior.likelihoods.values() for name in sorted(item.requires))
    own = [name for name in required if name not in posterior.vocabulary]
    return list(dict.fromkeys([*(parameter.name for parameter in posterior.model.parameters), *own]))


@eqx.filter_jit
def _evaluate_block(
    posterior: Posterior,
    values: dict[str, Float[Array, " point"]],
    keys: Key[Array, " point"] | None,
    names: tuple[str, ...],
) -> Row[Array]:
    return in_chunks(lambda point: evaluate_point(posterior, point[0], names, point[1]), (values, keys))


def _keys(seed: int, block: int) -> Key[Array, " point"]:
    """A random key for each point of a block."""
    return jax.random.split(jax.random.fold_in(jax.random.key(seed), block), BLOCK)


def _blocks(values: Batch, size: int) -> Iterator[tuple[dict[str, Any], int]]:
    for start in range(0, size, BLOCK):
        count = min(BLOCK, size - start)
        index = np.minimum(np.arange(start, start + BLOCK), size - 1)
        yield {name: column[index] for name, column in values.items()}, count


def _log_prior(posterior: Posterior, values: Mapping[str, Array]) -> Float[Array, ""]:
    if not set(posterior.names) <= set(values):
        return jnp.full((), jnp.nan)
    if not posterior.names:
        return jnp.zeros(())
    return posterior.log_prior(jnp.stack([values[name] for name in posterior.names]))


def _arrays(values: Batch) -> dict[str, Array]:
    return {name: jnp.asarray(column) for name, column in values.items()}


def _sources(posterior: Posterior, missing: Sequence[str], known: set[str]) -> list[str]:
    """Sampled parameters that would make the missing ones known."""
    result: list[str] = []
    for name in missing:
        expression = posterior.parameters.expressions.get(name)
        names = [name] if expression is None else _sources(posterior, sorted(expression.names - known), known)
        result += [name for name in names if name not in result]
    return result


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
