"""Workers: opened, and closed at the end. What is missing or does not answer is an error that says so."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import logging
import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from globalfit.cluster.job import Crew, Tell
from globalfit.cluster.processes import processes
from globalfit.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client


class Queue(NamedTuple):
    """The class of dask-jobqueue, and the command that takes a job."""

    cluster: str
    command: str


QUEUES = {"slurm": Queue("SLURMCluster", "sbatch"), "pbs": Queue("PBSCluster", "qsub")}
# Seconds in which a scheduler must answer.
ANSWER_S = 30.0
# A scheduler without a dashboard opens port 8787 to everyone all the same, and warns if another one has it.
PRIVATE = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}


@dataclasses.dataclass(frozen=True)
class Workers:
    """Where runs are carried out: by `count` processes of this machine or jobs of `queue`, or by the workers of the
    scheduler at an address."""

    count: int = 0
    queue: str | None = None
    scheduler: str | None = None


def check_installed(workers: Workers) -> None:
    """Raise `ClusterError` unless the packages and the command behind the workers are there."""
    needed: tuple[str, ...] = () if workers.scheduler is None else ("distributed",)
    for name in needed if workers.queue is None else ("distributed", "dask_jobqueue", "cryptography"):
        if importlib.util.find_spec(name) is None:
            option = "--scheduler" if workers.queue is None else "--cluster"
            raise ClusterError(f"{option} needs the package {name}: pip install 'globalfit[cluster]'.")
    if workers.queue is not None and shutil.which(command := QUEUES[workers.queue].command) is None:
        raise ClusterError(f"there is no command {command} on this machine, which --cluster {workers.queue} needs.")


@contextlib.contextmanager
def connected(workers: Workers, tell: Tell) -> Iterator[Crew]:
    """Workers for the duration of the block; `tell` gets what their jobs say.

    Raises `ClusterError` for a cluster that is not to be had.
    """
    if workers.scheduler is None and workers.queue is None:
        with processes(workers.count, tell) as crew:
            yield crew
        return
    from distributed import Client

    from globalfit.cluster.dask_workers import DaskWorkers

    # What is lost is told by the dispatcher, without Dask's tracebacks in front; its client has a level of its own.
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with contextlib.ExitStack() as stack:
        if workers.queue is None:
            yield DaskWorkers(stack.enter_context(_client(str(workers.scheduler))), tell, _nothing)
            return
        cluster = stack.enter_context(_jobs(workers.queue))

        def refill() -> None:
            cluster.scale(jobs=workers.count)

        refill()
        yield DaskWorkers(stack.enter_context(Client(cluster)), tell, refill)


def _jobs(queue: str) -> Any:
    """A scheduler in this process whose workers are jobs; what a job is stands in dask-jobqueue's own configuration.

    It has a certificate of its own: only who has its key is served. Jobs read it from files of mode 600.
    """
    import dask.config
    import dask_jobqueue

    def configured(key: str, default: Any) -> Any:
        return dask.config.get(f"jobqueue.{queue}.{key}", None) or default

    try:
        return getattr(dask_jobqueue, QUEUES[queue].cluster)(
            security=True,
            shared_temp_directory=configured("shared-temp-directory", os.getcwd()),
            scheduler_options=PRIVATE | configured("scheduler-options", {}),
        )
    except ValueError as error:
        raise ClusterError(
            f"dask-jobqueue: {' '.join(str(error).split())} Say what a job is in ~/.config/dask/jobqueue.yaml, "
            f"under `jobqueue: {{{queue}: ...}}`."
        ) from error


def _client(address: str) -> Client:
    import dask.config
    from distributed import Client

    before = dask.config.get("scheduler", None)
    try:
        return Client(address, timeout=ANSWER_S)
    except (OSError, ValueError) as error:
        # The client stays Dask's default, and files would be written through it.
        dask.config.set(scheduler=before)
        raise ClusterError(f"no Dask scheduler answers at {address}: {' '.join(str(error).split())}") from error


def _nothing() -> None:
    """Whoever has started the scheduler replaces lost workers."""
