"""Dask clusters: opened, and closed at the end. What is missing or does not answer is an error that says so."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import logging
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from globalfit.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client, LocalCluster


class Queue(NamedTuple):
    """The class of dask-jobqueue, and the command that takes a job."""

    cluster: str
    command: str


QUEUES = {"slurm": Queue("SLURMCluster", "sbatch"), "pbs": Queue("PBSCluster", "qsub")}
# Seconds in which a scheduler must answer.
ANSWER_S = 30.0
# Processes of this machine: never forked, since JAX has threads, and not interrupted to look at their stacks.
_LOCAL = {"distributed.worker.multiprocessing-method": "spawn", "distributed.worker.profile.enabled": False}
# A scheduler without a dashboard opens port 8787 to everyone all the same, and warns if another one has it.
PRIVATE = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}


@dataclasses.dataclass(frozen=True)
class Workers:
    """Where runs are carried out: by `count` processes of this machine or jobs of `queue`, or by the workers of the
    scheduler at an address."""

    count: int = 0
    queue: str | None = None
    scheduler: str | None = None


@dataclasses.dataclass(frozen=True)
class Connection:
    """A scheduler, and how its lost workers are replaced (nothing to do where Dask does it)."""

    client: Client
    refill: Callable[[], None]


def check_installed(workers: Workers) -> None:
    """Raise `ClusterError` unless the packages and the command behind the workers are there."""
    needed = ("distributed",) if workers.queue is None else ("distributed", "dask_jobqueue")
    for name in needed:
        if importlib.util.find_spec(name) is None:
            raise ClusterError(f"several runs at once need the package {name}: pip install 'globalfit[cluster]'.")
    if workers.queue is not None and shutil.which(command := QUEUES[workers.queue].command) is None:
        raise ClusterError(f"there is no command {command} on this machine, which --cluster {workers.queue} needs.")


@contextlib.contextmanager
def connected(workers: Workers) -> Iterator[Connection]:
    """Workers for the duration of the block. Raises `ClusterError` for a cluster that is not to be had."""
    import dask.config
    from distributed import Client

    # What is lost is told by the dispatcher, without Dask's tracebacks in front; its client has a level of its own.
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with contextlib.ExitStack() as stack:
        if workers.scheduler is not None:
            yield Connection(stack.enter_context(_client(workers.scheduler)), _nothing)
        elif workers.queue is not None:
            cluster = stack.enter_context(_jobs(workers.queue))

            def refill() -> None:
                cluster.scale(jobs=workers.count)

            refill()
            yield Connection(stack.enter_context(Client(cluster)), refill)
        else:
            stack.enter_context(dask.config.set(_LOCAL))
            yield Connection(stack.enter_context(Client(stack.enter_context(_processes(workers.count)))), _nothing)


def _processes(count: int) -> LocalCluster:
    """A scheduler in this process and workers of one thread each in others, which Dask starts again if they die."""
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=count,
        threads_per_worker=1,
        processes=True,
        memory_limit=None,
        scheduler_kwargs=PRIVATE,
        silence_logs=logging.ERROR,
    )


def _jobs(queue: str) -> Any:
    """A scheduler in this process whose workers are jobs; what a job is stands in dask-jobqueue's own configuration."""
    import dask_jobqueue

    try:
        return getattr(dask_jobqueue, QUEUES[queue].cluster)()
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
    """Dask's nannies replace lost workers."""
