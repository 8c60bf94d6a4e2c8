"""The parameter space of a run: the run file's word on each parameter, completed by the model's default priors."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence

from globalfit.errors import ConfigurationError, UnknownNameError
from globalfit.expression import Expression
from globalfit.models import Parameter
from globalfit.posterior.parameters import Parameters
from globalfit.posterior.prior import Distribution, Prior, distribution
from globalfit.runfile import RunFile
from globalfit.runfile.defaults import default_priors
from globalfit.runfile.document import Source

# Columns and dimensions of result files, and how names of columns begin that are made from others.
RESERVED = {
    *("chain", "draw", "point", "log_weight", "live", "log_likelihood", "log_prior", "loglike", "logprior", "status"),
    *("profile", "delta_log_likelihood", "converged", "effective_draws", "seconds"),
}
RESERVED_BEGINNINGS = ("loglike_", "exclusion_", "rank_", "input_")

Value = float | str | dict[str, list[float]]


@dataclasses.dataclass(frozen=True)
class Entry:
    """What a file says about a parameter, and where."""

    value: Value
    source: Source
    path: tuple[str, ...]


def entries(
    run: RunFile, model: str, parameters: Sequence[Parameter], required: Collection[str] = ()
) -> dict[str, Entry]:
    """Every parameter of the model and the likelihoods in its order, then the auxiliary ones of the run file.

    An auxiliary one is used by the expression of another, or `required` by a likelihood.

    Raises `ConfigurationError` for a parameter without a prior and for a name that results have for something else,
    `UnknownNameError` for a parameter that nothing uses.
    """
    defaults, source = default_priors(model)
    known = [parameter.name for parameter in parameters]
    result = {}
    for parameter in parameters:
        name = parameter.name
        if name in run.parameters:
            result[name] = Entry(run.parameters[name], run.source, ("parameters", name))
        elif name in defaults:
            result[name] = Entry(defaults[name].prior, source, (name,))
        elif parameter.prior is not None:
            kind, numbers = parameter.prior
            result[name] = Entry({kind: list(numbers)}, Source(f"default prior of '{name}'"), (name,))
        else:
            raise run.source.error(("parameters",), f"'{name}' of the model '{model}' has no default prior: give one.")
    auxiliary = {name: Entry(value, run.source, ("parameters", name)) for name, value in run.parameters.items()}
    for name in auxiliary:
        if name in RESERVED or name.startswith(RESERVED_BEGINNINGS):
            raise run.source.error(("parameters", name), "is the name of a column of the results; choose another one.")
    result |= {name: item for name, item in auxiliary.items() if name not in result}
    _check_used(result, [*known, *(name for name in required if name in result)])
    return result


def parameter_space(entries: Mapping[str, Entry], parameters: Sequence[Parameter]) -> Parameters:
    """Priors, fixed values and expressions of all entries.

    Raises `ConfigurationError` with the place of a value or a prior outside the domain of the parameter, of an
    expression that is none or names nothing, or of expressions that define each other.
    """
    domains = {parameter.name: parameter for parameter in parameters}
    sampled: dict[str, Distribution] = {}
    fixed: dict[str, float] = {}
    expressions: dict[str, Expression] = {}
    for name, item in entries.items():
        with item.source.at(*item.path):
            match item.value:
                case str(text):
                    expressions[name] = _expression(text, set(entries))
                case dict(prior):
                    ((kind, arguments),) = prior.items()
                    sampled[name] = distribution(kind, tuple(arguments))
                    _check_support(sampled[name], domains.get(name))
                case number:
                    fixed[name] = float(number)
                    _check_value(fixed[name], domains.get(name))
    first = next(iter(expressions), None)
    place = entries[first] if first else None
    if place is None:
        return Parameters.of(Prior.of(sampled), fixed, expressions)
    with place.source.at(*place.path):
        return Parameters.of(Prior.of(sampled), fixed, expressions)


def _expression(text: str, known: set[str]) -> Expression:
    try:
        float(text)
    except ValueError:
        pass
    else:
        raise ConfigurationError(f"'{text}' is a number in quotes; remove the quotes to fix the parameter to it.")
    expression = Expression(text)
    for used in sorted(expression.names - known):
        raise UnknownNameError("parameter in the expression:", used, known)
    return expression


def _check_used(entries: Mapping[str, Entry], known: Sequence[str]) -> None:
    """An auxiliary parameter must be used, directly or through others, by one that is `known` to be."""
    used, todo = set(known), list(known)
    while todo:
        item = entries[todo.pop()]
        if not isinstance(item.value, str):
            continue
        with item.source.at(*item.path):
            new = {name for name in Expression(item.value).names if name in entries} - used
        used |= new
        todo += new
    for name, item in entries.items():
        if name not in used:
            with item.source.at(*item.path):
                error = UnknownNameError("parameter", name, known)
                raise ConfigurationError(f"{error} (A name of your own must appear in the expression of another.)")


def _check_support(prior: Distribution, parameter: Parameter | None) -> None:
    if parameter is None:
        return
    low, high = prior.support
    if low < parameter.low or high > parameter.high:
        raise ConfigurationError(
            f"the prior allows values from {low:g} to {high:g}, but {parameter.domain_text}"
            + (" (a truncated_normal prior can be cut there)." if high == float("inf") else ".")
        )


def _check_value(value: float, parameter: Parameter | None) -> None:
    if parameter is not None and not parameter.low <= value <= parameter.high:
        raise ConfigurationError(f"found {value:g}, but {parameter.domain_text}.")
