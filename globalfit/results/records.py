"""The JSON files of a finished run, checked for the keys that every command relies on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from globalfit.errors import OutputError
from globalfit.files import read_json
from globalfit.results.folder import DETAILS, EVIDENCE, PROVENANCE

KEYS = {
    EVIDENCE: (
        *("converged", "failed", "log_evidence", "log_evidence_error", "method", "information"),
        *("fraction_without_solution", "best_log_likelihood"),
    ),
    DETAILS: ("model", "sampler", "diagnostics", "parameters", "likelihoods", "predictions", "best_fit", "references"),
    PROVENANCE: ("globalfit", "data_sha256"),
}


def read_evidence(folder: Path) -> dict[str, Any]:
    """`evidence.json` of a run. Raises `OutputError` if it cannot be read or is not what a run writes."""
    return _record(folder / EVIDENCE)


def read_details(folder: Path) -> dict[str, Any]:
    """`report.json` of a run. Raises `OutputError` if it cannot be read or is not what a run writes."""
    return _record(folder / DETAILS)


def read_provenance(folder: Path) -> dict[str, Any]:
    """`provenance.json` of a run. Raises `OutputError` if it cannot be read or is not what a run writes."""
    return _record(folder / PROVENANCE)


def _record(path: Path) -> dict[str, Any]:
    found = read_json(path)
    record: dict[str, Any] = found if isinstance(found, dict) else {}
    if missing := [key for key in KEYS[path.name] if key not in record]:
        raise OutputError(
            f"{path}: lacks {', '.join(missing)}; was it changed, or written by another version of globalfit? "
            "Put the file back, or run again elsewhere."
        )
    return record
