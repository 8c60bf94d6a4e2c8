"""Separate regions of a posterior: how much of it each holds, and where it lies.

Hills of the density of the draws that are higher than the saddles around them by more than chance makes them
(clustering by persistence, ToMATo: Chazal, Guibas, Oudot & Skraba, J. ACM 60 (2013) 41), with the density from the
distance to the k-th neighbour. A sheet, a banana or a funnel is one region however it is bent; two sides of a resonance
are two where the posterior between them vanishes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import KDTree

from globalfit.posterior import Posterior
from globalfit.results.derived import Stored
from globalfit.samplers import Draws
from globalfit.samplers.batching import inverse_cube

# Neighbours that give the density, and the drop of its logarithm to a saddle from which on a hill counts.
NEIGHBOURS = 30
DROP = 2.5
# Regions with less than this share of the posterior are not told from noise.
SMALLEST = 0.005
# The unit of every coordinate is its spread among neighbours, which a distance between regions does not enter.
RESCALINGS = 3


def mode_table(posterior: Posterior, draws: Draws, stored: Stored) -> list[dict[str, Any]]:
    """Regions in the order of their share: the share with its error, their part of ln Z, the highest ln L among the
    draws, and the 16 %, 50 % and 84 % quantiles of every sampled parameter."""
    theta = np.stack([stored.parameters[name].ravel() for name in posterior.names], axis=1)
    log_likelihood = draws.log_likelihood[:, :: stored.step].ravel()
    labels = regions(inverse_cube(posterior, theta))
    found = [one for one in np.unique(labels) if np.mean(labels == one) >= SMALLEST]
    size = len(np.unique(theta, axis=0))
    rows = []
    for one in sorted(found, key=lambda one: -np.sum(labels == one)):
        inside = labels == one
        share = float(np.mean(inside))
        quantiles = np.quantile(theta[inside], [0.16, 0.5, 0.84], axis=0).T
        rows.append(
            {
                "share": share,
                "share_error": math.sqrt(share * (1.0 - share) / size),
                "log_evidence": None if draws.evidence is None else draws.evidence.log_evidence + math.log(share),
                "best_log_likelihood": float(np.max(log_likelihood[inside])),
                "parameters": dict(zip(posterior.names, quantiles.tolist(), strict=True)),
            }
        )
    return rows


def regions(u: Float[np.ndarray, "draw ndim"]) -> Int[np.ndarray, " draw"]:
    """Number of the region of each draw; draws that are too few to tell are one."""
    points, back = np.unique(u, axis=0, return_inverse=True)
    if len(points) <= 2 * NEIGHBOURS:
        return np.zeros(len(u), dtype=int)
    distance, neighbours = _nearest(points)
    for _ in range(RESCALINGS):
        spread = np.median(np.std(points[neighbours], axis=1), axis=0)
        points = points / np.where(spread > 0.0, spread, 1.0)
        distance, neighbours = _nearest(points)
    labels = _hills(-points.shape[1] * np.log(distance), neighbours)
    return labels[back.ravel()]


def _nearest(points: Float[np.ndarray, "point ndim"]) -> tuple[np.ndarray, np.ndarray]:
    """Distance to the last of the nearest neighbours, and their indices."""
    nearest = KDTree(points).query(points, NEIGHBOURS + 1)
    distance, neighbours = (np.asarray(part) for part in nearest)
    return distance[:, -1], neighbours[:, 1:]


def _hills(
    log_density: Float[np.ndarray, " point"], neighbours: Int[np.ndarray, "point near"]
) -> Int[np.ndarray, " point"]:
    """The hill of each point, by its top. Points join the hills of their higher neighbours from the top down; where two
    meet, the lower one is part of the higher one unless its top stands out."""
    linked: list[set[int]] = [set(row) for row in neighbours.tolist()]
    for point, row in enumerate(neighbours.tolist()):
        for other in row:
            linked[other].add(point)
    rank = np.empty(len(log_density), dtype=int)
    order = np.argsort(-log_density, kind="stable")
    rank[order] = np.arange(len(order))
    top = np.arange(len(order))

    def top_of(point: int) -> int:
        while top[point] != point:
            top[point] = top[top[point]]
            point = int(top[point])
        return point

    for point in order.tolist():
        tops = {top_of(other) for other in linked[point] if rank[other] < rank[point]}
        if not tops:
            continue
        highest = min(tops, key=rank.__getitem__)
        top[point] = highest
        for other in tops - {highest}:
            if log_density[other] < log_density[point] + DROP:
                top[other] = highest
    return np.array([top_of(point) for point in range(len(order))])
