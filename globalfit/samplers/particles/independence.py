"""Independence proposals: candidates from a density that does not depend on where a walk stands.

The density has the shape of points among which no walk begins, so that it stays fixed while the walks move.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from globalfit.samplers.particles.kernel_density import kernel_density


class IndependenceProposals(NamedTuple):
    """Candidates of every walker with their ln q, and ln q where the walkers begin.

    ln q = inf marks candidates that are never accepted.
    """

    points: Float[Array, "walker candidate ndim"]
    log_density: Float[Array, "walker candidate"]
    log_density_start: Float[Array, " walker"]

    @property
    def steps(self) -> int:
        """Number of candidates of each walker, each of which takes a step."""
        return self.log_density.shape[1]

    def at(self, step: Int[Array, ""]) -> tuple[Float[Array, "walker ndim"], Float[Array, " walker"]]:
        """Candidate of every walker at a step with its ln q; after the last one the first one follows."""
        index = step % self.steps
        return self.points[:, index], self.log_density[:, index]


def independence_proposals(
    start: Float[np.ndarray, "walker ndim"],
    others: Float[np.ndarray, "point ndim"],
    count: int,
    random: np.random.Generator,
) -> IndependenceProposals:
    """`count` candidates for each walker from `start`, in the kernel density of other points; none that is ever
    accepted if these are too few."""
    walkers, ndim = start.shape
    density = kernel_density(others, random)
    if density is None:
        return IndependenceProposals(
            jnp.zeros((walkers, count, ndim)), jnp.full((walkers, count), jnp.inf), jnp.zeros(walkers)
        )
    points = density.sample(walkers * count, random)
    log_density = density.log_density(np.concatenate([start, points]))
    return IndependenceProposals(
        jnp.asarray(points.reshape(walkers, count, ndim)),
        jnp.asarray(log_density[walkers:].reshape(walkers, count)),
        jnp.asarray(log_density[:walkers]),
    )
