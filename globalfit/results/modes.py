"""Separate regions of a posterior: how much of it each holds, and where it lies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Bool

from globalfit.posterior import Posterior
from globalfit.results.derived import Stored
from globalfit.samplers import Draws
from globalfit.samplers.batching import inverse_cube
from globalfit.samplers.diagnostics import effective_sizes
from globalfit.samplers.regions import SMALLEST, regions


def mode_table(posterior: Posterior, draws: Draws, stored: Stored) -> list[dict[str, Any]]:
    """Regions in the order of their share: the share with its error, their part of ln Z, the highest ln L among the
    draws, and the 16 %, 50 % and 84 % quantiles of every sampled parameter."""
    theta = np.stack([stored.parameters[name].ravel() for name in posterior.names], axis=1)
    log_likelihood = draws.log_likelihood[:, :: stored.step].ravel()
    labels = regions(inverse_cube(posterior, theta))
    found = [one for one in np.unique(labels) if np.mean(labels == one) >= SMALLEST]
    rows = []
    for one in sorted(found, key=lambda one: -np.sum(labels == one)):
        inside = labels == one
        share = float(np.mean(inside))
        quantiles = np.quantile(theta[inside], [0.16, 0.5, 0.84], axis=0).T
        rows.append(
            {
                "share": share,
                "share_error": share_error(draws, stored.step, inside),
                "log_evidence": None if draws.evidence is None else draws.evidence.log_evidence + math.log(share),
                "best_log_likelihood": float(np.max(log_likelihood[inside])),
                "parameters": dict(zip(posterior.names, quantiles.tolist(), strict=True)),
            }
        )
    return rows


def share_error(draws: Draws, step: int, inside: Bool[np.ndarray, " draw"]) -> float:
    """Standard error of the share of a region, of every `step`-th draw.

    Chains have as many independent draws as the effective size of being inside says. Other draws are independent, but
    a heavy point is there several times: each point counts with the square of its copies. In a nested run chance puts
    points inside or outside only among others of the same ln L, so that the variance is that between neighbours in ln
    L. Half of it is in the scatter of the share over the histories of the volumes, each of which gives every point
    another width, the mean of two exponential ones; the other half adds to that.
    """
    theta = draws.theta[:, ::step]
    deviation = inside - np.mean(inside)
    if draws.weighted is None:
        size = effective_sizes(inside.reshape(*theta.shape[:2], 1).astype(float), "bulk")[0]
        # Chains that never leave or enter a region, and very short ones, have no size.
        return math.sqrt(float(np.mean(deviation**2)) / float(np.nan_to_num(size, nan=1.0)))
    _, first, copies = np.unique(theta[0], axis=0, return_index=True, return_counts=True)
    if draws.log_ratios is None:
        return math.sqrt(float(np.sum(copies**2 * deviation[first] ** 2))) / len(inside)
    order = np.argsort(draws.log_likelihood[0, ::step][first])
    changes = 0.5 * np.diff(deviation[first[order]]) ** 2
    between = 0.5 * (np.append(changes, changes[-1:]) + np.insert(changes, 0, changes[:1]))
    ratio = np.exp(draws.log_ratios[:, ::step])
    by_volume = float(np.var(ratio @ inside / np.sum(ratio, axis=1)))
    return math.sqrt(0.5 * float(np.sum(copies[order] ** 2 * between)) / len(inside) ** 2 + by_volume)
