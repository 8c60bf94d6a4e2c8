"""Progress where somebody watches: bars in a terminal, one line that changes in a notebook, or plain lines."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Any

import click

from globalfit.progress import WARNING, Event, Progress

LINE_EVERY_S = 20.0
NOTEBOOK_EVERY_S = 0.5


@contextlib.contextmanager
def shown_progress() -> Iterator[Progress]:
    """Progress on stderr, or in the output of a notebook's cell, for the duration of the block."""
    if sys.stderr.isatty():
        with _bars() as progress:
            yield progress
    elif _in_notebook():
        yield NotebookLine()
    else:
        yield Lines()


def described(event: Event) -> str:
    """One event as text."""
    done = f" {100.0 * event.done / event.total:.0f} %" if event.total else ""
    return f"{event.stage}:{done}{f' {event.message}' if event.message else ''}"


def _in_notebook() -> bool:
    """Whether a Jupyter kernel runs this process."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and hasattr(shell, "kernel")


class NotebookLine:
    """One line that changes, twice a second at most; warnings stay."""

    def __init__(self) -> None:
        self._line: Any = None
        self._stage = ""
        self._last = 0.0

    def __call__(self, event: Event) -> None:
        from IPython.display import Pretty, display

        if event.stage == WARNING:
            display(Pretty(described(event)))
            return
        now = time.monotonic()
        if event.stage == self._stage and now - self._last < NOTEBOOK_EVERY_S:
            return
        self._stage, self._last = event.stage, now
        if self._line is None:
            self._line = display(Pretty(described(event)), display_id=True)
        else:
            self._line.update(Pretty(described(event)))


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
        click.echo(described(event), err=True)


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
