"""Nested sampling against targets with known evidence, moments and shares of modes."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import chi2

from globalfit.progress import Event, silent
from globalfit.samplers.draws import Draws
from globalfit.samplers.nested.dynesty import Dynesty, DynestyOptions
from globalfit.samplers.protocol import Sampler
from tests.support.targets import Box, Gaussian, Hole, Sheet, TwoModes, pull

FAST = DynestyOptions(nlive=300)


def run(target, seed: int = 1, options: DynestyOptions = FAST) -> Draws:
    return Dynesty.build(options).run(target, seed, silent)


@pytest.fixture(scope="module")
def gaussian() -> tuple[Gaussian, Draws]:
    target = Gaussian.of(3)
    return target, run(target)


def test_evidence_and_information_of_a_correlated_gaussian(gaussian):
    target, draws = gaussian
    assert abs(pull(target, draws)) < 3.0
    assert draws.evidence.log_evidence_error == pytest.approx(np.sqrt(draws.evidence.information / 300), rel=0.2)
    assert draws.evidence.information == pytest.approx(target.log_norm - 1.5 - target.log_evidence, abs=0.4)
    assert draws.converged


def test_moments_of_a_correlated_gaussian(gaussian):
    _, draws = gaussian
    theta = draws.theta[0]
    error = 4.0 / np.sqrt(len(theta))
    np.testing.assert_allclose(theta.mean(axis=0), 0.0, atol=1.5 * error)
    np.testing.assert_allclose(theta.std(axis=0), 1.0, atol=error)
    assert np.corrcoef(theta.T)[0, 1] == pytest.approx(0.6, abs=error)


def test_shapes_and_weights(gaussian):
    target, draws = gaussian
    chains, count, ndim = draws.theta.shape
    assert (chains, ndim) == (1, 3)
    assert draws.log_likelihood.shape == draws.log_prior.shape == (1, count)
    assert np.exp(draws.weighted.log_weight).sum() == pytest.approx(1.0)
    assert draws.log_likelihood[0, 5] == pytest.approx(float(target.log_likelihood(jnp.asarray(draws.theta[0, 5]))))
    assert draws.log_prior[0, 0] == pytest.approx(target.log_evidence)
    assert draws.numbers["likelihood_calls"] > draws.numbers["iterations"] * 8
    # nearly every walk accepts an independence proposal here, and begins a lineage of its own
    assert draws.lineages.shape == (count,)
    points = len(np.unique(draws.theta[0], axis=0))
    assert 0.99 * points < len(np.unique(draws.lineages)) <= points


def test_the_same_seed_gives_the_same_run(gaussian):
    target, draws = gaussian
    again = run(target)
    np.testing.assert_array_equal(again.theta, draws.theta)
    assert again.evidence == draws.evidence
    assert run(target, seed=2).evidence != draws.evidence


class Traced(Gaussian):
    """Counts how often Python sees the likelihood, i.e. how often it is compiled."""

    traces = 0

    def log_likelihood(self, theta):
        Traced.traces += 1
        return super().log_likelihood(theta)


def test_new_data_compile_nothing():
    first = Traced.of(2)
    run(first)
    seen = Traced.traces
    assert seen > 0
    run(eqx.tree_at(lambda t: t.precision, first, 4.0 * first.precision), seed=2)
    assert Traced.traces == seen


@pytest.mark.slow
def test_modes_keep_their_shares():
    target = TwoModes.of(3, share=0.3)
    draws = run(target)
    assert abs(pull(target, draws)) < 3.0
    # 300 live points split 0.3 : 0.7 by chance, to 0.03 at best.
    assert np.mean(draws.theta[0, :, 0] < 0.0) == pytest.approx(0.3, abs=0.12)


def test_the_prior_volume_without_solution_is_paid_for():
    target = Hole.of(3)
    draws = run(target)
    assert abs(pull(target, draws)) < 3.0
    assert draws.numbers["prior_fraction_with_solution"] == pytest.approx(0.7, abs=0.1)
    assert draws.weighted.theta[:, 0].min() > target.bound


def test_a_thin_curved_sheet():
    target = Sheet.of(3)
    draws = run(target)
    assert abs(pull(target, draws)) < 3.0
    assert np.mean(draws.theta[0, :, 0] > 0.0) == pytest.approx(target.upper_share, abs=0.15)
    assert draws.numbers["steps_per_walk"] > 25.0
    # walks that accepted none are of the lineage of the point that they began at
    assert 0.3 < len(np.unique(draws.lineages)) / len(np.unique(draws.theta[0], axis=0)) < 1.0


class Flat(Box):
    def log_likelihood(self, theta):
        return -2.0 * jnp.ones_like(theta[0])


def test_a_flat_likelihood_returns_the_prior():
    draws = run(Flat(("a", "b"), 1.0))
    assert draws.evidence.log_evidence == pytest.approx(-2.0, abs=1e-9)
    assert len(np.unique(draws.theta[0, :, 0])) > 250


class Flattened(Box):
    def log_likelihood(self, theta):
        return 8.0 * jnp.minimum(theta[0], 0.5)


def test_a_likelihood_with_a_flat_top_converges():
    target = Flattened(("a", "b"), 1.0)
    draws = run(target)
    assert draws.converged
    # a is uniform in (-1, 1): e^(8 a) up to 1/2, e^4 beyond
    expected = np.log(0.5 * ((np.exp(4.0) - np.exp(-8.0)) / 8.0 + 0.5 * np.exp(4.0)))
    assert abs(draws.evidence.log_evidence - expected) < 3.0 * draws.evidence.log_evidence_error


def test_the_number_of_draws_can_be_chosen():
    draws = run(Flat(("a", "b"), 1.0), options=DynestyOptions(nlive=100, draws=37))
    assert draws.theta.shape == (1, 37, 2)


def test_progress_is_slow_enough_to_read():
    events: list[Event] = []
    Dynesty.build(FAST).run(Gaussian.of(3), 1, events.append)
    assert 1 <= len(events) < 100
    assert "ln Z" in events[-1].message
    assert [event.done for event in events] == sorted(event.done for event in events)


@pytest.mark.parametrize("wrong", [{"nlive": 3}, {"nlive": "600"}, {"dlogz": 0.0}, {"lives": 100}])
def test_wrong_options_are_refused(wrong):
    with pytest.raises(ValidationError):
        DynestyOptions(**wrong)


def test_it_is_a_sampler():
    assert isinstance(Dynesty.build(FAST), Sampler)
    assert any("1904.02180" in reference for reference in Dynesty.references)


@pytest.mark.slow
@pytest.mark.parametrize(
    "target", [Gaussian.of(4), TwoModes.of(3), Hole.of(3), Sheet.of(4)], ids=lambda t: type(t).__name__
)
def test_the_error_is_the_scatter(target):
    pulls = np.array([pull(target, run(target, seed, DynestyOptions(nlive=800))) for seed in range(10)])
    low, high = chi2.ppf([1e-3, 1.0 - 1e-3], 10)
    assert low < np.sum(pulls**2) < high
    assert abs(pulls.mean()) < 3.3 / np.sqrt(10.0)


@pytest.mark.slow
@pytest.mark.parametrize(("target", "share"), [(TwoModes.of(3), 0.7), (Sheet.of(4), Sheet.of(4).upper_share)])
def test_shares_of_modes_are_unbiased(target, share):
    shares = [np.mean(run(target, seed, DynestyOptions(nlive=800)).theta[0, :, 0] > 0.0) for seed in range(10)]
    assert np.std(shares) < 0.05
    assert np.mean(shares) == pytest.approx(share, abs=0.04)
