"""A defensive component of importance sampling: draws where particles go and the run's own bounds hardly do.

Weights of importance sampling have no bias. But a region which is covered so thinly that no draw fell there is missing
from ln Z, and the error of ln Z knows nothing of it. Particles that come from the prior by way of temperatures
(`globalfit.samplers.particles.tempering`) owe nothing to the bounds. Draws from a density with their shape join those
of the run, and every draw counts by the density of all together (balance heuristic: Veach & Guibas, SIGGRAPH 95 (1995)
419; Owen & Zhou, J. Am. Stat. Assoc. 95 (2000) 135). The particles then move on, and tell whether they still find
places where a draw weighs too much.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int
from scipy.stats import nbinom

from globalfit.errors import ConfigurationError
from globalfit.progress import Progress
from globalfit.random_streams import Stream, stream
from globalfit.samplers.batching import evaluate_cube
from globalfit.samplers.pace import Pace
from globalfit.samplers.particles.kernel_density import KernelDensity, kernel_density
from globalfit.samplers.particles.tempering import STEPS_PER_ROUND, Moved, round_of_moves, tempered
from globalfit.samplers.protocol import Target
from globalfit.samplers.weights import effective_sample_size

# Particles, the rounds of their moves at temperature 1 before they give the shape, at least and at most, and those
# before they are compared with the weights. On a curved sheet, particles that come to this temperature hold 0.2 to 0.6
# of the share of a narrow neck on the axial resonance; after 24 rounds 0.75 to 1.25 of it, of three seeds.
PARTICLES, SETTLE, CHECK = 1024, (4, 24), 2
# Share of the particles that no independence proposal has taken elsewhere with which they have settled.
STAYED = 0.01
# Part of the posterior that is looked at in this comparison: where a draw weighs most.
TAIL = 0.01


class Shells(NamedTuple):
    """Parts of the unit cube in which draws were uniform: ln of the draws per volume, their number, the relative
    variance of the volume, and the part that each of some points lies in."""

    log_density: Float[np.ndarray, " shell"]
    drawn: Float[np.ndarray, " shell"]
    volume_variance: Float[np.ndarray, " shell"]
    of: Callable[[Float[np.ndarray, "point ndim"]], Int[np.ndarray, " point"]]


class Component(NamedTuple):
    """`drawn` draws of a density with the shape of the particles, of which `u` lie in the cube; and `calls`, the
    likelihoods that they and the particles took. The particles have moved on since. `evidence` is the one of their way
    through the temperatures, which neither knows of bounds nor of the draws: ln Z with its standard error."""

    density: KernelDensity | None
    drawn: int
    u: Float[np.ndarray, "point ndim"]
    log_likelihood: Float[np.ndarray, " point"]
    particles: Float[np.ndarray, "particle ndim"]
    log_likelihood_particles: Float[np.ndarray, " particle"]
    calls: int
    evidence: Mapping[str, float] = MappingProxyType({})

    def log_density(self, u: Float[np.ndarray, "point ndim"]) -> Float[np.ndarray, " point"]:
        """ln of the draws per volume."""
        if self.density is None:
            return np.full(len(u), -np.inf)
        return np.log(self.drawn) + self.density.log_density(u)


class Weighed(NamedTuple):
    """All draws, ln of the prior volume and of the posterior share that each stands for, and ln Z with its standard
    error."""

    u: Float[np.ndarray, "point ndim"]
    log_likelihood: Float[np.ndarray, " point"]
    log_volume: Float[np.ndarray, " point"]
    log_weight: Float[np.ndarray, " point"]
    log_evidence: float
    log_evidence_error: float


def defensive_component(target: Target, count: int, most_prior_draws: int, seed: int, progress: Progress) -> Component:
    """`count` draws of a density with the shape of tempered particles; for none there are no particles either.

    Raises `ConfigurationError` when hardly any prior point has a likelihood above zero, and for particles that stick to
    a few points.
    """
    if count == 0:
        return Component(None, 0, np.empty((0, target.ndim)), np.empty(0), np.empty((0, target.ndim)), np.empty(0), 0)
    random = stream(seed, Stream.PARTICLES)
    fewest, most = SETTLE
    pace = Pace(progress, "particles at temperature 1", most + CHECK)
    start = tempered(target, PARTICLES, most_prior_draws, int(random.integers(2**31)), progress)
    u, log_likelihood = start.u, start.log_likelihood
    stayed, rounds = np.ones(PARTICLES, bool), 0
    while rounds < fewest or (rounds < most and np.mean(stayed) > STAYED):
        moved = _moved(target, u, log_likelihood, random)
        u, log_likelihood, stayed = moved.u, moved.log_likelihood, stayed & ~moved.relocated
        rounds += 1
        pace(rounds, lambda: "settling")
    density = kernel_density(np.unique(u, axis=0), random)
    if density is None:
        raise ConfigurationError(
            f"the {PARTICLES} particles that follow the likelihood from the prior end at "
            f"{len(np.unique(u, axis=0))} points: it is too narrow for this sampler. Use dynesty, or narrow the priors."
        )
    draws = density.sample(count, random)
    draws = draws[np.all((draws > 0.0) & (draws < 1.0), axis=1)]
    values = evaluate_cube(target, draws)[1]
    for _ in range(CHECK):
        moved = _moved(target, u, log_likelihood, random)
        u, log_likelihood = moved.u, moved.log_likelihood
    calls = start.calls + len(draws) + (rounds + CHECK) * STEPS_PER_ROUND * PARTICLES
    pace.finish(most + CHECK, f"{calls} calls")
    evidence = {
        "log_evidence_tempering": start.log_evidence,
        "log_evidence_tempering_error": start.log_evidence_error,
    }
    return Component(density, count, draws, values, u, log_likelihood, calls, evidence)


def _moved(
    target: Target,
    u: Float[np.ndarray, "particle ndim"],
    log_likelihood: Float[np.ndarray, " particle"],
    random: np.random.Generator,
) -> Moved:
    """Particles after a round of moves."""
    key = jax.random.key(int(random.integers(2**31)))
    return round_of_moves(target, u, log_likelihood, 1.0, key, random)


def weigh(
    shells: Shells,
    u: Float[np.ndarray, "point ndim"],
    log_likelihood: Float[np.ndarray, " point"],
    component: Component,
) -> Weighed:
    """Draws of the shells together with those of the component.

    The variance of Z is, for each source of n draws with weights w, sum w^2 - (sum w)^2 / n, and for each volume that
    of the weights which go with it.
    """
    own, u = len(u), np.concatenate([u, component.u])
    log_likelihood = np.concatenate([log_likelihood, component.log_likelihood])
    shell = shells.of(u)
    log_density = np.logaddexp(shells.log_density[shell], component.log_density(u))
    log_weight = log_likelihood - log_density
    log_evidence = np.log(np.sum(np.exp(log_weight - log_weight.max()))) + log_weight.max()
    share = np.exp(log_weight - log_evidence)

    source = np.concatenate([shell[:own], np.full(len(u) - own, len(shells.drawn))])
    drawn = np.append(shells.drawn, component.drawn)
    count = len(drawn)
    variance = np.bincount(source, share**2, count) - np.bincount(source, share, count) ** 2 / np.maximum(drawn, 1)
    by_volume = np.bincount(shell, share * np.exp(shells.log_density[shell] - log_density), len(shells.drawn))
    error = float(np.sqrt(np.sum(variance) + np.sum(by_volume**2 * shells.volume_variance)))
    return Weighed(u, log_likelihood, -log_density, log_weight - log_evidence, float(log_evidence), error)


def tail_p(weighed: Weighed, shells: Shells, component: Component) -> float:
    """p-value of particles that stand in the heaviest `TAIL` of the posterior no more often than the weights say.

    The share that the weights give is as uncertain as their effective number there, n, makes it: a Gamma distribution
    of shape n, with which the Poisson number of particles becomes negative binomial.
    """
    order = np.argsort(weighed.log_weight)[::-1]
    heaviest = weighed.log_weight[order[: 1 + int(np.searchsorted(np.cumsum(np.exp(weighed.log_weight[order])), TAIL))]]
    u = component.particles
    log_density = np.logaddexp(shells.log_density[shells.of(u)], component.log_density(u))
    log_weight = component.log_likelihood_particles - log_density - weighed.log_evidence
    found = int(np.count_nonzero(log_weight >= heaviest[-1]))
    effective, expected = effective_sample_size(heaviest), PARTICLES * float(np.sum(np.exp(heaviest)))
    return float(nbinom.sf(found - 1, effective, effective / (effective + expected)))
