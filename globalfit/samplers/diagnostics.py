"""Convergence checks, each with its value, its bound and one sentence for the report."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.stats import kstest

from globalfit.samplers.draws import Diagnostic
from globalfit.storage.inference_data import effective_size, rank_r_hat

# Bounds of Vehtari et al., arXiv:1903.08008, and of Betancourt, arXiv:1604.00695.
RHAT_BOUND = 1.01
ESS_BOUND = 400.0
BFMI_BOUND = 0.3
# Below this p-value the insertion ranks are not uniform.
RANK_P_BOUND = 1e-3
# ln L is rounded to 2^-52 |ln L|: from here on differences between points are not known to 10^-3.
LARGEST = 1e-3 * 2.0**52


def at_most(name: str, value: float, bound: float, message: str) -> Diagnostic:
    """Check that passes up to the bound (never for NaN)."""
    return Diagnostic(name, value, bound, bool(value <= bound), message)


def at_least(name: str, value: float, bound: float, message: str) -> Diagnostic:
    """Check that passes from the bound on (never for NaN)."""
    return Diagnostic(name, value, bound, bool(value >= bound), message)


def rounding(log_likelihood: float) -> tuple[Diagnostic, ...]:
    """A failed check if the best ln L is so large, by a constant that it contains, that it is rounded too coarsely."""
    message = "size of the best ln L, which is rounded too coarsely: subtract a constant from the likelihood"
    found = at_most("rounding", abs(log_likelihood), LARGEST, message)
    return () if found.passed else (found,)


def rank_rhat(chains: Float[np.ndarray, "chain draw ndim"]) -> Float[np.ndarray, " ndim"]:
    """Rank-normalised split R-hat of every parameter, NaN if it never moves (arXiv:1903.08008)."""
    return np.array([rank_r_hat(x) for x in _each(chains)])


def effective_sizes(
    chains: Float[np.ndarray, "chain draw ndim"], kind: Literal["bulk", "tail"]
) -> Float[np.ndarray, " ndim"]:
    """Effective sample size of every parameter, `kind` "bulk" or "tail", NaN if it never moves (arXiv:1903.08008)."""
    return np.array([effective_size(x, kind) for x in _each(chains)])


def chain_checks(
    names: tuple[str, ...],
    independent: Float[np.ndarray, "chain draw ndim"],
    walkers: Float[np.ndarray, "walker step ndim"],
) -> tuple[Diagnostic, ...]:
    """R-hat of independent chains, bulk and tail effective sizes from single walkers; the worst parameter counts."""
    rhat = rank_rhat(independent)
    worst = int(np.argmax(np.nan_to_num(rhat, nan=np.inf)))
    checks = [
        at_most(
            "rhat",
            float(rhat[worst]),
            RHAT_BOUND,
            f"largest rank-normalised split R-hat, of {names[worst]}: the chains agree up to this factor in width",
        )
    ]
    kinds: tuple[Literal["bulk", "tail"], ...] = ("bulk", "tail")
    for kind in kinds:
        sizes = effective_sizes(walkers, kind)
        worst = int(np.argmin(np.nan_to_num(sizes, nan=-np.inf)))
        checks.append(
            at_least(
                f"ess_{kind}",
                float(sizes[worst]),
                ESS_BOUND,
                f"smallest {kind} effective sample size, of {names[worst]}",
            )
        )
    return tuple(checks)


def energy_fraction(energy: Float[np.ndarray, "chain draw"]) -> float:
    """Smallest E-BFMI of the chains: how much of the energy's spread one momentum draw explores (arXiv:1604.00695)."""
    change, spread = (
        np.sum(np.diff(energy, axis=1) ** 2, axis=1),
        np.sum((energy - energy.mean(1, keepdims=True)) ** 2, 1),
    )
    return float(np.min(change / np.maximum(spread, np.finfo(float).tiny)))


def insertion_place(
    log_likelihood: float, others: Float[np.ndarray, " other"], threshold: float, random: np.random.Generator
) -> float:
    """Where a new live point stands among the others above the threshold, between 0 and 1.

    Points below it, over all; its place among equal ones, on a plateau, is drawn at random. Others at the threshold,
    those of a plateau that is being left, are none that it could be among.
    """
    above = others[others > threshold]
    below, equal = np.count_nonzero(above < log_likelihood), np.count_nonzero(above == log_likelihood)
    return float((below + (equal + 1) * random.random()) / (len(above) + 1))


def insertion_rank_p(places: Float[np.ndarray, " iteration"], live: int) -> float:
    """p-value of uniform insertion ranks (Fowlie, Handley & Su, arXiv:2006.03371).

    The place of each new live point among `live` ones is uniform if the constrained prior is sampled without
    correlation. Twice the smaller of two Kolmogorov-Smirnov p-values counts: of the whole run, and of the worst stretch
    of `live` iterations, corrected for the number of stretches.
    """
    stretches = np.array_split(places, max(1, len(places) // live))
    lowest = min(float(kstest(part, "uniform").pvalue) for part in stretches)
    corrected = -math.expm1(len(stretches) * math.log1p(-min(lowest, 1.0 - 1e-16)))
    return min(1.0, 2.0 * min(float(kstest(places, "uniform").pvalue), corrected))


def _each(chains: Float[np.ndarray, "chain draw ndim"]) -> Iterator[Float[np.ndarray, "chain draw"]]:
    """One parameter after the other."""
    return iter(np.moveaxis(chains, 2, 0))
