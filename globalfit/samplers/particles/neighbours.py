"""Nearest neighbours among points of any shape."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import KDTree

# The unit of every coordinate is its spread among neighbours, which a distance between separate parts does not enter.
RESCALINGS = 3


class Neighbourhoods(NamedTuple):
    """Distance of each point to the last of its nearest neighbours, in units of their spread, and their indices."""

    distance: Float[np.ndarray, " point"]
    neighbours: Int[np.ndarray, "point near"]


def neighbourhoods(points: Float[np.ndarray, "point ndim"], count: int) -> Neighbourhoods:
    """The `count` nearest neighbours of each point; there must be more points than that."""
    points = _in_units_of(np.std(points, axis=0), points)
    for _ in range(RESCALINGS):
        points = _in_units_of(np.median(np.std(points[_nearest(points, count).neighbours], axis=1), axis=0), points)
    return _nearest(points, count)


def _in_units_of(spread: Float[np.ndarray, " ndim"], points: Float[np.ndarray, "point ndim"]) -> np.ndarray:
    return points / np.where(spread > 0.0, spread, 1.0)


def _nearest(points: Float[np.ndarray, "point ndim"], count: int) -> Neighbourhoods:
    distance, neighbours = (np.asarray(part) for part in KDTree(points).query(points, count + 1))
    return Neighbourhoods(distance[:, -1], neighbours[:, 1:])
