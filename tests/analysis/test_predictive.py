"""Posterior-predictive p-values against the chi-squared distribution, and what the report says of them."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from globalfit import runfile
from globalfit.analysis.predictive import p_value, p_values
from globalfit.build.built import build_posterior
from globalfit.fitting.fit import fit
from globalfit.posterior.evaluated_points import evaluate_batch
from globalfit.report import make_report
from tests.support import toy

COUNT = 4000


pytestmark = pytest.mark.usefixtures("toys")


@pytest.fixture(name="posterior")
def _posterior():
    return build_posterior(runfile.parse({"model": "toy", "likelihoods": ["gauss"]}))


def discrepancy(posterior, signal, seed=1):
    """T of data and toys (one chain) for given signals; the data are 10 +- 1."""
    values = {"mass": np.asarray(signal) / 0.25, "coupling": np.full(len(signal), 0.5)}
    found = evaluate_batch(posterior, values, toys=seed).discrepancy
    return {name: pairs[None] for name, pairs in found.items()}


# Probability of a chi^2 with one degree of freedom above z^2, erfc(z/sqrt 2).
@pytest.mark.parametrize(("z", "expected"), [(0.5, 0.617075), (1.0, 0.317311), (2.0, 0.045500), (5.0, 5.7330e-7)])
def test_a_fixed_prediction_gives_the_probability_of_chi_squared(posterior, z, expected):
    found = p_values(discrepancy(posterior, np.full(COUNT, 10.0 + z)))
    assert list(found) == ["gauss"]
    gauss = found["gauss"]
    assert gauss.p_value == pytest.approx(expected, abs=4.0 * gauss.error)
    assert gauss.error < 0.01
    assert gauss.data == pytest.approx(z**2)
    # Mean of a chi^2, whose standard deviation is sqrt(2).
    assert gauss.toys == pytest.approx(1.0, abs=4.0 * np.sqrt(2.0 / COUNT))
    assert gauss.unusual == (z == 5.0)
    assert ("further from the predictions" in gauss.remark) == gauss.unusual


def test_the_p_value_of_random_data_is_uniform(posterior):
    """Signals drawn around the data take the place of data drawn around a signal."""
    z = np.random.default_rng(2).normal(size=40)
    toys = discrepancy(posterior, np.full(COUNT, 10.0))["gauss"][..., 1]
    p = [p_value(np.stack([np.full(toys.shape, t), toys], axis=-1)).p_value for t in z**2]
    # Kolmogorov-Smirnov distance: above 0.26 in 1 % of the cases for 40 uniform numbers (table of Miller, 1956).
    ranks = np.arange(41) / 40.0
    distance = max(np.max(ranks[1:] - np.sort(p)), np.max(np.sort(p) - ranks[:-1]))
    assert distance < 0.26


def test_a_posterior_around_the_data_gives_one_half(posterior):
    """T of data and toys have the same distribution where the posterior is as wide as the error of the data."""
    signal = 10.0 + np.random.default_rng(3).normal(size=COUNT)
    found = p_values(discrepancy(posterior, signal))["gauss"]
    assert found.p_value == pytest.approx(0.5, abs=4.0 * found.error)
    assert found.remark == ""


def test_all_experiments_together(posterior):
    """Two experiments one standard deviation off each: exp(-1) for a chi^2 of 2 with two degrees of freedom."""
    both = {"gauss": toy.Gauss("gauss"), "other": toy.Gauss("other")}
    pairs = discrepancy(dataclasses.replace(posterior, likelihoods=both), np.full(COUNT, 11.0))
    assert not np.array_equal(pairs["gauss"][..., 1], pairs["other"][..., 1])
    found = p_values(pairs)
    assert list(found) == ["gauss", "other", "total"]
    assert found["total"].p_value == pytest.approx(np.exp(-1.0), abs=4.0 * found["total"].error)
    assert found["total"].data == pytest.approx(2.0)


def test_toys_are_those_of_the_seed(posterior):
    signal = np.full(600, 11.0)
    first, again, other = (discrepancy(posterior, signal, seed)["gauss"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    # Nor are they the same in each block of points.
    assert len(np.unique(np.concatenate([first[..., 1], other[..., 1]]))) == 2 * len(signal)
    assert discrepancy(posterior, signal, None) == {}


def test_ties_excuse_a_large_value_and_nothing_excuses_agreement_that_is_too_good():
    nothing_seen = np.full((1, 1000, 2), 0.1)
    found = p_value(nothing_seen)
    assert (found.p_value, found.ties, found.unusual) == (1.0, 1.0, False)
    assert "a large p says nothing" in found.remark
    found = p_value(nothing_seen + np.array([0.0, 1.0]))
    assert (found.p_value, found.ties, found.unusual) == (1.0, 0.0, True)
    assert "closer to the predictions" in found.remark


def test_error_follows_the_effective_number_of_draws():
    random = np.random.default_rng(4)
    pairs = np.stack([np.zeros((4, 1000)), random.normal(size=(4, 1000))], axis=-1)
    # sqrt(0.25/4000) and sqrt(0.25/100).
    assert p_value(pairs).error == pytest.approx(0.0079, rel=0.15)
    assert p_value(pairs, 100.0).error == pytest.approx(0.05, rel=0.05)
    sticky = np.repeat(pairs[:, ::20], 20, axis=1)
    assert p_value(sticky).error == pytest.approx(0.0079 * np.sqrt(20.0), rel=0.3)
    # (k + 1)/(n + 2) with k = 0: one in a thousand.
    assert p_value(np.tile([1.0, 0.0], (1, 1000, 1))).error == pytest.approx(1e-3, rel=0.01)
    # The same of chains that stay for 20 draws: one in 200.
    found = p_value(np.stack([2.0 + np.abs(sticky[..., 1]), np.zeros((4, 1000))], axis=-1))
    assert found.p_value == 0.0
    assert found.error == pytest.approx(1.0 / 200.0, rel=0.3)


def test_toys_without_a_likelihood_give_no_p_value():
    pairs = np.zeros((1, 10, 2))
    pairs[0, 3, 1] = np.nan
    found = p_value(pairs)
    assert found.p_value is None
    assert not found.unusual
    assert "have no likelihood" in found.remark


@pytest.mark.slow
def test_the_report_points_out_data_that_nothing_describes(tmp_path):
    """The signal is at least 0.64 * 24 = 15.4, five standard deviations above the data."""
    settings = {"parameters": {"coupling": 0.8, "mass": {"uniform": [24.0, 25.0]}}, "sampler": "toy_sampler"}
    folder = fit(runfile.parse({"model": "toy", "likelihoods": ["gauss"], **settings}), tmp_path / "out").folder
    (row,) = json.loads((folder / "report.json").read_text())["predictive"]
    assert row["name"] == "gauss"
    assert row["p_value"] == 0.0
    assert row["unusual"] is True
    page = make_report(folder).read_text()
    assert "Posterior-predictive p-values" in page
    assert "unusual" in page
    assert "The data lie further from the predictions than chance explains." in page
