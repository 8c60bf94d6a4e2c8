"""What the folder of a run holds, told from its files alone: nothing is built, so that the answer comes at once.

A run of a file is compared with what its folder holds as far as the file goes: what it leaves to a default is not
looked at here (`globalfit.fitting.campaign.spec_state` does, before a run is skipped).
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from globalfit import runfile
from globalfit.errors import GlobalFitError
from globalfit.results import folder as names
from globalfit.results.checksums import verify
from globalfit.results.records import read_evidence, read_provenance
from globalfit.results.run_identity import other_code, settings
from globalfit.results.schema import Evidence
from globalfit.results.table_files import table_paths
from globalfit.runfile import RunFile, entry
from globalfit.storage.difference import MISSING, differences, shown
from globalfit.storage.lock import is_locked


class State(enum.Enum):
    """What the folder of a run holds."""

    MISSING = "missing"
    UNFINISHED = "unfinished"
    RUNNING = "running"
    FINISHED = "finished"
    OTHER = "other settings"
    OTHER_CODE = "other code"
    OTHER_DATA = "other data"
    UNREADABLE = "unreadable"


class Checkpoint(NamedTuple):
    """When a run was saved last, and the calls of compiled functions that were recorded by then."""

    time: datetime.datetime
    calls: int


@dataclasses.dataclass(frozen=True)
class RunState:
    """State of one folder: the checkpoint of an unfinished run, the content of `evidence.json` of a finished one, and
    what is other about one (settings, data, the code that made it), or what cannot be read."""

    folder: Path
    state: State
    checkpoint: Checkpoint | None = None
    evidence: Evidence | None = None
    reason: str = ""


def run_state(folder: Path, run: RunFile | None = None) -> RunState:
    """What a folder holds, and whether that is `run` if one is given."""
    try:
        return _run_state(folder, run)
    except GlobalFitError as error:
        return RunState(folder, State.UNREADABLE, reason=str(error))


def _run_state(folder: Path, run: RunFile | None) -> RunState:
    if not (folder / names.RUN).is_file():
        return RunState(folder, State.MISSING)
    finished = (folder / names.REPORT).is_file()
    if not finished and is_locked(folder):
        return RunState(folder, State.RUNNING, last_checkpoint(folder))
    if finished:
        verify(folder)
    found = RunState(
        folder,
        State.FINISHED if finished else State.UNFINISHED,
        None if finished else last_checkpoint(folder),
        read_evidence(folder) if finished else None,
    )
    if run is not None and (reason := first_contradiction(run, runfile.load(folder / names.RUN))):
        return dataclasses.replace(found, state=State.OTHER, reason=reason)
    origin = read_provenance(folder) if finished else None
    if run is not None and origin is not None and (reason := other_code(origin)):
        return dataclasses.replace(found, state=State.OTHER_CODE, reason=reason)
    if origin is not None and (altered := altered_table(origin["data_sha256"])):
        return dataclasses.replace(found, state=State.OTHER_DATA, reason=f"{altered} has changed since")
    return found if origin is None else dataclasses.replace(found, reason=other_code(origin))


def last_checkpoint(folder: Path) -> Checkpoint | None:
    """The latest checkpoint of a run; None if there is none yet."""
    files = [path for path in (folder / names.CHECKPOINT).glob("[!.]*") if path.suffix != ".json"]
    if not files:
        return None
    latest = max(path.stat().st_mtime for path in files)
    recorded = max((path for path in files if path.stem.isdigit()), default=None)
    calls = 0 if recorded is None else int(recorded.stem) + _calls(recorded)
    return Checkpoint(datetime.datetime.fromtimestamp(latest).astimezone(), calls)


def first_contradiction(run: RunFile, held: RunFile) -> str:
    """The first thing that a run file says and that a run with all its defaults filled in has otherwise."""
    found = (item for item in differences(_plain(held), _plain(run)) if item.other is not MISSING)
    return next((f"{item.place} is {shown(item.one)}, the file says {shown(item.other)}" for item in found), "")


def altered_table(checksums: Mapping[str, str]) -> str:
    """The first data table that is not what it was, by its name; tables that are none of ours are not looked at."""
    paths = table_paths()
    for name, known in checksums.items():
        path = paths.get(name)
        if path is not None and hashlib.sha256(path.read_bytes()).hexdigest() != known:
            return name
    return ""


def _calls(path: Path) -> int:
    """Calls in one file of a checkpoint; 0 for a damaged one."""
    from globalfit.checkpoint.call_files import read_calls

    try:
        return len(read_calls(path))
    except Exception:  # noqa: BLE001 - there is no list of what a damaged file makes NumPy raise
        return 0


def _plain(run: RunFile) -> dict[str, Any]:
    """Settings in which every name has its options and inputs are a mapping."""
    found = settings(run)
    inputs = found["inputs"]
    return found | {
        **{key: dict([entry(found[key])]) for key in ("model", "sampler")},
        "likelihoods": [dict([entry(item)]) for item in found["likelihoods"]],
        "inputs": {"preset": inputs} if isinstance(inputs, str) else {"preset": "default", **inputs},
    }
