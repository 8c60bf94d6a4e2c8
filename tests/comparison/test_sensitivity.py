"""Posterior points under another width of their prior: what they tell, and what they do not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from globalfit.comparison.sensitivity import RERUN, REWEIGHTED, VANISHES, shift_of
from globalfit.posterior.prior import distribution
from globalfit.samplers.nested.dead_points import integrate, live_counts, other_log_weights


def test_what_needs_a_rerun():
    prior = distribution("uniform", (0.0, 1.0))
    random = np.random.default_rng(3)
    uniform = random.random(4000)
    weights = np.full(4000, 1.0 / 4000.0)
    shift, error, how = shift_of(prior, 2.0, uniform, weights)
    assert (shift, error) == (None, None)
    assert how == f"{RERUN}: posterior reaches an end of the prior"
    # no gain of information: half the prior holds half the posterior
    shift, error, how = shift_of(prior, 0.5, uniform, weights)
    assert shift == pytest.approx(0.0, abs=3.0 * error)
    shift, _, how = shift_of(prior, 0.5, 0.1 * uniform, weights)
    assert shift is None
    assert how == f"{RERUN}: 0 effective points there"
    shift, error, how = shift_of(prior, 2.0, 0.4 + 0.2 * uniform, weights)
    assert (shift, error, how) == (-math.log(2.0), 0.0, VANISHES)


def test_twice_the_width_of_a_gaussian_needs_a_narrower_posterior():
    prior = distribution("normal", (1.0, 2.0))
    random = np.random.default_rng(5)
    weights = np.full(4000, 1.0 / 4000.0)
    for width, known in ((0.5, True), (1.0, False)):
        points = 1.0 + 2.0 * width * random.normal(size=4000)
        shift, error, how = shift_of(prior, 2.0, points, weights)
        assert how == (REWEIGHTED if known else f"{RERUN}: the posterior is nearly as wide as the prior")
        if shift is not None:
            # E[exp(3 z^2 / 8)] / 2 of a normal z of variance v is 1 / sqrt(1 - 3 v / 4) / 2
            assert shift == pytest.approx(-0.5 * math.log(1.0 - 0.75 * width**2) - math.log(2.0), abs=4.0 * error)
            assert 0.0 < error < 0.01
    logarithmic = distribution("log_normal", (3.0, 0.2))
    _, _, how = shift_of(logarithmic, 2.0, 3.0 * np.exp(0.2 * random.normal(size=4000)), weights)
    assert how.startswith(RERUN)


@pytest.mark.slow
@pytest.mark.parametrize("ndim", [1, 4])
def test_the_points_of_a_nested_run_count_with_the_scatter_of_its_volumes(ndim):
    """Exact runs of a Gaussian in a ball of radius 8 around it: the scatter of the shift over many is its error."""
    random, live = np.random.default_rng(7), 200
    shifts, errors = [], []
    for _ in range(100):
        log_volume = np.cumsum(np.log(random.random(live * (8 + 3 * ndim))) / live)
        last = log_volume[-1] + np.sort(np.log(random.random(live)))[::-1]
        radius = 8.0 * np.exp(np.concatenate([log_volume, last]) / ndim)
        direction = random.normal(size=(len(radius), ndim))
        points = radius * direction[:, 0] / np.linalg.norm(direction, axis=1)
        log_likelihood = -0.5 * radius**2
        _, log_weight = integrate(log_likelihood, live, live, random)
        others = np.exp(other_log_weights(log_likelihood, live_counts(log_likelihood, live), random))
        prior = distribution("uniform", (-2.0, 2.0))
        shift, error, how = shift_of(prior, 0.5, np.clip(points, -2.0, 2.0), np.exp(log_weight), others=others)
        assert how == REWEIGHTED
        shifts.append(shift)
        errors.append(error)
    assert np.std(shifts) == pytest.approx(np.sqrt(np.mean(np.square(errors))), rel=0.2)


def test_the_draws_of_chains_count_with_their_correlation():
    """Stays of 5 draws on average: the scatter of the shift over many chains is its error."""
    prior = distribution("uniform", (0.0, 1.0))
    random = np.random.default_rng(8)
    shifts, errors = [], []
    for _ in range(100):
        new = random.random(4000) < 0.2
        points = random.random(4000)[np.maximum.accumulate(np.where(new, np.arange(4000), 0))]
        shift, error, _ = shift_of(prior, 0.5, points, np.full(4000, 1.0 / 4000.0), chains=4)
        shifts.append(shift)
        errors.append(error)
    # a width from 100 values is known to 7 %
    assert np.mean(errors) == pytest.approx(np.std(shifts), rel=0.3)
    assert shift_of(prior, 0.5, np.repeat(random.random(50), 80), np.full(4000, 1.0 / 4000.0), chains=4)[0] is None
    # too short to tell: one draw
    assert shift_of(prior, 0.5, random.random(6), np.full(6, 1.0 / 6.0), chains=2)[0] is None
