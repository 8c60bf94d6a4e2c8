"""Comparison of finished runs on the same data: evidences, Bayes factors, what the priors do to them, and a page."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from globalfit.comparison.runs import read_runs
from globalfit.comparison.sensitivity import Change, changes
from globalfit.comparison.table import Factor, Row, bayes_factor, best, table
from globalfit.results.result import Result

__all__ = ["Comparison", "compare"]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The runs in the order in which they were given, one row for each, and how ln Z moves with the priors."""

    runs: list[Result]
    rows: list[Row]
    changes: list[Change]

    @property
    def best(self) -> Row | None:
        """The run with the highest evidence, None if no run has one."""
        return best(self.rows)

    @property
    def bayes_factors(self) -> dict[str, Factor | None]:
        """log10 of the Bayes factor of each run over the best one, with its error; None without an evidence."""
        return {row.run: bayes_factor(row, self.best) for row in self.rows}

    @property
    def converged(self) -> bool:
        """Whether no run failed to converge."""
        return all(row.converged is not False for row in self.rows)


def compare(folders: Sequence[Path]) -> Comparison:
    """Compare the finished runs of output folders.

    Raises `OutputError` for a folder that holds no finished run, `ConfigurationError` for fewer than two runs or runs
    on different data.
    """
    runs = read_runs(folders)
    return Comparison(runs, table(runs), [change for run in runs for change in changes(run)])
