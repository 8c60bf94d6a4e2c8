"""Trials of a calibration at the same time, by several workers."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from globalfit import runfile
from globalfit.build.built import build
from globalfit.calibration.folder import write_trial
from globalfit.calibration.trial import carry_out
from globalfit.cluster import dispatched
from globalfit.cluster.connect import Workers
from globalfit.cluster.job import Say, prepare
from globalfit.errors import ClusterError
from globalfit.posterior.posterior import Posterior
from globalfit.runfile import RunFile


class Done(NamedTuple):
    """How a trial ended, in one line, and whether its file is there."""

    text: str
    written: bool


class TrialJob(NamedTuple):
    """A trial as it goes to a worker: settings of the run as JSON, with the name of the file that they came from, and
    the absolute path of the folder that takes the trial."""

    number: int
    settings: str
    source: str
    folder: str
    ranks: int

    @property
    def name(self) -> str:
        """What it is called in messages: draws are counted from one."""
        return f"draw {self.number + 1}"

    def carry_out(self, say: Say) -> Done:  # noqa: ARG002
        """Carry out the trial and write its file. Raises what both raise."""
        prepare(Path(self.folder))
        posterior, sampler, seed = _built(self.settings, self.source)
        trial = carry_out(posterior, sampler, self.number, seed, self.ranks)
        write_trial(Path(self.folder), self.number, trial)
        return Done(trial.described, True)

    def failed(self, message: str) -> Done:
        """The outcome without a trial."""
        return Done(message, False)

    def ending(self, outcome: Done) -> str:
        """How the fit went."""
        return outcome.text


def spread(
    run: RunFile, folder: Path, numbers: Sequence[int], ranks: int, workers: Workers, tell: Callable[[int, str], None]
) -> None:
    """Carry out trials in the processes of `workers`; each builds the run once. `tell` gets the number of one and what
    happened to it.

    Raises `ClusterError` for a cluster that is not to be had or that is lost, and if a trial could not be carried out
    when all others have been.
    """
    shared = json.dumps(run.model_dump(mode="json")), run.source.name, str(folder.absolute()), ranks
    jobs = {job.name: job for job in (TrialJob(number, *shared) for number in numbers)}
    outcomes = dispatched(list(jobs.values()), workers, lambda name, what: tell(jobs[name].number, what))
    if missing := [f"{name}: {done.text}" for name, done in outcomes.items() if not done.written]:
        raise ClusterError(
            f"{len(missing)} of {len(numbers)} draws are missing; the same command tries them again. {missing[0]}"
        )


@functools.lru_cache(maxsize=1)
def _built(settings: str, source: str) -> tuple[Posterior, Any, int]:
    """Posterior, sampler and seed; the sampler keeps what it has compiled from one trial to the next."""
    run = runfile.parse(json.loads(settings), source)
    built = build(run)
    return built.posterior, built.sampler, run.seed
