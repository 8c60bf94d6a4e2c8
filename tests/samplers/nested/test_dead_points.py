"""Volumes, weights and errors against synthetic nested runs whose likelihood is a known function of the volume."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from globalfit.samplers.nested.dead_points import integrate, live_counts
from globalfit.samplers.weights import effective_sample_size, resample
from tests.support.nested_runs import LIVE, log_likelihood_of_volume, synthetic_run

SOLVED = 0.4


@pytest.mark.slow
@pytest.mark.parametrize("solved", [1.0, SOLVED])
def test_pulls_of_the_evidence_have_unit_width(solved):
    random = np.random.default_rng(3)
    truth = math.log(quad(lambda x: math.exp(log_likelihood_of_volume(x)), 0.0, solved)[0])
    pulls, information = [], []
    for _ in range(200):
        evidence, _ = integrate(*_with_live(synthetic_run(random, solved)), random)
        pulls.append((evidence.log_evidence - truth) / evidence.log_evidence_error)
        information.append(evidence.information)
    assert abs(np.mean(pulls)) < 4.0 / math.sqrt(200.0)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.2)
    # Kullback-Leibler divergence from the whole prior: E[ln L] - ln Z with E[ln L] = -1 for an exponential in X.
    assert np.mean(information) == pytest.approx(-1.0 - truth, abs=0.05)


def _with_live(run: tuple[np.ndarray, int]) -> tuple[np.ndarray, int, int]:
    return run[0], LIVE, run[1]


def test_a_flat_likelihood_has_its_value_as_evidence():
    evidence, log_weight = integrate(np.full(LIVE, -3.0), LIVE, LIVE, np.random.default_rng(1))
    assert evidence.log_evidence == pytest.approx(-3.0, abs=1e-12)
    assert evidence.information == pytest.approx(0.0, abs=1e-12)
    assert np.exp(log_weight).sum() == pytest.approx(1.0, rel=1e-12)


def test_live_counts_fall_within_a_plateau_and_at_the_end():
    values = np.array([1.0, 2.0, 2.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    assert live_counts(values, 4).tolist() == [4, 4, 3, 2, 4, 4, 3, 2, 1]


def test_effective_sample_size_of_equal_and_of_unequal_weights():
    assert effective_sample_size(np.full(7, -2.0)) == pytest.approx(7.0)
    assert effective_sample_size(np.log([0.9, 0.1])) == pytest.approx(1.0 / 0.82)


def test_systematic_resampling_is_exact_to_one_copy():
    weight = np.array([0.5, 0.3, 0.15, 0.05])
    counts = np.bincount(resample(np.log(weight) + 40.0, 1000, np.random.default_rng(2)), minlength=4)
    assert np.all(np.abs(counts - 1000 * weight) < 1.0)
