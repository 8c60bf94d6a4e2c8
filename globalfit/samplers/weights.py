"""Weighted points: how many equal ones they are worth, and equally weighted draws of them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.special import logsumexp


def effective_sample_size(log_weight: Float[np.ndarray, " point"]) -> float:
    """Number of equally weighted points that weighted ones are worth, (sum w)^2 / sum w^2.

    The weights need no normalisation. Kish, Survey Sampling (1965), Wiley.
    """
    return float(np.exp(2.0 * logsumexp(log_weight) - logsumexp(2.0 * log_weight)))


def resample(
    log_weight: Float[np.ndarray, " point"], count: int, random: np.random.Generator
) -> Int[np.ndarray, " count"]:
    """Indices of `count` equally weighted points in random order.

    Systematic resampling adds the least noise: each point is there as often as its weight says, to within one copy
    (Kitagawa, J. Comput. Graph. Stat. 5 (1996) 1).
    """
    cumulative = np.cumsum(np.exp(log_weight - logsumexp(log_weight)))
    positions = (random.random() + np.arange(count)) / count
    return random.permutation(np.searchsorted(cumulative / cumulative[-1], positions, side="right"))
