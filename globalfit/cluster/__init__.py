"""Several runs at once, on the workers of a Dask cluster: processes of this machine, jobs of a queue, a scheduler's.

`connect` opens the cluster, `dispatch` gives every worker one `job` at a time: a run of a file that lists several
(`task`), or a trial of a calibration (`globalfit.calibration.parallel`). Dask is imported only here, and only when
there is something to carry out.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from globalfit.cluster.connect import Workers, connected
from globalfit.cluster.job import Job, Outcome
from globalfit.cluster.task import task_of
from globalfit.runfile.campaign import RunSpec

if TYPE_CHECKING:
    from globalfit.fitting.campaign import RunOutcome

# The name of a job, and what happened to it.
Tell = Callable[[str, str], None]


def carry_out(specs: Sequence[RunSpec], checkpoint_every: float, workers: Workers, tell: Tell) -> dict[str, RunOutcome]:
    """Carry out runs and give their outcomes by name; `tell` gets the name of one and what happened to it.

    The folder of their output folders must be there. A run whose process dies is carried out again, from its
    checkpoint. Raises `ClusterError` for a cluster that is not to be had or that is lost.
    """
    topic = f"globalfit-{uuid.uuid4()}"
    outcomes = dispatched([task_of(spec, checkpoint_every, topic) for spec in specs], workers, tell, topic)
    from globalfit.fitting.campaign import spec_folder

    # Workers know the folders by their absolute paths.
    return {spec.name: dataclasses.replace(outcomes[spec.name], folder=spec_folder(spec)) for spec in specs}


def dispatched(jobs: Sequence[Job[Outcome]], workers: Workers, tell: Tell, topic: str = "") -> dict[str, Outcome]:
    """The outcomes of jobs by name. `tell` also gets what jobs send to the topic.

    Raises `ClusterError` for a cluster that is not to be had or that is lost.
    """
    with connected(dataclasses.replace(workers, count=min(workers.count, len(jobs)))) as connection:
        from globalfit.cluster.dispatch import Dispatcher

        if topic:
            connection.client.subscribe_topic(topic, lambda event: tell(*event[1]))
        return Dispatcher[Outcome](connection.client, tell, connection.refill).carry_out(jobs)
