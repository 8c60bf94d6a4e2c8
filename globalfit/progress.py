"""One stream of progress events: samplers emit them, the command line draws them, tests ignore them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable


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
