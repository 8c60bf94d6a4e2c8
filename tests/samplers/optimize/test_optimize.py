"""Best fits and profile likelihoods against functions whose maxima and intervals are known."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from globalfit.analysis.intervals import intervals, threshold
from globalfit.errors import ConfigurationError, UnknownNameError
from globalfit.progress import Event, silent
from globalfit.samplers.draws import Optimum
from globalfit.samplers.optimize import optimize
from globalfit.samplers.optimize.optimize import Optimize, OptimizeOptions
from globalfit.samplers.protocol import Sampler
from tests.support.targets import Box, Gaussian, Hole, Sheet, TwoModes


class Rosenbrock(Box):
    """A curved valley with its maximum 0 at (1, ..., 1)."""

    def log_likelihood(self, theta):
        return -jnp.sum(100.0 * (theta[1:] - theta[:-1] ** 2) ** 2 + (1.0 - theta[:-1]) ** 2)


class Ramp(Box):
    """Rises with slope 3 to the end of the first parameter; a narrow Gaussian in the second; flat in the third."""

    def log_likelihood(self, theta):
        return 3.0 * theta[0] - 0.5 * ((theta[1] - 0.3) / 0.01) ** 2


class Slope(Box):
    """A hill of width 1 around 1, and on its slope one of width 0.03 around 1.5 that is higher by 3."""

    def log_likelihood(self, theta):
        return -0.5 * jnp.sum((theta - 1.0) ** 2) + 3.0 * jnp.exp(-0.5 * jnp.sum((theta - 1.5) ** 2) / 0.03**2)


class Flat(Box):
    """The same ln L everywhere."""

    def log_likelihood(self, theta):
        return 0.0 * theta[0]


class Case(NamedTuple):
    target: Box
    found: Optimum


def run(target, seed: int = 1, **options) -> Optimum:
    return Optimize.build(OptimizeOptions(**{"scan": 2000, "starts": 32, **options})).run(target, seed, silent)


def deltas(found: Optimum, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Values of a parameter along its profile, and how far ln L lies below the best fit."""
    profile = next(profile for profile in found.profiles if profile.axes == (name,))
    return profile.theta[:, found.names.index(name)], found.log_likelihood - profile.log_likelihood


def value(found: Optimum, check: str) -> float:
    return next(diagnostic.value for diagnostic in found.diagnostics if diagnostic.name == check)


@pytest.fixture(scope="module")
def gaussian() -> Case:
    target = Gaussian.of(4)
    return Case(target, run(target, planes=[["x1", "x3"]], plane_points=15))


def test_best_fit_and_profiles_of_a_correlated_gaussian(gaussian):
    target, found = gaussian
    np.testing.assert_allclose(found.theta, 0.0, atol=1e-3)
    assert found.log_likelihood == pytest.approx(target.log_norm, abs=1e-6)
    assert found.at_bound == ("", "", "", "")
    assert found.converged
    for name in found.names:
        # The profile of a Gaussian is the Gaussian of its marginal width, whatever the correlation.
        x, delta = deltas(found, name)
        assert np.all(np.diff(x) > 0.0)
        np.testing.assert_allclose(delta, 0.5 * x**2, atol=1e-4)
        for level, half in (("68", 1.0), ("95", 1.96)):
            (piece,) = intervals(x, delta, threshold(level, 1))
            assert (piece.low, piece.high) == (pytest.approx(-half, abs=2e-3), pytest.approx(half, abs=2e-3))
            assert not piece.open_low
            assert not piece.open_high


def test_conditional_maxima_follow_the_correlation(gaussian):
    _, found = gaussian
    # E(x_j | x_0) = rho x_0 with rho = 0.6.
    theta = found.profiles[0].theta
    np.testing.assert_allclose(theta[:, 1:], 0.6 * theta[:, :1] * np.ones((1, 3)), atol=5e-3)


def test_a_plane_is_the_joint_profile(gaussian):
    _, found = gaussian
    (plane,) = found.planes
    assert plane.axes == ("x1", "x3")
    x, y = plane.theta[:, 1], plane.theta[:, 3]
    # Two of four parameters: the marginal Gaussian, with the inverse of its own covariance.
    delta = 0.5 * (x**2 - 2.0 * 0.6 * x * y + y**2) / (1.0 - 0.6**2)
    np.testing.assert_allclose(found.log_likelihood - plane.log_likelihood, delta, atol=1e-4)
    mesh = x.reshape(15, 15)
    np.testing.assert_allclose(mesh, mesh[:, :1] * np.ones((1, 15)), atol=1e-12)
    # The mesh reaches over the 95 % region (delta = 3.00), not over the whole prior of half width 6.
    assert 2.5 < x.max() < 5.5


def test_the_same_seed_gives_the_same_result():
    target = Rosenbrock(("a", "b"), 2.0)
    first, again, other = (run(target, seed, profile_points=5) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.theta, again.theta)
    np.testing.assert_array_equal(first.profiles[1].log_likelihood, again.profiles[1].log_likelihood)
    assert first.numbers == again.numbers
    assert np.any(first.theta != other.theta)


def test_the_narrower_mode_is_higher_and_both_make_the_interval():
    # Equal integrals: heights of 0.3 and 0.7 over sd^3, of which the narrow one wins by ln(0.3/0.7 * 4^3) = 3.31.
    found = run(TwoModes.of(3, share=0.3), scan=16_384)
    np.testing.assert_allclose(found.theta, -2.0, atol=1e-3)
    assert found.converged
    x, delta = deltas(found, "x0")
    assert np.min(delta[x > 0.0]) == pytest.approx(math.log(0.3 / 0.7 * 4.0**3), abs=0.02)
    (only,) = intervals(x, delta, threshold("95", 1))
    assert (only.low, only.high) == (pytest.approx(-2.196, abs=2e-3), pytest.approx(-1.804, abs=2e-3))
    assert len(intervals(x, delta, 5.0)) == 2


def test_a_curved_valley():
    found = run(Rosenbrock(("a", "b", "c"), 2.0), profiles=False)
    np.testing.assert_allclose(found.theta, 1.0, atol=1e-3)
    assert found.log_likelihood == pytest.approx(0.0, abs=1e-6)
    assert value(found, "starts_at_best") > 16
    assert found.profiles == found.planes == ()


def test_a_best_fit_at_the_end_of_the_prior_and_a_flat_direction():
    found = run(Ramp(("rising", "narrow", "flat"), 1.0))
    assert found.at_bound == ("high", "", "")
    assert found.theta[:2] == pytest.approx([1.0, 0.3], abs=1e-4)
    assert found.converged
    rising, delta = deltas(found, "rising")
    (piece,) = intervals(rising, delta, threshold("95", 1))
    # delta = 3 (1 - x) = 1.92
    assert piece.low == pytest.approx(1.0 - threshold("95", 1) / 3.0, abs=3e-3)
    assert (piece.open_low, piece.open_high) == (False, True)
    (narrow,) = intervals(*deltas(found, "narrow"), threshold("68", 1))
    assert narrow.high - narrow.low == pytest.approx(0.02, rel=0.01)
    (flat,) = intervals(*deltas(found, "flat"), threshold("68", 1))
    assert (flat.open_low, flat.open_high) == (True, True)


def test_regions_without_solution():
    target = Hole.of(3)
    found = run(target)
    np.testing.assert_allclose(found.theta, 0.0, atol=1e-3)
    assert found.numbers["prior_fraction_with_solution"] == pytest.approx(0.7, abs=0.01)
    x, delta = deltas(found, "x0")
    assert np.all(np.isinf(delta[x < target.bound]))
    assert np.all(np.isfinite(delta[x > target.bound]))
    # The profile of another parameter feels nothing of the wall: its conditional maxima stay away from it.
    (piece,) = intervals(*deltas(found, "x1"), threshold("95", 1))
    assert piece.low == pytest.approx(-1.96, abs=2e-3)


def test_a_maximum_behind_a_wall_lies_at_the_wall():
    target = Hole(("x0", "x1"), 6.0, jnp.eye(2), 0.0, bound=0.7)
    found = run(target)
    # The last node inside the wall, nodes gather there: ln L = -0.7^2 / 2 at the wall.
    assert found.log_likelihood == pytest.approx(-0.245, abs=2e-3)
    assert found.theta[0] == pytest.approx(0.7, abs=2e-3)


def test_a_thin_curved_sheet_with_two_sides():
    target = Sheet.of(3)
    found = run(target)
    best = -math.log(target.sd * math.sqrt(2.0 * math.pi)) + target.tilt
    assert found.log_likelihood == pytest.approx(best, abs=1e-5)
    x, delta = deltas(found, "x0")
    # One side of the resonance lies below the other by the tilt, everywhere.
    np.testing.assert_allclose(delta[x < -0.01], target.tilt, atol=1e-3)
    np.testing.assert_allclose(delta[x > 0.01], 0.0, atol=1e-3)


@pytest.fixture
def _not_annealed(monkeypatch):
    monkeypatch.setattr(optimize, "ANNEALED", 1e-3)


@pytest.mark.usefixtures("_not_annealed")
def test_too_few_steps_are_no_convergence():
    found = run(Rosenbrock(tuple("abcdef"), 2.0), scan=256, steps=8, profiles=False)
    assert not found.converged
    assert value(found, "starts_at_best") < 3
    assert value(found, "gain") > 1e-3


def test_a_single_parameter():
    found = run(Gaussian.of(1), scan=64, starts=8)
    x, delta = deltas(found, "x0")
    np.testing.assert_allclose(delta, 0.5 * x**2, atol=1e-6)
    assert found.converged


@pytest.mark.parametrize(
    ("target", "half"),
    [(Flat(("a", "b"), 2.0), 2.0), (Gaussian(("a",), 1.0, jnp.eye(1) / 0.16, 0.0), 0.4)],
    ids=["flat", "as wide as the prior"],
)
def test_every_round_adds_its_nodes(target, half):
    """Also where nothing tells one stretch of the axis from another."""
    found = run(target, scan=256, starts=8, profile_points=10)
    assert found.converged
    for name in found.names:
        x, delta = deltas(found, name)
        assert 30 <= len(x) <= 38
        assert np.all(np.diff(x) > 0.0)
        (piece,) = intervals(x, delta, threshold("68", 1))
        assert (piece.low, piece.high) == (pytest.approx(-half, rel=1e-4), pytest.approx(half, rel=1e-4))


@pytest.mark.usefixtures("_not_annealed")
def test_a_best_fit_that_a_profile_finds_is_in_every_profile():
    found = run(Rosenbrock(tuple("abcd"), 2.0), scan=64, starts=4, steps=8)
    assert value(found, "profile_excess") > 0.01
    assert not found.converged
    for name in found.names:
        x, delta = deltas(found, name)
        assert np.min(delta) == 0.0
        assert x[np.argmin(delta)] == found.theta[found.names.index(name)]
        assert np.all(np.diff(x) > 0.0)


def test_annealed_particles_find_a_hill_that_the_scan_misses():
    """It lies on the slope of a wide one, to whose top ascents lead."""
    found = run(Slope(tuple("ab"), 6.0), profiles=False)
    assert found.log_likelihood > 2.5
    np.testing.assert_allclose(found.theta, 1.5, atol=1e-2)
    assert found.converged
    assert value(found, "starts_at_best") > 8


def test_where_little_has_a_solution_nothing_is_annealed(monkeypatch):
    monkeypatch.setattr(optimize, "PRIOR_DRAWS", 100)
    found = run(Gaussian.of(2), profiles=False)
    np.testing.assert_allclose(found.theta, 0.0, atol=1e-3)
    assert found.numbers["starts"] == 32
    assert found.converged


def test_errors():
    excluded = Hole(("x0", "x1"), 6.0, jnp.eye(2), 0.0, bound=7.0)
    with pytest.raises(ConfigurationError, match="only 0 of 2048 prior draws"):
        run(excluded)
    with pytest.raises(UnknownNameError, match="did you mean 'x0'"):
        run(Gaussian.of(2), planes=[["x00", "x1"]])
    with pytest.raises(ConfigurationError, match="two different parameters"):
        run(Gaussian.of(2), planes=[["x1", "x1"]])
    with pytest.raises(ValidationError):
        OptimizeOptions(starts=1)


def test_progress_is_slow_enough_to_read():
    events: list[Event] = []
    Optimize.build(OptimizeOptions(scan=256, profiles=False)).run(Gaussian.of(2), 1, events.append)
    assert 1 <= len(events) < 100
    assert "best ln L" in events[-1].message
    for stage in ("optimise", "starting points"):
        done = [event.done for event in events if event.stage == stage]
        assert done
        assert done == sorted(done)


def test_it_is_a_sampler():
    assert isinstance(Optimize.build(OptimizeOptions()), Sampler)
