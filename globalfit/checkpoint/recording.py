"""Checkpoints: what a stopped run needs to go on, and to end as if it had never been stopped.

Between two calls of compiled functions a sampler is ordinary code that its seed determines. Its whole state is the list
of the results of these calls: a run goes on by starting again and taking the first results from the list. That holds
for every sampler alike, needs nothing of its internals and gives the same result bit for bit. A call is taken from the
list only if its arguments are the same; if not, because some library has changed since, the run is computed from there
on.

`recorded` marks such functions. The list lies in a folder, in files (`globalfit.checkpoint.call_files`) that are
written at an interval and each hold the calls since the one before; a damaged one costs the calls that it held.
Samplers whose own computations are too expensive to repeat leave the list with `unrecorded` and keep files of their own
with `Recording.snapshot`. `globalfit.checkpoint.checkpoint` opens a list and says which run it belongs to.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from globalfit.checkpoint.call_files import Call, Leaves, read_calls, write_calls
from globalfit.errors import Stopped
from globalfit.progress import WARNING, Event, Progress
from globalfit.storage.files import replaced_path

P = ParamSpec("P")
R = TypeVar("R")

# Bytes after which a file is written before its time.
LARGEST_FILE = 64 * 2**20


class Recording:
    """The list of one run, in a folder of its own within the run's output folder.

    `every` is the time between two files in seconds. Raises `OutputError` if the folder cannot be written.
    """

    def __init__(self, folder: Path, every: float, progress: Progress) -> None:
        self.folder, self._every, self._progress = folder, every, progress
        self._next = self._taken = 0
        self._new: list[Call] = []
        self._bytes = 0
        self._saved = time.monotonic()
        self._stop: int | None = None
        self._files: dict[int, list[Call]] = {}
        for path in folder.glob(".*"):
            # left behind by a run that was killed while it wrote
            path.unlink()
        for path in sorted(folder.glob("[0-9]*.npz")):
            if (calls := self._read(path, read_calls)) is not None:
                self._files[int(path.stem)] = calls
        if self._files:
            count = sum(len(calls) for calls in self._files.values())
            progress(Event("checkpoint", 0.0, message=f"going on after {count} recorded calls"))

    @property
    def taken(self) -> int:
        """Calls whose results came from the list."""
        return self._taken

    def call(self, name: str, function: Callable[[], Any], arguments: Any) -> Leaves:
        """The result of a call, from the list if it is there."""
        key = (name, _digest(arguments))
        known = self._known()
        if known is not None and known.key != key:
            self._progress(Event(WARNING, 0.0, message=f"{self.folder}: does not fit after {self._next} calls."))
            self._forget()
            known = None
        if known is None:
            with unrecorded():
                known = Call(key, tuple(np.asarray(leaf) for leaf in jax.tree.leaves(function())))
            self._new.append(known)
            self._bytes += sum(leaf.nbytes for leaf in known.result)
        else:
            self.save()
            self._taken += 1
        self._next += 1
        if self._due or self._bytes > LARGEST_FILE:
            self.save()
        self._leave_if_stopped()
        return known.result

    def save(self) -> None:
        """Write what is not yet in a file."""
        self._saved = time.monotonic()
        if self._new:
            write_calls(self.folder / f"{self._next - len(self._new):012d}.npz", self._new)
            self._new, self._bytes = [], 0

    def snapshot(self, name: str, write: Callable[[Path], None]) -> None:
        """Keep a file of a sampler that has its own, if it is time; the one before is kept as well."""
        if self._due or self._stop is not None:
            path = self.folder / name
            with replaced_path(path) as temporary:
                write(temporary)
                if path.exists():
                    path.replace(_before(path))
            self._saved = time.monotonic()
        self._leave_if_stopped()

    def restored(self, name: str, read: Callable[[Path], R]) -> R | None:
        """What the latest such file that can be read holds."""
        latest = self.folder / name
        for path in [one for one in (latest, _before(latest)) if one.is_file()]:
            if (result := self._read(path, read)) is not None:
                self._taken += 1
                self._progress(Event("checkpoint", 0.0, message=f"going on from {path.name}"))
                return result
        return None

    def stop(self, number: int) -> None:
        """Leave after the call that is under way, as signal `number` asks for."""
        self._stop = number

    @property
    def _due(self) -> bool:
        return time.monotonic() - self._saved >= self._every

    def _leave_if_stopped(self) -> None:
        if self._stop is not None:
            raise Stopped(self._stop, self.folder.parent)

    def _known(self) -> Call | None:
        """The call in the list that comes next."""
        first = max((first for first in self._files if first <= self._next), default=None)
        if first is None or self._next - first >= len(self._files[first]):
            return None
        return self._files[first][self._next - first]

    def _forget(self) -> None:
        """Drop what comes next in the list, and all after it."""
        for first in [first for first in self._files if first + len(self._files[first]) > self._next]:
            if first < self._next:
                del self._files[first][self._next - first :]
            else:
                del self._files[first]
                (self.folder / f"{first:012d}.npz").unlink(missing_ok=True)

    def _read(self, path: Path, read: Callable[[Path], R]) -> R | None:
        """What a file holds, None with a warning for a damaged one."""
        try:
            return read(path)
        except Exception as error:  # noqa: BLE001 - there is no list of what a damaged file makes its library raise
            message = f"{path}: cannot be read ({error}); going on without it. What it held is computed again."
            self._progress(Event(WARNING, 0.0, message=message))
            return None


_CURRENT: ContextVar[Recording | None] = ContextVar("recording", default=None)


def current() -> Recording | None:
    """The list of the run that is under way, if there is one."""
    return _CURRENT.get()


@contextlib.contextmanager
def unrecorded() -> Iterator[None]:
    """Calls within the block do not go to the list."""
    token = _CURRENT.set(None)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def recorded(function: Callable[P, R], make: Callable[..., R] | None = None) -> Callable[P, R]:
    """A deterministic function of a target and of arrays, whose results go to the list of the run, if there is one.

    They come back as NumPy arrays: a tuple of the leaves, or what `make` makes of them. The target does not enter the
    comparison of arguments: it belongs to the identity of the run.
    """
    name = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', '')}"

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        recording = _CURRENT.get()
        if recording is None:
            return function(*args, **kwargs)
        leaves: Any = recording.call(name, lambda: function(*args, **kwargs), (args[1:], kwargs))
        return leaves if make is None else make(*leaves)

    return call


@contextlib.contextmanager
def recording(record: Recording) -> Iterator[None]:
    """The calls of the block go to the list, which is saved at its end, however it ends."""
    token = _CURRENT.set(record)
    try:
        yield
    finally:
        _CURRENT.reset(token)
        record.save()


def _digest(arguments: Any) -> bytes:
    """Digest of the values of all leaves, with their types and shapes."""
    digest = hashlib.blake2b(digest_size=16)
    for leaf in jax.tree.leaves(arguments):
        is_key = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        array = np.asarray(jax.random.key_data(leaf) if is_key else leaf)
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.digest()


def _before(path: Path) -> Path:
    """Where the file before the latest one is kept."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")
