"""What a worker is given to do, whatever it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol, TypeVar

from globalfit.errors import OutputError

Outcome = TypeVar("Outcome")

# One thread for what JAX computes and compiles; Dask's nannies see to the linear algebra.
ENVIRONMENT = {"PJRT_NPROC": "1"}


class Job(Protocol[Outcome]):
    """Something with a name that can be sent to another process. It leaves its results in a folder, so that it can be
    carried out again, by another process, after one that died."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        ...

    def carry_out(self) -> Outcome:
        """Do it, in the process of a worker. What this raises is the message of `failed`."""
        ...

    def failed(self, message: str) -> Outcome:
        """The outcome if it cannot be carried out."""
        ...

    def ending(self, outcome: Outcome) -> str:
        """The outcome in one line."""
        ...


def prepare(folder: Path) -> None:
    """Settings of a worker's process. Raises `OutputError` if it does not see the folder that takes the results."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if not folder.is_dir():
        raise OutputError(f"{folder}: is not seen by the worker; workers need the file system of this machine.")
    from globalfit.compilation_cache import use_compilation_cache

    use_compilation_cache()
