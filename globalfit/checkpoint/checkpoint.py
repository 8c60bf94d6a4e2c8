"""The checkpoint of a run: which run it belongs to, and how a signal ends it."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from globalfit.checkpoint.recording import Recording, recording
from globalfit.errors import OutputError
from globalfit.progress import WARNING, Event, Progress, silent
from globalfit.storage.difference import Difference, differences
from globalfit.storage.files import read_json, write_json

# What the run is that the list belongs to, twice, so that one damaged file does no harm.
IDENTITY = ("run.json", "run.copy.json")
# Key of an identity whose numbers were computed just now.
REFERENCE = "reference"
# Difference of two values of the same density, relative above 1.
TOLERANCE = 1e-8


@contextlib.contextmanager
def checkpoint(
    folder: Path, identity: Mapping[str, Any], every: float, progress: Progress = silent
) -> Iterator[Recording]:
    """Record the calls of the block in `folder`, or go on with those that are there.

    `identity` is JSON: what the run is, and under `reference` the parameters and ln L of some points that were computed
    just now; `every` is the time between two files in seconds. SIGINT, SIGTERM and SIGHUP end the block with `Stopped`
    after the call that is under way, a second signal ends it at once; a signal that is ignored (nohup) ends nothing.
    Raises `OutputError` that names what differs if the folder belongs to another run, and if it cannot be written.
    """
    _identify(folder, identity, progress)
    record = Recording(folder, every, progress)
    with recording(record), _signals(record):
        yield record


def _identify(folder: Path, identity: Mapping[str, Any], progress: Progress) -> None:
    """Write what the run is, or compare it with what is written."""
    held = [path for path in (folder / name for name in IDENTITY) if path.exists()]
    for path in held:
        try:
            known = read_json(path)
        except OutputError:
            known = None
        if not isinstance(known, dict):
            progress(Event(WARNING, 0.0, message=f"{path}: is damaged."))
            continue
        if difference := _difference(known, identity):
            raise OutputError(
                f"{folder}: belongs to a run that was not the same: {difference}. "
                f"Undo the change to go on, or remove {folder.parent} to start again."
            )
        break
    else:
        if any(not path.name.startswith(".") and path not in held for path in folder.glob("*")):
            raise OutputError(
                f"{folder}: {' and '.join(IDENTITY)} are missing or damaged, so that it cannot be told which run the "
                f"other files belong to. Put one of the two back to go on, or remove {folder} to start again."
            )
    for name in IDENTITY:
        write_json(folder / name, dict(identity))


def _difference(known: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The first thing in which two identities differ, in words; empty if there is none."""
    then = dict(known)
    before, reference = then.pop(REFERENCE, None), now[REFERENCE]
    if found := next(differences(then, {key: value for key, value in now.items() if key != REFERENCE}), None):
        return found.was
    for name, values in reference.items():
        held = before.get(name) if isinstance(before, dict) else None
        if not isinstance(held, list) or len(held) != len(values):
            return f"{name} of prior draws is missing"
        for i, (one, other) in enumerate(zip(held, values, strict=True)):
            if not _same(one, other):
                return Difference(f"{name} of prior draw {i}", one, other).was
    return ""


def _same(one: float | None, other: float) -> bool:
    """Whether two numbers agree; JSON has null for infinite ones."""
    if one is None or not math.isfinite(other):
        return one is None and not math.isfinite(other)
    return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


@contextlib.contextmanager
def _signals(record: Recording) -> Iterator[None]:
    """Signals stop the run after its current call; only the main thread can receive them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # Windows has no SIGHUP.
    numbers = (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))
    handlers = {number: signal.getsignal(number) for number in numbers}
    # Python cannot restore a handler that it did not install.
    before = {number: handler for number, handler in handlers.items() if handler not in (None, signal.SIG_IGN)}

    def handle(number: int, _: FrameType | None) -> None:
        record.stop(number)
        for each, handler in before.items():
            signal.signal(each, handler)

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
