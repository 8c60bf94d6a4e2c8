"""The exceptions that a user can meet; each message names what is wrong, where, and the remedy."""

from __future__ import annotations

import difflib
import signal
from collections.abc import Iterable
from pathlib import Path


class GlobalFitError(Exception):
    """Base of every error that is the user's to fix; the command line prints it without a traceback."""


def shortened(text: str, most: int = 80) -> str:
    """A user's text for an error message, cut if it is too long to read."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


class ConfigurationError(GlobalFitError):
    """A run file, an option or a combination of them that cannot be carried out."""


class UnknownNameError(ConfigurationError, KeyError):
    """A name that nobody registered; the message lists the known ones and the nearest."""

    # That of KeyError shows its message in quotes.
    __str__ = Exception.__str__

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, tuple(sorted(known))
        nearest = difflib.get_close_matches(name, self.known, n=1, cutoff=0.5)
        hint = f"; did you mean '{nearest[0]}'?" if nearest else "."
        super().__init__(f"unknown {kind} '{shortened(name)}'{hint} Known: {', '.join(self.known) or 'none'}.")


class PointsError(GlobalFitError):
    """A table of points that cannot be read or lacks a column."""


class DataError(GlobalFitError):
    """A shipped or downloaded table that is missing, altered or without its provenance."""


class OutputError(GlobalFitError):
    """An output folder that cannot be written or that already holds another run."""


class ClusterError(GlobalFitError):
    """Workers that are not installed, do not answer or were lost."""


class Stopped(KeyboardInterrupt):
    """A run that a signal has stopped after everything was saved."""

    def __init__(self, number: int, folder: Path) -> None:
        self.number = number
        name = signal.Signals(number).name
        super().__init__(f"stopped by {name}, nothing is lost; `globalfit resume {folder}` goes on.")
