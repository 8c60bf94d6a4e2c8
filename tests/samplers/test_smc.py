"""Sequential Monte Carlo against targets with known evidence, moments and shares of modes."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import chi2

from globalfit import plugins
from globalfit.errors import ConfigurationError
from globalfit.progress import silent
from globalfit.samplers.draws import Draws
from globalfit.samplers.particles.tempering import Particles
from globalfit.samplers.protocol import Sampler
from globalfit.samplers.smc import Smc, SmcOptions, evidence_of
from tests.support.targets import Box, Funnel, Gaussian, Hole, Rosenbrock, Sheet, TwoModes, pull

FAST = SmcOptions(populations=6, particles=400, rounds=2)


def run(target, seed: int = 1, options: SmcOptions = FAST) -> Draws:
    return Smc.build(options).run(target, seed, silent)


def failed(draws: Draws) -> set[str]:
    return {check.name for check in draws.diagnostics if not check.passed}


@pytest.fixture(scope="module")
def gaussian() -> tuple[Gaussian, Draws]:
    target = Gaussian.of(3)
    return target, run(target)


def test_evidence_and_information_of_a_correlated_gaussian(gaussian):
    target, draws = gaussian
    assert abs(pull(target, draws)) < 3.5
    assert draws.evidence.log_evidence_error < 0.05
    assert draws.evidence.information == pytest.approx(target.log_norm - 1.5 - target.log_evidence, abs=0.15)
    assert draws.converged


def test_moments_of_a_correlated_gaussian(gaussian):
    _, draws = gaussian
    theta = draws.theta[0]
    error = 4.0 / np.sqrt(len(theta))
    np.testing.assert_allclose(theta.mean(axis=0), 0.0, atol=error)
    np.testing.assert_allclose(theta.std(axis=0), 1.0, atol=error)
    assert np.corrcoef(theta.T)[0, 1] == pytest.approx(0.6, abs=error)


def test_shapes_and_weights(gaussian):
    target, draws = gaussian
    chains, count, ndim = draws.theta.shape
    assert (chains, ndim) == (1, 3)
    assert draws.log_likelihood.shape == draws.log_prior.shape == (1, count)
    assert draws.log_ratios.shape[1] == count
    assert draws.weighted.theta.shape == (6 * 400, 3)
    assert np.exp(draws.weighted.log_weight).sum() == pytest.approx(1.0)
    assert draws.log_likelihood[0, 5] == pytest.approx(float(target.log_likelihood(jnp.asarray(draws.theta[0, 5]))))
    assert draws.log_prior[0, 0] == pytest.approx(target.log_evidence)


def test_the_same_seed_gives_the_same_run(gaussian):
    target, draws = gaussian
    again = run(target)
    np.testing.assert_array_equal(again.theta, draws.theta)
    assert again.evidence == draws.evidence


@pytest.mark.slow
def test_separate_modes_of_different_width():
    target = TwoModes.of(3, share=0.3, sd=(0.2, 0.4))
    draws = run(target)
    assert abs(pull(target, draws)) < 3.5
    assert np.mean(draws.theta[0, :, 0] < 0.0) == pytest.approx(0.3, abs=0.1)


@pytest.mark.parametrize(
    "target",
    [Hole.of(3), *(pytest.param(target, marks=pytest.mark.slow) for target in (Sheet.of(3), Rosenbrock.of()))],
    ids=lambda t: type(t).__name__,
)
def test_evidence_with_a_hole_and_on_thin_curved_shapes(target):
    draws = run(target)
    assert abs(pull(target, draws)) < 3.5
    assert draws.evidence.log_evidence_error < 0.06
    if isinstance(target, Hole):
        assert draws.weighted.theta[:, 0].min() > target.bound


class Flat(Box):
    def log_likelihood(self, theta):
        return -2.0 * jnp.ones_like(theta[0])


def test_a_flat_likelihood_returns_the_prior():
    draws = run(Flat(("a", "b"), 1.0), options=FAST.model_copy(update={"draws": 500}))
    assert draws.theta.shape == (1, 500, 2)
    assert draws.evidence.log_evidence == pytest.approx(-2.0, abs=1e-9)
    np.testing.assert_allclose(draws.theta[0].mean(axis=0), 0.0, atol=0.1)


def populations(log_z: list[float], error: float) -> list[Particles]:
    return [Particles(np.zeros((1, 1)), np.zeros(1), value, error, np.zeros(1, int), 1) for value in log_z]


def test_the_error_is_the_scatter_of_populations_or_that_within_them():
    random = np.random.default_rng(1)
    scattered = (0.2 * random.normal(size=4000)).tolist()
    value, error = evidence_of(populations(scattered, 0.01))
    # The mean of a log-normal distribution.
    assert value == pytest.approx(0.02, abs=4.0 * 0.2 / np.sqrt(4000))
    assert error == pytest.approx(0.2 / np.sqrt(4000), rel=0.1)
    assert evidence_of(populations([1.0] * 4, 0.3)) == pytest.approx((1.0, 0.15))


@pytest.mark.slow
def test_populations_that_disagree_are_no_convergence():
    """Few particles seldom find a mode of a millionth of the prior."""
    draws = run(TwoModes.of(4, share=0.5, sd=(0.02, 0.5)), options=SmcOptions(populations=6, particles=64, rounds=1))
    assert {"rhat", "effective_sample_size"} & failed(draws)


@pytest.mark.slow
def test_several_rounds_of_moves_find_the_neck_of_a_funnel():
    target = Funnel.of()
    draws = run(target, options=SmcOptions(populations=6, particles=400, rounds=4))
    assert abs(pull(target, draws)) < 3.5


def test_an_excluded_prior_is_an_error():
    excluded = Hole(("x0", "x1"), 6.0, jnp.eye(2), 0.0, bound=7.0)
    with pytest.raises(ConfigurationError, match="only 0 of 1024 prior draws"):
        run(excluded, options=FAST.model_copy(update={"prior_draws": 1000}))


@pytest.mark.parametrize("wrong", [{"populations": 1}, {"particles": "600"}, {"lives": 100}])
def test_wrong_options_are_refused(wrong):
    with pytest.raises(ValidationError):
        SmcOptions(**wrong)


def test_it_is_a_registered_sampler():
    assert plugins.load("sampler", "smc") is Smc
    assert isinstance(Smc.build(FAST), Sampler)
    assert any("2007.11936" in reference for reference in Smc.references)


@pytest.mark.slow
@pytest.mark.parametrize(
    "target", [Gaussian.of(4), TwoModes.of(2), Hole.of(3), Sheet.of(4)], ids=lambda t: type(t).__name__
)
def test_the_error_covers_the_scatter(target):
    pulls = np.array([pull(target, run(target, seed, SmcOptions())) for seed in range(10)])
    # The larger one of two estimates of the error: it may be too large, but not too small.
    assert np.sum(pulls**2) < chi2.ppf(1.0 - 1e-3, 10)
    assert abs(pulls.mean()) < 3.3 / np.sqrt(10.0)
