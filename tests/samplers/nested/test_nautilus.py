"""Importance nested sampling against targets with known evidence, moments and shares of modes."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import chi2

from globalfit.errors import ConfigurationError
from globalfit.progress import Event, silent
from globalfit.samplers.draws import Draws
from globalfit.samplers.nested.nautilus import Nautilus, NautilusOptions
from globalfit.samplers.protocol import Sampler
from tests.support.targets import Box, Funnel, Gaussian, Hole, Sheet, TwoModes, pull

FAST = NautilusOptions(n_live=400, n_networks=1, n_batch=256, n_eff=3000.0)
SMALL = NautilusOptions(n_live=200, n_networks=0, n_batch=64, n_eff=600.0)


def run(target, seed: int = 1, options: NautilusOptions = FAST) -> Draws:
    return Nautilus.build(options).run(target, seed, silent)


@pytest.fixture(scope="module")
def gaussian() -> tuple[Gaussian, Draws]:
    target = Gaussian.of(4)
    return target, run(target)


def test_evidence_and_information_of_a_correlated_gaussian(gaussian):
    target, draws = gaussian
    assert abs(pull(target, draws)) < 3.5
    # 3000 effective points of the shells, 1 / sqrt(3000) = 0.018, and 6000 draws of a density much like a Gaussian.
    assert 0.004 < draws.evidence.log_evidence_error < 0.012
    assert draws.evidence.information == pytest.approx(target.log_norm - 2.0 - target.log_evidence, abs=0.1)
    assert draws.converged


def test_moments_of_a_correlated_gaussian(gaussian):
    _, draws = gaussian
    theta = draws.theta[0]
    assert len(theta) > 2500
    error = 4.0 / np.sqrt(len(theta))
    np.testing.assert_allclose(theta.mean(axis=0), 0.0, atol=error)
    np.testing.assert_allclose(theta.std(axis=0), 1.0, atol=error)
    assert np.corrcoef(theta.T)[0, 1] == pytest.approx(0.6, abs=error)


def test_shapes_and_weights(gaussian):
    target, draws = gaussian
    chains, count, ndim = draws.theta.shape
    assert (chains, ndim) == (1, 4)
    assert draws.log_likelihood.shape == draws.log_prior.shape == (1, count)
    assert np.exp(draws.weighted.log_weight).sum() == pytest.approx(1.0)
    assert draws.log_likelihood[0, 5] == pytest.approx(float(target.log_likelihood(jnp.asarray(draws.theta[0, 5]))))
    assert draws.log_prior[0, 0] == pytest.approx(target.log_evidence)
    assert draws.numbers["prior_fraction_with_solution"] == pytest.approx(1.0)
    assert draws.numbers["likelihood_calls"] > draws.numbers["exploration_calls"] > 0.0


@pytest.mark.slow
def test_the_same_seed_gives_the_same_run():
    first, again, other = (run(Gaussian.of(2), seed, SMALL) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.theta, again.theta)
    assert first.evidence == again.evidence
    assert first.evidence != other.evidence


@pytest.mark.slow
def test_modes_keep_their_shares():
    target = TwoModes(("a", "b", "c"), 5.0, 0.3, (0.4, 0.7))
    draws = run(target)
    assert abs(pull(target, draws)) < 3.5
    assert np.mean(draws.theta[0, :, 0] < 0.0) == pytest.approx(0.3, abs=0.04)


@pytest.mark.slow
def test_the_prior_volume_without_solution_is_paid_for():
    target = Hole.of(3)
    draws = run(target)
    assert abs(pull(target, draws)) < 3.5
    assert draws.numbers["prior_fraction_with_solution"] == pytest.approx(0.7, abs=0.1)
    assert draws.weighted.theta[:, 0].min() > target.bound
    assert np.all(np.isfinite(draws.weighted.log_likelihood))


@pytest.mark.slow
def test_a_thin_curved_sheet():
    target = Sheet.of(3, sd=0.02)
    draws = run(target)
    assert np.mean(draws.theta[0, :, 0] > 0.0) == pytest.approx(target.upper_share, abs=0.05)


class Flat(Box):
    def log_likelihood(self, theta):
        return -2.0 * jnp.ones_like(theta[0])


def test_a_flat_likelihood_returns_the_prior():
    draws = run(Flat(("a", "b"), 1.0), options=SMALL.model_copy(update={"f_live": 0.1}))
    # The component is not flat: its draws beside 600 of the shells leave an error of about a per cent.
    assert 0.0 < draws.evidence.log_evidence_error < 0.02
    assert draws.evidence.log_evidence == pytest.approx(-2.0, abs=3.5 * draws.evidence.log_evidence_error)
    np.testing.assert_allclose(draws.theta[0].mean(axis=0), 0.0, atol=0.1)


@pytest.mark.slow
def test_too_few_calls_are_no_convergence():
    draws = run(Gaussian.of(3), options=SMALL.model_copy(update={"max_calls": 1500}))
    assert not draws.converged
    failed = {diagnostic.name for diagnostic in draws.diagnostics if not diagnostic.passed}
    assert {"live_fraction", "finished"} <= failed
    assert draws.numbers["likelihood_calls"] - draws.numbers["particle_calls"] <= 1500 + 64


@pytest.mark.slow
def test_the_number_of_draws_can_be_chosen():
    draws = run(Gaussian.of(2), options=SMALL.model_copy(update={"draws": 37}))
    assert draws.theta.shape == (1, 37, 2)


@pytest.mark.slow
def test_progress_is_slow_enough_to_read():
    events: list[Event] = []
    Nautilus.build(SMALL).run(Gaussian.of(2), 1, events.append)
    assert 1 <= len(events) < 100
    assert "ln Z" in events[-1].message
    assert [event.done for event in events] == sorted(event.done for event in events)


@pytest.mark.slow
def test_larger_ellipsoids_alone_follow_a_funnel():
    """Without particles those of nautilus' default size put ln Z 0.17 to 0.2 low."""
    target = Funnel.of()
    alone = FAST.model_copy(update={"n_live": 1000, "enlarge_per_dim": 1.3, "defensive": 0.0})
    draws = run(target, options=alone)
    assert draws.evidence.log_evidence == pytest.approx(target.log_evidence, abs=0.13)
    assert draws.numbers["likelihood_calls"] < 50_000
    assert draws.numbers["particle_calls"] == 0.0
    assert "tail_p" not in {check.name for check in draws.diagnostics}


def test_errors():
    excluded = Hole(("x0", "x1"), 6.0, jnp.eye(2), 0.0, bound=7.0)
    with pytest.raises(ConfigurationError, match="only 0 of 1024 prior draws"):
        run(excluded, options=SMALL.model_copy(update={"prior_draws": 1000}))
    with pytest.raises(ConfigurationError, match="two sampled parameters"):
        run(Gaussian.of(1))


@pytest.mark.parametrize("wrong", [{"n_live": 3}, {"n_live": "600"}, {"f_live": 0.0}, {"lives": 100}])
def test_wrong_options_are_refused(wrong):
    with pytest.raises(ValidationError):
        NautilusOptions(**wrong)


def test_it_is_a_sampler():
    assert isinstance(Nautilus.build(FAST), Sampler)
    assert any("2306.16923" in reference for reference in Nautilus.references)


@pytest.mark.slow
@pytest.mark.parametrize("target", [Gaussian.of(3), Hole.of(4), Sheet.of(3)], ids=lambda t: type(t).__name__)
def test_the_error_is_the_scatter(target):
    options = NautilusOptions(n_live=1000, n_networks=2, n_batch=256, n_eff=3000.0)
    pulls = np.array([pull(target, run(target, seed, options)) for seed in range(10)])
    low, high = chi2.ppf([1e-3, 1.0 - 1e-3], 10)
    assert low < np.sum(pulls**2) < high
    assert abs(pulls.mean()) < 3.3 / np.sqrt(10.0)
