"""Where two settings differ: a walk over JSON values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from globalfit.errors import shortened


class _Missing:
    """Stands for a value that only one side has; `None` is a value."""

    def __repr__(self) -> str:
        return "missing"


MISSING = _Missing()


class Difference(NamedTuple):
    """A place such as `sampler.grid.points` or `likelihoods[2]`, and both values there."""

    place: str
    one: Any
    other: Any

    @property
    def was(self) -> str:
        """In words, with the first value as the earlier one."""
        return f"{self.place} is {shown(self.other)}, it was {shown(self.one)}"


def differences(one: Any, other: Any, place: str = "") -> Iterator[Difference]:
    """All differences, those of the keys of `other` first; lists of different lengths differ as a whole."""
    match one, other:
        case dict(), dict():
            for key in dict.fromkeys((*other, *one)):
                inside = f"{place}.{key}" if place else str(key)
                yield from differences(one.get(key, MISSING), other.get(key, MISSING), inside)
        case list(), list() if len(one) == len(other):
            for index, pair in enumerate(zip(one, other, strict=True)):
                yield from differences(*pair, f"{place}[{index}]")
        case _ if one != other:
            yield Difference(place, one, other)


def shown(value: Any) -> str:
    """A value for an error message."""
    return shortened(repr(value))
