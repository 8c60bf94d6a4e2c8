"""What moves populations of points: kernel densities, independence proposals and symmetric moves; prior draws."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import kstest

from globalfit.errors import ConfigurationError
from globalfit.samplers.batching import evaluate_cube, evaluate_log_prior, prior_draws
from globalfit.samplers.particles.independence import independence_proposals
from globalfit.samplers.particles.kernel_density import kernel_density
from globalfit.samplers.particles.local_moves import differences, in_ball
from tests.support.targets import Gaussian, Hole

CANDIDATES = 48


def test_the_density_of_independence_proposals_is_that_of_their_candidates():
    """Candidates weighted by 1 / q are uniform: their mean over a region is its area."""
    others = 0.3 + 0.4 * np.random.default_rng(2).random((200, 2))
    found = independence_proposals(np.resize(others, (500, 2)), others, CANDIDATES, np.random.default_rng(3))
    points, log_density = np.asarray(found.points).reshape(-1, 2), np.asarray(found.log_density).ravel()
    weight, corner = np.exp(-log_density), 0.4 + 0.1 * np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    area = [np.sum(weight[np.all((points > low) & (points < low + 0.1), axis=1)]) for low in corner]
    # The weights make each area uncertain by 3 %.
    np.testing.assert_allclose(area, np.mean(area), rtol=0.1)


def test_points_that_are_all_the_same_have_a_density():
    start = np.random.default_rng(2).random((10, 2))
    found = independence_proposals(start, np.full((300, 2), 0.5), CANDIDATES, np.random.default_rng(3))
    assert all(np.all(np.isfinite(part)) for part in found)


def test_a_kernel_density_may_be_flat_and_have_parts_of_very_different_size():
    random = np.random.default_rng(4)
    plane = np.stack([random.random(100), np.full(100, 0.7), random.random(100)], axis=1)
    point = 0.1 + 1e-12 * random.random((400, 3))
    found = kernel_density(np.concatenate([plane, point]), random)
    assert found is not None
    assert len(found.centers) == 448
    draws = found.sample(1000, random)
    assert np.all(np.isfinite(found.log_density(draws)))
    assert np.mean(np.all(np.abs(draws - 0.1) < 1e-10, axis=1)) == pytest.approx(0.8, abs=0.05)  # four binomial errors


def test_a_kernel_density_follows_a_bent_sheet_the_better_the_more_points_there_are():
    """As the live points of a larger run do: more of its draws land on the sheet."""
    thickness = 3e-4

    def inside(count: int) -> float:
        random = np.random.default_rng(1)
        u = random.random((count, 3))
        u[:, 2] = 0.2 + 2.0 * (u[:, 0] - 0.5) ** 2 + thickness * (2.0 * u[:, 2] - 1.0)
        found = kernel_density(u, random)
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
