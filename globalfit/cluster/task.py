"""One run as it goes to a worker: plain settings there, its outcome back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from globalfit import runfile
from globalfit.cluster.job import Say, prepare
from globalfit.progress import WARNING, Event, Progress
from globalfit.runfile.campaign import RunSpec

if TYPE_CHECKING:
    from globalfit.fitting.campaign import RunOutcome

# Stages whose messages are sent on: what a user must know, and that a run goes on from its checkpoint.
_SENT = (WARNING, "checkpoint")


class Task(NamedTuple):
    """A run by its name, its settings (their output folder absolute), and the name of the file that they came from."""

    name: str
    settings: dict[str, Any]
    source: str
    checkpoint_every: float

    def carry_out(self, say: Say) -> RunOutcome:
        """Carry out the run. Raises `OutputError` if the worker does not see the folder that takes the runs."""
        prepare(Path(self.settings["output"]).parent)
        from globalfit.fitting.campaign import run_spec

        return run_spec(
            RunSpec(self.name, runfile.parse(self.settings, self.source)), _sent(say), self.checkpoint_every
        )

    def failed(self, message: str) -> RunOutcome:
        """The outcome of a run that could not be carried out."""
        from globalfit.fitting.campaign import Ending, RunOutcome

        return RunOutcome(self.name, Path(self.settings["output"]), Ending.FAILED, message=message)

    def ending(self, outcome: RunOutcome) -> str:
        """Whether it is finished, and what went wrong."""
        return ": ".join(filter(None, (outcome.ending.value, outcome.message)))


def task_of(spec: RunSpec, checkpoint_every: float) -> Task:
    """What a worker has to know of a run that has an output folder."""
    settings = spec.run.model_dump(mode="json")
    output = str(Path(settings["output"]).absolute())
    return Task(spec.name, settings | {"output": output}, spec.run.source.name, checkpoint_every)


def _sent(say: Say) -> Progress:
    """Progress of which only the messages that matter leave the worker."""

    def progress(event: Event) -> None:
        if event.message and event.stage in _SENT:
            say(f"{event.stage}: {event.message}")

    return progress
