"""Are ranks uniform? Tests of their bins, mean and width, coverage of central intervals, a band for their distribution.

A rank is one of 0, ..., L: the number of L posterior draws below the truth. It stands for the L-th part of the unit
interval that begins at rank/(L + 1).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import binom, chi2, norm

# Ranks below this p-value are not uniform.
P_BOUND = 0.01
# Bins at most, and ranks that each is expected to hold at least.
MOST_BINS = 20
FEWEST = 10
# Simulated samples that say how wide a simultaneous band is.
SIMULATIONS = 2000
# Standard errors from which on a shift or a width is named.
NOTABLE = 2.5
UNNAMED = "the ranks are not uniform"


class Bins(NamedTuple):
    """Ranks per bin: found, expected, and the probability of each bin (not all hold equally many ranks)."""

    found: Int[np.ndarray, " bin"]
    expected: Float[np.ndarray, " bin"]
    probability: Float[np.ndarray, " bin"]


class Uniformity(NamedTuple):
    """Three tests of uniform ranks: Pearson's chi-square in bins, and the mean and the variance of the ranks, which see
    posteriors that are a little shifted or too narrow better. `p_value` is the smallest of the three p-values times
    three."""

    chi2: float
    degrees: int
    p_chi2: float
    p_shift: float
    p_width: float
    p_value: float


class Coverage(NamedTuple):
    """Fraction of the truths inside central intervals of probability `level`, with its error."""

    level: float
    fraction: float
    error: float


class Band(NamedTuple):
    """How many ranks are at most r = 0, ..., L: found, and the bounds that uniform ranks keep for all r at once."""

    found: Int[np.ndarray, " rank"]
    low: Float[np.ndarray, " rank"]
    high: Float[np.ndarray, " rank"]

    @property
    def inside(self) -> Bool[np.ndarray, " rank"]:
        """Where the bounds are kept."""
        return (self.found >= self.low) & (self.found <= self.high)


def binned(ranks: Int[np.ndarray, " draw"], size: int) -> Bins:
    """Ranks among `size` draws in equal bins, as many as leave `FEWEST` to each, between 2 and `MOST_BINS`."""
    count = int(np.clip(len(ranks) // FEWEST, 2, min(MOST_BINS, size + 1)))
    bins = np.arange(size + 1) * count // (size + 1)
    probability = np.bincount(bins, minlength=count) / (size + 1)
    return Bins(np.bincount(bins[ranks], minlength=count), len(ranks) * probability, probability)


def uniformity(ranks: Int[np.ndarray, " draw"], size: int) -> Uniformity:
    """Tests of uniform ranks among `size` draws (chi-square: arXiv:1804.06788)."""
    bins = binned(ranks, size)
    value, degrees = float(np.sum((bins.found - bins.expected) ** 2 / bins.expected)), len(bins.found) - 1
    p_chi2 = float(chi2.sf(value, degrees))
    p_shift, p_width = (2.0 * float(norm.sf(abs(one(ranks, size)))) for one in (_shift, _width))
    return Uniformity(value, degrees, p_chi2, p_shift, p_width, min(1.0, 3.0 * min(p_chi2, p_shift, p_width)))


def coverage(ranks: Int[np.ndarray, " draw"], size: int, level: float) -> Coverage:
    """How often central intervals of `size` draws hold the truth.

    A rank counts with the part of its piece of the unit interval that is inside, so that uniform ranks give `level`
    whatever `size` is. The error is the width of the posterior of a probability of which so many trials are known.
    """
    edge = 0.5 * (1.0 - level)
    low, high = ranks / (size + 1), (ranks + 1) / (size + 1)
    inside = np.clip(np.minimum(high, 1.0 - edge) - np.maximum(low, edge), 0.0, None) * (size + 1)
    centre = (float(inside.sum()) + 1.0) / (len(ranks) + 2.0)
    return Coverage(level, float(inside.mean()), math.sqrt(centre * (1.0 - centre) / (len(ranks) + 3.0)))


def band(ranks: Int[np.ndarray, " draw"], size: int, level: float = 0.95) -> Band:
    """Simultaneous binomial bounds on the cumulative counts (Säilynoja et al., arXiv:2103.10522, by simulation).

    Each bound is a pointwise one whose probability is lowered until a fraction `level` of simulated uniform samples
    keep all of them.
    """
    count, z = len(ranks), np.arange(1, size + 1) / (size + 1)
    random = np.random.default_rng(0)
    simulated = random.multinomial(count, np.full(size + 1, 1.0 / (size + 1)), SIMULATIONS).cumsum(axis=1)[:, :-1]
    tails = np.minimum(binom.cdf(simulated, count, z), binom.sf(simulated - 1, count, z))
    outside = np.quantile(tails.min(axis=1), 1.0 - level)
    low, high = binom.ppf(outside, count, z), binom.isf(outside, count, z)
    found = np.bincount(ranks, minlength=size + 1).cumsum()
    return Band(found, np.append(low, count), np.append(high, count))


def false_alarm(tests: int) -> float:
    """Probability that at least one of so many independent tests of uniform ranks falls below `P_BOUND`."""
    return -math.expm1(tests * math.log1p(-P_BOUND))


def remark(ranks: Int[np.ndarray, " draw"], size: int) -> str:
    """What ranks of a parameter that are not uniform say about the posteriors, in words."""
    shift, width = _shift(ranks, size), _width(ranks, size)
    if max(abs(shift), abs(width)) < NOTABLE:
        return UNNAMED
    if abs(shift) > abs(width):
        return f"the posteriors lie too {'low' if shift > 0.0 else 'high'}"
    return f"the posteriors are too {'narrow' if width > 0.0 else 'wide'}"


def likelihood_remark(ranks: Int[np.ndarray, " draw"], size: int) -> str:
    """The same of the ranks of ln L."""
    shift = _shift(ranks, size)
    if abs(shift) < NOTABLE:
        return UNNAMED
    return f"the truth fits the data {'better' if shift > 0.0 else 'worse'} than the posterior says"


def _shift(ranks: Int[np.ndarray, " draw"], size: int) -> float:
    """Mean of the ranks, in standard errors from the middle."""
    return float(np.mean(_place(ranks, size))) * math.sqrt(len(ranks) / _variance(size))


def _width(ranks: Int[np.ndarray, " draw"], size: int) -> float:
    """Variance of the ranks about the middle, in standard errors from that of uniform ones."""
    variance, count = _variance(size), size + 1
    # x^4 of `count` equidistant places: 1/80 for many
    fourth = (count**2 - 1) * (3 * count**2 - 7) / (240.0 * count**4)
    return (float(np.mean(_place(ranks, size) ** 2)) - variance) * math.sqrt(len(ranks) / (fourth - variance**2))


def _variance(size: int) -> float:
    """Variance of the places of uniform ranks, 1/12 for many."""
    return (1.0 - 1.0 / (size + 1) ** 2) / 12.0


def _place(ranks: Int[np.ndarray, " draw"], size: int) -> Float[np.ndarray, " draw"]:
    """Ranks between -1/2 and 1/2."""
    return (ranks + 0.5) / (size + 1) - 0.5
