"""Standard errors of posterior means, for chains, weighted points and nested runs alike."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Int, Shaped
from scipy.ndimage import uniform_filter1d

from globalfit.samplers.diagnostics import effective_sizes
from globalfit.samplers.draws import Draws

# Neighbours in ln L whose mean a member of a lineage is compared with.
NEAR = 51


def standard_error(draws: Draws, values: Shaped[np.ndarray, " draw"], step: int = 1) -> float:
    """Standard error of the mean of a quantity, given at every `step`-th draw; of a share, it is whether a draw is in.

    Chains have as many independent draws as the effective size of the quantity says. Other draws are independent, but
    a heavy point is there several times: each point counts with the square of its copies. What weights the draws could
    have as well adds the scatter of the mean over these.

    In a nested run chance gives points different values only among others of the same ln L, so that the variance is
    that between neighbours in ln L. Half of it is in the scatter over the histories of the volumes, each of which gives
    every point another width, the mean of two exponential ones; the other half adds to that, and so does what the
    members of a lineage have in common.
    """
    theta = draws.theta[:, ::step]
    deviation = values - np.mean(values)
    if draws.weighted is None:
        size = effective_sizes(deviation.reshape(*theta.shape[:2], 1), "bulk")[0]
        # Chains in which the quantity never changes, and very short ones, have no size.
        return math.sqrt(float(np.mean(deviation**2)) / float(np.nan_to_num(size, nan=1.0)))
    _, first, copies = np.unique(theta[0], axis=0, return_index=True, return_counts=True)
    if draws.lineages is None:
        between = float(np.sum(copies**2 * deviation[first] ** 2))
    else:
        order = np.argsort(draws.log_likelihood[0, ::step][first])
        between = _nested(copies[order], deviation[first[order]], draws.lineages[::step][first[order]])
    by_weight = 0.0
    if draws.log_ratios is not None:
        ratio = np.exp(draws.log_ratios[:, ::step])
        by_weight = float(np.var(ratio @ deviation / np.sum(ratio, axis=1)))
    return math.sqrt(between / len(values) ** 2 + by_weight)


def between_neighbours(weights: Shaped[np.ndarray, " point"], deviation: Float[np.ndarray, " point"]) -> float:
    """Variance of the weighted sum over points in the order of ln L, less what the histories of the volumes hold."""
    changes = 0.5 * np.diff(deviation) ** 2
    between = 0.5 * (np.append(changes, changes[-1:]) + np.insert(changes, 0, changes[:1]))
    return 0.5 * float(np.sum(weights**2 * between))


def _nested(
    copies: Int[np.ndarray, " point"], deviation: Float[np.ndarray, " point"], lineages: Int[np.ndarray, " point"]
) -> float:
    """The same with what the members of lineages have in common."""
    rest = copies * (deviation - uniform_filter1d(deviation, NEAR, mode="nearest"))
    together = np.bincount(np.unique(lineages, return_inverse=True)[1], rest)
    # Lineages of independent members have nothing in common but by chance, which may be negative.
    common = max(0.0, float(np.sum(together**2) - np.sum(rest**2)))
    return between_neighbours(copies, deviation) + common
