"""Progress on the terminal: a bar where somebody watches, a line now and then where the output goes to a file."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator

import click

from globalfit.progress import WARNING, Event, Progress

LINE_EVERY_S = 20.0


@contextlib.contextmanager
def shown_progress() -> Iterator[Progress]:
    """Progress on stderr for the duration of the block."""
    if sys.stderr.isatty():
        with _bars() as progress:
            yield progress
    else:
        yield Lines()


class Lines:
    """One line per stage, and one every `LINE_EVERY_S` seconds within it."""

    def __init__(self) -> None:
        self._stage = ""
        self._last = 0.0

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        if event.stage == self._stage != WARNING and now - self._last < LINE_EVERY_S:
            return
        self._stage, self._last = event.stage, now
        done = f" {100.0 * event.done / event.total:.0f} %" if event.total else ""
        message = f" {event.message}" if event.message else ""
        click.echo(f"{event.stage}:{done}{message}", err=True)


@contextlib.contextmanager
def _bars() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[message]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks = {}

        def progress(event: Event) -> None:
            if event.stage == WARNING:
                bars.console.print(f"{WARNING}: {event.message}", markup=False, highlight=False)
                return
            if event.stage not in tasks:
                for task in tasks.values():
                    bars.update(
                        task, total=max(bars.tasks[task].completed, 1.0), completed=max(bars.tasks[task].completed, 1.0)
                    )
                tasks[event.stage] = bars.add_task(event.stage, total=event.total, message="")
            bars.update(tasks[event.stage], completed=event.done, total=event.total, message=event.message)

        yield progress
        for task in bars.tasks:
            bars.update(task.id, total=max(task.completed, 1.0), completed=max(task.completed, 1.0))
