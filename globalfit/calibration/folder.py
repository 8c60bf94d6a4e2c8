"""The folder of a calibration: what it belongs to, and one file for each trial that is done."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from globalfit.calibration.trial import LOG_LIKELIHOOD, Trial
from globalfit.errors import OutputError
from globalfit.storage.difference import differences
from globalfit.storage.files import check_path, read_json, try_writing, write_json

SETTINGS = "settings.json"
TRIALS = "trials"


_KEPT = TypeAdapter(Trial)


def claim(folder: Path, identity: Mapping[str, Any]) -> None:
    """Make the folder for a calibration, `identity` being its settings as JSON, or go on with the one that is there.

    Settings under which no trial was finished bind nobody.
    Raises `OutputError` for a folder that holds anything else and for one that cannot be used.
    """
    check_path(folder)
    path = folder / SETTINGS
    if path.exists() and any((folder / TRIALS).glob("*.json")):
        known = read_json(path)
        if difference := next(differences(known, dict(identity)), None):
            raise OutputError(
                f"{folder}: holds a calibration that is not the same: {difference.was}. "
                "Choose another folder with --output, or remove this one."
            )
        try_writing(folder / TRIALS)
        return
    try:
        if folder.exists() and not path.exists() and any(folder.iterdir()):
            raise OutputError(f"{folder}: is not empty and holds no calibration; choose another folder with --output.")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be used: {error.strerror}.") from error
    write_json(path, dict(identity))
    try_writing(folder / TRIALS)


def read_trial(folder: Path, number: int, parameters: Sequence[str], size: int) -> Trial | None:
    """A trial of these parameters with ranks among `size` draws, None if it is not done yet.

    Raises `OutputError` if it cannot be read or is another one.
    """
    path = _path(folder, number)
    if not path.exists():
        return None
    not_ours = OutputError(f"{path}: is not what this calibration writes there; remove it, and it is made again.")
    try:
        trial = _KEPT.validate_python(read_json(path))
    except (ValidationError, OutputError) as error:
        raise not_ours from error
    quantities = {*parameters, LOG_LIKELIHOOD}
    if not set(trial.truth) == set(trial.ranks) == quantities or not all(0 <= r <= size for r in trial.ranks.values()):
        raise not_ours
    return trial


def write_trial(folder: Path, number: int, trial: Trial) -> None:
    """Keep a trial that is done. Raises `OutputError` if the folder cannot be written."""
    write_json(_path(folder, number), dataclasses.asdict(trial))


def _path(folder: Path, number: int) -> Path:
    return folder / TRIALS / f"{number:06d}.json"
