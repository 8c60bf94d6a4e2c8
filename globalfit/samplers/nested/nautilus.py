"""Importance nested sampling with nautilus: a second, independent evidence, and many posterior draws per call."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import h5py
import nautilus
import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, Field
from scipy.special import logsumexp

from globalfit.checkpoint.recording import current, unrecorded
from globalfit.errors import ConfigurationError
from globalfit.progress import Progress
from globalfit.random_streams import Stream, stream
from globalfit.samplers.batching import evaluate_cube, evaluate_log_prior, too_few_solutions, transform_cube
from globalfit.samplers.diagnostics import ESS_BOUND, RANK_P_BOUND, at_least, at_most
from globalfit.samplers.draws import Diagnostic, Draws, Evidence, Weighted
from globalfit.samplers.nested.defensive import Shells, defensive_component, tail_p, weigh
from globalfit.samplers.options import SamplerOptions
from globalfit.samplers.pace import Pace
from globalfit.samplers.protocol import Sampler, Target
from globalfit.samplers.weights import effective_sample_size, resample

# Points above the threshold that nautilus wants per ellipsoid, beyond the number of parameters (its own default).
PER_ELLIPSOID = 50
# File of the state in a checkpoint.
STATE = "nautilus.h5"


class NautilusOptions(SamplerOptions):
    """Options of `nautilus`."""

    presets: ClassVar = {
        "quick": {"n_eff": 2000.0},
        "publication": {"n_live": 4000, "n_networks": 4, "n_eff": 50_000.0},
    }

    n_live: int = Field(2000, ge=100, le=1_000_000, description="Points of the live set that each new bound encloses.")
    n_networks: int = Field(
        1, ge=0, le=64, description="Neural networks per bound, averaged; 0 leaves the ellipsoids alone."
    )
    enlarge_per_dim: float = Field(
        1.1,
        ge=1.0,
        le=10.0,
        description="Factor by which ellipsoids are longer than their points need, in every direction.",
    )
    # With 2, one seed of ten had the share on one side of the axial resonance 3.7 of its errors off; with 8, this seed
    # has it 1.8 off.
    defensive: float = Field(
        8.0,
        ge=0.0,
        le=1000.0,
        description="Draws from the density of tempered particles, per effective draw asked of the shells; with 0 "
        "there are no particles, and no check of the weights by them.",
    )
    n_batch: int = Field(512, ge=16, le=1_000_000, description="Points that are evaluated at once.")
    f_live: float = Field(
        0.01, gt=0.0, lt=1.0, description="The exploration ends when the live set holds this part of the evidence."
    )
    n_eff: float = Field(10_000.0, ge=100.0, description="Effective sample size at which the run ends.")
    discard_exploration: bool = Field(
        True, description="Use only what is drawn after the last bound is built: weights without a bias."
    )
    max_calls: int = Field(
        20_000_000,
        ge=1000,
        description="Likelihood calls of the shells after which the run stops even if it is not finished.",
    )
    draws: int | None = Field(
        None, ge=1, description="Equally weighted draws to keep; by default the effective sample size."
    )
    prior_draws: int = Field(
        1_000_000, ge=1000, description="Prior draws after which the search for points with a solution is given up."
    )


class Nautilus(Sampler):
    """Nested shells whose bounds are learnt by small neural networks; every point counts by importance. A defensive
    component (`globalfit.samplers.nested.defensive`) covers what the bounds miss."""

    options: NautilusOptions
    Options: ClassVar[type[BaseModel]] = NautilusOptions
    title: ClassVar[str] = "nautilus, importance nested sampling with neural networks"
    references: ClassVar[tuple[str, ...]] = (
        "Lange, arXiv:2306.16923",
        "Skilling, Bayesian Analysis 1 (2006) 833",
        "Feroz et al., arXiv:1306.2144",
        "Owen & Zhou, J. Am. Stat. Assoc. 95 (2000) 135",
    )

    @property
    def block(self) -> int:
        """Points per call of the compiled ln L."""
        return self.options.n_batch

    def check(self, names: tuple[str, ...]) -> None:
        """Raises `ConfigurationError` for a single parameter, which nautilus cannot sample."""
        if len(names) < 2:
            raise ConfigurationError("nautilus needs two sampled parameters or more; use dynesty or grid for one.")

    def run(self, target: Target, seed: int, progress: Progress) -> Draws:
        """Sample.

        Points with ln L = -inf are ranked below all others and carry no weight, so that the evidence pays for their
        volume. Raises `ConfigurationError` for a single parameter, and when hardly any prior point has a likelihood
        above zero.
        """
        options = self.options
        self.check(target.names)
        pace = Pace(progress, "nautilus")
        count = int(options.defensive * options.n_eff)
        component = defensive_component(target, count, options.prior_draws, seed, progress)
        batches = _Batches(target, options)
        sampler, explored = _begin(target, options, batches, seed)
        # nautilus keeps the linear algebra of its networks to one thread and starts no process without a pool.
        with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
            warnings.filterwarnings("ignore", message="Polyfit may be poorly conditioned")
            if explored is None:
                self._advance(sampler, pace, None, f_live=options.f_live, n_shell=0, n_eff=0)
                live = _live_fraction(sampler, options.n_live)
                explored = Exploration(float(sampler.log_z), live, float(batches.calls))
            if sampler.explored:
                sampler.discard_exploration = options.discard_exploration
                self._advance(sampler, pace, explored, n_eff=options.n_eff)
            u, _, log_likelihood = sampler.posterior()
            finished = float(sampler.n_eff) / options.n_eff
            log_evidence_shells = float(sampler.log_z)
        shells = _shells(sampler)
        weighed = weigh(shells, u, log_likelihood, component)
        calls = batches.calls + component.calls
        pace.finish(batches.calls, f"ln Z = {weighed.log_evidence:.3f}, {calls} calls")

        solved = np.isfinite(weighed.log_likelihood)
        log_weight, log_likelihood = weighed.log_weight[solved], weighed.log_likelihood[solved]
        volume = np.exp(weighed.log_volume)
        theta = transform_cube(target, weighed.u[solved])
        tail = tail_p(weighed, shells, component) if len(component.particles) else None
        information = float(np.sum(np.exp(log_weight) * log_likelihood)) - weighed.log_evidence
        effective = effective_sample_size(log_weight)
        random = stream(seed, Stream.SAMPLER)
        chosen = resample(log_weight, options.draws or max(1, int(effective)), random)
        return Draws(
            names=target.names,
            theta=theta[None, chosen],
            log_likelihood=log_likelihood[None, chosen],
            log_prior=evaluate_log_prior(target, theta[chosen])[None],
            diagnostics=_checks(options, explored, log_weight, finished, tail),
            evidence=Evidence(
                weighed.log_evidence, weighed.log_evidence_error, "importance nested sampling", information
            ),
            weighted=Weighted(theta, log_weight, log_likelihood),
            numbers={
                "likelihood_calls": float(calls),
                "particle_calls": float(component.calls),
                **component.evidence,
                "exploration_calls": explored.calls,
                "log_evidence_exploration": explored.log_evidence,
                "log_evidence_shells": log_evidence_shells,
                "bounds": float(len(sampler.bounds)),
                "efficiency": effective / calls,
                "prior_fraction_with_solution": float(np.sum(volume[solved]) / np.sum(volume)),
            },
        )

    def _advance(self, sampler: Any, pace: Pace, explored: Exploration | None, **goal: float) -> None:
        """Run batch by batch until the goal or the last call allowed."""
        record = current()
        while sampler.n_like < self.options.max_calls:
            # The networks are too expensive to be trained again: nautilus keeps its state in a file of its own.
            with unrecorded():
                finished = sampler.run(**goal, n_like_max=sampler.n_like + 1)
            if finished:
                break
            pace(sampler.n_like, lambda: _state(sampler))
            if record is not None:
                record.snapshot(STATE, lambda path: _write(sampler, explored, path))


class Exploration(NamedTuple):
    """What the exploration found before the sampling from its shells began."""

    log_evidence: float
    live_fraction: float
    calls: float


class _Batches:
    """The likelihood as nautilus calls it, one batch at a time; counts the calls and the points with a solution."""

    def __init__(self, target: Target, options: NautilusOptions) -> None:
        self._target, self._options = target, options
        self.calls = self.solved = 0

    def __call__(self, u: Float[np.ndarray, "batch ndim"]) -> Float[np.ndarray, " batch"]:
        value = evaluate_cube(self._target, u, block=self._options.n_batch)[1]
        self.calls += len(u)
        self.solved += int(np.count_nonzero(np.isfinite(value)))
        # Without this many points nautilus builds no bound and goes on drawing from the prior.
        needed = self._target.ndim + PER_ELLIPSOID
        if self.solved < needed and self.calls >= self._options.prior_draws:
            raise too_few_solutions(self.solved, self.calls, needed)
        return value


def _begin(target: Target, options: NautilusOptions, batches: _Batches, seed: int) -> tuple[Any, Exploration | None]:
    """A new sampler, or that of the checkpoint with what its exploration found, if that has ended."""
    record = current()

    def read(path: Path) -> tuple[Any, Exploration | None]:
        sampler = _sampler(target, options, batches, seed, path)
        sampler.filepath = None
        with h5py.File(path) as file:
            explored = file.attrs.get("exploration")
        return sampler, None if explored is None else Exploration(*(float(value) for value in explored))

    known = None if record is None else record.restored(STATE, read)
    if known is None:
        return _sampler(target, options, batches, seed, None), None
    batches.calls = int(known[0].n_like)
    batches.solved = sum(int(np.count_nonzero(np.isfinite(values))) for values in known[0].log_l)
    return known


def _write(sampler: Any, explored: Exploration | None, path: Path) -> None:
    """The state of a sampler as a file."""
    sampler.write(path, overwrite=True)
    if explored is not None:
        with h5py.File(path, "r+") as file:
            file.attrs["exploration"] = explored


def _sampler(target: Target, options: NautilusOptions, batches: _Batches, seed: int, state: Path | None) -> Any:
    """The sampler, in the state of a file if there is one."""
    build: Any = nautilus.Sampler
    return build(
        _same,
        batches,
        n_dim=target.ndim,
        n_live=options.n_live,
        n_points_min=target.ndim + PER_ELLIPSOID,
        enlarge_per_dim=options.enlarge_per_dim,
        n_networks=options.n_networks,
        n_batch=options.n_batch,
        vectorized=True,
        seed=seed,
        filepath=state,
    )


def _same(u: Float[np.ndarray, "batch ndim"]) -> Float[np.ndarray, "batch ndim"]:
    """The prior as nautilus sees it: the likelihood takes points of the unit cube."""
    return u


def _state(sampler: Any) -> str:
    """One line on where the run stands."""
    stage = f"effective size {sampler.n_eff:.0f}" if sampler.explored else f"{sampler.f_live:.2g} of it live"
    return f"ln Z = {sampler.log_z:.2f}, {stage}, {len(sampler.bounds)} bounds, {sampler.n_like} calls"


def _live_fraction(sampler: Any, live: int) -> float:
    """Share of the evidence that the `live` points of the highest ln L hold."""
    _, log_weight, log_likelihood = sampler.posterior()
    return float(np.exp(logsumexp(log_weight[np.argsort(log_likelihood)[-live:]])))


def _shells(sampler: Any) -> Shells:
    """The shells as sources of draws: those of a bound, of which the ones that lie in no later bound are kept.

    The volume of a bound comes from accepted fractions p of N draws (in the networks' score, and in the overlap of
    ellipsoids), each with the relative variance (1 - p) / (p N).
    """
    drawn = sampler.shell_n_sample - (sampler.shell_n_sample_exp if sampler.discard_exploration else 0)
    log_bound = np.array([float(bound.log_v) for bound in sampler.bounds])
    variance = np.array([_volume_variance(bound) for bound in sampler.bounds])
    with np.errstate(divide="ignore"):
        log_density = np.log(drawn) - log_bound
    return Shells(log_density, drawn, variance, sampler.shell_association)


def _volume_variance(bound: Any) -> float:
    """Relative variance of a bound's volume; none for the unit cube."""
    parts: list[Any] = [bound, bound.outer_bound] if hasattr(bound, "outer_bound") else []
    return float(sum(part.n_reject / (part.n_sample - part.n_reject) / part.n_sample for part in parts))


def _checks(
    options: NautilusOptions,
    explored: Exploration,
    log_weight: Float[np.ndarray, " point"],
    finished: float,
    tail: float | None,
) -> tuple[Diagnostic, ...]:
    checks = [
        at_least(
            "effective_sample_size",
            effective_sample_size(log_weight),
            ESS_BOUND,
            "equally weighted draws that the run is worth",
        ),
        at_most("largest_weight", float(np.exp(log_weight.max())), 0.05, "posterior share of the heaviest point"),
        at_most(
            "live_fraction",
            explored.live_fraction,
            options.f_live,
            "share of the evidence in the live points when the last bound was built",
        ),
        at_least("finished", finished, 1.0, "part of the effective size asked for within max_calls"),
    ]
    if tail is not None:
        message = "p-value of particles that stand where draws weigh most as often as the weights say"
        checks.append(at_least("tail_p", tail, RANK_P_BOUND, message))
    return tuple(checks)
