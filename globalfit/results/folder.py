"""The output folder of a run: its files, and who may write it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from globalfit.errors import OutputError

RUN = "run.yaml"
POSTERIOR = "posterior.nc"
EVIDENCE = "evidence.json"
SUMMARY = "summary.csv"
PROVENANCE = "provenance.json"
DETAILS = "report.json"
PLANE = "plane.csv"
CURVES = "curves.csv"
PROFILE = "profile.csv"
FIGURES = "figures"
REPORT = "report.html"


def claim(folder: Path, run_yaml: str) -> None:
    """Make the folder and check that it may take this run.

    An unfinished run with the same `run.yaml` may be started again. Raises `OutputError` for a folder that holds
    another run, a finished one, or files that are none of ours.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file, not a folder; choose another one with --output.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise OutputError(f"{folder}: cannot be used: {error.strerror}.") from error
    if RUN in held:
        same = (folder / RUN).read_text(encoding="utf-8") == run_yaml
        if REPORT in held:
            which = "this run, finished" if same else "another run"
            raise OutputError(
                f"{folder}: already holds {which}. Choose another folder with --output, or remove this one; "
                f"`globalfit report {folder}` makes its report again."
            )
        if not same:
            raise OutputError(
                f"{folder}: already holds another, unfinished run. Choose another folder with --output, or remove it."
            )
    elif held:
        raise OutputError(f"{folder}: is not empty and holds no run; choose another folder with --output.")


def read_json(path: Path) -> Any:
    """JSON of a result. Raises `OutputError` if it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror}. Is {path.parent} the folder of a run?") from error
    except ValueError as error:
        raise OutputError(f"{path}: is not valid JSON: {error}.") from error
