"""`globalfit show`: everything about one name."""

from __future__ import annotations

import functools
import inspect
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from globalfit import plugins
from globalfit.cli.names import LISTS
from globalfit.errors import ConfigurationError, UnknownNameError
from globalfit.runfile.defaults import default_priors

if TYPE_CHECKING:
    from globalfit.experiment.protocol import Likelihood
    from globalfit.models import Parameter
    from globalfit.tables import Table

# Points of a curve that are printed.
_CURVE_POINTS = 8
# Measurements that are printed.
_ROWS = 24
KINDS = ("model", "likelihood", "sampler", "prior", "status", "prediction", "schema")


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name", required=False)
@click.option("--picture", type=click.Path(path_type=Path), help="Draw the limit of a likelihood into this PNG or PDF.")
def show(kind: str, name: str | None, picture: Path | None) -> None:
    """Show what is behind a NAME: its parameters or options, its meaning, its data, its references.

    `globalfit show schema` prints the JSON schema of run files, for editors.
    """
    if picture is not None and kind != "likelihood":
        raise ConfigurationError("--picture belongs to `globalfit show likelihood NAME`.")
    if kind == "schema":
        if name is not None:
            raise ConfigurationError("`globalfit show schema` takes no name: the schema covers all of them.")
        from globalfit.runfile.json_schema import json_schema

        click.echo(json.dumps(json_schema(), indent=2))
        return
    if name is None:
        raise ConfigurationError(f"`globalfit show {kind}` needs a name: `globalfit list {LISTS[kind]}` has them.")
    if picture is not None:
        from globalfit.report.picture import draw_picture

        draw_picture(default_likelihood(name).limit_curves(), picture)
        click.echo(f"picture: {picture}")
        return
    for line in _LINES[kind](name):
        click.echo(line)


def model_lines(name: str) -> Iterator[str]:
    """Options and references, the Lagrangian with what follows from it, which the model's module begins with, then
    parameters with units and domains, also for options that change them."""
    from globalfit.models import variants

    cls = plugins.load("model", name)
    yield from plugin_lines("model", name)
    if text := inspect.getdoc(inspect.getmodule(cls)):
        yield ""
        yield from (text, "")
    yield "parameters"
    models = variants(cls)
    default = models.pop("").parameters
    yield from parameter_lines(default)
    for choice, model in models.items():
        if model.parameters != default:
            yield f"parameters with {choice}"
            yield from parameter_lines(model.parameters)


def parameter_lines(parameters: Iterable[Parameter]) -> Iterator[str]:
    """Meaning, domain and unit of parameters."""
    for parameter in parameters:
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
        choices = [str(choice) for choice in get_args(field.annotation) if isinstance(choice, str)]
        allowed = f"; one of {', '.join(choices)}" if choices else ""
        yield f"  {option} ({default}{allowed}){meaning}"
    for preset, values in getattr(cls.Options, "presets", {}).items():
        yield f"  {preset}: {', '.join(f'{option} {value!r}' for option, value in values.items())}"
    yield "references"
    yield from (f"  {reference}" for reference in cls.references)


def likelihood_lines(name: str) -> Iterator[str]:
    """The plug-in, then what was measured, the data with their provenance, the limit that follows, and conflicts."""
    yield from plugin_lines("likelihood", name)
    if plugins.needs_options(plugins.load("likelihood", name)):
        return
    item = default_likelihood(name)
    yield f"measured ({len(item.measurements)})"
    rows = [f"  {measurement.observable}: {measurement.summary}" for measurement in item.measurements]
    if len(rows) > _ROWS + 2:
        rows[_ROWS - 2 : -2] = [f"  ... {len(rows) - _ROWS} more ..."]
    yield from rows
    for table in item.tables:
        yield from table_lines(table)
    picture = item.limit_curves()
    yield f"implied: {picture.title}"
    for curve in picture.curves:
        yield f"  {curve.label}: {picture.x_label} -> {picture.y_label}"
        known = [(x, y) for x, y in zip(curve.x, curve.y, strict=True) if math.isfinite(y)]
        chosen = known[:: math.ceil(len(known) / _CURVE_POINTS)]
        yield "    " + ", ".join(f"{x:.3g} -> {y:.3g}" for x, y in chosen)
    others = {other: plugins.load("likelihood", other).conflicts for other in plugins.registered("likelihood")}
    conflicts = {other: theirs[name] for other, theirs in others.items() if name in theirs} | dict(item.conflicts)
    yield "conflicts" if conflicts else "no conflicts with other likelihoods"
    yield from (f"  {other}: {reason}" for other, reason in conflicts.items())


def table_lines(table: Table) -> Iterator[str]:
    """Provenance of one data table."""
    about = table.provenance
    level = "" if about.confidence_level is None else f", {100.0 * about.confidence_level:g} % CL"
    yield f"data {table.name}: {about.quantity}"
    yield f"  source: {about.source}; {about.location}"
    yield f"  {about.kind.replace('_', ' ')}{level}, {about.precision.replace('_', ' ')}, taken {about.date}"
    yield f"  domain: {about.domain}"
    yield from (f"  assumed: {assumption}" for assumption in about.assumptions)


def default_likelihood(name: str) -> Likelihood:
    """A likelihood with its default options."""
    from globalfit.physics.inputs import PRESETS

    cls = plugins.load("likelihood", name)
    if plugins.needs_options(cls):
        raise ConfigurationError(f"'{name}' is what a run file makes of it: it has no limit of its own to draw.")
    return cls.build(cls.Options(), PRESETS["default"])


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
    from globalfit.physics.status import FLAGS

    flags = {flag.name: flag for flag in FLAGS}
    if name == "ok":
        yield "ok: no flag applies."
        return
    if name not in flags:
        raise UnknownNameError("status", name, {*flags, "ok"})
    yield f"{name}: {flags[name].meaning}" + (" The likelihood is zero." if flags[name].fatal else "")


def prediction_lines(name: str) -> Iterator[str]:
    """Unit, meaning and source of a prediction: one of all models, of one model, or of one experiment."""
    from globalfit.build.built import every_prediction

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
    "likelihood": likelihood_lines,
    "sampler": functools.partial(plugin_lines, "sampler"),
    "prior": prior_lines,
    "status": status_lines,
    "prediction": prediction_lines,
}
