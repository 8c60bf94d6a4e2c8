"""The table of a comparison: evidence, Bayes factors, information, best fit and convergence of each run."""

from __future__ import annotations

import csv
import dataclasses
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from globalfit.comparison.scales import jeffreys
from globalfit.results.result import Result
from globalfit.results.schema import CrossCheckRecord
from globalfit.storage.files import replaced

COLUMNS = (
    *("run", "model", "log_evidence", "log_evidence_error", "log10_bayes_factor", "log10_bayes_factor_error"),
    *("jeffreys", "information_nats", "max_log_likelihood", "converged", "method"),
    *("second_method", "second_log_evidence", "second_log_evidence_error", "verdict"),
)
NOT_COMPUTABLE = "not computable"
REFERENCE = "reference"


@dataclasses.dataclass(frozen=True)
class Second:
    """ln Z by a second method, and whether it agrees with the first."""

    method: str
    log_evidence: float | None
    log_evidence_error: float | None
    verdict: str


@dataclasses.dataclass(frozen=True)
class Row:
    """One run; None for what its sampler does not give. `failed` are the messages of failed convergence checks."""

    run: str
    model: str
    title: str
    sampler: str
    log_evidence: float | None
    log_evidence_error: float | None
    information: float | None
    max_log_likelihood: float
    fraction_without_solution: float | None
    converged: bool | None
    failed: tuple[str, ...]
    method: str
    second: Second


class Factor(NamedTuple):
    """log10 of a Bayes factor with its standard error, None if an evidence has none."""

    log10: float
    error: float | None


def table(runs: Iterable[Result]) -> list[Row]:
    """One row per run."""
    return [
        Row(
            run=run.name,
            model=run.details["model"]["name"],
            title=run.details["model"]["title"],
            sampler=run.details["sampler"]["title"],
            log_evidence=run.evidence["log_evidence"],
            log_evidence_error=run.evidence["log_evidence_error"],
            information=run.evidence["information"],
            max_log_likelihood=run.evidence["best_log_likelihood"],
            fraction_without_solution=run.evidence["fraction_without_solution"],
            converged=run.evidence["converged"],
            failed=tuple(run.evidence["failed"]),
            method=run.evidence["method"],
            second=_second(run.evidence["cross_check"]),
        )
        for run in runs
    ]


def _second(record: CrossCheckRecord | None) -> Second:
    if record is None:
        return Second("none", None, None, NOT_COMPUTABLE)
    return Second(record["method"], record["log_evidence"], record["log_evidence_error"], record["verdict"])


def best(rows: Sequence[Row]) -> Row | None:
    """The run with the highest evidence, a converged one if there is any."""
    known = [row for row in rows if row.log_evidence is not None]
    chosen = [row for row in known if row.converged] or known
    return max(chosen, key=lambda row: row.log_evidence or -math.inf, default=None)


def bayes_factor(row: Row, reference: Row | None) -> Factor | None:
    """Odds that the data give a run over the reference, from independent evidences; None without an evidence."""
    if reference is None or row.log_evidence is None or reference.log_evidence is None:
        return None
    if row is reference:
        return Factor(0.0, 0.0)
    errors = row.log_evidence_error, reference.log_evidence_error
    error = None if errors[0] is None or errors[1] is None else math.hypot(errors[0], errors[1])
    difference = row.log_evidence - reference.log_evidence
    return Factor(difference / math.log(10.0), None if error is None else error / math.log(10.0))


def wording(row: Row, reference: Row | None) -> str:
    """The Bayes factor of a run over the reference in the words of Jeffreys."""
    factor = bayes_factor(row, reference)
    if factor is None:
        return NOT_COMPUTABLE
    return REFERENCE if row is reference else jeffreys(*factor)


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """`comparison.csv`: the Bayes factors are relative to the first run given; what is not defined is empty."""
    with replaced(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_cells(row, rows[0]) for row in rows)


def _cells(row: Row, reference: Row) -> list[str]:
    factor = bayes_factor(row, reference) or (None, None)
    return [
        *(row.run, row.model, _number(row.log_evidence), _number(row.log_evidence_error)),
        *(_number(factor[0]), _number(factor[1]), wording(row, reference)),
        *(_number(row.information), _number(row.max_log_likelihood)),
        *("" if row.converged is None else str(row.converged).lower(), row.method),
        *(row.second.method, _number(row.second.log_evidence), _number(row.second.log_evidence_error)),
        row.second.verdict,
    ]


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)
