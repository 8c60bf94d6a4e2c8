"""`globalfit evaluate`: one point or a table of points."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from globalfit import plugins
from globalfit.compilation_cache import use_compilation_cache
from globalfit.display import shown_progress
from globalfit.errors import ConfigurationError, UnknownNameError
from globalfit.progress import WARNING, Event
from globalfit.runfile import RunFile, default_run, load, packaged_runs

if TYPE_CHECKING:
    from globalfit.posterior.posterior import Posterior


@click.command()
@click.argument("runfile")
@click.option("--points", type=click.Path(path_type=Path), help="CSV table with a column for each parameter.")
@click.option("--output", type=click.Path(path_type=Path), help="CSV table to write; needs --points.")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="A parameter of a single point.")
@click.option("--predict", default=None, metavar="NAMES", help="Predictions, separated by commas, or `all`.")
def evaluate(
    runfile: str, points: Path | None, output: Path | None, assignments: tuple[str, ...], predict: str | None
) -> None:
    """Predictions and likelihood terms at given points.

    RUNFILE is a run file, the name of a packaged one, or the name of a model (its default priors, no likelihoods).
    A value given in the table or with --set wins over what the run file fixes or expresses.
    """
    settings = run_or_model(runfile)
    if settings.advice:
        click.echo(f"{WARNING}: {settings.advice}", err=True)
    if points is not None and assignments:
        raise ConfigurationError("--points and --set exclude each other: a table, or a single point.")
    if (points is None) != (output is None):
        raise ConfigurationError("--points and --output belong together; for a single point use --set NAME=VALUE.")
    values: dict[str, float] = {}
    for name, value in map(_assignment, assignments):
        if name in values:
            raise ConfigurationError(f"--set gives {name} twice.")
        values[name] = value
    use_compilation_cache()
    from globalfit.build.built import build_posterior

    posterior = build_posterior(settings)
    if points is None or output is None:
        _single_point(posterior, values, prediction_names(posterior, "all" if predict is None else predict))
    else:
        _table(posterior, points, output, prediction_names(posterior, predict or ""))


def run_or_model(name: str) -> RunFile:
    """The run file of a path or a name, or a model with its default priors."""
    if not is_run(name) and name in plugins.registered("model"):
        return default_run(name)
    if not is_run(name) and len(Path(name).parts) == 1:
        raise UnknownNameError("run file or model", name, {*packaged_runs(), *plugins.registered("model")})
    return load(name)


def is_run(name: str) -> bool:
    """Whether a name is meant to be a run file's: one that exists, comes with the package, or has a suffix."""
    return bool(Path(name).is_file() or name in packaged_runs() or Path(name).suffix)


def prediction_names(posterior: Posterior, text: str) -> tuple[str, ...]:
    """Names of the option --predict. Raises `UnknownNameError` for one that is not in the vocabulary."""
    if text.strip() == "all":
        return tuple(posterior.vocabulary)
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if name not in posterior.vocabulary:
            raise UnknownNameError("prediction", name, posterior.vocabulary)
    return names


def _assignment(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    try:
        return name.strip(), float(value if equals else "?")
    except ValueError as error:
        raise ConfigurationError(f"--set takes NAME=NUMBER, found '{text}'.") from error


def _table(posterior: Posterior, points: Path, output: Path, names: tuple[str, ...]) -> None:
    from globalfit.posterior.points_table import count_rows, evaluate_table

    with shown_progress() as progress:
        total = float(count_rows(points))
        counts = evaluate_table(
            posterior, points, output, names, lambda done: progress(Event("points", float(done), total))
        )
    click.echo(f"{sum(counts.values())} points -> {output}", err=True)
    for status, count in sorted(counts.items(), key=lambda item: -item[1]):
        click.echo(f"  {count:>8}  {status}", err=True)


def _single_point(posterior: Posterior, assigned: dict[str, float], names: tuple[str, ...]) -> None:
    import numpy as np

    from globalfit.physics import status
    from globalfit.posterior.evaluated_points import check_domain, complete, evaluate_batch

    check_domain(posterior, assigned)
    given = {name: np.array([value]) for name, value in assigned.items()}
    row = evaluate_batch(posterior, given, names)
    # What is a parameter and a prediction has the value of the prediction, whatever was given.
    values = complete(posterior, given)
    rows = [(name, float(column[0]), "") for name, column in values.items() if name not in names]
    rows += [(name, float(row.predictions[name][0]), posterior.vocabulary[name].unit) for name in names]
    rows += [(f"loglike_{name}", float(row.terms[name][0]), "") for name in posterior.likelihoods]
    rows += [("loglike", float(row.log_likelihood[0]), ""), ("logprior", float(row.log_prior[0]), "")]
    width = max(len(name) for name, _, _ in rows)
    for name, value, unit in rows:
        click.echo(f"{name:<{width}}  {value!r} {unit if unit != '1' else ''}".rstrip())
    click.echo(f"{'status':<{width}}  {status.describe(int(row.status[0]))}")
