"""Particles that follow the likelihood from the prior to the posterior: starting points with the right share of modes.

Sequential Monte Carlo with adaptive temperatures (Del Moral, Doucet & Jasra, J. R. Stat. Soc. B 68 (2006) 411; Jasra
et al., Scand. J. Stat. 38 (2011) 1): reweight with L^(beta' - beta), resample, move. The moves are hops to anywhere in
the density of the other half of the particles, and differences of two particles.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray
from scipy.optimize import root_scalar
from scipy.special import logsumexp

from globalfit.checkpoint.recording import recorded
from globalfit.progress import Progress
from globalfit.samplers.batching import cube_batch, prior_draws
from globalfit.samplers.pace import Pace
from globalfit.samplers.particles.independence import Hops, hops
from globalfit.samplers.particles.proposals import differences, inside_cube
from globalfit.samplers.protocol import Target
from globalfit.samplers.weights import effective_sample_size, resample

# Effective fraction of the particles that a change of temperature leaves.
KEEP = 0.6
# Hops of a round of moves, and all its steps; accepted other ones per particle that did not hop, and the steps at one
# temperature after which no more are tried for.
HOPS, STEPS_PER_ROUND = 10, 20
MOVES = 6.0
MOST_STEPS = 400


class Particles(NamedTuple):
    """Approximate posterior draws, the log evidence that the reweighting gave, and the likelihood calls."""

    u: Float[np.ndarray, "particle ndim"]
    log_likelihood: Float[np.ndarray, " particle"]
    log_evidence: float
    calls: int


class Moved(NamedTuple):
    """Particles after their moves, with numbers of accepted hops and of other accepted steps."""

    u: Float[Array, "particle ndim"]
    log_likelihood: Float[Array, " particle"]
    log_density: Float[Array, " particle"]
    hopped: Int[Array, " particle"]
    accepted: Int[Array, " particle"]


@functools.partial(recorded, make=Moved)
@eqx.filter_jit
def _move(
    target: Target,
    u: Float[Array, "particle ndim"],
    log_likelihood: Float[Array, " particle"],
    candidates: Hops,
    population: Float[Array, "particle ndim"],
    beta: Float[Array, ""],
    key: PRNGKeyArray,
) -> Moved:
    """A round of moves in one compiled function."""

    def step(i: Int[Array, ""], state: Moved) -> Moved:
        move_key, accept_key = jax.random.split(jax.random.fold_in(key, i))
        hop = i < HOPS
        candidate, log_density, bar = candidates.at(i)
        proposal = jnp.where(hop, candidate, state.u + differences(move_key, len(u), population))
        inside = inside_cube(proposal)
        proposal = jnp.where(inside[:, None], proposal, state.u)
        _, new = cube_batch(target, proposal)
        threshold = jnp.where(hop, bar - state.log_density, jnp.log(jax.random.uniform(accept_key, (len(u),))))
        accept: Bool[Array, " particle"] = inside & (threshold < beta * (new - state.log_likelihood))
        return Moved(
            jnp.where(accept[:, None], proposal, state.u),
            jnp.where(accept, new, state.log_likelihood),
            jnp.where(accept & hop, log_density, state.log_density),
            state.hopped + (accept & hop),
            state.accepted + (accept & ~hop),
        )

    zero = jnp.zeros(len(u), int)
    return jax.lax.fori_loop(
        0, STEPS_PER_ROUND, step, Moved(u, log_likelihood, candidates.log_density_start, zero, zero)
    )


def _candidates(u: Float[np.ndarray, "particle ndim"], random: np.random.Generator) -> Hops:
    """Hops of each half of the particles, by chance, in the density of the other half."""
    order = random.permutation(len(u))
    halves = np.array_split(order, 2)
    found = [
        hops(u[one], np.unique(u[other], axis=0), HOPS, random) for one, other in zip(halves, halves[::-1], strict=True)
    ]
    back = jnp.asarray(np.argsort(order))
    return Hops(*(jnp.concatenate(parts)[back] for parts in zip(*found, strict=True)))


def round_of_moves(
    target: Target,
    u: Float[np.ndarray, "particle ndim"],
    log_likelihood: Float[np.ndarray, " particle"],
    population: Float[Array, "particle ndim"],
    beta: float,
    key: PRNGKeyArray,
    random: np.random.Generator,
) -> Moved:
    """`HOPS` hops of every particle and then steps along differences of `population`, which leave L^beta invariant."""
    start = jnp.asarray(u), jnp.asarray(log_likelihood), _candidates(u, random)
    return _move(target, *start, population, jnp.asarray(beta), key)


def tempered(
    target: Target, count: int, most_prior_draws: int, seed: int, progress: Progress, end: float = 1.0
) -> Particles:
    """`count` particles of L^end: of the posterior, or for end > 1 annealed towards the highest ln L.

    Raises `ConfigurationError` when hardly any prior point has a likelihood above zero.
    """
    pace = Pace(progress, "starting points", end)
    random = np.random.default_rng(seed)
    key = jax.random.key(int(random.integers(2**31)))
    start = prior_draws(target, count, most_prior_draws, random)
    u, log_likelihood, calls = start.u, start.log_likelihood, start.tried
    beta, log_evidence = 0.0, float(np.log(count / start.tried))
    while beta < end:
        change = _next_change(log_likelihood, end - beta)
        log_weight = change * log_likelihood
        log_evidence += float(logsumexp(log_weight)) - float(np.log(count))
        beta = min(end, beta + change)
        chosen = resample(log_weight, count, random)
        u, log_likelihood = u[chosen], log_likelihood[chosen]
        population = jnp.asarray(u)
        steps, accepted, stayed = 0, 0, np.ones(count, bool)
        while accepted < MOVES * np.count_nonzero(stayed) and steps < MOST_STEPS:
            key, move_key = jax.random.split(key)
            moved = round_of_moves(target, u, log_likelihood, population, beta, move_key, random)
            u, log_likelihood = np.asarray(moved.u), np.asarray(moved.log_likelihood)
            stayed &= np.asarray(moved.hopped) == 0
            accepted += int(np.sum(np.asarray(moved.accepted)))
            steps += STEPS_PER_ROUND
        calls += steps * count
        pace(beta, lambda: f"temperature {beta:.3g}, {calls} calls")  # noqa: B023
    pace.finish(end, f"{count} particles after {calls} calls, ln Z about {log_evidence:.2f}")
    return Particles(u, log_likelihood, log_evidence, calls)


def _next_change(log_likelihood: Float[np.ndarray, " particle"], remaining: float) -> float:
    """Largest step in inverse temperature that keeps the effective fraction `KEEP` of the particles."""

    def excess(change: float) -> float:
        return effective_sample_size(change * log_likelihood) / len(log_likelihood) - KEEP

    if excess(remaining) >= 0.0:
        return remaining
    scale = remaining
    while excess(scale) < 0.0:
        scale *= 0.1
    return float(root_scalar(excess, bracket=(scale, 10.0 * scale), rtol=1e-3).root)
