"""Separate regions of a set of points.

Hills of the density of the points that are higher than the saddles around them by more than chance makes them
(clustering by persistence, ToMATo: Chazal, Guibas, Oudot & Skraba, J. ACM 60 (2013) 41), with the density from the
distance to the k-th neighbour. A sheet, a banana or a funnel is one region however it is bent; two sides of a resonance
are two where the posterior between them vanishes.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from globalfit.samplers.particles.neighbours import neighbourhoods

# Neighbours that give the density, and the drop of its logarithm to a saddle from which on a hill counts.
NEIGHBOURS = 30
DROP = 2.5
# Regions with less than this share of the points are not told from noise.
SMALLEST = 0.005


def regions(u: Float[np.ndarray, "draw ndim"]) -> Int[np.ndarray, " draw"]:
    """Number of the region of each draw; draws that are too few to tell are one."""
    points, back = np.unique(u, axis=0, return_inverse=True)
    if len(points) <= 2 * NEIGHBOURS:
        return np.zeros(len(u), dtype=int)
    distance, neighbours = neighbourhoods(points, NEIGHBOURS)
    labels = _hills(-points.shape[1] * np.log(distance), neighbours)
    return labels[back.ravel()]


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
