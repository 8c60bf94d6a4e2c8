"""What a report is made of: the files of an output folder, read and checked."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

from globalfit.analysis.summary import COLUMNS
from globalfit.errors import OutputError
from globalfit.results import folder as names
from globalfit.results.records import altered, read_details, read_evidence, read_provenance, sampled_parameters
from globalfit.results.schema import Details, Evidence, ParameterRecord, Provenance
from globalfit.storage.inference_data import Samples, load


@dataclasses.dataclass(frozen=True)
class Content:
    """Everything a report shows, as plain data."""

    folder: Path
    settings: str
    samples: Samples
    evidence: Evidence
    summary: list[dict[str, str]]
    details: Details
    provenance: Provenance

    @property
    def sampled(self) -> list[ParameterRecord]:
        """The sampled parameters."""
        return list(sampled_parameters(self.details).values())

    @property
    def shows_posterior(self) -> bool:
        """False for an optimiser, and for a plane whose mesh is too coarse for the posterior."""
        if self.details.get("profile") is not None:
            return False
        return self.details.get("plane") is None or self.evidence["log_evidence"] is not None


def read_content(folder: Path) -> Content:
    """Content of an output folder. Raises `OutputError` if a file is missing or cannot be read."""
    if not folder.is_dir():
        raise OutputError(f"{folder}: is not a folder of a run.")
    try:
        settings = (folder / names.RUN).read_text(encoding="utf-8")
        summary = (folder / names.SUMMARY).read_text(encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"{folder}: is not the folder of a finished run: {error.strerror}, {error.filename}."
        ) from error
    except UnicodeDecodeError as error:
        raise OutputError(f"{folder}: {names.RUN} or {names.SUMMARY} is not what a run writes: {error}.") from error
    details = read_details(folder)
    return Content(
        folder,
        settings,
        Samples({}, {}, {}, {})
        if details.get("profile") is not None
        else load(folder / names.POSTERIOR, sampled_parameters(details)),
        read_evidence(folder),
        _rows(folder / names.SUMMARY, summary, details),
        details,
        read_provenance(folder),
    )


def _rows(path: Path, text: str, details: Details) -> list[dict[str, str]]:
    """The rows of `summary.csv`. Raises `OutputError` if it ends too early or is not that of the run."""
    rows = list(csv.DictReader(text.splitlines()))
    parameters = {item["name"] for item in details["parameters"]}
    expected = {*sampled_parameters(details), *({item["name"] for item in details["predictions"]} - parameters)}
    missing = expected.difference(row.get("parameter") for row in rows)
    if missing or not text.endswith("\n") or not (details.get("profile") or all(map(_has_numbers, rows))):
        raise altered(path, "is cut off, or not that of the run")
    return rows


def _has_numbers(row: dict[str, str]) -> bool:
    """Whether a row of a posterior's table has a number, or nothing, in every column that takes one."""
    try:
        _ = [float(row[column] or 0.0) for column in COLUMNS[1:]]
    except (KeyError, TypeError, ValueError):
        return False
    return True
