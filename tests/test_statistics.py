"""Poisson residuals against the definition, and their gradients where it is singular."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import poisson

from globalfit.statistics import poisson_log_ratio, poisson_residual


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
