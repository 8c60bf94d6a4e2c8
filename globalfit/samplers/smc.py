"""Sequential Monte Carlo: independent populations of particles follow the likelihood from the prior to the posterior.

Each population is reweighted from one temperature to the next, resampled and moved
(`globalfit.samplers.particles.tempering`); the product of the mean weights estimates Z (Del Moral, Doucet & Jasra, J.
R. Stat. Soc. B 68 (2006) 411; Dai et al., arXiv:2007.11936). No bound is built and no volume is counted, so that the
evidence is independent of nested sampling. The populations know nothing of one another: their scatter is the error.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, Field
from scipy.special import logsumexp

from globalfit.progress import Progress
from globalfit.random_streams import Stream, stream
from globalfit.samplers.batching import evaluate_cube, evaluate_log_prior
from globalfit.samplers.diagnostics import ESS_BOUND, RHAT_BOUND, at_least, at_most, rank_rhat
from globalfit.samplers.draws import Diagnostic, Draws, Evidence, Weighted
from globalfit.samplers.options import SamplerOptions
from globalfit.samplers.particles.tempering import STEPS_PER_ROUND, Particles, tempered
from globalfit.samplers.protocol import Sampler, Target
from globalfit.samplers.weights import effective_sample_size, resample

# Other weights of the populations that give the errors of shares.
RATIOS = 100
# Largest standard deviation of ln Z over the populations: beyond it the mean of Z is that of the luckiest one.
SCATTER_BOUND = 0.3


class SmcOptions(SamplerOptions):
    """Options of `smc`."""

    presets: ClassVar = {
        "quick": {"populations": 6, "rounds": 2},
        "publication": {"populations": 16, "particles": 2000},
    }

    populations: int = Field(
        8, ge=4, le=1024, description="Independent populations: their scatter is the error of ln Z."
    )
    particles: int = Field(500, ge=64, le=1_000_000, description="Particles of each population.")
    rounds: int = Field(
        4,
        ge=1,
        le=1000,
        description=f"Rounds of {STEPS_PER_ROUND} steps at every temperature; more are made where few are accepted.",
    )
    draws: int | None = Field(
        None, ge=1, description="Equally weighted draws to keep; by default the effective sample size."
    )
    prior_draws: int = Field(
        1_000_000, ge=1000, description="Prior draws after which the search for points with a solution is given up."
    )


class Smc(Sampler):
    """Tempered particles in independent populations, each of which counts with its estimate of Z."""

    options: SmcOptions
    Options: ClassVar[type[BaseModel]] = SmcOptions
    title: ClassVar[str] = "sequential Monte Carlo, tempered particles in independent populations"
    references: ClassVar[tuple[str, ...]] = (
        "Del Moral, Doucet & Jasra, J. R. Stat. Soc. B 68 (2006) 411",
        "Dai et al., arXiv:2007.11936",
        "Jasra et al., Scand. J. Stat. 38 (2011) 1",
        "Tierney, Ann. Statist. 22 (1994) 1701",
        "ter Braak, Statistics and Computing 16 (2006) 239",
        "Vehtari et al., arXiv:1903.08008",
    )

    def run(self, target: Target, seed: int, progress: Progress) -> Draws:
        """Sample.

        Points with ln L = -inf are no particles, and the evidence pays for their volume. Raises `ConfigurationError`
        when hardly any prior point has a likelihood above zero.
        """
        options = self.options
        random = stream(seed, Stream.SAMPLER)
        sizes = options.particles, options.prior_draws
        found = [
            tempered(target, *sizes, int(random.integers(2**31)), progress, rounds=options.rounds)
            for _ in range(options.populations)
        ]
        log_evidence, error = evidence_of(found)
        log_z = np.array([one.log_evidence for one in found])
        log_weight = np.repeat(log_z - logsumexp(log_z), options.particles) - math.log(options.particles)
        # The parameters, with the function that is compiled.
        theta, _ = evaluate_cube(target, np.concatenate([one.u for one in found]))
        log_likelihood = np.concatenate([one.log_likelihood for one in found])
        information = float(np.exp(log_weight) @ log_likelihood) - log_evidence
        by_population = theta.reshape(options.populations, -1, target.ndim)
        lineages = float(sum(len(np.unique(one.lineages)) for one in found))
        effective = effective_sample_size(log_weight) * lineages / len(theta)
        chosen = resample(log_weight, options.draws or max(1, int(effective)), random)
        population = np.repeat(np.arange(options.populations), options.particles)[chosen]
        calls = float(sum(one.calls for one in found))
        return Draws(
            names=target.names,
            theta=theta[None, chosen],
            log_likelihood=log_likelihood[None, chosen],
            log_prior=evaluate_log_prior(target, theta[chosen])[None],
            diagnostics=_checks(target.names, by_population, log_z, effective),
            evidence=Evidence(log_evidence, error, "sequential Monte Carlo", information),
            weighted=Weighted(theta, log_weight, log_likelihood),
            numbers={
                "likelihood_calls": calls,
                "efficiency": effective / calls,
                "lineages": lineages,
                "log_evidence_scatter": float(np.std(log_z, ddof=1)),
            },
            # The Bayesian bootstrap of the populations (Rubin, Ann. Statist. 9 (1981) 130).
            log_ratios=np.log(random.exponential(size=(RATIOS, options.populations)))[:, population],
        )


def evidence_of(populations: list[Particles]) -> tuple[float, float]:
    """ln of the mean Z of independent populations, and its standard error.

    The error is the larger one of two: from the scatter of Z over the populations, and from the weights within them,
    which does not depend on a few numbers. A bias that all populations have, as from too few moves, is in neither.
    """
    count = len(populations)
    log_z = np.array([one.log_evidence for one in populations])
    share = np.exp(log_z - logsumexp(log_z))
    within = float(np.sum((share * np.array([one.log_evidence_error for one in populations])) ** 2))
    between = count * float(np.var(share, ddof=1))
    return float(np.logaddexp.reduce(log_z)) - math.log(count), math.sqrt(max(within, between))


def _checks(
    names: tuple[str, ...],
    theta: Float[np.ndarray, "population particle ndim"],
    log_z: Float[np.ndarray, " population"],
    effective: float,
) -> tuple[Diagnostic, ...]:
    rhat = rank_rhat(theta)
    worst = int(np.argmax(np.nan_to_num(rhat, nan=np.inf)))
    return (
        at_least(
            "effective_sample_size",
            effective,
            ESS_BOUND,
            "particles that do not come from one another, by their weights",
        ),
        at_most(
            "rhat",
            float(rhat[worst]),
            RHAT_BOUND,
            f"largest rank-normalised split R-hat, of {names[worst]}: the populations agree up to this factor in width",
        ),
        at_most(
            "evidence_scatter",
            float(np.std(log_z, ddof=1)),
            SCATTER_BOUND,
            "standard deviation of ln Z over the populations",
        ),
    )
