"""Jobs for workers: one at a time for each, and again for another one if its process dies.

A worker never has more than the job that it carries out, so that it is known which one a process died of.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Generic, NamedTuple

from globalfit.cluster.job import Crew, Gone, Job, Outcome, Tell, message

# Processes that a job may kill before it is given up.
ATTEMPTS = 3
# Seconds between two looks at which workers there are.
LOOK_EVERY_S = 1.0


class Attempt(NamedTuple, Generic[Outcome]):
    """A job on a worker; attempts are counted from 1."""

    job: Job[Outcome]
    number: int
    worker: str


class Dispatcher(Generic[Outcome]):
    """`tell` gets the name of a job and what happens to it."""

    def __init__(self, crew: Crew, tell: Tell) -> None:
        self._crew, self._tell = crew, tell
        self._waiting: deque[tuple[Job[Outcome], int]] = deque()
        # By the address of the worker.
        self._running: dict[str, Attempt[Outcome]] = {}
        self._outcomes: dict[str, Outcome] = {}

    def carry_out(self, jobs: Iterable[Job[Outcome]]) -> dict[str, Outcome]:
        """The outcome of every job by name; they are started in their order.

        Raises `ClusterError` if the workers cannot be reached any more.
        """
        self._waiting.extend((job, 1) for job in jobs)
        if self._waiting and not self._crew.workers():
            self._tell(self._waiting[0][0].name, "waits for a worker")
        while self._waiting or self._running:
            workers = self._crew.workers()
            for address in self._running.keys() - workers:
                self._again(address)
            self._start(workers)
            for address, outcome in self._crew.ended(LOOK_EVERY_S):
                self._take(address, outcome)
        return self._outcomes

    def _start(self, workers: Mapping[str, str]) -> None:
        """Give each idle worker the next job."""
        idle = [address for address in workers if address not in self._running]
        for address in idle[: len(self._waiting)]:
            job, number = self._waiting.popleft()
            self._crew.start(address, job)
            self._running[address] = Attempt(job, number, workers[address])
            self._tell(job.name, f"started on worker {workers[address]}")

    def _take(self, address: str, outcome: Any) -> None:
        """Take what came of a job."""
        match outcome:
            case Gone():
                self._again(address)
            case Exception():
                attempt = self._running.pop(address)
                self._end(attempt, attempt.job.failed(message(outcome)))
            case _:
                self._end(self._running.pop(address), outcome)

    def _again(self, address: str) -> None:
        """Have a job whose process died carried out again, unless that has happened too often."""
        self._crew.lost(address)
        attempt = self._running.pop(address)
        if attempt.number == ATTEMPTS:
            text = f"the process that carried it out died {ATTEMPTS} times: killed, or out of memory or of time?"
            self._end(attempt, attempt.job.failed(text))
            return
        self._tell(attempt.job.name, f"worker {attempt.worker} died; the run is tried again")
        self._waiting.append((attempt.job, attempt.number + 1))

    def _end(self, attempt: Attempt[Outcome], outcome: Outcome) -> None:
        self._outcomes[attempt.job.name] = outcome
        self._tell(attempt.job.name, f"{attempt.job.ending(outcome)} (worker {attempt.worker})")
