"""One process at a time in an output folder. The end of a process frees its lock, however it ends.

Where there are no such locks, on Windows and on some network file systems, nothing is locked.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from globalfit.errors import OutputError

try:
    import fcntl
except ImportError:
    fcntl = None


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder that is there. Raises `OutputError` if another process does."""
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        if _is_taken(handle, exclusive=True):
            raise OutputError(
                f"{folder}: another process is writing there. Wait for it, or choose another folder with --output."
            )
        yield
    finally:
        os.close(handle)


def is_locked(folder: Path) -> bool:
    """Whether another process holds a folder."""
    if fcntl is None:
        return False
    handle = os.open(folder, os.O_RDONLY)
    try:
        return _is_taken(handle, exclusive=False)
    finally:
        os.close(handle)


def _is_taken(handle: int, exclusive: bool) -> bool:
    """Whether the lock is another's; if not, it is taken as long as the handle is open."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        # a file system without locks
        return False
    return False
