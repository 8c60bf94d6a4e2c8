"""Nested sampling with dynesty: evidence, posterior and separate modes in one run; the default."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
from dynesty import NestedSampler
from jaxtyping import Array
from pydantic import BaseModel, Field

from globalfit.progress import Progress
from globalfit.random_streams import Stream, stream
from globalfit.samplers.batching import evaluate_cube, evaluate_log_prior, prior_draws
from globalfit.samplers.diagnostics import (
    ESS_BOUND,
    RANK_P_BOUND,
    at_least,
    at_most,
    insertion_place,
    insertion_rank_p,
)
from globalfit.samplers.draws import Diagnostic, Draws, Weighted
from globalfit.samplers.nested.batched_walks import INDEPENDENT, CubeDraws, QueuePool, RandomWalks
from globalfit.samplers.nested.dead_points import integrate, live_counts, other_log_weights
from globalfit.samplers.options import SamplerOptions
from globalfit.samplers.pace import Pace
from globalfit.samplers.protocol import Sampler, Target
from globalfit.samplers.weights import effective_sample_size, resample


class DynestyOptions(SamplerOptions):
    """Options of `dynesty`."""

    # Where little is learned, a run is worth about `nlive` draws: with fewer than ESS_BOUND it would never converge.
    presets: ClassVar = {"quick": {"nlive": 420, "dlogz": 0.2}, "publication": {"nlive": 4000, "dlogz": 0.01}}

    nlive: int = Field(
        1000, ge=50, le=100_000, description="Live points: the error of ln Z falls with the square root."
    )
    dlogz: float = Field(0.05, gt=0.0, le=1.0, description="Stop when the live points hold less than this of ln Z.")
    walks: int = Field(
        12,
        ge=5,
        le=10_000,
        description=f"Steps per new live point, of which {INDEPENDENT} may go anywhere; more where few are accepted.",
    )
    moves: float = Field(
        60.0, gt=0.0, le=1000.0, description="Accepted steps, on average, of walks that went nowhere else."
    )
    queue: int | None = Field(
        None,
        ge=1,
        le=65_536,
        description="Walks that advance together; by default nlive / 8, at most 64. A fraction of about "
        "queue / (2 nlive) of the calls is lost to walks that the rising threshold overtakes.",
    )
    draws: int | None = Field(
        None, ge=1, description="Equally weighted draws to keep; by default the effective sample size."
    )
    prior_draws: int = Field(
        1_000_000, ge=1000, description="Prior draws after which the search for points with a solution is given up."
    )


class Dynesty(Sampler):
    """Static nested sampling; batched random walks, one compiled kernel for the whole queue."""

    options: DynestyOptions
    Options: ClassVar[type[BaseModel]] = DynestyOptions
    title: ClassVar[str] = "dynesty, nested sampling with batched random walks"
    references: ClassVar[tuple[str, ...]] = (
        "Speagle, arXiv:1904.02180",
        "Koposov et al., doi:10.5281/zenodo.3348367",
        "Skilling, Bayesian Analysis 1 (2006) 833",
        "Feroz, Hobson & Bridges, arXiv:0809.3437",
        "Tierney, Ann. Statist. 22 (1994) 1701",
        "ter Braak, Statistics and Computing 16 (2006) 239",
        "Fowlie, Handley & Su, arXiv:2006.03371",
    )

    def run(self, target: Target, seed: int, progress: Progress) -> Draws:
        """Sample.

        Raises `ConfigurationError` when hardly any prior point has a likelihood above zero.
        """
        options = self.options
        random = np.random.default_rng(seed)
        start = prior_draws(target, options.nlive, options.prior_draws, random)
        walks = RandomWalks(target, options.walks, options.moves)
        queue = options.queue or min(64, options.nlive // 8)
        with warnings.catch_warnings():
            # A plateau is integrated exactly; dynesty only announces that it ends there.
            warnings.filterwarnings("ignore", message=".*plateau.*")
            nested: Any = NestedSampler
            sampler = nested(
                _unused,
                _unused,
                target.ndim,
                nlive=options.nlive,
                bound="multi",
                sample=walks,
                pool=QueuePool(queue),
                queue_size=queue,
                use_pool={"update_bound": False},
                update_interval=float(options.walks),
                live_points=(start.u, start.u, start.log_likelihood),
                rstate=random,
            )
            sampler.internal_sampler = CubeDraws(target)
            sampler.ncall = start.tried
            sampler.logvol_init = np.log(options.nlive / start.tried)
            places = self._iterate(sampler, stream(seed, Stream.SAMPLER), progress)

        log_likelihood = np.array(sampler.saved_run["logl"])
        u = np.array(sampler.saved_run["u"])
        # The parameters, with the function that is compiled.
        theta, _ = evaluate_cube(target, u)
        evidence, log_weight = integrate(log_likelihood, options.nlive, start.tried, random)
        live, effective = live_counts(log_likelihood, options.nlive), effective_sample_size(log_weight)
        chosen = resample(log_weight, options.draws or max(1, int(effective)), random)
        others = other_log_weights(log_likelihood, live, random, (options.nlive, start.tried), chosen)
        return Draws(
            names=target.names,
            theta=theta[None, chosen],
            log_likelihood=log_likelihood[None, chosen],
            log_prior=evaluate_log_prior(target, theta[chosen])[None],
            diagnostics=_checks(places, options, walks, log_weight),
            evidence=evidence,
            weighted=Weighted(theta, log_weight, log_likelihood, live),
            numbers={
                "likelihood_calls": float(sampler.ncall),
                "iterations": float(sampler.it - 1),
                "efficiency": (sampler.it - 1) / sampler.ncall,
                "acceptance": walks.accepted / max(walks.tried, 1),
                "independence_share": walks.relocated / max(walks.walked, 1),
                "steps_per_walk": walks.tried / max(walks.walked, 1),
                "prior_fraction_with_solution": options.nlive / start.tried,
            },
            log_ratios=others - log_weight[chosen],
            lineages=walks.lineages(u[chosen]),
        )

    def _iterate(self, sampler: Any, random: np.random.Generator, progress: Progress) -> np.ndarray:
        """Run to the end; the place of every new live point among the others."""
        pace = Pace(progress, "nested sampling")
        places: list[float] = []
        for state in sampler.sample(dlogz=self.options.dlogz, save_bounds=False):
            others = np.delete(sampler.live_logl, state.worst)
            places.append(insertion_place(sampler.live_logl[state.worst], others, state.loglstar, random))
            pace(
                sampler.it,
                lambda state=state: (
                    f"ln Z = {state.logz:.2f}, {_to_come(state.delta_logz)} (stops at {self.options.dlogz:g}), "
                    f"{sampler.ncall} calls"
                ),
            )
        *_, last = sampler.add_live_points()
        pace.finish(sampler.it, f"ln Z = {last.logz:.2f}, {sampler.ncall} calls")
        return np.array(places)


def _to_come(log_ratio: float) -> str:
    """What the live points still hold; enormous as long as the first points weigh nothing."""
    return f"{log_ratio:.3g} to come" if log_ratio < 1e3 else "nearly all to come"


def _checks(
    places: np.ndarray, options: DynestyOptions, walks: RandomWalks, log_weight: np.ndarray
) -> tuple[Diagnostic, ...]:
    checks = [
        at_least(
            "effective_sample_size",
            effective_sample_size(log_weight),
            ESS_BOUND,
            "equally weighted draws that the run is worth (Kish)",
        ),
        at_most("largest_weight", float(np.exp(log_weight.max())), 0.05, "posterior share of the heaviest point"),
        at_most(
            "stuck_walks",
            walks.stuck / max(walks.walked, 1),
            0.1,
            "fraction of random walks that never moved and copied a live point",
        ),
    ]
    if len(places):
        checks.append(
            at_least(
                "insertion_rank_p",
                insertion_rank_p(places, options.nlive),
                RANK_P_BOUND,
                "p-value of uniform insertion ranks: new live points are independent draws of the constrained prior",
            )
        )
    return tuple(checks)


def _unused(_: Array) -> float:
    """dynesty's single-point callables: every point comes from the batch kernels."""
    raise RuntimeError("dynesty asked for a single point, which the batched sampler never lets it do.")
