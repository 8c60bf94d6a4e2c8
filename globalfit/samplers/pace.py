"""Progress events at a rate that a terminal can follow."""

from __future__ import annotations

import time
from collections.abc import Callable

from globalfit.progress import Event, Progress

# Seconds between two events of one stage.
INTERVAL = 0.3


class Pace:
    """Emits the state of one stage a few times a second at most; the message is only built when it is shown."""

    def __init__(self, progress: Progress, stage: str, total: float | None = None) -> None:
        self._progress, self._stage, self._total = progress, stage, total
        self._last = time.monotonic()

    def __call__(self, done: float | int, message: Callable[[], str]) -> None:
        """Emit unless the last event is too recent."""
        if time.monotonic() - self._last >= INTERVAL:
            self._last = time.monotonic()
            self._progress(Event(self._stage, float(done), self._total, message()))

    def finish(self, done: float | int, message: str) -> None:
        """Emit the end of the stage."""
        self._progress(Event(self._stage, float(done), self._total or float(done), message))
