"""Several runs carried out by a command: one after the other or at the same time, with a line for each."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from globalfit.cluster import carry_out
from globalfit.cluster.connect import Workers
from globalfit.display import shown_progress
from globalfit.errors import OutputError
from globalfit.progress import Event
from globalfit.results.records import convergence
from globalfit.runfile.campaign import RunSpec

if TYPE_CHECKING:
    from globalfit.fitting.campaign import RunOutcome


def carry_out_specs(
    specs: Sequence[RunSpec], folder: Path, checkpoint_every: float, workers: Workers | None
) -> list[RunOutcome]:
    """Carry out runs whose output folders lie in `folder`, in turn or by `workers`, and print how each ended.

    Everything is built first, so that a mistake in the last run is not found after the others have run; raises
    `ConfigurationError` for the first that cannot be built, `OutputError` for a folder that cannot be made.
    """
    _build_all(specs)
    _make(folder)
    outcomes = (
        _run_in_turn(specs, checkpoint_every) if workers is None else _run_at_once(specs, checkpoint_every, workers)
    )
    for line in _summary_lines(outcomes):
        click.echo(line)
    return outcomes


def _build_all(specs: Sequence[RunSpec]) -> None:
    """Build every run and throw it away. Raises `ConfigurationError` for the first that cannot be built."""
    from globalfit.build.built import build

    with shown_progress() as progress:
        for done, spec in enumerate(specs):
            progress(Event("building all runs", float(done), float(len(specs))))
            build(spec.run)


def _summary_lines(outcomes: Sequence[RunOutcome]) -> list[str]:
    """How each run ended, a line each."""
    width = max(len(outcome.name) for outcome in outcomes)
    return [f"{outcome.name:<{width}}  {_ending(outcome)}" for outcome in outcomes]


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made: {error.strerror}; choose another one with --output.") from error


def _run_in_turn(specs: Sequence[RunSpec], checkpoint_every: float) -> list[RunOutcome]:
    return [_run_one(spec, f"{index}/{len(specs)}", checkpoint_every) for index, spec in enumerate(specs, start=1)]


def _run_at_once(specs: Sequence[RunSpec], checkpoint_every: float, workers: Workers) -> list[RunOutcome]:
    """The outcomes in the order of the runs; no worker is asked for runs that are there already."""
    from globalfit.fitting.campaign import settled

    outcomes = {spec.name: outcome for spec in specs if (outcome := settled(spec))}
    for outcome in outcomes.values():
        _tell(outcome.name, outcome.message or f"skipped, {outcome.folder} holds this run, finished")
    if others := [spec for spec in specs if spec.name not in outcomes]:
        try:
            outcomes |= carry_out(others, checkpoint_every, workers, _tell)
        except KeyboardInterrupt:
            click.echo("The same command goes on with what is not finished, from its checkpoints.", err=True)
            raise
    for outcome in outcomes.values():
        if outcome.traceback:
            click.echo(f"{outcome.name}:\n{outcome.traceback}", err=True)
    return [outcomes[spec.name] for spec in specs]


def _tell(name: str, what: str) -> None:
    """One line with the time for what happened to a run."""
    click.echo(f"{datetime.datetime.now():%H:%M:%S}  {name}: {what}", err=True)


def _run_one(spec: RunSpec, number: str, checkpoint_every: float) -> RunOutcome:
    from globalfit.fitting.campaign import Ending, run_spec

    click.echo(f"[{number}] {spec.name} -> {spec.run.output}", err=True)
    with shown_progress() as progress:
        outcome = run_spec(spec, progress, checkpoint_every)
    if outcome.traceback:
        click.echo(outcome.traceback, err=True)
    if outcome.ending is Ending.SKIPPED:
        click.echo(f"[{number}] {spec.name}: skipped, {outcome.folder} holds this run, finished", err=True)
    return outcome


def _ending(outcome: RunOutcome) -> str:
    if outcome.evidence is None:
        return f"{outcome.ending.value}: {outcome.message}"
    verdict = convergence(outcome.evidence["converged"])
    found, error = outcome.evidence["log_evidence"], outcome.evidence["log_evidence_error"]
    evidence = "" if found is None else f", ln Z = {found:.3f} ± {error:.3f}"
    return f"{outcome.ending.value}, {verdict}{evidence}  {outcome.folder / 'report.html'}"
