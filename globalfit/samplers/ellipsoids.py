"""Uniform draws from the union of dynesty's bounding ellipsoids: proposals that forget where a walk stands."""

from __future__ import annotations

import numpy as np
from dynesty.bounding import MultiEllipsoid
from jaxtyping import Bool, Float, Int


def union_draws(
    bound: MultiEllipsoid, count: int, random: np.random.Generator
) -> tuple[Float[np.ndarray, "count ndim"], Bool[np.ndarray, " count"]]:
    """Points of single ellipsoids, and which of them to keep so that those are uniform in the union.

    A point that lies in q ellipsoids is kept with probability 1 / q (Feroz, Hobson & Bridges, arXiv:0809.3437).
    """
    centers, axes = bound.ctrs, np.stack([ellipsoid.axes for ellipsoid in bound.ells])
    log_volume = bound.logvol_ells - np.max(bound.logvol_ells)
    chosen = random.choice(len(centers), count, p=np.exp(log_volume) / np.exp(log_volume).sum())
    normal = random.normal(size=(count, centers.shape[1]))
    radius = random.random((count, 1)) ** (1.0 / centers.shape[1])
    ball = normal / np.linalg.norm(normal, axis=1, keepdims=True) * radius
    points = centers[chosen] + np.einsum("cij,cj->ci", axes[chosen], ball)
    return points, random.random(count) * np.maximum(overlaps(bound, points), 1) < 1.0


def overlaps(bound: MultiEllipsoid, points: Float[np.ndarray, "count ndim"]) -> Int[np.ndarray, " count"]:
    """Number of ellipsoids that each point lies in."""
    offset = points[:, None, :] - bound.ctrs
    return np.count_nonzero(np.einsum("pei,eij,pej->pe", offset, bound.ams, offset) < 1.0, axis=1)
