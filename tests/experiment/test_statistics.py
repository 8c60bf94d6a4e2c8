"""Poisson residuals against the definition, and their gradients where it is singular; limits in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm, poisson

from globalfit.experiment.statistics import (
    asymptotic_limit,
    flat_prior_limit,
    gaussian_from_limit,
    poisson_log_ratio,
    poisson_residual,
)


@pytest.mark.parametrize("observed", [0.0, 1.0, 3.0, 250.0])
def test_log_ratio_is_that_of_the_poisson_distribution(observed):
    expected = np.array([1e-3, 0.5, 1.0, 3.0, 20.0, 260.0])
    exact = poisson.logpmf(observed, expected) - poisson.logpmf(observed, observed)
    found = poisson_log_ratio(jnp.full(expected.shape, observed), jnp.asarray(expected))
    np.testing.assert_allclose(found, exact, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("observed", [0.0, 1.0, 7.5, 1e4])
def test_residual_squared_gives_the_log_ratio(observed):
    expected = jnp.asarray([1e-9, 0.1, 1.0, 7.4999, 7.5, 7.501, 30.0, 9990.0, 1e4])
    data = jnp.full(expected.shape, observed)
    residual = poisson_residual(data, expected)
    np.testing.assert_allclose(-0.5 * residual**2, poisson_log_ratio(data, expected), rtol=1e-9, atol=1e-9)
    assert bool(jnp.all(jnp.sign(residual) == jnp.sign(data - expected)))


def test_gradients_are_finite_and_right_at_the_data():
    slope = jax.vmap(jax.grad(poisson_residual, argnums=1))
    data, expected = jnp.asarray([4.0, 4.0, 0.0, 4.0]), jnp.asarray([4.0, 4.0 + 1e-9, 0.0, 0.0])
    gradient = slope(data, expected)
    assert bool(jnp.all(jnp.isfinite(gradient)))
    np.testing.assert_allclose(gradient[:2], -0.5, rtol=1e-6)


OBSERVED = np.array([0.6, 1.0, 2.0, 3.7])


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_gaussian_from_limit_returns_the_limit(confidence):
    best, sigma = gaussian_from_limit(OBSERVED, np.ones(4), confidence)
    closed = best + sigma * norm.ppf(1.0 - (1.0 - confidence) * norm.cdf(best / sigma))
    np.testing.assert_allclose(closed, OBSERVED, rtol=1e-10)
    assert best[1] == pytest.approx(0.0, abs=1e-10)
    strength = np.linspace(0.0, 12.0, 4001)
    values = -0.5 * ((strength - best[:, None]) / sigma[:, None]) ** 2
    np.testing.assert_allclose(flat_prior_limit(strength, values, confidence), OBSERVED, rtol=1e-4)


def test_flat_prior_limit_without_background_or_events_is_the_logarithm():
    strength = np.linspace(0.0, 40.0, 8001)
    assert float(flat_prior_limit(strength, -strength, 0.9)) == pytest.approx(np.log(10.0), rel=1e-4)


@pytest.mark.parametrize("best", [0.0, 0.7, 2.5])
def test_asymptotic_limit_of_a_gaussian(best):
    strength = np.linspace(0.0, 8.0, 8001)
    found = asymptotic_limit(strength, -0.5 * (strength - best) ** 2, -0.5 * strength**2, 0.95)
    assert float(found) == pytest.approx(best + norm.ppf(1.0 - 0.05 * norm.cdf(best)), rel=1e-4)
