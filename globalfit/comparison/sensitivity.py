"""How ln Z moves when the prior of one parameter becomes half or twice as wide, from the stored posterior.

With another prior p' of a parameter, Z'/Z is the mean of p'/p over the posterior. Half the width (about the middle of
the prior, of its logarithm for a logarithmic one; half the standard deviation of a Gaussian) lies inside the prior, so
that this is exact: the posterior mass inside over the prior mass inside. Twice the width of a Gaussian takes a narrower
posterior, without which p'/p grows too fast for a mean. Twice the width of a bounded prior reaches where there are no
points. If the posterior vanishes at both ends, nothing is expected there and Z' is Z/2; else it takes another run.
"""

from __future__ import annotations

import csv
import dataclasses
import math
from collections.abc import Iterable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from globalfit.analysis.standard_error import between_neighbours
from globalfit.posterior.prior import (
    Distribution,
    LogNormal,
    LogUniform,
    Normal,
    TruncatedNormal,
    Uniform,
    distribution,
)
from globalfit.results.result import Result
from globalfit.samplers.diagnostics import effective_sizes
from globalfit.storage.files import replaced

COLUMNS = ("run", "parameter", "prior", "width", "log_evidence_shift", "log_evidence_shift_error", "how")
WIDTHS = {"half": 0.5, "double": 2.0}
REWEIGHTED = "reweighted posterior"
VANISHES = "posterior vanishes at both ends of the prior"
RERUN = "needs a rerun"
# Fewest effective points that carry the posterior with the other prior.
MIN_POINTS = 30.0
# The outermost part of the prior that stands for the likelihood beyond its ends, and how much of Z may lie there.
_EDGE = 0.05
_TOLERANCE = 0.05
# Largest variance of the posterior in units of that of a Gaussian prior, beyond which twice its width needs a rerun: at
# 2/3 the variance of the weights is infinite.
_WIDEST = 0.6

Points = Float[np.ndarray, " point"]


@dataclasses.dataclass(frozen=True)
class Change:
    """Shift of ln Z under one change of one prior with its sampling error, None if it needs a rerun; `how` says why."""

    run: str
    parameter: str
    prior: str
    width: str
    shift: float | None
    error: float | None
    how: str


def changes(run: Result) -> list[Change]:
    """Every sampled parameter with half and twice the width of its prior; nothing for a run without an evidence."""
    if run.evidence["log_evidence"] is None or not run.shows_posterior:
        return []
    found, others = [], run.other_weights
    for name, row in run.parameters.items():
        prior = prior_of(run, name)
        points, weights = run.points(name)
        for width, factor in WIDTHS.items():
            shift, error, how = shift_of(prior, factor, points, weights, run.chains, others)
            found.append(Change(run.name, name, row["definition"], width, shift, error, how))
    return found


def prior_of(run: Result, name: str) -> Distribution:
    """Prior of a sampled parameter."""
    entry = run.settings.parameters[name]
    assert isinstance(entry, dict)
    ((kind, numbers),) = entry.items()
    return distribution(kind, tuple(numbers))


def shift_of(
    prior: Distribution,
    factor: float,
    points: Points,
    weights: Points,
    chains: int | None = None,
    others: Float[np.ndarray, "history point"] | None = None,
) -> tuple[float | None, float | None, str]:
    """Shift of ln Z, its sampling error and how it was found, for a prior `factor` times as wide.

    `points` are posterior points of the parameter with weights that sum to one: independent ones, the draws of so many
    chains, one chain after the other, or those of a nested run in the order of ln L with `others` of their weights.
    """
    if factor > 1.0:
        if isinstance(prior, Uniform | LogUniform):
            return _widened(prior, factor, points, weights)
        z = _standardised(prior, points)
        if float(np.sum(weights * (z - np.sum(weights * z)) ** 2)) > _WIDEST:
            return None, None, f"{RERUN}: the posterior is nearly as wide as the prior"
    ratio = np.exp(_log_density(scaled(prior, factor), points) - _log_density(prior, points))
    shares = weights * ratio
    mean, squares = float(np.sum(shares)), float(np.sum(shares**2))
    correlated = _draws_per_independent_one(ratio, chains)
    effective = mean**2 / squares / correlated if squares > 0.0 else 0.0
    if effective < MIN_POINTS:
        return None, None, f"{RERUN}: {effective:.0f} effective points there"
    if others is None:
        variance = correlated * float(np.sum(weights**2 * (ratio - mean) ** 2))
    else:
        variance = between_neighbours(weights, ratio) + float(np.var(others @ ratio))
    return math.log(mean), math.sqrt(variance) / mean, REWEIGHTED


def scaled(prior: Distribution, factor: float) -> Distribution:
    """The same kind of prior, `factor` times as wide about its middle (the ends of a cut Gaussian stay)."""
    match prior:
        case Uniform():
            middle, half = 0.5 * (prior.low + prior.high), 0.5 * factor * (prior.high - prior.low)
            return Uniform(middle - half, middle + half)
        case LogUniform():
            middle, half = math.sqrt(prior.low * prior.high), (prior.high / prior.low) ** (0.5 * factor)
            return LogUniform(middle / half, middle * half)
        case Normal():
            return Normal(prior.mean, factor * prior.sd)
        case LogNormal():
            return LogNormal(prior.median, factor * prior.sd)
        case TruncatedNormal():
            return TruncatedNormal(prior.mean, factor * prior.sd, prior.low, prior.high)
    raise TypeError(f"no width is defined for a prior of the kind {type(prior).__name__}.")


def _widened(
    prior: Distribution, factor: float, points: Points, weights: Points
) -> tuple[float | None, float | None, str]:
    """A bounded prior made wider: Z is spread over a larger volume if none of it lies beyond the ends.

    Were the likelihood beyond each end what it is on average in the outermost `_EDGE` of the prior, Z would grow by the
    fraction `gain`.
    """
    u = np.asarray(jax.vmap(prior.cdf)(jnp.asarray(points)))
    gain = 0.5 * (factor - 1.0) * float(np.sum(weights[(u < _EDGE) | (u > 1.0 - _EDGE)])) / _EDGE
    if gain > _TOLERANCE:
        return None, None, f"{RERUN}: posterior reaches an end of the prior"
    return -math.log(factor), gain, VANISHES


def _standardised(prior: Distribution, points: Points) -> Points:
    """Points in standard deviations of a Gaussian prior, before it was cut, from its middle."""
    match prior:
        case Normal() | TruncatedNormal():
            return (points - prior.mean) / prior.sd
        case LogNormal():
            return np.log(points / prior.median) / prior.sd
    raise TypeError(f"a prior of the kind {type(prior).__name__} is no Gaussian.")


def _draws_per_independent_one(values: Points, chains: int | None) -> float:
    """1 for independent points; of chains, how many draws are worth one."""
    if chains is None or np.ptp(values) == 0.0:
        return 1.0
    # Chains too short to tell are one draw.
    size = float(np.nan_to_num(effective_sizes(values.reshape(chains, -1, 1), "bulk")[0], nan=1.0))
    return max(1.0, len(values) / size)


def _log_density(prior: Distribution, points: Points) -> Points:
    return np.asarray(jax.vmap(prior.log_density)(jnp.asarray(points)))


def write_sensitivity(path: Path, found: Iterable[Change]) -> None:
    """`sensitivity.csv`: one row per run, parameter and width; what needs a rerun is empty."""
    with replaced(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for change in found:
            numbers = ("" if value is None else repr(value) for value in (change.shift, change.error))
            writer.writerow([change.run, change.parameter, change.prior, change.width, *numbers, change.how])
