"""Errors of the shares of regions: correlated chains, and weights that are heavy in one region."""

from __future__ import annotations

import math

import numpy as np
import pytest

from globalfit.results.modes import share_error
from globalfit.samplers import Draws, Weighted
from globalfit.samplers.nested import kish, resample


def draws_of(x: np.ndarray, weighted: Weighted | None = None) -> Draws:
    """Draws of one parameter, of shape (chain, draw)."""
    return Draws(("x",), x[..., None], x, x, (), weighted=weighted)


def test_chains_count_with_the_time_they_take_from_one_region_to_another():
    """A chain that changes sides with probability p has an autocorrelation time of (1 - p) / p."""
    random = np.random.default_rng(1)
    p, shape = 0.02, (4, 10_000)
    side = np.cumsum(random.random(shape) < p, axis=1) % 2
    found = share_error(draws_of(side + 0.1 * random.random(shape)), 1, side.ravel() == 1)
    assert found == pytest.approx(0.5 * math.sqrt((1.0 - p) / p / side.size), rel=0.15)


def test_chains_that_never_leave_a_region_do_not_know_its_share():
    side = np.repeat([[0.0], [1.0]], 100, axis=1)
    assert share_error(draws_of(side), 1, side.ravel() == 1.0) == pytest.approx(0.5, rel=0.4)
    assert share_error(draws_of(side), 1, np.ones(200, bool)) == 0.0


def test_points_of_unequal_weight_count_with_their_copies():
    """The share of a region whose points are few and heavy, over repeated draws."""
    random = np.random.default_rng(2)
    shares, errors = [], []
    for _ in range(300):
        x = random.random(2000)
        inside = x < 0.02
        weight = np.where(inside, 20.0, 1.0)
        log_weight = np.log(weight / np.sum(weight))
        chosen = resample(log_weight, int(kish(log_weight)), random)
        weighted = Weighted(x[:, None], log_weight, x)
        shares.append(np.mean(inside[chosen]))
        errors.append(share_error(draws_of(x[None, chosen], weighted), 1, inside[chosen]))
    # 4 standard errors of a width from 300 values.
    assert np.mean(errors) == pytest.approx(np.std(shares), rel=4.0 / math.sqrt(600.0))
