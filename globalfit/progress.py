"""One stream of progress events: samplers emit them, the command line draws them, tests ignore them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

# The stage of an event that is a warning: its message must be seen.
WARNING = "WARNING"


@dataclasses.dataclass(frozen=True)
class Event:
    """State of one stage: how much is done of how much (None if unknown), and a message such as `ln Z = -12.3`."""

    stage: str
    done: float
    total: float | None = None
    message: str = ""


Progress = Callable[[Event], None]


def silent(_: Event) -> None:
    """Progress that nobody watches."""
