"""Errors of posterior means: correlated chains, weights that are heavy in one region, volumes of nested runs."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from globalfit.analysis.standard_error import standard_error
from globalfit.samplers.draws import Draws, Weighted
from globalfit.samplers.nested.dead_points import integrate, live_counts, other_log_weights
from globalfit.samplers.weights import effective_sample_size, resample
from tests.support.nested_runs import LIVE, synthetic_run


def draws_of(x: np.ndarray, weighted: Weighted | None = None) -> Draws:
    """Draws of one parameter, of shape (chain, draw)."""
    return Draws(("x",), x[..., None], x, x, (), weighted=weighted)


def test_chains_count_with_the_time_they_take_from_one_region_to_another():
    """A chain that changes sides with probability p has an autocorrelation time of (1 - p) / p."""
    random = np.random.default_rng(1)
    p, shape = 0.02, (4, 10_000)
    side = np.cumsum(random.random(shape) < p, axis=1) % 2
    found = standard_error(draws_of(side + 0.1 * random.random(shape)), side.ravel() == 1)
    # Four standard errors of what about 800 changes of side tell.
    assert found == pytest.approx(0.5 * math.sqrt((1.0 - p) / p / side.size), rel=0.15)


def test_chains_that_never_leave_their_region_are_one_draw_each():
    side = np.repeat([[0.0], [1.0]], 100, axis=1)
    assert standard_error(draws_of(side), side.ravel() == 1.0) == pytest.approx(0.5 / math.sqrt(2.0), rel=0.1)
    assert standard_error(draws_of(side), np.ones(200, bool)) == 0.0


def test_points_of_unequal_weight_count_with_their_copies():
    """The share of a region whose points are few and heavy, over repeated draws."""
    random = np.random.default_rng(2)
    shares, errors = [], []
    for _ in range(300):
        x = random.random(2000)
        inside = x < 0.02
        weight = np.where(inside, 20.0, 1.0)
        log_weight = np.log(weight / np.sum(weight))
        chosen = resample(log_weight, int(effective_sample_size(log_weight)), random)
        weighted = Weighted(x[:, None], log_weight, x)
        shares.append(np.mean(inside[chosen]))
        errors.append(standard_error(draws_of(x[None, chosen], weighted), inside[chosen]))
    # 4 standard errors of a width from 300 values.
    assert np.mean(errors) == pytest.approx(np.std(shares), rel=4.0 / math.sqrt(600.0))


def log_ratios(run, tried, log_weight, chosen, random):
    """As a nested run of `LIVE` points gives them."""
    return other_log_weights(run, live_counts(run, LIVE), random, (LIVE, tried), chosen) - log_weight[chosen]


@pytest.mark.slow
def test_shares_of_a_nested_run_scatter_by_their_error():
    """Of two regions of which one has the part L of the volume at every L, and so half of the evidence."""
    random = np.random.default_rng(4)
    pulls = []
    for _ in range(200):
        run, tried = synthetic_run(random, 0.4)
        _, log_weight = integrate(run, LIVE, tried, random)
        chosen = resample(log_weight, int(effective_sample_size(log_weight)), random)
        inside = (random.random(len(run)) < np.exp(run))[chosen]
        draws = Draws(
            ("x",), run[None, chosen, None], run[None, chosen], run[None, chosen], (),
            weighted=Weighted(run[:, None], log_weight, run),
            log_ratios=log_ratios(run, tried, log_weight, chosen, random), lineages=chosen,
        )  # fmt: skip
        pulls.append((np.mean(inside) - 0.5) / standard_error(draws, inside))
    # Four standard errors of the mean and of the width of 200 pulls.
    assert abs(np.mean(pulls)) < 4.0 / math.sqrt(200.0)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.2)


@pytest.mark.slow
def test_points_of_a_nested_run_that_stay_where_they_began_count_less():
    """Half of the walks end in the region in which they began, whatever its share of the volume, here a half."""
    random = np.random.default_rng(6)
    pulls, naive = [], []
    for _ in range(200):
        run, tried = synthetic_run(random, 0.4)
        _, log_weight = integrate(run, LIVE, tried, random)
        chosen = resample(log_weight, int(effective_sample_size(log_weight)), random)
        family, inside = np.arange(len(run)), random.random(len(run)) < 0.5
        for i in range(LIVE, len(run)):
            if random.random() < 0.5:
                # one of the points that were alive when it was drawn
                begun = i - random.integers(1, LIVE + 1)
                family[i], inside[i] = family[begun], inside[begun]
        draws = Draws(
            ("x",), run[None, chosen, None], run[None, chosen], run[None, chosen], (),
            weighted=Weighted(run[:, None], log_weight, run),
            log_ratios=log_ratios(run, tried, log_weight, chosen, random), lineages=family[chosen],
        )  # fmt: skip
        share = np.mean(inside[chosen]) - 0.5
        pulls.append(share / standard_error(draws, inside[chosen]))
        alone = dataclasses.replace(draws, lineages=chosen)
        naive.append(share / standard_error(alone, inside[chosen]))
    # Four standard errors of a width from 200 values.
    assert np.std(pulls) == pytest.approx(1.0, abs=0.2)
    assert np.std(naive) > 1.25
