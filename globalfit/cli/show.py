"""`globalfit show`: everything about one name."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import click

from globalfit import plugins
from globalfit.errors import ConfigurationError, UnknownNameError
from globalfit.runfile.defaults import default_priors

KINDS = ("model", "likelihood", "sampler", "prior", "status", "prediction", "schema")


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name", required=False)
def show(kind: str, name: str | None) -> None:
    """Show what is behind a NAME: its parameters or options, its meaning, its references.

    `globalfit show schema` prints the JSON schema of run files, for editors.
    """
    if kind == "schema":
        from globalfit.runfile.json_schema import json_schema

        click.echo(json.dumps(json_schema(), indent=2))
        return
    if name is None:
        raise ConfigurationError(f"`globalfit show {kind}` needs a name.")
    for line in _LINES[kind](name):
        click.echo(line)


def model_lines(name: str) -> Iterator[str]:
    """Parameters with units and domains, then options and references."""
    cls = plugins.load("model", name)
    yield from plugin_lines("model", name)
    yield "parameters"
    for parameter in cls.parameters:
        unit = f" {parameter.unit}" if parameter.unit else ""
        yield f"  {parameter.name}: {parameter.meaning}; from {parameter.low:g} to {parameter.high:g}{unit}"


def plugin_lines(kind: plugins.Kind, name: str) -> Iterator[str]:
    """Title, options with defaults, references."""
    cls = plugins.load(kind, name)
    yield f"{name}: {cls.title}"
    yield "options" if cls.Options.model_fields else "no options"
    for option, field in cls.Options.model_fields.items():
        default = "required" if field.is_required() else f"default {field.get_default(call_default_factory=True)!r}"
        meaning = f": {field.description}" if field.description else ""
        yield f"  {option} ({default}){meaning}"
    yield "references"
    yield from (f"  {reference}" for reference in cls.references)


def prior_lines(name: str) -> Iterator[str]:
    """Default priors of a model with the reasons for their bounds."""
    if name not in plugins.registered("model"):
        raise UnknownNameError("model", name, plugins.registered("model"))
    priors, _ = default_priors(name)
    if not priors:
        yield f"{name} has no default priors: a run file gives one for each parameter."
    for parameter, default in priors.items():
        yield f"{parameter}: {_value(default.prior)}"
        yield f"  {default.reason.strip()}"


def status_lines(name: str) -> Iterator[str]:
    """Meaning of a status flag."""
    from globalfit.status import FLAGS

    flags = {flag.name: flag for flag in FLAGS}
    if name == "ok":
        yield "ok: no flag applies."
        return
    if name not in flags:
        raise UnknownNameError("status", name, {*flags, "ok"})
    yield f"{name}: {flags[name].meaning}" + (" The likelihood is zero." if flags[name].fatal else "")


def prediction_lines(name: str) -> Iterator[str]:
    """Unit, meaning and source of a prediction: one of all models, of one model, or of one experiment."""
    from globalfit.build import every_prediction

    words = every_prediction()
    if name not in words:
        raise UnknownNameError("prediction", name, words)
    word = words[name]
    yield f"{name} [{word.unit or '1'}]: {word.meaning}"
    yield f"  source: {word.source}"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{kind} [{', '.join(f'{x:g}' for x in numbers)}]" for kind, numbers in value.items())
    return str(value)


_LINES: dict[str, Callable[[str], Iterator[str]]] = {
    "model": model_lines,
    "likelihood": functools.partial(plugin_lines, "likelihood"),
    "sampler": functools.partial(plugin_lines, "sampler"),
    "prior": prior_lines,
    "status": status_lines,
    "prediction": prediction_lines,
}
