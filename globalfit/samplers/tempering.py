"""Particles that follow the likelihood from the prior to the posterior: starting points with the right share of modes.

Sequential Monte Carlo with adaptive temperatures (Del Moral, Doucet & Jasra, J. R. Stat. Soc. B 68 (2006) 411; Jasra
et al., Scand. J. Stat. 38 (2011) 1): reweight with L^(beta' - beta), resample, move by differences of the particles.
"""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray
from scipy.optimize import root_scalar
from scipy.special import logsumexp

from globalfit.progress import Progress
from globalfit.recording import recorded
from globalfit.samplers import Target
from globalfit.samplers.batching import cube_batch, prior_draws
from globalfit.samplers.nested import kish, resample
from globalfit.samplers.pace import Pace
from globalfit.samplers.proposals import differences, inside_cube

# Effective fraction of the particles that a change of temperature leaves.
KEEP = 0.6
# Accepted moves per particle and temperature, and the steps after which no more are tried for.
MOVES = 6.0
STEPS, MOST_STEPS = 10, 200


class Particles(NamedTuple):
    """Approximate posterior draws, the log evidence that the reweighting gave, and the likelihood calls."""

    u: Float[np.ndarray, "particle ndim"]
    log_likelihood: Float[np.ndarray, " particle"]
    log_evidence: float
    calls: int


@recorded
@eqx.filter_jit
def _move(
    target: Target,
    u: Float[Array, "particle ndim"],
    log_likelihood: Float[Array, " particle"],
    population: Float[Array, "particle ndim"],
    beta: Float[Array, ""],
    key: PRNGKeyArray,
) -> tuple[Float[Array, "particle ndim"], Float[Array, " particle"], Int[Array, ""]]:
    """`STEPS` Metropolis steps at one temperature; also the number of accepted ones."""

    def step(
        state: tuple[Float[Array, "particle ndim"], Float[Array, " particle"], Int[Array, ""]], key: PRNGKeyArray
    ) -> tuple[tuple[Float[Array, "particle ndim"], Float[Array, " particle"], Int[Array, ""]], None]:
        u, log_likelihood, accepted = state
        move_key, accept_key = jax.random.split(key)
        proposal = u + differences(move_key, len(u), population)
        inside = inside_cube(proposal)
        proposal = jnp.where(inside[:, None], proposal, u)
        _, new = cube_batch(target, proposal)
        threshold = jnp.log(jax.random.uniform(accept_key, (len(u),)))
        accept: Bool[Array, " particle"] = inside & (threshold < beta * (new - log_likelihood))
        moved = jnp.where(accept[:, None], proposal, u), jnp.where(accept, new, log_likelihood)
        return (*moved, accepted + jnp.count_nonzero(accept)), None

    return jax.lax.scan(step, (u, log_likelihood, jnp.zeros((), int)), jax.random.split(key, STEPS))[0]


def tempered(target: Target, count: int, most_prior_draws: int, seed: int, progress: Progress) -> Particles:
    """`count` particles at temperature 1.

    Raises `ConfigurationError` when hardly any prior point has a likelihood above zero.
    """
    pace = Pace(progress, "starting points", 1.0)
    random = np.random.default_rng(seed)
    key = jax.random.key(int(random.integers(2**31)))
    start = prior_draws(target, count, most_prior_draws, random)
    u, log_likelihood, calls = start.u, start.log_likelihood, start.tried
    beta, log_evidence = 0.0, float(np.log(count / start.tried))
    while beta < 1.0:
        change = _next_change(log_likelihood, 1.0 - beta)
        log_weight = change * log_likelihood
        log_evidence += float(logsumexp(log_weight)) - float(np.log(count))
        beta = min(1.0, beta + change)
        chosen = resample(log_weight, count, random)
        u, log_likelihood = u[chosen], log_likelihood[chosen]
        population = jnp.asarray(u)
        accepted = steps = 0
        while accepted < MOVES * count and steps < MOST_STEPS:
            key, move_key = jax.random.split(key)
            start_from = jnp.asarray(u), jnp.asarray(log_likelihood)
            *moved, count_accepted = _move(target, *start_from, population, jnp.asarray(beta), move_key)
            u, log_likelihood = (np.asarray(part) for part in moved)
            accepted += int(count_accepted)
            steps += STEPS
        calls += steps * count
        pace(beta, lambda: f"temperature {beta:.3g}, {calls} calls")  # noqa: B023
    pace.finish(1.0, f"{count} particles after {calls} calls, ln Z about {log_evidence:.2f}")
    return Particles(u, log_likelihood, log_evidence, calls)


def _next_change(log_likelihood: Float[np.ndarray, " particle"], remaining: float) -> float:
    """Largest step in inverse temperature that keeps the effective fraction `KEEP` of the particles."""

    def excess(change: float) -> float:
        return kish(change * log_likelihood) / len(log_likelihood) - KEEP

    if excess(remaining) >= 0.0:
        return remaining
    scale = remaining
    while excess(scale) < 0.0:
        scale *= 0.1
    return float(root_scalar(excess, bracket=(scale, 10.0 * scale), rtol=1e-3).root)
