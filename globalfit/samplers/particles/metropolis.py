"""One Metropolis kernel for populations of points of the unit cube.

It leaves the density L^beta [ln L > L*] times the prior invariant. With beta = 0 it is a walk of nested sampling above
the threshold L*, with L* = -inf a move of particles at the inverse temperature beta, which is 0 for the prior and 1 for
the posterior. Points without a solution, ln L = -inf, are never accepted.

The first steps of a round are independence proposals, candidates from a fixed density q that may lie anywhere (Tierney,
Ann. Statist. 22 (1994) 1701), accepted with the probability min(1, p(y) q(x) / (p(x) q(y))): walks forget where they
began, and with it the chance shares of separate regions. The others are symmetric local moves, accepted with the
probability min(1, p(y) / p(x)) (Metropolis et al., J. Chem. Phys. 21 (1953) 1087).
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from globalfit.checkpoint.recording import recorded
from globalfit.samplers.batching import cube_batch
from globalfit.samplers.particles.independence import IndependenceProposals
from globalfit.samplers.particles.local_moves import LocalMoves, inside_cube
from globalfit.samplers.protocol import Target


class Walkers(NamedTuple):
    """Points with ln L, ln q where they stood when the independence proposals ended, and what they have done.

    The numbers are, per walker, those of accepted independence proposals, of accepted local moves, of moves within an
    ellipsoid, and of accepted ones of these.
    """

    u: Float[Array, "walker ndim"]
    log_likelihood: Float[Array, " walker"]
    log_density: Float[Array, " walker"]
    relocations: Int[Array, " walker"]
    moves: Int[Array, " walker"]
    ellipsoid_tried: Int[Array, " walker"]
    ellipsoid_accepted: Int[Array, " walker"]


def advance(
    target: Target,
    u: Float[np.ndarray, "walker ndim"],
    log_likelihood: Float[np.ndarray, " walker"],
    proposals: IndependenceProposals,
    local: LocalMoves,
    steps: int,
    key: PRNGKeyArray,
    *,
    beta: float = 0.0,
    log_threshold: float = -np.inf,
) -> Walkers:
    """The walkers after `steps` steps, the first ones of which are the independence proposals; the kernel draws its own
    random numbers from `key`.

    The walkers must begin above the threshold of ln L.
    """
    density = jnp.asarray(float(beta)), jnp.asarray(float(log_threshold))
    return _advance(
        target, jnp.asarray(u), jnp.asarray(log_likelihood), proposals, local, jnp.asarray(steps), *density, key
    )


@functools.partial(recorded, make=Walkers)
@eqx.filter_jit
def _advance(
    target: Target,
    u: Float[Array, "walker ndim"],
    log_likelihood: Float[Array, " walker"],
    proposals: IndependenceProposals,
    local: LocalMoves,
    steps: Int[Array, ""],
    beta: Float[Array, ""],
    log_threshold: Float[Array, ""],
    key: PRNGKeyArray,
) -> Walkers:
    """The number of steps is an argument, not part of the compilation, and the two kinds of steps are no branch: the
    likelihood is compiled once."""

    def step(i: Int[Array, ""], walkers: Walkers) -> Walkers:
        move_key, accept_key = jax.random.split(jax.random.fold_in(key, i))
        anywhere = i < proposals.steps
        candidate, log_density = proposals.at(i)
        moved, ellipsoid = local.propose(move_key, walkers.u)
        proposal = jnp.where(anywhere, candidate, moved)
        inside = inside_cube(proposal)
        proposal = jnp.where(inside[:, None], proposal, walkers.u)
        new = cube_batch(target, proposal)[1]
        allowed = inside & jnp.isfinite(new) & (new > log_threshold)
        log_ratio = beta * jnp.where(allowed, new - walkers.log_likelihood, 0.0)
        log_ratio += jnp.where(anywhere, walkers.log_density - log_density, 0.0)
        accept = allowed & (jnp.log(jax.random.uniform(accept_key, new.shape)) < log_ratio)
        return Walkers(
            jnp.where(accept[:, None], proposal, walkers.u),
            jnp.where(accept, new, walkers.log_likelihood),
            jnp.where(accept & anywhere, log_density, walkers.log_density),
            walkers.relocations + (accept & anywhere),
            walkers.moves + (accept & ~anywhere),
            walkers.ellipsoid_tried + (ellipsoid & ~anywhere),
            walkers.ellipsoid_accepted + (accept & ellipsoid & ~anywhere),
        )

    zero = jnp.zeros(len(u), int)
    start = Walkers(u, log_likelihood, proposals.log_density_start, zero, zero, zero, zero)
    return jax.lax.fori_loop(0, steps, step, start)
