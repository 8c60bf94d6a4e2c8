"""One run as it goes to a worker: plain settings there, its outcome back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from globalfit import runfile
from globalfit.errors import OutputError
from globalfit.progress import WARNING, Event, Progress
from globalfit.runfile.campaign import Cell

if TYPE_CHECKING:
    from globalfit.campaign import CellOutcome

# One thread for what JAX computes and compiles; Dask's nannies see to the linear algebra.
ENVIRONMENT = {"PJRT_NPROC": "1"}
# Stages whose messages are sent on: what a user must know, and that a run goes on from its checkpoint.
_SENT = (WARNING, "checkpoint")


class Task(NamedTuple):
    """A run by its name, its settings (their output folder absolute), and the name of the file that they came from.

    Messages on the way go to `topic` of the scheduler, as `[name, text]`.
    """

    name: str
    settings: dict[str, Any]
    source: str
    checkpoint_every: float
    topic: str


def task_of(cell: Cell, checkpoint_every: float, topic: str) -> Task:
    """What a worker has to know of a run that has an output folder."""
    settings = cell.run.model_dump(mode="json")
    output = str(Path(settings["output"]).absolute())
    return Task(cell.name, settings | {"output": output}, cell.run.source.name, checkpoint_every, topic)


def carry_out(task: Task) -> CellOutcome:
    """Carry out one run in the process of a worker.

    Raises `OutputError` if the worker does not see the folder that takes the runs.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    parent = Path(task.settings["output"]).parent
    if not parent.is_dir():
        raise OutputError(f"{parent}: is not seen by the worker; workers need the file system of this machine.")
    from globalfit.campaign import run_cell
    from globalfit.cli.cache import use_compilation_cache

    use_compilation_cache()
    return run_cell(Cell(task.name, runfile.parse(task.settings, task.source)), _sent(task), task.checkpoint_every)


def _sent(task: Task) -> Progress:
    """Progress of which only the messages that matter leave the worker."""
    from distributed import get_worker

    worker = get_worker()

    def progress(event: Event) -> None:
        if event.message and event.stage in _SENT:
            worker.log_event(task.topic, [task.name, f"{event.stage}: {event.message}"])

    return progress
