"""Posterior-predictive p-values: would data drawn from the posterior's own points agree with them worse than the real?

With T of `globalfit.experiment.discrepancy`, p is the fraction of the draws theta whose toy y has T(y, theta) >=
T(data, theta) (Gelman, Meng and Stern, Statistica Sinica 6 (1996) 733, eq. 8). It is no frequentist p-value: the data
have been used to find theta, so that p lies closer to 1/2 than a uniform one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from globalfit.analysis.stored_draws import Stored
from globalfit.posterior.posterior import Posterior
from globalfit.results.schema import PredictiveRecord
from globalfit.samplers.draws import Draws
from globalfit.storage.inference_data import statistics

TOTAL = "total"
# A p-value below this, or above one minus this, is pointed out.
UNUSUAL = 0.01
# Fraction of the draws from which on toys that agree exactly as well as the data are pointed out.
_MANY_TIES = 0.05


class PValue(NamedTuple):
    """p with its Monte Carlo error, the part of it that comes from ties T(toy) = T(data), and the means of T.

    p is None where a toy has no likelihood.
    """

    p_value: float | None
    error: float | None
    ties: float
    data: float
    toys: float

    @property
    def unusual(self) -> bool:
        """Whether p is pointed out. Ties do not make p too large: there the data can not tell."""
        return self.p_value is not None and (self.p_value < UNUSUAL or self.p_value - self.ties > 1.0 - UNUSUAL)

    @property
    def remark(self) -> str:
        """One sentence on an unusual value, or on ties; empty if there is nothing to say."""
        if self.p_value is None:
            return "Some of the toy data have no likelihood."
        if self.p_value < UNUSUAL:
            return "The data lie further from the predictions than chance explains."
        if self.unusual:
            return (
                "The data lie closer to the predictions than toys do: a published limit without its fluctuation, "
                "averaged data, backgrounds fitted to the same data, or errors that are too large."
            )
        if self.ties > _MANY_TIES:
            return (
                f"In {100.0 * self.ties:.0f} % of the draws the toy agrees exactly as well as the data, as where "
                "nothing is expected and nothing was seen: a large p says nothing."
            )
        return ""


def predictive_table(posterior: Posterior, draws: Draws, stored: Stored) -> list[PredictiveRecord]:
    """Plain data of the report: one row for each experiment, and one for all together if there are several."""
    weighted = draws.weighted
    effective = None if weighted is None else float(1.0 / np.sum(np.exp(2.0 * weighted.log_weight)))
    titles = {name: item.title for name, item in posterior.likelihoods.items()} | {TOTAL: "All experiments"}
    return [
        PredictiveRecord(name=name, title=titles[name], **found._asdict(), unusual=found.unusual, remark=found.remark)
        for name, found in p_values(stored.row.discrepancy, effective).items()
    ]


def p_values(
    discrepancy: Mapping[str, Float[np.ndarray, "chain draw 2"]], effective: float | None = None
) -> dict[str, PValue]:
    """p by experiment, and `total` from the sum of T if there are several.

    `effective` is the effective number of draws; if it is not known, the autocorrelation of the comparisons gives it,
    or that of T(data, theta) where all come out alike.
    """
    several = len(discrepancy) > 1
    every = {**discrepancy, **({TOTAL: sum(discrepancy.values(), start=np.zeros(()))} if several else {})}
    return {name: p_value(values, effective) for name, values in every.items()}


def p_value(discrepancy: Float[np.ndarray, "chain draw 2"], effective: float | None = None) -> PValue:
    """p of one experiment. Its error is the width of the posterior of a probability of which `effective` trials are
    known (uniform prior), so that p = 0 has an error too."""
    data, toys = discrepancy[..., 0], discrepancy[..., 1]
    ties = float(np.mean(toys == data))
    means = float(np.mean(data)), float(np.mean(toys))
    if np.isnan(discrepancy).any():
        return PValue(None, None, ties, *means)
    worse = (toys >= data).astype(float)
    p = float(np.mean(worse))
    if effective is None:
        # Where all comparisons come out alike, they do not tell how many of them are independent.
        sizes = (statistics(values).ess_bulk for values in (worse, data))
        effective = next((size for size in sizes if math.isfinite(size)), math.inf)
    trials = min(worse.size, effective)
    centre = (p * trials + 1.0) / (trials + 2.0)
    return PValue(p, math.sqrt(centre * (1.0 - centre) / (trials + 3.0)), ties, *means)
