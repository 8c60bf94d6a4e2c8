"""Whether the files of a finished run belong together: their SHA-256, in the format of the program `sha256sum`."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from globalfit.errors import OutputError
from globalfit.results.folder import (
    CURVES,
    DETAILS,
    EVIDENCE,
    PLANE,
    POSTERIOR,
    PROFILE,
    PROVENANCE,
    RUN,
    SUMMARY,
    SUMS,
)
from globalfit.storage.files import replaced

# Everything that is read again; the report and the figures are made from these, any number of times.
COVERED = (RUN, EVIDENCE, SUMMARY, DETAILS, POSTERIOR, PLANE, CURVES, PROFILE, PROVENANCE)
_LINE = re.compile(rf"([0-9a-f]{{64}})  ({'|'.join(map(re.escape, COVERED))})")
_REMEDY = "Put the file of this run back, or run again elsewhere."


def write_checksums(folder: Path) -> None:
    """Write the checksums of the files of a run, which must all be there."""
    with replaced(folder / SUMS) as stream:
        for name in COVERED:
            if (folder / name).exists():
                stream.write(f"{_checksum(folder / name)}  {name}\n")


def verify(folder: Path) -> None:
    """Raise `OutputError` for the first file that is not the one that the run has written.

    Runs of older versions, which wrote no checksums, are not looked at.
    """
    if not (folder / SUMS).exists():
        return
    known = _read(folder / SUMS)
    for name in COVERED:
        path = folder / name
        if name in known and not path.exists():
            raise OutputError(f"{path}: is missing. {_REMEDY}")
        if path.exists() and known.get(name) != _checksum(path):
            raise OutputError(f"{path}: is not what the run has written: {SUMS} has another checksum. {_REMEDY}")


def _read(path: Path) -> dict[str, str]:
    """Checksums by the names of files."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OutputError(f"{path}: cannot be read: {error}. {_REMEDY}") from error
    found = [_LINE.fullmatch(line) for line in lines]
    if None in found:
        raise OutputError(f"{path}:{found.index(None) + 1}: is no checksum of a file of a run. {_REMEDY}")
    return {match[2]: match[1] for match in found if match}


def _checksum(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror}. {_REMEDY}") from error
