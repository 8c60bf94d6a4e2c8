"""Several runs at once: in processes of this machine, in jobs of a queue, or by the workers of a Dask scheduler.

`connect` opens the workers, `dispatch` gives every one a `job` at a time: a run of a file that lists several (`task`),
or a trial of a calibration (`globalfit.calibration.parallel`). Processes of this machine are reached through pipes
alone (`processes`); Dask (`dask_workers`) is imported only for a queue and for a scheduler.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from globalfit.cluster.connect import Workers, connected
from globalfit.cluster.dispatch import Dispatcher
from globalfit.cluster.job import Job, Outcome, Tell
from globalfit.cluster.task import task_of
from globalfit.runfile.campaign import RunSpec

if TYPE_CHECKING:
    from globalfit.fitting.campaign import RunOutcome


def carry_out(specs: Sequence[RunSpec], checkpoint_every: float, workers: Workers, tell: Tell) -> dict[str, RunOutcome]:
    """Carry out runs and give their outcomes by name; `tell` gets the name of one and what happened to it.

    The folder of their output folders must be there. A run whose process dies is carried out again, from its
    checkpoint. Raises `ClusterError` for a cluster that is not to be had or that is lost.
    """
    outcomes = dispatched([task_of(spec, checkpoint_every) for spec in specs], workers, tell)
    from globalfit.fitting.campaign import spec_folder

    # Workers know the folders by their absolute paths.
    return {spec.name: dataclasses.replace(outcomes[spec.name], folder=spec_folder(spec)) for spec in specs}


def dispatched(jobs: Sequence[Job[Outcome]], workers: Workers, tell: Tell) -> dict[str, Outcome]:
    """The outcomes of jobs by name. `tell` also gets what jobs say on the way.

    Raises `ClusterError` for a cluster that is not to be had or that is lost.
    """
    with connected(dataclasses.replace(workers, count=min(workers.count, len(jobs))), tell) as crew:
        return Dispatcher[Outcome](crew, tell).carry_out(jobs)
