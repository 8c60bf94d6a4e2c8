"""The batch kernels: invariance of the constrained prior, symmetric proposals, prior draws, no new compilations."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import kstest

from globalfit.errors import ConfigurationError
from globalfit.samplers.batching import evaluate_cube, evaluate_log_prior, prior_draws
from globalfit.samplers.nested.batched_walks import HOPS, Walks, advance
from globalfit.samplers.particles.independence import cloud, hops
from globalfit.samplers.particles.proposals import differences, in_ball
from tests.support.targets import Gaussian, Hole, TwoModes


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
    candidates = hops(u, u[:300], HOPS, random)
    start = Walks(
        *(jnp.asarray(part) for part in (u, theta, log_likelihood)),
        candidates.log_density_start,
        zero,
        zero,
        zero,
        zero,
    )
    axes = jnp.broadcast_to(radius * jnp.array([[1.0, 0.0], [0.5, 0.8]]), (count, 2, 2))
    live, key = jnp.asarray(u[:300]), jax.random.key(1)
    end = advance(
        target, start, candidates, axes, live, jnp.asarray(0.7), jnp.asarray(HOPS + 16), jnp.asarray(threshold), key
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


# Area of the smaller one of `two_regions` over that of both: a Gaussian of weight w and width s is above the threshold
# within a radius r of r^2 / s^2 = 2 ln(w / s^2) + constant; for the wider one that is 26 at the point (2.4, 0).
SMALLER = 0.01 * (26.0 + 2.0 * np.log(0.3 / 0.01 / (0.7 / 0.16)))
SHARE = SMALLER / (SMALLER + 0.16 * 26.0)


def two_regions(count: int) -> tuple[TwoModes, float, np.ndarray]:
    """Uniform points of the two discs above a threshold."""
    target = TwoModes.of(2)
    threshold = float(target.log_likelihood(jnp.array([2.4, 0.0])))
    u = np.random.default_rng(5).random((120 * count, 2))
    return target, threshold, u[evaluate_cube(target, u)[1] > threshold][:count]


def hopped(target: TwoModes, threshold: float, start: np.ndarray, others: np.ndarray) -> Walks:
    theta, log_likelihood = (jnp.asarray(part) for part in evaluate_cube(target, start))
    candidates = hops(start, others, HOPS, np.random.default_rng(6))
    zero = jnp.zeros(len(start), int)
    walks = Walks(jnp.asarray(start), theta, log_likelihood, candidates.log_density_start, zero, zero, zero, zero)
    axes, unit = jnp.zeros((len(start), 2, 2)), jnp.asarray(1.0)
    steps = jnp.asarray(HOPS)
    return advance(
        target, walks, candidates, axes, jnp.asarray(others), unit, steps, jnp.asarray(threshold), jax.random.key(1)
    )


def test_hops_keep_the_constrained_prior_and_mix_separate_regions():
    target, threshold, u = two_regions(6000)
    others, start, reference = u[:300], u[300:2300], u[2300:]
    end = hopped(target, threshold, start, others)
    assert np.mean(np.asarray(end.hopped) > 0) > 0.97
    assert np.all(np.asarray(end.accepted) == 0)
    for coordinate in (0, 1):
        assert kstest(np.asarray(end.u)[:, coordinate], reference[:, coordinate]).pvalue > 1e-3
    # Walks that all begin in one region: their share in either is right to four binomial errors.
    error = 4.0 * np.sqrt(SHARE * (1.0 - SHARE) / len(start))
    for side in (start[start[:, 0] < 0.5], start[start[:, 0] > 0.5]):
        end = hopped(target, threshold, np.resize(side, start.shape), others)
        assert np.mean(np.asarray(end.u)[:, 0] < 0.5) == pytest.approx(SHARE, abs=error)


def test_the_density_of_hops_is_that_of_their_candidates():
    """Candidates weighted by 1 / q are uniform: their mean over a region is its area."""
    others = 0.3 + 0.4 * np.random.default_rng(2).random((200, 2))
    found = hops(np.resize(others, (500, 2)), others, HOPS, np.random.default_rng(3))
    points, log_density = np.asarray(found.points).reshape(-1, 2), np.asarray(found.log_density).ravel()
    weight, corner = np.exp(-log_density), 0.4 + 0.1 * np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    area = [np.sum(weight[np.all((points > low) & (points < low + 0.1), axis=1)]) for low in corner]
    # The weights make each area uncertain by 3 %.
    np.testing.assert_allclose(area, np.mean(area), rtol=0.1)
    assert kstest(np.exp(np.asarray(found.bar - found.log_density)).ravel(), "uniform").pvalue > 1e-3


def test_too_few_points_are_no_density_and_no_hop_is_accepted():
    start = np.random.default_rng(2).random((10, 2))
    found = hops(start, np.zeros((0, 2)), HOPS, np.random.default_rng(3))
    assert not np.any(found.log_density_start[:, None] > found.bar)


def test_points_that_are_all_the_same_have_a_density():
    start = np.random.default_rng(2).random((10, 2))
    found = hops(start, np.full((300, 2), 0.5), HOPS, np.random.default_rng(3))
    assert all(np.all(np.isfinite(part)) for part in found)


def test_a_cloud_may_be_flat_and_have_parts_of_very_different_size():
    random = np.random.default_rng(4)
    plane = np.stack([random.random(100), np.full(100, 0.7), random.random(100)], axis=1)
    point = 0.1 + 1e-12 * random.random((400, 3))
    found = cloud(np.concatenate([plane, point]), random)
    assert found is not None
    assert len(found.centers) == 448
    draws = found.sample(1000, random)
    assert np.all(np.isfinite(found.log_density(draws)))
    assert np.mean(np.all(np.abs(draws - 0.1) < 1e-10, axis=1)) == pytest.approx(0.8, abs=0.05)  # four binomial errors


def test_hops_follow_a_bent_sheet_the_better_the_more_points_there_are():
    """As the live points of a larger run do: more of its hops land on the sheet."""
    thickness = 3e-4

    def inside(count: int) -> float:
        random = np.random.default_rng(1)
        u = random.random((count, 3))
        u[:, 2] = 0.2 + 2.0 * (u[:, 0] - 0.5) ** 2 + thickness * (2.0 * u[:, 2] - 1.0)
        found = cloud(u, random)
        assert found is not None
        draws = found.sample(4000, random)
        return float(np.mean(np.abs(draws[:, 2] - 0.2 - 2.0 * (draws[:, 0] - 0.5) ** 2) < thickness))

    assert inside(4000) > 1.5 * inside(1000) > 0.3


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
