"""The grid against known evidences, in bounded memory, and its complaints."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from pydantic import ValidationError

from globalfit.errors import ConfigurationError, UnknownNameError
from globalfit.progress import silent
from globalfit.samplers.grid import Grid, GridOptions
from globalfit.samplers.protocol import Sampler
from tests.support.targets import Gaussian, Hole, Sheet, TwoModes


def run(target, seed: int = 1, **options):
    return Grid.build(GridOptions(**options)).run(target, seed, silent)


@pytest.mark.parametrize(("target", "error"), [(Gaussian.of(2), 1e-6), (TwoModes.of(2), 1e-6), (Hole.of(2), 3e-3)])
def test_evidence(target, error):
    draws = run(target, points=200)
    assert draws.evidence.log_evidence == pytest.approx(target.log_evidence, abs=error)
    assert draws.evidence.log_evidence_error < 3.0 * error
    assert draws.converged


def test_a_mesh_that_misses_the_posterior_says_so():
    draws = run(Sheet.of(3), points=12)
    assert not draws.converged
    assert draws.diagnostics[0].name == "half_resolution"


def test_moments_and_shares_of_the_draws():
    draws = run(TwoModes.of(2, share=0.3), points=250)
    theta = draws.theta[0]
    assert theta.shape == (4000, 2)
    assert np.mean(theta[:, 0] < 0.0) == pytest.approx(0.3, abs=0.02)
    wide = theta[theta[:, 0] > 0.0]
    np.testing.assert_allclose(wide.mean(axis=0), 2.0, atol=0.03)
    np.testing.assert_allclose(wide.std(axis=0), 0.4, atol=0.02)
    assert np.exp(draws.weighted.log_weight).sum() == pytest.approx(1.0)


def test_draws_avoid_regions_without_solution():
    target = Hole.of(2)
    draws = run(target, points=64)
    assert draws.theta[0, :, 0].min() > target.bound
    assert np.all(np.isfinite(draws.log_likelihood))
    assert draws.numbers["prior_fraction_with_solution"] == pytest.approx(0.7, abs=0.01)


def test_points_by_name_and_ranges_in_quantiles():
    target = Gaussian.of(2, rho=0.0)
    draws = run(target, points={"x0": 100, "x1": 140}, ranges={"x0": [0.5, 1.0]})
    # Half of the Gaussian lies above its mean.
    assert draws.evidence.log_evidence == pytest.approx(target.log_evidence - np.log(2.0), abs=1e-3)
    assert draws.theta[0, :, 0].min() > 0.0


def test_a_million_points_in_bounded_memory():
    tracemalloc.start()
    draws = run(Gaussian.of(3), points=100)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert draws.numbers["likelihood_calls"] > 1e6
    assert peak < 100e6


def test_the_same_seed_gives_the_same_draws():
    first, second, other = (run(Gaussian.of(2), seed, points=40) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.theta, second.theta)
    assert np.any(first.theta != other.theta)


def test_errors():
    target = Gaussian.of(2)
    with pytest.raises(UnknownNameError, match="did you mean 'x0'"):
        run(target, points={"x00": 3, "x1": 3})
    with pytest.raises(ConfigurationError, match="missing: x1"):
        run(target, points={"x0": 3})
    with pytest.raises(ConfigurationError, match="more than most"):
        run(target, points=100, most=99)
    with pytest.raises(ConfigurationError, match="lower quantile"):
        run(target, points=4, ranges={"x0": [0.7, 0.2]})
    excluded = Hole(target.names, target.half, target.precision, target.log_norm, bound=7.0)
    with pytest.raises(ConfigurationError, match="no cell"):
        run(excluded, points=4)
    with pytest.raises(ValidationError):
        GridOptions(points=0)


def test_it_is_a_sampler():
    assert isinstance(Grid.build(GridOptions()), Sampler)
