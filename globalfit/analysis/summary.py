"""The table of marginal posteriors: moments, quantiles and convergence, one row per quantity."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Float

from globalfit.analysis.stored_draws import Stored
from globalfit.posterior.posterior import Posterior
from globalfit.results.marginals import COLUMNS, NOT_CONVERGED, QUANTILES, weighted_quantiles
from globalfit.samplers.draws import Draws
from globalfit.samplers.weights import effective_sample_size
from globalfit.storage.files import replaced
from globalfit.storage.inference_data import Statistics, statistics


class TableRow(Protocol):
    """A row of `summary.csv`."""

    def cells(self) -> list[str]:
        """Text of the row."""
        ...


class Marginal(NamedTuple):
    """One row of `summary.csv`."""

    parameter: str
    mean: float
    sd: float
    quantiles: tuple[float, ...]
    statistics: Statistics

    def cells(self) -> list[str]:
        """Text of the row; what is not defined is empty."""
        numbers = (self.mean, self.sd, *self.quantiles, *self.statistics)
        return [self.parameter, *("" if np.isnan(number) else repr(float(number)) for number in numbers)]


def summarise(posterior: Posterior, draws: Draws, stored: Stored) -> list[Marginal]:
    """Sampled parameters (from the weighted points if there are any), then what follows from them.

    A parameter with a logarithmic prior has a second row `log10_<name>`. For weighted points the effective sample
    size is Kish's, and R-hat is not defined.
    """
    rows: list[Marginal] = []
    weighted = draws.weighted
    kish = np.nan if weighted is None or not draws.is_sample else effective_sample_size(weighted.log_weight)
    for i, (name, prior) in enumerate(zip(posterior.names, posterior.parameters.prior.distributions, strict=True)):
        if weighted is None:
            chains, points, weights = draws.theta[..., i], draws.theta[..., i].ravel(), None
        else:
            chains, points, weights = None, weighted.theta[:, i], np.exp(weighted.log_weight)
        rows.append(marginal(name, points, weights, chains, kish))
        if prior.logarithmic:
            log_chains = None if chains is None else np.log10(chains)
            rows.append(marginal(f"log10_{name}", np.log10(points), weights, log_chains, kish))
    derived = {name: stored.parameters[name] for name in stored.parameters if name not in posterior.names}
    derived = {name: chains for name, chains in derived.items() if name not in posterior.parameters.fixed}
    taken = {row.parameter for row in rows}
    for name, chains in (derived | {name: stored.row.predictions[name] for name in posterior.vocabulary}).items():
        if name not in taken:
            rows.append(marginal(name, chains.ravel(), None, None if weighted is not None else chains, kish))
    return rows


def marginal(
    name: str,
    points: Float[np.ndarray, " point"],
    weights: Float[np.ndarray, " point"] | None,
    chains: Float[np.ndarray, "chain draw"] | None,
    ess: float,
) -> Marginal:
    """Moments and quantiles of one quantity; convergence from `chains`, or the given effective sample size."""
    found = Statistics(np.nan, ess, ess) if chains is None else statistics(chains)
    if not np.isfinite(points).all():
        return Marginal(name, np.nan, np.nan, (np.nan,) * len(QUANTILES), found)
    share = np.full(len(points), 1.0 / len(points)) if weights is None else weights / np.sum(weights)
    mean = float(np.sum(share * points))
    sd = float(np.sqrt(np.sum(share * (points - mean) ** 2)))
    return Marginal(name, mean, sd, weighted_quantiles(points, share, QUANTILES), found)


def write_summary(
    path: Path, rows: Iterable[TableRow], converged: bool | None, columns: Sequence[str] = COLUMNS
) -> None:
    """`summary.csv`; a run that did not converge says so in its first row."""
    with replaced(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        if converged is False:
            writer.writerow([NOT_CONVERGED, *[""] * (len(columns) - 1)])
        writer.writerows(row.cells() for row in rows)
