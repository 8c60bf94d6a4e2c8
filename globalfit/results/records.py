"""The JSON files of a finished run: read, and checked to be what a run writes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from globalfit.errors import OutputError
from globalfit.results.folder import DETAILS, EVIDENCE, PROVENANCE
from globalfit.results.schema import CrossCheckRecord, Details, Evidence, ParameterRecord, Provenance
from globalfit.runfile.validation import described
from globalfit.storage.files import read_json
from globalfit.table_names import logical_name

_Record = TypeVar("_Record")

_EVIDENCE = TypeAdapter(Evidence)
_DETAILS = TypeAdapter(Details)
_PROVENANCE = TypeAdapter(Provenance)


def read_evidence(folder: Path) -> Evidence:
    """`evidence.json` of a run. Raises `OutputError` if it cannot be read or is not what a run writes."""
    return _read(folder / EVIDENCE, _EVIDENCE, _faults_of_evidence)


def read_details(folder: Path) -> Details:
    """`report.json` of a run. Raises `OutputError` if it cannot be read or is not what a run writes."""
    return _read(folder / DETAILS, _DETAILS, _faults_of_details)


def read_provenance(folder: Path) -> Provenance:
    """`provenance.json` of a run, its tables by their logical names, whatever they were called when it was written.

    Raises `OutputError` if it cannot be read or is not what a run writes.
    """
    record = _read(folder / PROVENANCE, _PROVENANCE, lambda _: iter(()))
    return {**record, "data_sha256": {logical_name(name): known for name, known in record["data_sha256"].items()}}


def sampled_parameters(details: Details) -> dict[str, ParameterRecord]:
    """The sampled parameters of a run by name."""
    return {row["name"]: row for row in details["parameters"] if row["sampled"]}


def convergence(converged: bool | None) -> str:
    """The verdict on a run in a word or two."""
    return {True: "converged", False: "NOT CONVERGED", None: "a plane, no sample"}[converged]


def altered(path: Path, fault: str) -> OutputError:
    """The error of a file that is not what a run writes."""
    return OutputError(
        f"{path}: {fault}; was it changed, or written by another version of globalfit? "
        "Put the file back, or run again elsewhere."
    )


def _read(path: Path, adapter: TypeAdapter[_Record], faults: Callable[[_Record], Iterator[str]]) -> _Record:
    found = read_json(path)
    try:
        record = adapter.validate_python(found)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        missing = [_place(problem["loc"]) for problem in problems if problem["type"] == "missing"]
        first = f"{_place(problems[0]['loc'])} {described(problems[0])}".strip().removesuffix(".")
        raise altered(path, f"lacks {', '.join(missing)}" if missing else first) from error
    if fault := next(faults(record), ""):
        raise altered(path, fault)
    return record


def _faults_of_evidence(record: Evidence) -> Iterator[str]:
    both: list[tuple[str, Evidence | CrossCheckRecord | None]] = [("", record), ("cross_check.", record["cross_check"])]
    for place, found in both:
        if found is not None and (found["log_evidence"] is None) != (found["log_evidence_error"] is None):
            yield f"{place}log_evidence and {place}log_evidence_error must both be numbers or both be null"


def _faults_of_details(record: Details) -> Iterator[str]:
    """What types do not say: names that occur elsewhere are those of parameters and likelihoods of the run."""
    sampled = list(sampled_parameters(record))
    likelihoods = [row["name"] for row in record["likelihoods"]]
    for row in record["parameters"]:
        yield from _faults_of_parameter(row)
    profile, plane = record.get("profile"), record.get("plane")
    for row in record["likelihoods"]:
        if row["mean_log_likelihood"] is None and profile is None:
            yield f"likelihoods: {row['name']}.mean_log_likelihood must be a number"
    for mode in record.get("modes", []):
        yield from _faults_of_names("modes", mode["parameters"], sampled)
    if profile is not None:
        yield from _faults_of_names("profile.parameters", [row["name"] for row in profile["parameters"]], sampled)
        yield from _faults_of_names("profile.planes", [name for pair in profile["planes"] for name in pair], sampled)
    if plane is not None:
        yield from _faults_of_names("plane", [plane["x"]["name"], plane["y"]["name"]], sampled)
        for place, axis in (("plane.x", plane["x"]), ("plane.y", plane["y"])):
            if not axis["low"] < axis["high"] or (axis["logarithmic"] and axis["low"] <= 0.0):
                yield f"{place}.low and {place}.high must be the ends of an axis"
        yield from _faults_of_names("plane.experiments", [row["name"] for row in plane["experiments"]], likelihoods)


def _faults_of_parameter(row: ParameterRecord) -> Iterator[str]:
    x, density = row["prior_curve"]["x"], row["prior_curve"]["density"]
    if row["sampled"] and row["best_fit"] is None:
        yield f"parameters: {row['name']}.best_fit must be a number"
    if row["logarithmic"] and (row["best_fit"] or 0.0) <= 0.0:
        yield f"parameters: {row['name']}.best_fit must be above zero"
    ascends = all(low <= high for low, high in itertools.pairwise(x))
    if len(x) != len(density) or not ascends or (row["sampled"] and len(x) < 2):
        yield f"parameters: {row['name']}.prior_curve must have ascending x and a density for each"


def _faults_of_names(place: str, found: Any, known: list[str]) -> Iterator[str]:
    for name in found:
        if name not in known:
            yield f"{place}: '{name}' is none of {', '.join(known)}"


def _place(location: tuple[str | int, ...]) -> str:
    return ".".join(map(str, location))
