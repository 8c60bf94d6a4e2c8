"""Gaussian mixtures: a normalised density with the shape of some points, for proposals."""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

# Numbers of components that are tried, and points per component and dimension that one needs.
COMPONENTS = (1, 2, 4, 8, 16, 32)
PER_COMPONENT = 5
# Added to every variance: a component that collapses onto one point stays a density.
FLOOR = 1e-9


class Mixture(NamedTuple):
    """Weights, means and lower Cholesky factors of the covariances."""

    weights: Float[np.ndarray, " component"]
    means: Float[np.ndarray, "component ndim"]
    roots: Float[np.ndarray, "component ndim ndim"]

    def log_density(self, z: Float[np.ndarray, "point ndim"]) -> Float[np.ndarray, " point"]:
        """Log of the normalised density."""
        terms = np.empty((len(self.weights), len(z)))
        for i, (weight, mean, root) in enumerate(zip(*self, strict=True)):
            log_norm = math.log(weight) - float(np.sum(np.log(np.diag(root)))) - 0.5 * len(mean) * math.log(2 * math.pi)
            terms[i] = log_norm - 0.5 * np.sum(((z - mean) @ np.linalg.inv(root).T) ** 2, axis=1)
        return np.asarray(logsumexp(terms, axis=0))

    def sample(self, count: int, random: np.random.Generator) -> Float[np.ndarray, "count ndim"]:
        """Independent draws."""
        chosen = random.choice(len(self.weights), count, p=self.weights)
        normal = random.normal(size=(count, self.means.shape[1]))
        return self.means[chosen] + np.einsum("nij,nj->ni", self.roots[chosen], normal)


def fit_mixture(points: Float[np.ndarray, "point ndim"], random: np.random.Generator) -> Mixture | None:
    """The mixture with the number of components of the lowest BIC; None for too few points."""
    best: Any = None
    lowest = math.inf
    for count in COMPONENTS:
        if len(points) < PER_COMPONENT * (points.shape[1] + 1) * count:
            break
        fitted: Any = GaussianMixture(count, reg_covar=FLOOR, max_iter=300, random_state=int(random.integers(2**31)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted.fit(points)
        bic = float(fitted.bic(points))
        if bic < lowest:
            best, lowest = fitted, bic
    if best is None:
        return None
    return Mixture(best.weights_ / np.sum(best.weights_), best.means_, np.linalg.cholesky(best.covariances_))
