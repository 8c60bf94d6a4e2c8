"""Workers that are processes of this machine. They hear of jobs through pipes, so that nobody else can reach them.

They are spawned, never forked, since JAX has threads. An interrupt of the terminal is the parent's, which ends them
with SIGTERM: a run saves what it has. If the parent is killed they do the same by themselves.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple
from unittest import mock

from globalfit.cluster.job import ENVIRONMENT, Job, Tell, carried_out

_SPAWN = multiprocessing.get_context("spawn")
# Seconds that a worker without a parent has to save its run.
GRACE_S = 10.0


class Said(NamedTuple):
    """What a job says on the way."""

    text: str


@dataclasses.dataclass
class Worker:
    """A process with our end of its pipe, and the name of its job."""

    address: str
    process: BaseProcess
    pipe: Connection
    job: str | None = None


class Processes:
    """A crew of processes; `tell` gets what their jobs say."""

    def __init__(self, count: int, tell: Tell) -> None:
        self._tell, self._numbers = tell, itertools.count()
        self._workers = {str(slot): self._started(str(slot)) for slot in range(count)}

    def workers(self) -> Mapping[str, str]:
        """Names of the workers by address; those that have died are replaced."""
        for name, worker in self._workers.items():
            if not worker.process.is_alive():
                worker.pipe.close()
                self._workers[name] = self._started(name)
        return {worker.address: name for name, worker in self._workers.items()}

    def start(self, address: str, job: Job[Any]) -> None:
        """Give an idle worker a job."""
        worker = next(worker for worker in self._workers.values() if worker.address == address)
        worker.job = job.name
        # A process that is gone is noticed by the next look at the workers.
        with contextlib.suppress(OSError):
            worker.pipe.send(job)

    def ended(self, seconds: float) -> list[tuple[str, Any]]:
        """Wait until a job ends or says something, for some seconds at most: addresses with the outcomes."""
        busy = [worker for worker in self._workers.values() if worker.job is not None]
        ready, found = wait([worker.pipe for worker in busy], seconds), []
        for worker in (worker for worker in busy if worker.pipe in ready):
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):
                worker.process.join()
                continue
            if isinstance(message, Said):
                self._tell(str(worker.job), message.text)
            else:
                worker.job = None
                found.append((worker.address, message))
        return found

    def lost(self, address: str) -> None:
        """Nothing to do: `workers` replaces it."""

    def close(self) -> None:
        """End the processes: those that are idle when their pipe closes, the others when they have saved their runs."""
        for worker in self._workers.values():
            if worker.job is not None:
                worker.process.terminate()
            worker.pipe.close()
        for worker in self._workers.values():
            worker.process.join()

    def _started(self, name: str) -> Worker:
        ours, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=_serve, args=(theirs,), name=f"worker {name}", daemon=True)
        # Libraries look at these when they are loaded; what the user has set wins.
        with mock.patch.dict(os.environ, {**ENVIRONMENT, **os.environ}), _without_interrupts():
            process.start()
        theirs.close()
        return Worker(str(next(self._numbers)), process, ours)


@contextlib.contextmanager
def processes(count: int, tell: Tell) -> Iterator[Processes]:
    """Workers for the duration of the block."""
    crew = Processes(count, tell)
    try:
        yield crew
    finally:
        crew.close()


def _serve(pipe: Connection) -> None:
    """Carry out the jobs that arrive until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            job = pipe.recv()
            pipe.send(carried_out(job, lambda text: pipe.send(Said(text))))


def _end_with_parent() -> None:
    """Stop this process as SIGTERM does if its parent is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_S)
        os._exit(1)


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Interrupts of the terminal wait until the block has ended; a process that starts in it inherits that."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
