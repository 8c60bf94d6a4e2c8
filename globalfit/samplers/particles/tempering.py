"""Particles that follow the likelihood from the prior to the posterior: starting points with the right share of modes.

Sequential Monte Carlo with adaptive temperatures (Del Moral, Doucet & Jasra, J. R. Stat. Soc. B 68 (2006) 411; Jasra
et al., Scand. J. Stat. 38 (2011) 1): reweight with L^(beta' - beta), resample, move. The moves are independence
proposals in the density of the other half of the particles, and differences of two particles of that half.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int, PRNGKeyArray
from scipy.optimize import root_scalar
from scipy.special import logsumexp

from globalfit.progress import Progress
from globalfit.samplers.batching import prior_draws
from globalfit.samplers.pace import Pace
from globalfit.samplers.particles.independence import independence_proposals
from globalfit.samplers.particles.local_moves import LocalMoves
from globalfit.samplers.particles.metropolis import advance
from globalfit.samplers.protocol import Target
from globalfit.samplers.weights import effective_sample_size, resample

# Effective fraction of the particles that a change of temperature leaves.
KEEP = 0.6
# Independence proposals of a round of moves, and all its steps; accepted local moves per particle that none of these
# took elsewhere, and the steps at one temperature after which no more are tried for.
INDEPENDENT, STEPS_PER_ROUND = 10, 20
MOVES = 6.0
MOST_STEPS = 400


class Particles(NamedTuple):
    """Approximate posterior draws, the log evidence that the reweighting gave with its standard error, and the
    likelihood calls.

    `lineages` are numbers, the same for particles that come from one another by moves which may not have forgotten
    where they began. The error holds if the moves at every temperature forget it.
    """

    u: Float[np.ndarray, "particle ndim"]
    log_likelihood: Float[np.ndarray, " particle"]
    log_evidence: float
    log_evidence_error: float
    lineages: Int[np.ndarray, " particle"]
    calls: int


class Moved(NamedTuple):
    """Particles after their moves, which of them an independence proposal took elsewhere, and how many local moves they
    accepted in all."""

    u: Float[np.ndarray, "particle ndim"]
    log_likelihood: Float[np.ndarray, " particle"]
    relocated: Bool[np.ndarray, " particle"]
    moves: int


def round_of_moves(
    target: Target,
    u: Float[np.ndarray, "particle ndim"],
    log_likelihood: Float[np.ndarray, " particle"],
    beta: float,
    key: PRNGKeyArray,
    random: np.random.Generator,
) -> Moved:
    """Particles after `STEPS_PER_ROUND` steps that leave L^beta invariant.

    The first half moves by the places of the second one, then the second half by those of the first: particles of one
    half that are independent of the other half stay so. Copies of a particle must be in the same half, else each would
    find the density of the proposals too high where it stands.
    """
    halves = np.array_split(np.arange(len(u)), 2)
    u, log_likelihood, relocated, moves = u.copy(), log_likelihood.copy(), np.zeros(len(u), bool), 0
    for one, other, half_key in zip(halves, halves[::-1], jax.random.split(key), strict=True):
        proposals = independence_proposals(u[one], np.unique(u[other], axis=0), INDEPENDENT, random)
        begin = target, u[one], log_likelihood[one], proposals, LocalMoves(jnp.asarray(u[other])), STEPS_PER_ROUND
        end = advance(*begin, half_key, beta=beta)
        u[one], log_likelihood[one] = np.asarray(end.u), np.asarray(end.log_likelihood)
        relocated[one] = np.asarray(end.relocations) > 0
        moves += int(np.sum(end.moves))
    return Moved(u, log_likelihood, relocated, moves)


def tempered(
    target: Target,
    count: int,
    most_prior_draws: int,
    seed: int,
    progress: Progress,
    end: float = 1.0,
    rounds: int = 1,
) -> Particles:
    """`count` particles of L^end: of the posterior, or for end > 1 annealed towards the highest ln L.

    At every temperature there are `rounds` rounds of moves, and more where they accept too few. Raises
    `ConfigurationError` when hardly any prior point has a likelihood above zero.
    """
    pace = Pace(progress, "starting points", end)
    random = np.random.default_rng(seed)
    key = jax.random.key(int(random.integers(2**31)))
    start = prior_draws(target, count, most_prior_draws, random)
    u, log_likelihood, calls = start.u, start.log_likelihood, start.tried
    beta, log_evidence, lineages = 0.0, float(np.log(count / start.tried)), np.arange(count)
    variance = (1.0 - count / start.tried) / count
    while beta < end:
        change = _next_change(log_likelihood, end - beta)
        log_weight = change * log_likelihood
        log_evidence += float(logsumexp(log_weight)) - float(np.log(count))
        variance += 1.0 / effective_sample_size(log_weight) - 1.0 / count
        beta = min(end, beta + change)
        # In order: the copies of a particle are in the same half of the next moves.
        chosen = np.sort(resample(log_weight, count, random))
        u, log_likelihood, lineages = u[chosen], log_likelihood[chosen], lineages[chosen]
        steps, moves, stayed = 0, 0, np.ones(count, bool)
        least = rounds * STEPS_PER_ROUND
        while steps < least or (moves < MOVES * np.count_nonzero(stayed) and steps < MOST_STEPS):
            key, move_key = jax.random.split(key)
            moved = round_of_moves(target, u, log_likelihood, beta, move_key, random)
            u, log_likelihood = moved.u, moved.log_likelihood
            stayed &= ~moved.relocated
            moves += moved.moves
            steps += STEPS_PER_ROUND
        lineages = np.where(stayed, lineages, lineages.max() + 1 + np.arange(count))
        calls += steps * count
        pace(beta, lambda: f"temperature {beta:.3g}, {calls} calls")  # noqa: B023
    pace.finish(end, f"{count} particles after {calls} calls, ln Z about {log_evidence:.2f}")
    return Particles(u, log_likelihood, log_evidence, float(np.sqrt(variance)), lineages, calls)


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
