"""Exact nested runs of a likelihood that is known as a function of the prior volume."""

from __future__ import annotations

import numpy as np

LIVE = 100


def log_likelihood_of_volume(x):
    """ln L(X) of a two-dimensional Gaussian of variance 0.01: the volume within radius r is r^2."""
    return -x / 0.02


def synthetic_run(random: np.random.Generator, solved: float) -> tuple[np.ndarray, int]:
    """An exact nested run: dead points, then the sorted live points; and the prior draws that found the live ones."""
    tried = int(random.negative_binomial(LIVE, solved)) + LIVE if solved < 1.0 else LIVE
    live = solved * random.random(LIVE)
    dead = []
    for _ in range(800):
        worst = np.argmax(live)
        dead.append(live[worst])
        live[worst] *= random.random()
    return log_likelihood_of_volume(np.concatenate([dead, np.sort(live)[::-1]])), tried
