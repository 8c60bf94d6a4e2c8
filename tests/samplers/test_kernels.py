"""The batch kernels: invariance of the constrained prior, symmetric proposals, prior draws, no new compilations."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dynesty.bounding import MultiEllipsoid
from samplers.targets import Gaussian, Hole
from scipy.stats import kstest

from globalfit.errors import ConfigurationError
from globalfit.samplers.batching import evaluate_cube, evaluate_log_prior, prior_draws
from globalfit.samplers.ellipsoids import overlaps, union_draws
from globalfit.samplers.lockstep import HOPS, Walks, advance
from globalfit.samplers.proposals import differences, in_ball


def corner_region(random: np.random.Generator, count: int, radius: float) -> np.ndarray:
    """Uniform points of the ball about the center of the cube, cut by the cube's edges if the radius exceeds 1/2."""
    u = random.random((20 * count, 2))
    return u[np.sum((u - 0.5) ** 2, axis=1) < radius**2][:count]


@pytest.mark.parametrize("radius", [0.05, 0.6])
def test_walks_keep_the_constrained_prior(radius):
    target = Gaussian.of(2, rho=0.0, half=5.0)
    random = np.random.default_rng(5)
    count = 4000
    u = corner_region(random, count * 60 if radius < 0.1 else count, radius)[:count]
    u = np.resize(u, (count, 2))
    theta, log_likelihood = evaluate_cube(target, u)
    threshold = float(target.log_likelihood(jnp.array([10.0 * radius, 0.0])))
    zero = jnp.zeros(count, int)
    start = Walks(jnp.asarray(u), jnp.asarray(theta), jnp.asarray(log_likelihood), zero, zero, zero, zero)
    axes = jnp.broadcast_to(radius * jnp.array([[1.0, 0.0], [0.5, 0.8]]), (count, 2, 2))
    live = jnp.asarray(u[:300])
    bound = MultiEllipsoid(2)
    bound.update(u[:300], rstate=random, bootstrap=0)
    hops, valid = union_draws(bound, count * HOPS, random)
    valid = valid.reshape(count, HOPS) & (overlaps(bound, u) > 0)[:, None]
    hops = (jnp.asarray(hops.reshape(count, HOPS, 2)), jnp.asarray(valid))
    end = advance(
        target, start, hops, axes, live, jnp.asarray(0.7), jnp.asarray(20), jnp.asarray(threshold), jax.random.key(1)
    )
    moved = np.asarray(end.u)
    assert np.all(np.asarray(end.log_likelihood) > threshold)
    assert np.all((moved > 0.0) & (moved < 1.0))
    assert np.mean(np.asarray(end.accepted + end.hopped) > 0) > 0.99
    reference = corner_region(np.random.default_rng(6), 100_000, radius)
    for coordinate in (0, 1):
        assert kstest(moved[:, coordinate], reference[:, coordinate]).pvalue > 1e-3
    again = evaluate_cube(target, moved)
    np.testing.assert_array_equal(again[0], np.asarray(end.theta))
    np.testing.assert_allclose(again[1], np.asarray(end.log_likelihood), rtol=1e-12)


def test_draws_of_overlapping_ellipsoids_are_uniform():
    random = np.random.default_rng(7)
    bound = MultiEllipsoid(2, ctrs=[[0.4, 0.5], [0.5, 0.5]], covs=[0.01 * np.eye(2)] * 2)
    points, valid = union_draws(bound, 40_000, random)
    assert np.all(overlaps(bound, points) >= 1)
    assert 0.6 < valid.mean() < 0.9
    box = np.array([0.3, 0.4]) + random.random((60_000, 2)) * np.array([0.3, 0.2])
    union = box[overlaps(bound, box) > 0]
    assert kstest(points[valid, 0], union[:, 0]).pvalue > 1e-3
    assert kstest(points[valid, 1], union[:, 1]).pvalue > 1e-3


def test_ball_points_are_uniform():
    ball = np.asarray(in_ball(jax.random.key(2), 5000, 3))
    assert kstest(np.sum(ball**2, axis=1) ** 1.5, "uniform").pvalue > 1e-3
    assert kstest(np.arctan2(ball[:, 1], ball[:, 0]) / (2 * np.pi) + 0.5, "uniform").pvalue > 1e-3


def test_differences_are_symmetric_and_never_zero():
    points = jnp.asarray(np.random.default_rng(3).random((50, 2)) ** 3)
    steps = np.asarray(differences(jax.random.key(3), 20_000, points))
    assert np.all(np.any(steps != 0.0, axis=1))
    assert kstest(steps[:, 0], -steps[:, 0]).pvalue > 1e-3


def test_prior_draws_count_the_points_without_solution():
    target = Hole.of(2)
    draws = prior_draws(target, 3000, 100_000, np.random.default_rng(1))
    fraction = (target.half - target.bound) / (2.0 * target.half)
    assert len(draws.u) == 3000
    assert np.all(np.isfinite(draws.log_likelihood))
    assert np.all(draws.theta[:, 0] > target.bound)
    # Binomial error of 3000 of about 4300 draws: 0.7 %.
    assert 3000 / draws.tried == pytest.approx(fraction, abs=0.03)


def test_an_excluded_prior_is_an_error_with_advice():
    target = Hole.of(2)
    nothing = Hole(target.names, target.half, target.precision, target.log_norm, bound=7.0)
    with pytest.raises(ConfigurationError, match="only 0 of 2048 prior draws"):
        prior_draws(nothing, 100, 2000, np.random.default_rng(1))


def test_batches_of_any_length_agree_with_single_points():
    target = Gaussian.of(2)
    u = np.random.default_rng(4).random((1300, 2))
    theta, value = evaluate_cube(target, u)
    assert theta.shape == (1300, 2)
    assert value[1299] == pytest.approx(float(target.log_likelihood(target.transform(jnp.asarray(u[1299])))), rel=1e-12)
    assert evaluate_log_prior(target, theta)[7] == pytest.approx(-2.0 * np.log(12.0))
