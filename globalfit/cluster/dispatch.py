"""Jobs on the workers of a Dask scheduler: one at a time on each, and again on another one if its process dies.

Left alone, Dask queues tasks at busy workers and blames all of them for the death of the process. Here a worker never
has more than the job that it carries out, so that it is known which one a process died of.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, NamedTuple

from distributed import CancelledError, Client, Future, KilledWorker, wait
from distributed.client import FIRST_COMPLETED

from globalfit.cluster.job import Job, Outcome
from globalfit.errors import ClusterError, GlobalFitError

# Processes that a job may kill before it is given up.
ATTEMPTS = 3
# Seconds between two looks at which workers there are.
LOOK_EVERY_S = 1.0
# Seconds for the outcome of a finished job to arrive.
ARRIVAL_S = 60.0


class Attempt(NamedTuple, Generic[Outcome]):
    """A job on a worker; attempts are counted from 1."""

    job: Job[Outcome]
    number: int
    address: str
    worker: str


class Dispatcher(Generic[Outcome]):
    """`tell` gets the name of a job and what happens to it; `refill` is called when a worker was lost."""

    def __init__(self, client: Client, tell: Callable[[str, str], None], refill: Callable[[], None]) -> None:
        self._client, self._tell, self._refill = client, tell, refill
        self._waiting: deque[tuple[Job[Outcome], int]] = deque()
        self._running: dict[Future, Attempt[Outcome]] = {}
        self._outcomes: dict[str, Outcome] = {}

    def carry_out(self, jobs: Iterable[Job[Outcome]]) -> dict[str, Outcome]:
        """The outcome of every job by name; they are started in their order.

        Raises `ClusterError` if the scheduler is lost.
        """
        self._waiting.extend((job, 1) for job in jobs)
        try:
            if self._waiting and not self._workers():
                self._tell(self._waiting[0][0].name, "waits for a worker")
            while self._waiting or self._running:
                self._collect()
                workers = self._workers()
                self._give_up(workers)
                self._start(workers)
                self._rest()
        except (OSError, CancelledError) as error:
            raise ClusterError(
                "the Dask scheduler was lost, but nothing that was finished: the same command skips it "
                "and goes on with the rest."
            ) from error
        return self._outcomes

    def _workers(self) -> Mapping[str, str]:
        """Names of the workers by address.

        The scheduler is asked itself: `Client.scheduler_info` now and then returns what a regular call of the client's
        own has just put in the place of the answer, without any workers.
        """
        client: Any = self._client
        known: dict[str, Any] = client.sync(client.scheduler.identity, n_workers=-1)["workers"]
        return {address: str(worker["name"]) for address, worker in known.items()}

    def _start(self, workers: Mapping[str, str]) -> None:
        """Give each idle worker the next job."""
        busy = {attempt.address for attempt in self._running.values()}
        idle = [address for address in workers if address not in busy]
        for address in idle[: len(self._waiting)]:
            job, number = self._waiting.popleft()
            future = self._client.submit(_carry_out, job, pure=False, workers=[address], allow_other_workers=False)
            self._running[future] = Attempt(job, number, address, workers[address])
            self._tell(job.name, f"started on worker {workers[address]}")

    def _rest(self) -> None:
        """Wait until a job ends or it is time to look at the workers."""
        if self._running:
            with contextlib.suppress(TimeoutError):
                wait(list(self._running), LOOK_EVERY_S, FIRST_COMPLETED)
        elif self._waiting:
            time.sleep(LOOK_EVERY_S)

    def _collect(self) -> None:
        """Take the outcomes of the jobs that have ended."""
        for future in [future for future in self._running if future.done()]:
            attempt = self._running.pop(future)
            try:
                outcome = future.result(ARRIVAL_S)
            except (KilledWorker, TimeoutError):
                self._again(attempt)
                continue
            except CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - the other jobs go on
                outcome = attempt.job.failed(_message(error))
            self._end(attempt, outcome)

    def _give_up(self, workers: Mapping[str, str]) -> None:
        """Take back the jobs of workers that are gone."""
        for future in [future for future, attempt in self._running.items() if attempt.address not in workers]:
            future.cancel(force=True)
            self._again(self._running.pop(future))

    def _again(self, attempt: Attempt[Outcome]) -> None:
        """Have a job whose process died carried out again, unless that has happened too often."""
        self._refill()
        if attempt.number == ATTEMPTS:
            message = f"the process that carried it out died {ATTEMPTS} times: killed, or out of memory or of time?"
            self._end(attempt, attempt.job.failed(message))
            return
        self._tell(attempt.job.name, f"worker {attempt.worker} died; the run is tried again")
        self._waiting.append((attempt.job, attempt.number + 1))

    def _end(self, attempt: Attempt[Outcome], outcome: Outcome) -> None:
        self._outcomes[attempt.job.name] = outcome
        self._tell(attempt.job.name, f"{attempt.job.ending(outcome)} (worker {attempt.worker})")


def _carry_out(job: Job[Outcome]) -> Outcome:
    return job.carry_out()


def _message(error: Exception) -> str:
    return str(error) if isinstance(error, GlobalFitError) else f"{type(error).__name__}: {error}"
