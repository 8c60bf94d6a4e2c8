"""The output folder of a run: its files, and who may write it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from globalfit import runfile
from globalfit.errors import OutputError
from globalfit.results.run_identity import settings
from globalfit.runfile import RunFile
from globalfit.storage.difference import differences
from globalfit.storage.files import check_path, try_writing
from globalfit.storage.lock import locked

RUN = "run.yaml"
POSTERIOR = "posterior.nc"
EVIDENCE = "evidence.json"
SUMMARY = "summary.csv"
PROVENANCE = "provenance.json"
DETAILS = "report.json"
PLANE = "plane.csv"
CURVES = "curves.csv"
PROFILE = "profile.csv"
SUMS = "SHA256SUMS"
CHECKPOINT = "checkpoint"
FIGURES = "figures"
REPORT = "report.html"

_FILES = {RUN, POSTERIOR, EVIDENCE, SUMMARY, PROVENANCE, DETAILS, PLANE, CURVES, PROFILE, REPORT}
_HALF_WRITTEN = re.compile(r"\.(.+)\.[^.]{8}(\.[^.]+)")

# Seconds between two files of a checkpoint.
CHECKPOINT_EVERY_S = 30.0


@contextlib.contextmanager
def claimed(folder: Path, run: RunFile) -> Iterator[bool]:
    """Make the folder and hold it for this run, all its defaults filled in, against other processes.

    Gives whether the folder holds this run already, unfinished. Raises `OutputError` for a folder that another process
    writes, that holds another run, a finished one, or files that are none of ours, and for one that cannot be written.
    """
    check_path(folder)
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file, not a folder; choose another one with --output.")
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(folder))
            _remove_half_written(folder)
            held = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
        except OSError as error:
            raise OutputError(f"{folder}: cannot be used: {error.strerror}.") from error
        unfinished = _is_unfinished(folder, held, run)
        try_writing(folder)
        yield unfinished


def _remove_half_written(folder: Path) -> None:
    """Remove what a process that was killed has left: the temporary files of `storage.files` beside ours."""
    for path in folder.iterdir():
        found = _HALF_WRITTEN.fullmatch(path.name)
        if found is not None and f"{found[1]}{found[2]}" in _FILES:
            path.unlink(missing_ok=True)


def _is_unfinished(folder: Path, held: list[str], run: RunFile) -> bool:
    if RUN not in held:
        if held:
            raise OutputError(f"{folder}: is not empty and holds no run; choose another folder with --output.")
        return False
    difference = next(differences(settings(runfile.load(folder / RUN)), settings(run)), None)
    if REPORT in held:
        which = "this run, finished" if difference is None else "another run"
        raise OutputError(
            f"{folder}: already holds {which}. Choose another folder with --output, or remove this one; "
            f"`globalfit report {folder}` makes its report again."
        )
    if difference is not None and run.source.name == str(folder / RUN):
        raise OutputError(
            f"{folder / RUN}: does not have every setting of its run any more: {difference.was}. "
            "Put the file back, or start again with another --output."
        )
    if difference is not None:
        raise OutputError(
            f"{folder}: already holds another, unfinished run. `globalfit resume {folder}` goes on with it; "
            "choose another folder with --output, or remove it."
        )
    return True
