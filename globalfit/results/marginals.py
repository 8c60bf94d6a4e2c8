"""Marginal posteriors of a finished run, from its points and weights; the columns of `summary.csv`."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from globalfit.errors import UnknownNameError
from globalfit.results.records import altered, sampled_parameters
from globalfit.results.schema import Details

QUANTILES = (0.05, 0.16, 0.5, 0.84, 0.95)
COLUMNS = ("parameter", "mean", "sd", "q05", "q16", "q50", "q84", "q95", "r_hat", "ess_bulk", "ess_tail")
_NOT_NEGATIVE = ("sd", "r_hat", "ess_bulk", "ess_tail")
# First row of the table of a run that failed a convergence check: the columns stay what they are.
NOT_CONVERGED = "NOT CONVERGED"


def weighted_quantiles(
    points: Float[np.ndarray, " point"], weights: Float[np.ndarray, " point"], levels: Sequence[float]
) -> tuple[float, ...]:
    """Quantiles of weighted points: linear interpolation of the cumulative weight at the middle of each point."""
    order = np.argsort(points)
    cumulative = np.cumsum(weights[order])
    return tuple(float(np.interp(level, cumulative - 0.5 * weights[order], points[order])) for level in levels)


@dataclasses.dataclass(frozen=True, repr=False)
class Marginal:
    """The marginal posterior of one quantity: points with weights that sum to one."""

    name: str
    unit: str
    points: Float[np.ndarray, " point"]
    weights: Float[np.ndarray, " point"]

    @property
    def mean(self) -> float:
        """Posterior mean."""
        return float(np.sum(self.weights * self.points))

    @property
    def sd(self) -> float:
        """Posterior standard deviation."""
        return float(np.sqrt(np.sum(self.weights * (self.points - self.mean) ** 2)))

    @property
    def median(self) -> float:
        """Posterior median."""
        return self.quantile(0.5)

    def quantile(self, level: float) -> float:
        """The value below which the probability is `level`. Raises `ValueError` for a level outside [0, 1]."""
        if not 0.0 <= level <= 1.0:
            raise ValueError(f"the level of a quantile lies in [0, 1], not at {level}.")
        return weighted_quantiles(self.points, self.weights, (level,))[0]

    def interval(self, level: float = 0.68) -> tuple[float, float]:
        """The central interval with this probability: as much lies below it as above it."""
        return self.quantile(0.5 * (1.0 - level)), self.quantile(0.5 * (1.0 + level))

    def __repr__(self) -> str:
        low, high = self.interval()
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.name} = {self.median:.5g}{unit}, 68 % in [{low:.5g}, {high:.5g}]"


class Summary(Mapping[str, Marginal]):
    """Marginal posteriors by name, made when they are asked for."""

    def __init__(self, names: Sequence[str], marginal: Callable[[str], Marginal]) -> None:
        self._names, self._marginal = tuple(names), marginal

    def __getitem__(self, name: str) -> Marginal:
        """The marginal of one quantity. Raises `UnknownNameError` (a `KeyError`) with the nearest known name."""
        if name not in self._names:
            raise UnknownNameError("parameter or prediction", name, self._names)
        return self._marginal(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __repr__(self) -> str:
        return "\n".join(repr(self[name]) for name in self)


def read_summary(path: Path, text: str, details: Details) -> list[dict[str, str]]:
    """The rows of the text of `summary.csv`. Raises `OutputError` if it ends too early or is not that of the run."""
    rows = list(csv.DictReader(text.splitlines()))
    parameters = {item["name"] for item in details["parameters"]}
    expected = {*sampled_parameters(details), *({item["name"] for item in details["predictions"]} - parameters)}
    missing = expected.difference(row.get("parameter") for row in rows)
    if missing or not text.endswith("\n") or not (details.get("profile") or all(map(_is_possible, rows))):
        raise altered(path, "is cut off, has numbers that cannot be, or is not that of the run")
    return rows


def _is_possible(row: Mapping[str, str]) -> bool:
    """Whether a row of a posterior's table has a number that can be, or nothing, in every column that takes one."""
    try:
        numbers = {column: float(row[column] or 0.0) for column in COLUMNS[1:]}
    except (KeyError, TypeError, ValueError):
        return False
    return all(numbers[column] >= 0.0 for column in _NOT_NEGATIVE)
