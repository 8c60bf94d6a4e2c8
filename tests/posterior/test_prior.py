"""Prior distributions against scipy, out into their tails, and the quantiles against the cumulative distribution."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from globalfit.errors import ConfigurationError
from globalfit.posterior.prior import distribution

# Run-file name and numbers, and the same distribution in scipy.
SAME = [
    ("uniform", (2.0, 4.0), stats.uniform(2.0, 2.0)),
    ("log_uniform", (1e-5, 0.1), stats.loguniform(1e-5, 0.1)),
    ("normal", (1.0, 0.5), stats.norm(1.0, 0.5)),
    ("log_normal", (3.0, 0.2), stats.lognorm(0.2, scale=3.0)),
    ("truncated_normal", (1.0, 0.5, 0.0, 1.8), stats.truncnorm(-2.0, 1.6, 1.0, 0.5)),
    ("truncated_normal", (0.0, 1.0, 8.0, 9.0), stats.truncnorm(8.0, 9.0)),
    ("truncated_normal", (0.0, 1.0, -9.0, -8.0), stats.truncnorm(-9.0, -8.0)),
    ("truncated_normal", (2.0, 0.1, 3.0, 9.0), stats.truncnorm(10.0, 70.0, 2.0, 0.1)),
]


@pytest.mark.parametrize(("name", "numbers", "same"), SAME)
def test_as_scipy_has_it(name, numbers, same):
    prior = distribution(name, numbers)
    u = np.linspace(0.001, 0.999, 41)
    x = np.asarray(jax.vmap(prior.quantile)(jnp.asarray(u)))
    np.testing.assert_allclose(x, same.ppf(u), rtol=1e-9)
    np.testing.assert_allclose(jax.vmap(prior.cdf)(jnp.asarray(x)), u, rtol=1e-9)
    np.testing.assert_allclose(jax.vmap(prior.log_density)(jnp.asarray(x)), same.logpdf(x), rtol=1e-9, atol=1e-9)
    slope = np.asarray(jax.vmap(jax.grad(prior.quantile))(jnp.asarray(u)))
    np.testing.assert_allclose(slope, 1.0 / same.pdf(x), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "numbers", "same"), [case for case in SAME if case[0] not in ("normal", "log_normal")]
)
def test_nothing_lies_outside_the_support(name, numbers, same):
    prior = distribution(name, numbers)
    low, high = prior.support
    np.testing.assert_allclose(jax.vmap(prior.quantile)(jnp.array([0.0, 1.0])), [low, high], rtol=1e-12)
    outside = jnp.array([low - 1.0, high + 1.0])
    assert prior.cdf(outside[0]) >= 0.0
    assert prior.cdf(outside[1]) <= 1.0
    assert np.all(np.asarray(jax.vmap(prior.log_density)(outside)) == -np.inf)
    np.testing.assert_allclose(jax.vmap(prior.cdf)(outside), [0.0, 1.0], atol=1e-15)


def test_an_interval_without_probability_is_an_error():
    for low, high in ((50.0, 60.0), (-60.0, -50.0)):
        with pytest.raises(ConfigurationError, match="holds no probability"):
            distribution("truncated_normal", (0.0, 1.0, low, high))
