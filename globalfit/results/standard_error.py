"""Standard errors of posterior means, for chains, weighted points and nested runs alike."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Shaped

from globalfit.samplers import Draws
from globalfit.samplers.diagnostics import effective_sizes


def standard_error(draws: Draws, values: Shaped[np.ndarray, " draw"], step: int = 1) -> float:
    """Standard error of the mean of a quantity, given at every `step`-th draw; of a share, it is whether a draw is in.

    Chains have as many independent draws as the effective size of the quantity says. Other draws are independent, but
    a heavy point is there several times: each point counts with the square of its copies. In a nested run chance gives
    points different values only among others of the same ln L, so that the variance is that between neighbours in ln
    L. Half of it is in the scatter of the mean over the histories of the volumes, each of which gives every point
    another width, the mean of two exponential ones; the other half adds to that.
    """
    theta = draws.theta[:, ::step]
    deviation = values - np.mean(values)
    if draws.weighted is None:
        size = effective_sizes(deviation.reshape(*theta.shape[:2], 1), "bulk")[0]
        # Chains in which the quantity never changes, and very short ones, have no size.
        return math.sqrt(float(np.mean(deviation**2)) / float(np.nan_to_num(size, nan=1.0)))
    _, first, copies = np.unique(theta[0], axis=0, return_index=True, return_counts=True)
    if draws.log_ratios is None:
        return math.sqrt(float(np.sum(copies**2 * deviation[first] ** 2))) / len(values)
    order = np.argsort(draws.log_likelihood[0, ::step][first])
    changes = 0.5 * np.diff(deviation[first[order]]) ** 2
    between = 0.5 * (np.append(changes, changes[-1:]) + np.insert(changes, 0, changes[:1]))
    ratio = np.exp(draws.log_ratios[:, ::step])
    by_volume = float(np.var(ratio @ deviation / np.sum(ratio, axis=1)))
    return math.sqrt(0.5 * float(np.sum(copies[order] ** 2 * between)) / len(values) ** 2 + by_volume)
