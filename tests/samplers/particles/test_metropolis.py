"""The Metropolis kernel: invariance of the constrained prior and of tempered posteriors, wherever walks begin."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import kstest, norm

from globalfit.samplers.batching import evaluate_cube
from globalfit.samplers.particles.independence import independence_proposals
from globalfit.samplers.particles.local_moves import LocalMoves
from globalfit.samplers.particles.metropolis import Walkers, advance
from tests.support.targets import Gaussian, Hole, TwoModes

CANDIDATES = 48


def disc(random: np.random.Generator, count: int, radius: float) -> np.ndarray:
    """Uniform points of the disc about the center of the cube, cut by the cube's edges if the radius exceeds 1/2."""
    u = random.random((int(3 * count / min(1.0, radius**2)), 2))
    return u[np.sum((u - 0.5) ** 2, axis=1) < radius**2][:count]


@pytest.mark.parametrize("radius", [0.05, 0.6])
def test_walks_keep_the_constrained_prior(radius):
    target = Gaussian.of(2, rho=0.0, half=5.0)
    u = disc(np.random.default_rng(5), 4000, radius)
    threshold = float(target.log_likelihood(jnp.array([10.0 * radius, 0.0])))
    axes = jnp.broadcast_to(0.7 * radius * jnp.array([[1.0, 0.0], [0.5, 0.8]]), (len(u), 2, 2))
    end = advance(
        target,
        u,
        evaluate_cube(target, u)[1],
        independence_proposals(u, u[:300], CANDIDATES, np.random.default_rng(6)),
        LocalMoves(jnp.asarray(u[:300]), axes),
        CANDIDATES + 16,
        jax.random.key(1),
        log_threshold=threshold,
    )
    moved = np.asarray(end.u)
    assert np.all(np.asarray(end.log_likelihood) > threshold)
    assert np.all((moved > 0.0) & (moved < 1.0))
    assert np.mean(np.asarray(end.moves + end.relocations) > 0) > 0.99
    assert np.all(np.asarray(end.ellipsoid_accepted) <= np.asarray(end.ellipsoid_tried))
    reference = disc(np.random.default_rng(7), 30_000, radius)
    for coordinate in (0, 1):
        assert kstest(moved[:, coordinate], reference[:, coordinate]).pvalue > 1e-3
    np.testing.assert_allclose(evaluate_cube(target, moved)[1], np.asarray(end.log_likelihood), rtol=1e-12)


@pytest.mark.parametrize("beta", [0.3, 1.0])
@pytest.mark.parametrize("steps", [10, 60])
def test_particles_keep_a_tempered_posterior(beta, steps):
    """By independence proposals alone, and mostly by differences."""
    target = Gaussian.of(2, rho=0.0)
    random = np.random.default_rng(3)
    u = target.inverse(random.normal(size=(3500, 2)) / np.sqrt(beta))
    others, u = u[:500], u[500:]
    begin = target, u, evaluate_cube(target, u)[1], independence_proposals(u, others, 10, random)
    end = advance(*begin, LocalMoves(jnp.asarray(others)), steps, jax.random.key(2), beta=beta)
    assert np.mean(np.asarray(end.relocations) > 0) > 0.9
    assert np.any(np.asarray(end.moves) > 0) == (steps > 10)
    theta = np.asarray(target.transform(end.u)) * np.sqrt(beta)
    for coordinate in (0, 1):
        assert kstest(theta[:, coordinate], norm.cdf).pvalue > 1e-3


def test_particles_at_temperature_zero_keep_the_prior_with_a_solution():
    target = Hole.of(2)
    random = np.random.default_rng(4)
    low = float(target.inverse(jnp.array([target.bound]))[0])
    u = random.random((3500, 2)) * [1.0 - low, 1.0] + [low, 0.0]
    others, u = u[:500], u[500:]
    begin = target, u, evaluate_cube(target, u)[1], independence_proposals(u, others, 10, random)
    moved = np.asarray(advance(*begin, LocalMoves(jnp.asarray(others)), 40, jax.random.key(5)).u)
    assert kstest((moved[:, 0] - low) / (1.0 - low), "uniform").pvalue > 1e-3
    assert kstest(moved[:, 1], "uniform").pvalue > 1e-3


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


def relocated(target: TwoModes, threshold: float, start: np.ndarray, others: np.ndarray) -> Walkers:
    proposals = independence_proposals(start, others, CANDIDATES, np.random.default_rng(6))
    begin = target, start, evaluate_cube(target, start)[1], proposals, LocalMoves(jnp.asarray(others))
    return advance(*begin, CANDIDATES, jax.random.key(1), log_threshold=threshold)


def test_independence_proposals_keep_the_constrained_prior_and_mix_separate_regions():
    target, threshold, u = two_regions(6000)
    others, start, reference = u[:300], u[300:2300], u[2300:]
    end = relocated(target, threshold, start, others)
    assert np.mean(np.asarray(end.relocations) > 0) > 0.97
    assert np.all(np.asarray(end.moves) == 0)
    for coordinate in (0, 1):
        assert kstest(np.asarray(end.u)[:, coordinate], reference[:, coordinate]).pvalue > 1e-3
    # Walks that all begin in one region: their share in either is right to four binomial errors.
    error = 4.0 * np.sqrt(SHARE * (1.0 - SHARE) / len(start))
    for side in (start[start[:, 0] < 0.5], start[start[:, 0] > 0.5]):
        end = relocated(target, threshold, np.resize(side, start.shape), others)
        assert np.mean(np.asarray(end.u)[:, 0] < 0.5) == pytest.approx(SHARE, abs=error)


def test_too_few_other_points_relocate_no_walk():
    target = TwoModes.of(2)
    u = np.random.default_rng(2).random((10, 2))
    end = relocated(target, -np.inf, u, u[:3])
    assert np.all(np.asarray(end.relocations) == 0)
    np.testing.assert_array_equal(end.u, u)
