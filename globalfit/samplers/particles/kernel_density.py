"""A density with the shape of some points: a sum of Gaussians about them, each as wide as its neighbourhood.

The covariance of each Gaussian is that of the nearest neighbours of its center. Such a density follows sheets and
funnels where no small number of ellipsoids does.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit.samplers.batching import BLOCK, CHUNK, blocks
from globalfit.samplers.particles.neighbours import neighbourhoods

# Points that make the density, at most, a multiple of `STEP` where there are as many, so that densities of different
# sizes share a compiled function: with 1024 of 4000 live points on a bent sheet 18 % of dynesty's walks never accept an
# independence proposal, with all of them 5 %. And the neighbours that give the covariance of each in one dimension and
# for each further one: fewer follow thin sheets better, more leave fewer holes.
KERNELS, STEP = 4096, 64
NEIGHBOURS, PER_DIMENSION = 5, 2
# Part of the Gaussians that is twice as wide: else walks stay too long where the points are sparse.
WIDE = 0.3
# Part of the typical variance that is added to every variance, since neighbours in a plane have none across it; and
# part of each variance itself, for rounding.
FLOOR, ROUNDING = 1e-3, 1e-9


class KernelDensity(NamedTuple):
    """A sum of Gaussians of equal weight: centers and lower Cholesky factors of the covariances. A part `WIDE` of each
    is twice as wide."""

    centers: Float[np.ndarray, "kernel ndim"]
    roots: Float[np.ndarray, "kernel ndim ndim"]

    def sample(self, count: int, random: np.random.Generator) -> Float[np.ndarray, "count ndim"]:
        """Independent draws."""
        chosen = random.integers(len(self.centers), size=count)
        scale = np.where(random.random(count) < WIDE, 2.0, 1.0)
        normal = scale[:, None] * random.normal(size=(count, self.centers.shape[1]))
        return self.centers[chosen] + np.einsum("nij,nj->ni", self.roots[chosen], normal)

    def log_density(self, points: Float[np.ndarray, "point ndim"]) -> Float[np.ndarray, " point"]:
        """Logarithm of the normalised density, per volume in the coordinates of the points."""
        kernels = jnp.asarray(self.centers), jnp.asarray(self.roots)
        parts = [np.asarray(_log_density(*kernels, jnp.asarray(part))) for part in blocks(points, BLOCK)]
        return np.concatenate(parts)[: len(points)]


def kernel_density(
    points: Float[np.ndarray, "point ndim"], random: np.random.Generator, most: int = KERNELS
) -> KernelDensity | None:
    """The density with the shape of the points, made of `most` of them at most; None for too few."""
    near = NEIGHBOURS + PER_DIMENSION * (points.shape[1] - 1)
    if len(points) <= 2 * near:
        return None
    count = min(most, len(points) // STEP * STEP or len(points))
    centers = random.choice(points, count, replace=False)
    around = centers[neighbourhoods(centers, near).neighbours]
    offset = around - np.mean(around, axis=1, keepdims=True)
    covariance = np.einsum("kni,knj->kij", offset, offset) / near
    variance = np.einsum("kii->ki", covariance)
    typical = np.median(variance, axis=0)
    added = FLOOR * np.where(typical > 0.0, typical, 1.0) + ROUNDING * variance
    return KernelDensity(centers, np.linalg.cholesky(covariance + added[:, :, None] * np.eye(points.shape[1])))


@jax.jit
def _log_density(
    centers: Float[Array, "kernel ndim"], roots: Float[Array, "kernel ndim ndim"], points: Float[Array, "point ndim"]
) -> Float[Array, " point"]:
    inverse = jax.vmap(jnp.linalg.inv)(roots)
    log_norm = jnp.sum(jnp.log(jnp.diagonal(inverse, axis1=1, axis2=2)), axis=1) - math.log(len(centers))
    log_norm -= 0.5 * centers.shape[1] * math.log(2.0 * math.pi)
    shift = jnp.einsum("kij,kj->ki", inverse, centers)

    # exp(-s / 2) of the narrow Gaussians is never far above exp(-s / 8) of the wide ones: two exponentials per kernel.
    ndim = centers.shape[1]
    ratio = (1.0 - WIDE) / WIDE * 2.0**ndim

    def one(point: Float[Array, " ndim"]) -> Float[Array, ""]:
        square = jnp.sum((jnp.einsum("kij,j->ki", inverse, point) - shift) ** 2, axis=1)
        wide = log_norm - 0.125 * square
        highest = jnp.max(wide)
        total = jnp.sum(jnp.exp(wide - highest) * (1.0 + ratio * jnp.exp(-0.375 * square)))
        return math.log(WIDE) - ndim * math.log(2.0) + highest + jnp.log(total)

    return jax.lax.map(one, points, batch_size=CHUNK)
