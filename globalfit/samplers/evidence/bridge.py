"""Evidence by bridge sampling: a second method on the draws of any sampler, of another kind than nested sampling.

With equally many draws of the posterior p(z) = L(z) pi(z) / Z and of a normalised proposal q(z), the optimal bridge
(Meng & Wong, Stat. Sinica 6 (1996) 831; Gronau et al., arXiv:1703.05984) is the Z at which

    E_q[p / (p + q)] = E_p[q / (p + q)].

Both sides are bounded, so that tails which one of the two densities lacks do no harm. The coordinates are z =
Phi^-1(u) of the unit cube, in which the prior is a standard Gaussian. The proposal is a Gaussian mixture fitted to one
half of the draws and used with the other, and the other way round; two halves that disagree give no evidence.
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.optimize import root_scalar
from scipy.special import expit, ndtr, ndtri
from threadpoolctl import threadpool_limits

from globalfit.progress import Event, Progress
from globalfit.random_streams import Stream, stream
from globalfit.samplers.batching import BLOCK, evaluate_cube, inverse_cube
from globalfit.samplers.diagnostics import at_most
from globalfit.samplers.draws import CrossCheck, Draws, Evidence
from globalfit.samplers.evidence.mixture import Mixture, fit_mixture
from globalfit.samplers.protocol import Target
from globalfit.samplers.weights import effective_sample_size, resample

METHOD = "bridge sampling"
# Draws of the proposal for each half: whole blocks, so that nothing more is compiled.
PROPOSED = 2 * BLOCK
# Posterior draws of each half at most, and those that the mixture is fitted to.
USED, FITTED = 10_000, 3000
# Stretches of the chains of one half whose means tell the error of a mean over correlated draws.
STRETCHES = 40
# Effective number of draws in the overlap of both densities, and standard deviations between two values of ln Z.
EFFECTIVE_BOUND = 100.0
SIGMA_BOUND = 3.0
# Points at the very edge of the cube have finite coordinates.
_EDGE = 1e-16


class Bridge(NamedTuple):
    """ln Z with its standard error, and the effective number of draws in the overlap; or why there is none."""

    log_evidence: float
    log_evidence_error: float
    effective: float
    reason: str = ""


class _Half(NamedTuple):
    """Posterior draws z with ln(L pi).

    Of chains, `stretch` numbers the stretches and `copies` is how often a draw is there, on average over the draws; for
    independent points None and 1.
    """

    z: Float[np.ndarray, "point ndim"]
    log_density: Float[np.ndarray, " point"]
    weight: Float[np.ndarray, " point"]
    stretch: np.ndarray | None
    copies: float


def cross_checked(target: Target, draws: Draws, seed: int, progress: Progress) -> Draws:
    """The draws with a second evidence beside their own, or with it as theirs where the sampler gives none.

    A difference of more than `SIGMA_BOUND` standard deviations is a failed diagnostic.
    """
    if not draws.is_sample:
        return _without(draws, "the mesh is too coarse for the posterior")
    progress(Event("evidence cross-check", 0.0, 1.0))
    found = bridge(target, draws, seed)
    progress(Event("evidence cross-check", 1.0, 1.0, found.reason or f"ln Z = {found.log_evidence:.3f}"))
    draws = dataclasses.replace(draws, numbers=draws.numbers | {"cross_check_calls": 2.0 * PROPOSED})
    if found.reason:
        return _without(draws, found.reason)
    values = found.log_evidence, found.log_evidence_error
    if draws.evidence is None:
        evidence = Evidence(*values, METHOD, _mean_log_likelihood(draws) - found.log_evidence)
        check = CrossCheck(METHOD, *values, "not computable", None, "the sampler gives no evidence of its own")
        return dataclasses.replace(draws, evidence=evidence, cross_check=check)
    own = draws.evidence
    if own.method.startswith(METHOD):
        return _without(draws, "the evidence of the sampler is from bridge sampling already")
    sigma = (own.log_evidence - found.log_evidence) / math.hypot(own.log_evidence_error, found.log_evidence_error)
    diagnostic = at_most(
        "evidence_cross_check",
        abs(sigma),
        SIGMA_BOUND,
        f"standard deviations between ln Z of the sampler and {found.log_evidence:.3f} ± "
        f"{found.log_evidence_error:.3f} of bridge sampling on its draws",
    )
    verdict = "agree" if diagnostic.passed else "disagree"
    reason = f"ln Z differs by {abs(sigma):.1f} standard deviations, {'less' if diagnostic.passed else 'more'} than 3"
    check = CrossCheck(METHOD, *values, verdict, sigma, reason)
    return dataclasses.replace(draws, diagnostics=(*draws.diagnostics, diagnostic), cross_check=check)


# Small matrices: more threads than one only wait for each other.
@threadpool_limits.wrap(limits=1)
def bridge(target: Target, draws: Draws, seed: int) -> Bridge:
    """ln Z from draws of the posterior; `reason` says why there is none."""
    random = stream(seed, Stream.BRIDGE_SAMPLING)
    halves = _halves(target, draws, random)
    mixtures = [mixture for half in halves if (mixture := _proposal(half, random)) is not None]
    if len(mixtures) < len(halves):
        return _none("there are too few draws to fit a proposal")
    z = np.concatenate([mixture.sample(PROPOSED, random) for mixture in mixtures])
    log_density = evaluate_cube(target, ndtr(z))[1] + _log_normal(z)
    pairs = zip(halves[::-1], mixtures, np.split(z, 2), np.split(log_density, 2), strict=True)
    one, other = (_solve(*pair) for pair in pairs)
    effective = min(one.effective, other.effective)
    if effective < EFFECTIVE_BOUND:
        return _none(
            f"the proposal hardly overlaps with the posterior: {effective:.0f} effective draws, "
            f"{EFFECTIVE_BOUND:.0f} are needed"
        )
    both = math.hypot(one.log_evidence_error, other.log_evidence_error)
    distance = abs(one.log_evidence - other.log_evidence) / both
    if distance > SIGMA_BOUND:
        return _none(f"the two halves of the draws disagree by {distance:.1f} standard deviations")
    # What one half misses as proposal and the other as draws is the same product of two fluctuations in both values:
    # their errors are correlated, and the mean is no better than each.
    return Bridge(0.5 * (one.log_evidence + other.log_evidence), both / math.sqrt(2.0), effective)


def _solve(
    half: _Half, mixture: Mixture, z: Float[np.ndarray, "draw ndim"], log_density: Float[np.ndarray, " draw"]
) -> Bridge:
    """The optimal bridge between posterior draws and draws z of a proposal, with ln(L pi) of these.

    The error is that of Fruehwirth-Schnatter, Econom. J. 7 (2004) 143, from the relative variances of both means.
    """
    at_proposed = log_density - mixture.log_density(z)
    at_posterior = half.log_density - mixture.log_density(half.z)
    if not np.any(np.isfinite(at_proposed)):
        return Bridge(math.nan, math.nan, 0.0)

    def sides(log_evidence: float) -> tuple[Float[np.ndarray, " draw"], Float[np.ndarray, " point"]]:
        return expit(at_proposed - log_evidence), expit(log_evidence - at_posterior)

    def excess(log_evidence: float) -> float:
        share, rest = sides(log_evidence)
        return float(np.mean(share) - half.weight @ rest)

    both = np.concatenate([at_proposed[np.isfinite(at_proposed)], at_posterior])
    log_evidence = float(root_scalar(excess, bracket=(both.min() - 40.0, both.max() + 40.0), xtol=1e-9).root)
    share, rest = sides(log_evidence)
    mean = half.weight @ rest
    independent, correlated = _variances(half, rest)
    if correlated == 0.0:
        # Two densities so far apart that all draws are alike.
        return Bridge(math.nan, math.nan, 0.0)
    relative = np.var(share) / np.mean(share) ** 2 / len(share) + correlated / mean**2
    with np.errstate(divide="ignore"):
        overlap = effective_sample_size(np.log(half.weight * rest)) * independent / correlated
        return Bridge(log_evidence, math.sqrt(relative), min(effective_sample_size(np.log(share)), overlap))


def _variances(half: _Half, values: Float[np.ndarray, " point"]) -> tuple[float, float]:
    """Variance of the mean of a function over posterior draws, as if independent and with their correlation.

    Of chains the latter is that of the means of their stretches (batch means), at least that of the distinct draws.
    """
    mean = half.weight @ values
    independent = float(half.weight**2 @ (values - mean) ** 2)
    if half.stretch is None:
        return independent, independent
    counts = np.bincount(half.stretch)
    means = np.bincount(half.stretch, values) / counts
    return independent, max(half.copies * independent, float(np.var(means, ddof=1)) / len(counts))


def _halves(target: Target, draws: Draws, random: np.random.Generator) -> tuple[_Half, _Half]:
    """Random halves of weighted points; of chains the first and the second half of each."""
    if draws.weighted is not None:
        found = draws.weighted
        order = random.permutation(np.flatnonzero(found.log_weight > np.max(found.log_weight) - 30.0))
        parts = [order[i::2] for i in (0, 1)]
        theta, log_likelihood = ([values[part] for part in parts] for values in (found.theta, found.log_likelihood))
        weights = [np.exp(found.log_weight[part]) for part in parts]
        stretches, copies = [None, None], [1.0, 1.0]
    else:
        chains, length, ndim = draws.theta.shape
        step = max(1, chains * length // (2 * USED))
        pieces = np.array_split(np.arange(0, length, step), 2)
        theta = [draws.theta[:, piece].reshape(-1, ndim) for piece in pieces]
        log_likelihood = [draws.log_likelihood[:, piece].ravel() for piece in pieces]
        weights = [np.ones(len(values)) for values in log_likelihood]
        stretches = [_stretches(chains, len(piece)) for piece in pieces]
        copies = [_copies(points) for points in theta]
    z = [ndtri(np.clip(inverse_cube(target, points), _EDGE, 1.0 - _EDGE)) for points in theta]
    one, other = (
        _Half(z, values + _log_normal(z), weight / weight.sum(), stretch, copy)
        for z, values, weight, stretch, copy in zip(z, log_likelihood, weights, stretches, copies, strict=True)
    )
    return one, other


def _stretches(chains: int, length: int) -> np.ndarray:
    """Numbers of the stretches of chains, each chain a row, in row-major order."""
    each = min(length, max(2, STRETCHES // chains))
    within = np.arange(length) * each // length
    return (each * np.arange(chains)[:, None] + within).ravel()


def _copies(points: Float[np.ndarray, "point ndim"]) -> float:
    """How often a point is there, on average over the points."""
    counts = np.unique(points, axis=0, return_counts=True)[1]
    return float(np.sum(counts**2)) / len(points)


def _proposal(half: _Half, random: np.random.Generator) -> Mixture | None:
    """The mixture fitted to distinct draws of a half; None for too few."""
    log_weight = np.log(half.weight)
    chosen = resample(log_weight, min(FITTED, max(1, int(effective_sample_size(log_weight)))), random)
    return fit_mixture(np.unique(half.z[chosen], axis=0), random)


def _log_normal(z: Float[np.ndarray, "point ndim"]) -> Float[np.ndarray, " point"]:
    """Log density of the prior in z."""
    return -0.5 * np.sum(z**2, axis=1) - 0.5 * z.shape[1] * math.log(2.0 * math.pi)


def _mean_log_likelihood(draws: Draws) -> float:
    return float(np.mean(draws.log_likelihood))


def _none(reason: str) -> Bridge:
    return Bridge(math.nan, math.nan, 0.0, reason)


def _without(draws: Draws, reason: str) -> Draws:
    """The draws with the reason why there is no second evidence."""
    check = CrossCheck(METHOD, None, None, "not computable", None, reason)
    return dataclasses.replace(draws, cross_check=check)
