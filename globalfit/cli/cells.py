"""Several runs carried out by a command: one after the other or at the same time, with a line for each."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from globalfit.cluster import carry_out
from globalfit.cluster.connect import Place
from globalfit.display import shown_progress
from globalfit.errors import OutputError
from globalfit.progress import Event
from globalfit.runfile.campaign import Cell

if TYPE_CHECKING:
    from globalfit.fitting.campaign import CellOutcome


def carry_out_cells(
    cells: Sequence[Cell], folder: Path, checkpoint_every: float, place: Place | None
) -> list[CellOutcome]:
    """Carry out runs whose output folders lie in `folder`, in turn or in some other `place`, and print how each ended.

    Everything is built first, so that a mistake in the last run is not found after the others have run; raises
    `ConfigurationError` for the first that cannot be built, `OutputError` for a folder that cannot be made.
    """
    _build_all(cells)
    _make(folder)
    outcomes = _run_in_turn(cells, checkpoint_every) if place is None else _run_at_once(cells, checkpoint_every, place)
    for line in _summary_lines(outcomes):
        click.echo(line)
    return outcomes


def _build_all(cells: Sequence[Cell]) -> None:
    """Build every run and throw it away. Raises `ConfigurationError` for the first that cannot be built."""
    from globalfit.build.built import build

    with shown_progress() as progress:
        for done, cell in enumerate(cells):
            progress(Event("building all runs", float(done), float(len(cells))))
            build(cell.run)


def _summary_lines(outcomes: Sequence[CellOutcome]) -> list[str]:
    """How each run ended, a line each."""
    width = max(len(outcome.name) for outcome in outcomes)
    return [f"{outcome.name:<{width}}  {_ending(outcome)}" for outcome in outcomes]


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made: {error.strerror}; choose another one with --output.") from error


def _run_in_turn(cells: Sequence[Cell], checkpoint_every: float) -> list[CellOutcome]:
    return [_run_one(cell, f"{index}/{len(cells)}", checkpoint_every) for index, cell in enumerate(cells, start=1)]


def _run_at_once(cells: Sequence[Cell], checkpoint_every: float, place: Place) -> list[CellOutcome]:
    """The outcomes in the order of the runs; no worker is asked for runs that are there already."""
    from globalfit.fitting.campaign import settled

    outcomes = {cell.name: outcome for cell in cells if (outcome := settled(cell))}
    for outcome in outcomes.values():
        _tell(outcome.name, outcome.message or f"skipped, {outcome.folder} holds this run, finished")
    if others := [cell for cell in cells if cell.name not in outcomes]:
        try:
            outcomes |= carry_out(others, checkpoint_every, place, _tell)
        except KeyboardInterrupt:
            click.echo("The same command goes on with what is not finished, from its checkpoints.", err=True)
            raise
    for outcome in outcomes.values():
        if outcome.traceback:
            click.echo(f"{outcome.name}:\n{outcome.traceback}", err=True)
    return [outcomes[cell.name] for cell in cells]


def _tell(name: str, what: str) -> None:
    """One line with the time for what happened to a run."""
    click.echo(f"{datetime.datetime.now():%H:%M:%S}  {name}: {what}", err=True)


def _run_one(cell: Cell, number: str, checkpoint_every: float) -> CellOutcome:
    from globalfit.fitting.campaign import Ending, run_cell

    click.echo(f"[{number}] {cell.name} -> {cell.run.output}", err=True)
    with shown_progress() as progress:
        outcome = run_cell(cell, progress, checkpoint_every)
    if outcome.traceback:
        click.echo(outcome.traceback, err=True)
    if outcome.ending is Ending.SKIPPED:
        click.echo(f"[{number}] {cell.name}: skipped, {outcome.folder} holds this run, finished", err=True)
    return outcome


def _ending(outcome: CellOutcome) -> str:
    if outcome.evidence is None:
        return f"{outcome.ending.value}: {outcome.message}"
    verdict = "converged" if outcome.converged else "NOT CONVERGED"
    found, error = outcome.evidence["log_evidence"], outcome.evidence["log_evidence_error"]
    evidence = "" if found is None else f", ln Z = {found:.3f} ± {error:.3f}"
    return f"{outcome.ending.value}, {verdict}{evidence}  {outcome.folder / 'report.html'}"
