"""The posterior of the quick start: values, gradients, batches, and no NaN anywhere in the prior."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from globalfit import runfile
from globalfit.build.built import build
from globalfit.physics import status
from globalfit.posterior.posterior import evaluate, in_chunks
from tests.support.table import numbers

# An independent C program for the relic density (3e-4 against micrOMEGAs) and independent xenon rates, c8_p at q2 = 0.
POINTS = numbers(__file__, "axial_points.csv")
LIKELIHOODS = ["planck_relic", "lz_2024", "pandax4t_2021"]
BATCH = 256


def posterior_of(**changes):
    return build(runfile.parse({"model": "axial", "likelihoods": LIKELIHOODS, **changes})).posterior


@pytest.fixture(scope="module")
def posterior():
    return posterior_of(inputs="micromegas6")


@eqx.filter_jit
def gradients(target, theta):
    return in_chunks(jax.value_and_grad(target.log_likelihood), theta, 64)


def prior_draws(target, count, seed):
    u = np.random.default_rng(seed).random((count, target.ndim))
    return jax.vmap(target.transform)(jnp.asarray(u))


def test_against_independent_programs(posterior):
    theta = jnp.asarray([[row[name] for name in posterior.names] for row in POINTS])
    result = evaluate(posterior, jnp.resize(theta, (BATCH, posterior.ndim)))
    column = {name: np.array([row[name] for row in POINTS]) for name in POINTS[0]}
    count = len(POINTS)
    for name in ("lz_2024", "pandax4t_2021"):
        found = -np.asarray(result.terms[name])[:count] / np.log(10.0)
        np.testing.assert_allclose(found, column[f"s_{name}"], rtol=5e-3)
    np.testing.assert_allclose(
        np.asarray(result.log_likelihood)[:count], column["log_likelihood"], atol=0.02, rtol=0.001
    )
    # Some points next to a pole leave kinetic equilibrium early, which the other programs do not look at either.
    assert not np.any(np.asarray(result.status)[:count] & ~status.KINETIC_DECOUPLING.bit)


def test_a_batch_is_its_points(posterior):
    theta = prior_draws(posterior, BATCH, 1)
    together = evaluate(posterior, theta).log_likelihood
    shuffled = np.random.default_rng(2).permutation(BATCH)
    np.testing.assert_allclose(evaluate(posterior, theta[shuffled]).log_likelihood, together[shuffled], rtol=1e-12)


@pytest.mark.slow
def test_gradients_against_central_differences(posterior):
    theta = prior_draws(posterior, 64, 3)
    near = theta.at[:, 1].set(2.0 + 0.02 * (theta[:, 1] - 2.0))  # the funnel at the resonance
    theta = jnp.concatenate([theta, near])
    value, gradient = gradients(posterior, theta)
    alive = np.isfinite(value)
    assert alive.mean() > 0.95
    for k in range(posterior.ndim):
        estimates = []
        for step in (2e-5, 1e-5):
            # relative to the distance from the resonance where that is what matters
            size = step * (theta[:, k] - 2.0 if k == 1 else theta[:, k])
            shift = jnp.zeros_like(theta).at[:, k].set(size)
            up, down = (gradients(posterior, theta + sign * shift)[0] for sign in (1.0, -1.0))
            estimates.append(np.asarray((up - down) / (2.0 * size)))
        expected = (4.0 * estimates[1] - estimates[0]) / 3.0
        # differences lose digits of ln L to rounding: 1e-13 |ln L| over the step
        rounding = 1e-12 * np.abs(value) / (1e-5 * np.abs(theta[:, k] - 2.0 if k == 1 else theta[:, k]))
        error = np.abs(np.asarray(gradient)[:, k] - expected)
        assert np.all((error < 1e-5 * np.abs(expected) + rounding)[alive])


def check_finite(target, count, seed):
    theta = prior_draws(target, count, seed)
    value, gradient = gradients(target, theta)
    flags = np.asarray(evaluate(target, theta).status)
    unsolvable = (flags & status.NO_SOLUTION.bit) != 0
    assert not np.any(np.isnan(value))
    assert np.all(np.isfinite(gradient))
    np.testing.assert_array_equal(np.isneginf(value), unsolvable)
    assert np.all(np.asarray(gradient)[unsolvable] == 0.0)
    return unsolvable.mean()


@pytest.mark.slow
def test_finite_everywhere_in_the_prior():
    # default inputs and widths; 0.27 % of the prior has no solution
    assert check_finite(posterior_of(), 2048, 4) < 0.01


@pytest.mark.slow
def test_finite_everywhere_in_the_prior_with_many_draws():
    assert 0.001 < check_finite(posterior_of(), 100_000, 5) < 0.005


def test_new_data_compile_nothing():
    theta = jnp.asarray([[50.0, 2.1, 1e-3, 0.05]])
    traces = []

    @eqx.filter_jit
    def traced(target, point):
        traces.append(1)
        return target.log_likelihood(point)

    first, second = (posterior_of(likelihoods=[{"planck_relic": {"theory_error": error}}]) for error in (0.05, 0.1))
    assert traced(first, theta[0]) != traced(second, theta[0])
    assert len(traces) == 1


@pytest.mark.slow
def test_a_component_scales_direct_detection():
    theta = jnp.asarray([[50.0, 2.05, 3e-3, 0.05]])
    everything = evaluate(posterior_of(), theta)
    component = evaluate(posterior_of(dark_matter="component"), theta)
    target = posterior_of()
    omega = float(target.predictions(target.parameters.values(theta[0]))["omega_h2"])
    assert omega < 0.12
    ratio = component.terms["lz_2024"][0] / everything.terms["lz_2024"][0]
    np.testing.assert_allclose(ratio, omega / 0.12, rtol=1e-10)
