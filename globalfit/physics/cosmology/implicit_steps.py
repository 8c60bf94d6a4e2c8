"""Backward differentiation on a constant mesh of ln x whose steps are not all the same.

u(new) = sum_k backward_k u(new - 1 - k) + rate u'(new), exact for cubics.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Steps per octave of x, linear in log2 x between these points: freeze-out takes the most of them.
_STEPS = ((0.0, 20.0), (2.5, 24.0), (3.5, 44.0), (6.0, 44.0), (8.0, 20.0), (10.0, 10.0), (14.0, 5.0), (26.25, 3.0))
ORDER = 3


class Mesh(NamedTuple):
    """Constant mesh in ln x: x, weights of the last solutions and of the derivative in every step, and the ratio of
    every step to the one before."""

    x: NDArray[np.float64]
    backward: NDArray[np.float64]
    rate: NDArray[np.float64]
    ratio: NDArray[np.float64]


@functools.cache
def mesh() -> Mesh:
    """The mesh of the solver, from x = 1 to the end of `temperatures()`."""
    log2 = np.linspace(_STEPS[0][0], _STEPS[-1][0], 4001)
    density = np.interp(log2, [place for place, _ in _STEPS], [steps for _, steps in _STEPS])
    count = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(log2))])
    steps = round(count[-1])
    t = math.log(2.0) * np.interp(np.arange(steps + 1), count * steps / count[-1], log2)
    before = t[0] - (t[1] - t[0]) * np.arange(ORDER, 0, -1)
    points = np.concatenate([before, t])
    backward, rate = zip(*(_backward(points[k - ORDER : k + 1]) for k in range(ORDER + 1, points.size)), strict=True)
    widths = np.diff(points)
    return Mesh(np.exp(t), np.array(backward), np.array(rate), widths[ORDER:] / widths[ORDER - 1 : -1])


def _backward(t: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Weights of the solutions at t[-2], t[-3], ... and of the derivative at t[-1]: the derivative there of the
    polynomial through all of them."""
    powers = (t - t[-1])[None, :] ** np.arange(t.size)[:, None]
    weight = np.linalg.solve(powers, np.eye(t.size)[1])
    return -weight[-2::-1] / weight[-1], 1.0 / weight[-1]
