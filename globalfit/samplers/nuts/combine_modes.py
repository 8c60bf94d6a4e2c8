"""Chains in separate regions of a posterior, put together with the evidence of each region as its weight.

Chains that cannot pass from one region to another say nothing of how much each region holds, and the number of chains
that began there less still. Bridge sampling between the chains of one region and a proposal fitted to them gives the
integral over that region, and the shares are the ratios of these.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Int
from scipy.special import logsumexp

from globalfit.random_streams import Stream, stream
from globalfit.samplers.batching import inverse_cube
from globalfit.samplers.diagnostics import at_most, effective_sizes
from globalfit.samplers.draws import Diagnostic, Draws, Evidence, Weighted
from globalfit.samplers.evidence.bridge import METHOD, Bridge, bridge
from globalfit.samplers.nested.dead_points import RATIOS
from globalfit.samplers.particles.regions import SMALLEST, regions
from globalfit.samplers.protocol import Target
from globalfit.samplers.weights import resample

# Largest standard error of a region's share of the posterior.
SHARE_BOUND = 0.05
# Points that are told apart into regions at most.
TOLD_APART = 8000


def starts(u: Float[np.ndarray, "particle ndim"]) -> list[Int[np.ndarray, " _"]]:
    """Indices of the particles of every region that is large enough to begin chains in, the largest first; of all
    particles if no region is."""
    labels = regions(u)
    found = [np.flatnonzero(labels == one) for one in np.unique(labels)]
    large = [one for one in found if len(one) >= SMALLEST * len(u)]
    return sorted(large, key=len, reverse=True) or [np.arange(len(u))]


def connected(target: Target, thetas: list[Float[np.ndarray, "chain draw ndim"]]) -> list[list[int]]:
    """Which sets of chains visit the same regions: these are one set, whose R-hat tells whether it has mixed."""
    step = max(1, sum(theta.shape[0] * theta.shape[1] for theta in thetas) // TOLD_APART)
    points = [theta[:, ::step].reshape(-1, target.ndim) for theta in thetas]
    labels = np.split(
        regions(inverse_cube(target, np.concatenate(points))), np.cumsum([len(one) for one in points])[:-1]
    )
    groups: list[tuple[list[int], set[int]]] = []
    for number, label in enumerate(labels):
        values, counts = np.unique(label, return_counts=True)
        # A few draws of one region may look like another's.
        members, visited = [number], set(values[counts > SMALLEST * len(label)].tolist())
        for other in [group for group in groups if group[1] & visited]:
            groups.remove(other)
            members, visited = other[0] + members, other[1] | visited
        groups.append((members, visited))
    return [sorted(members) for members, _ in groups]


def combine_modes(target: Target, parts: list[Draws], seed: int) -> Draws:
    """Draws of all regions, each with its share of the evidence; like points of a nested run they carry weights.

    The worst check of the regions counts. Without the evidence of some region, or with shares that are not known to
    `SHARE_BOUND`, the check `region_shares` fails.
    """
    bridges = [bridge(target, part, seed + i) for i, part in enumerate(parts)]
    evidence, share, error, reason = _shares(bridges)
    errors = np.array([one.log_evidence_error for one in bridges])
    thinned = [_thinned(part) for part in parts]
    sizes = np.array([len(one["log_likelihood"]) for one in thinned])
    points = {name: np.concatenate([one[name] for one in thinned]) for name in thinned[0]}
    log_weight = np.repeat(np.log(share / sizes), sizes)
    # as many as there are without a point of any region twice
    random = stream(seed, Stream.PARTICLES)
    chosen = resample(log_weight, int(np.min(sizes / share)), random)
    region = np.repeat(np.arange(len(parts)), sizes)[chosen]
    log_ratios = None if evidence is None else (errors * random.normal(size=(RATIOS, len(parts))))[:, region]
    equal = {name: values[None, chosen] for name, values in points.items()}
    check = at_most(
        "region_shares",
        float(np.max(error)),
        SHARE_BOUND,
        f"largest standard error of the shares of {len(parts)} separate regions{reason}",
    )
    numbers = {name: sum(part.numbers[name] for part in parts) for name in parts[0].numbers}
    return Draws(
        names=parts[0].names,
        theta=equal.pop("theta"),
        log_likelihood=equal.pop("log_likelihood"),
        log_prior=equal.pop("log_prior"),
        diagnostics=(*_worst(parts), check),
        evidence=evidence,
        weighted=Weighted(points["theta"], log_weight, points["log_likelihood"]),
        stats=equal,
        numbers=numbers | {"regions": float(len(parts))},
        log_ratios=log_ratios,
    )


def _shares(found: list[Bridge]) -> tuple[Evidence | None, np.ndarray, np.ndarray, str]:
    """ln Z of all regions, the share of each with its standard error; if that of some region is missing, equal shares
    with errors of NaN and the reason."""
    reasons = [one.reason for one in found if one.reason]
    if reasons:
        return None, np.full(len(found), 1.0 / len(found)), np.full(len(found), np.nan), f"; {reasons[0]}"
    log_evidence = np.array([one.log_evidence for one in found])
    total = float(logsumexp(log_evidence))
    share = np.exp(log_evidence - total)
    part = share * np.array([one.log_evidence_error for one in found])
    variance = np.sum(part**2)
    evidence = Evidence(total, math.sqrt(variance), f"{METHOD} in each region")
    # d share_k = share_k (d ln Z_k - sum_j share_j d ln Z_j)
    return evidence, share, np.sqrt((part * (1.0 - share)) ** 2 + share**2 * (variance - part**2)), ""


def _thinned(part: Draws) -> dict[str, np.ndarray]:
    """Every array of the draws, one draw of about as many as an independent one costs."""
    # a parameter that never moves has no size
    effective = np.nan_to_num(effective_sizes(part.theta, "bulk"), nan=1.0)
    step = math.ceil(part.log_likelihood.size / max(1.0, float(np.min(effective))))
    arrays = {"theta": part.theta, "log_likelihood": part.log_likelihood, "log_prior": part.log_prior, **part.stats}
    return {name: values[:, ::step].reshape(-1, *values.shape[2:]) for name, values in arrays.items()}


def _worst(parts: list[Draws]) -> list[Diagnostic]:
    """Of every check the one that failed by most, or that came closest to it."""

    def margin(check: Diagnostic) -> float:
        distance = abs(check.value - check.bound)
        return distance if check.passed else -np.nan_to_num(distance, nan=math.inf)

    return [min(checks, key=margin) for checks in zip(*(part.diagnostics for part in parts), strict=True)]
