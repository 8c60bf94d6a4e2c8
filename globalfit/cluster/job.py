"""What a worker is given to do, whatever it is, and what the dispatcher sees of the workers."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from globalfit.errors import GlobalFitError, OutputError

Outcome = TypeVar("Outcome")

# The name of a job, and what happened to it.
Tell = Callable[[str, str], None]
# What a job says on the way.
Say = Callable[[str], None]

# One thread for what JAX computes and compiles, and for the linear algebra.
ENVIRONMENT = {"PJRT_NPROC": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Job(Protocol[Outcome]):
    """Something with a name that can be sent to another process. It leaves its results in a folder, so that it can be
    carried out again, by another process, after one that died."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        ...

    def carry_out(self, say: Say) -> Outcome:
        """Do it, in the process of a worker. What this raises is the message of `failed`."""
        ...

    def failed(self, message: str) -> Outcome:
        """The outcome if it cannot be carried out."""
        ...

    def ending(self, outcome: Outcome) -> str:
        """The outcome in one line."""
        ...


class Gone(Exception):  # noqa: N818 - it says what happened
    """The process that carried out a job is gone."""


class Crew(Protocol):
    """Workers, each of which has one job at a time."""

    def workers(self) -> Mapping[str, str]:
        """Names of the workers that live, by addresses that no later one has again. Those of this machine are replaced
        if they have died."""
        ...

    def start(self, address: str, job: Job[Any]) -> None:
        """Give an idle worker a job."""
        ...

    def ended(self, seconds: float) -> list[tuple[str, Any]]:
        """Wait until a job ends, for some seconds at most: addresses, each with the outcome of its job or with an
        exception, `Gone` for a process that is gone."""
        ...

    def lost(self, address: str) -> None:
        """Hear that a worker is gone with its job."""
        ...


def carried_out(job: Job[Outcome], say: Say) -> Outcome:
    """The outcome of a job, in the process of a worker."""
    try:
        return job.carry_out(say)
    except Exception as error:  # noqa: BLE001 - the other jobs go on
        return job.failed(message(error))


def message(error: Exception) -> str:
    """An error in one line."""
    return str(error) if isinstance(error, GlobalFitError) else f"{type(error).__name__}: {error}"


def prepare(folder: Path) -> None:
    """Settings of a worker's process. Raises `OutputError` if it does not see the folder that takes the results."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if not folder.is_dir():
        raise OutputError(f"{folder}: is not seen by the worker; workers need the file system of this machine.")
    from globalfit.compilation_cache import use_compilation_cache

    use_compilation_cache()
