"""What the dead points of nested sampling say: prior volumes, weights, evidence and its error.

Skilling, Bayesian Analysis 1 (2006) 833; plateaus as in Fowlie, Handley & Su, arXiv:2010.13884.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int
from scipy.special import logsumexp

from globalfit.samplers.draws import Evidence

# Simulated shrinkage histories that give the error of ln Z, and other weights that give the errors of shares.
SIMULATIONS, RATIOS = 256, 100


def live_counts(log_likelihood: Float[np.ndarray, " dead"], live: int) -> Int[np.ndarray, " dead"]:
    """Live points at the death of each dead point, the last `live` of which are the remaining live points.

    Within a plateau of equal ln L the count falls by one per point and recovers after it.
    """
    dead = len(log_likelihood)
    new_value = np.concatenate([[True], np.diff(log_likelihood) != 0.0])
    index = np.arange(dead)
    position = index - np.maximum.accumulate(np.where(new_value, index, 0))
    return np.minimum(live - position, dead - index).clip(1)


def log_weights(
    log_likelihood: Float[np.ndarray, " dead"],
    log_volume: Float[np.ndarray, "... dead"],
    log_start: Float[np.ndarray, ...],
) -> Float[np.ndarray, "... dead"]:
    """ln(L_i dX_i), not normalised, by the trapezoidal rule: dX_i = (X_{i-1} - X_{i+1}) / 2.

    The outermost shell, from X_0 = exp(log_start), counts with L_1 throughout; the innermost volume with the last L.
    """
    outer = log_start + np.log(2.0 - np.exp(log_volume[..., 0] - log_start))
    before = np.concatenate([outer[..., None], log_volume[..., :-1]], axis=-1)
    ratio = np.exp(log_volume[..., 1:] - before[..., :-1])
    last = -np.exp(log_volume[..., -1] - before[..., -1])
    width = np.concatenate([ratio, last[..., None]], axis=-1)
    return log_likelihood + before + np.log1p(-width) - np.log(2.0)


def integrate(
    log_likelihood: Float[np.ndarray, " dead"], live: int, draws: int, random: np.random.Generator
) -> tuple[Evidence, Float[np.ndarray, " dead"]]:
    """Evidence and normalised log weights of the dead points (in order of ln L, remaining live points last).

    `draws` prior points were needed for the first `live` ones with a finite ln L: the prior volume without a solution
    is paid for, X_0 ~ Beta(live, draws - live). The error is the scatter of ln Z over `histories`.
    """
    counts = live_counts(log_likelihood, live)
    log_start = np.log((live - 1) / (draws - 1)) if draws > live else 0.0
    log_weight = log_weights(log_likelihood, log_start - np.cumsum(1.0 / counts), np.asarray(log_start))
    log_evidence = float(logsumexp(log_weight))
    weight = np.exp(log_weight - log_evidence)
    information = float(np.sum(weight * np.where(weight > 0.0, log_likelihood, 0.0)) - log_evidence)

    simulated = [logsumexp(one) for one in histories(log_likelihood, counts, SIMULATIONS, random, (live, draws))]
    evidence = Evidence(log_evidence, float(np.std(simulated, ddof=1)), "nested sampling", information)
    return evidence, log_weight - log_evidence


def histories(
    log_likelihood: Float[np.ndarray, " dead"],
    counts: Int[np.ndarray, " dead"],
    number: int,
    random: np.random.Generator,
    start: tuple[int, int] = (0, 0),
) -> Iterator[Float[np.ndarray, " dead"]]:
    """ln(L_i dX_i), not normalised, in a `number` of possible shrinkage histories X_i = X_{i-1} t_i, t_i ~ Beta(n_i, 1)
    with the live points `counts` = n_i.

    X_0 is 1, or ~ Beta(live, draws - live) where more than live prior draws were needed, `start` = (live, draws).
    """
    live, draws = start
    for _ in range(number):
        outer = np.log(random.beta(live, draws - live)) if draws > live else 0.0
        volume = outer + np.cumsum(np.log(random.random(len(counts))) / counts)
        yield log_weights(log_likelihood, volume, np.asarray(outer))


def other_log_weights(
    log_likelihood: Float[np.ndarray, " dead"],
    counts: Int[np.ndarray, " dead"],
    random: np.random.Generator,
    start: tuple[int, int] = (0, 0),
    chosen: Int[np.ndarray, " draw"] | slice = slice(None),
) -> Float[np.ndarray, "history draw"]:
    """ln of the normalised weights that the chosen points have in some of the `histories`."""
    found = histories(log_likelihood, counts, RATIOS, random, start)
    return np.stack([(one - logsumexp(one))[chosen] for one in found])
