"""Best fit and profile likelihoods of an optimiser: intervals, tables and files.

An interval holds the values at which the profile of ln L lies less than half a quantile of the chi-squared distribution
below its maximum (Wilks): 0.5 for 68 %, 1.92 for 95 %, in a plane 1.15 and 3.00. The confidence levels are exact for a
Gaussian likelihood; at the edge of the prior, or where ln L has kinks, they are not.

`profile.csv` has one row per node: `profile` (one parameter, or two in a plane), the sampled parameters (the profiled
one at its given value, the others where ln L is highest), `log_likelihood`, and `delta_log_likelihood`, how far that is
below the best fit.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.stats import chi2

from globalfit.analysis.stored_draws import BestFit
from globalfit.posterior.posterior import Posterior
from globalfit.results.schema import IntervalRecord, Intervals, ParameterProfile, ProfileRecord
from globalfit.samplers.draws import Optimum, Profile
from globalfit.storage.files import replaced

# Confidence level by its name.
LEVELS = {"68": 0.6827, "95": 0.95}
COLUMNS = (
    *("parameter", "best_fit", "at_bound"),
    *(f"profile_{level}_{side}" for level in LEVELS for side in ("low", "high")),
    *("open_95", "pieces_95"),
)


class Interval(NamedTuple):
    """Values of a parameter that a confidence level allows; a side is `open` where the prior ends it, not the data."""

    low: float
    high: float
    open_low: bool
    open_high: bool


class Row(NamedTuple):
    """One row of the `summary.csv` of an optimiser; the intervals by level, none without a profile."""

    parameter: str
    best_fit: float
    at_bound: str
    intervals: dict[str, list[Interval]]

    def cells(self) -> list[str]:
        """Text of the row: the hull of each interval, which sides are open, in how many pieces it falls apart."""
        if not self.intervals:
            return [self.parameter, repr(self.best_fit), self.at_bound, *[""] * (len(COLUMNS) - 3)]
        edges = [edge for pieces in self.intervals.values() for edge in (pieces[0].low, pieces[-1].high)]
        widest = self.intervals["95"]
        return [
            self.parameter,
            *(repr(self.best_fit), self.at_bound),
            *map(repr, edges),
            _open(widest),
            str(len(widest)),
        ]


def threshold(level: str, parameters: int) -> float:
    """How far ln L may lie below its maximum in a region of one or two parameters."""
    return 0.5 * float(chi2.ppf(LEVELS[level], parameters))


def intervals(x: Float[np.ndarray, " node"], delta: Float[np.ndarray, " node"], depth: float) -> list[Interval]:
    """Pieces of the axis (ascending `x`) with `delta` up to `depth`.

    Between nodes sqrt(delta) is linear in x, which is exact for a parabola centred on its minimum.
    """
    inside = delta <= depth
    # Where there is no solution, the edge lies halfway to the next node.
    root = np.sqrt(np.where(np.isfinite(delta), np.maximum(delta, 0.0), 4.0 * depth))
    starts = np.flatnonzero(inside & ~np.concatenate([[False], inside[:-1]])).tolist()
    ends = np.flatnonzero(inside & ~np.concatenate([inside[1:], [False]])).tolist()

    def edge(inner: int, outer: int) -> float:
        if not 0 <= outer < len(x):
            return float(x[inner])
        share = (np.sqrt(depth) - root[inner]) / (root[outer] - root[inner])
        return float(x[inner] + share * (x[outer] - x[inner]))

    return [
        Interval(edge(first, first - 1), edge(last, last + 1), first == 0, last == len(x) - 1)
        for first, last in zip(starts, ends, strict=True)
    ]


def parameter_intervals(optimum: Optimum, profile: Profile, logarithmic: bool) -> dict[str, list[Interval]]:
    """Intervals of a profiled parameter by level."""
    x = profile.theta[:, optimum.names.index(profile.axes[0])]
    delta = optimum.log_likelihood - profile.log_likelihood
    if not logarithmic:
        return {level: intervals(x, delta, threshold(level, 1)) for level in LEVELS}
    pieces = {level: intervals(np.log10(x), delta, threshold(level, 1)) for level in LEVELS}
    return {level: [_powers(piece) for piece in found] for level, found in pieces.items()}


def optimum_rows(posterior: Posterior, optimum: Optimum, best: BestFit) -> list[Row]:
    """Sampled parameters with intervals, `log10_<name>` for a logarithmic prior, and what follows from them."""
    profiles = {profile.axes[0]: profile for profile in optimum.profiles}
    rows: list[Row] = []
    for i, (name, prior) in enumerate(zip(posterior.names, posterior.parameters.prior.distributions, strict=True)):
        found = parameter_intervals(optimum, profiles[name], prior.logarithmic) if name in profiles else {}
        value = float(optimum.theta[i])
        rows.append(Row(name, value, optimum.at_bound[i], found))
        if prior.logarithmic:
            logs = {level: [_logs(piece) for piece in pieces] for level, pieces in found.items()}
            rows.append(Row(f"log10_{name}", float(np.log10(value)), optimum.at_bound[i], logs))
    taken = {row.parameter for row in rows} | set(posterior.parameters.fixed)
    for name, value in (best.parameters | best.predictions).items():
        if name not in taken:
            rows.append(Row(name, value, "", {}))
    return rows


def profile_record(posterior: Posterior, optimum: Optimum) -> ProfileRecord:
    """Plain data of the report's section on profiles."""
    sampled = zip(posterior.names, posterior.parameters.prior.distributions, strict=True)
    logarithmic = {name: prior.logarithmic for name, prior in sampled}
    bounds = dict(zip(optimum.names, optimum.at_bound, strict=True))
    rows: list[ParameterProfile] = []
    for profile in optimum.profiles:
        name = profile.axes[0]
        found = parameter_intervals(optimum, profile, logarithmic[name])
        intervals: Intervals = {"68": _interval_record(found["68"]), "95": _interval_record(found["95"])}
        rows.append({"name": name, "at_bound": bounds[name], "intervals": intervals})
    return {
        "parameters": rows,
        "planes": [list(plane.axes) for plane in optimum.planes],
        "thresholds": {
            "68": [threshold("68", 1), threshold("68", 2)],
            "95": [threshold("95", 1), threshold("95", 2)],
        },
    }


def _interval_record(pieces: Sequence[Interval]) -> IntervalRecord:
    return {"pieces": [[piece.low, piece.high] for piece in pieces], "open": _open(pieces)}


def write_profiles(path: Path, optimum: Optimum) -> None:
    """`profile.csv`."""
    with replaced(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["profile", *optimum.names, "log_likelihood", "delta_log_likelihood"])
        for profile in (*optimum.profiles, *optimum.planes):
            for theta, value in zip(profile.theta.tolist(), profile.log_likelihood.tolist(), strict=True):
                delta = optimum.log_likelihood - value
                writer.writerow([" ".join(profile.axes), *map(repr, theta), repr(value), repr(delta)])


def _open(pieces: Sequence[Interval]) -> str:
    """Sides on which the prior ends an interval."""
    return " ".join(side for side, is_open in (("low", pieces[0].open_low), ("high", pieces[-1].open_high)) if is_open)


def _powers(piece: Interval) -> Interval:
    return piece._replace(low=10.0**piece.low, high=10.0**piece.high)


def _logs(piece: Interval) -> Interval:
    return piece._replace(low=float(np.log10(piece.low)), high=float(np.log10(piece.high)))
