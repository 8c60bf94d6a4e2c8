"""Gradient ascents of one function at a time, with bounds and walls."""

from __future__ import annotations

import numpy as np

from globalfit.samplers.optimize.ascent import ascend
from tests.support.targets import Gaussian, Hole


def test_ascents_with_bounds_of_their_own():
    target = Gaussian.of(3, rho=0.6)
    u = np.full((40, 3), 0.6)
    low, high = np.full((40, 3), 1e-6), np.full((40, 3), 1.0 - 1e-6)
    low[:20, 0] = high[:20, 0] = np.linspace(0.3, 0.7, 20)
    low[20:, 1] = 0.55
    found = ascend(target, u, low, high, 200, lambda _: None)
    theta = 12.0 * found.u - 6.0
    np.testing.assert_array_equal(found.u[:20, 0], low[:20, 0])
    np.testing.assert_allclose(theta[:20, 1:], 0.6 * theta[:20, :1] * np.ones((1, 2)), atol=2e-3)
    # With x1 held above 0.6 by its bound, the maximum lies at the bound.
    np.testing.assert_allclose(theta[20:], np.tile([0.36, 0.6, 0.36], (20, 1)), atol=2e-3)
    assert np.all(found.gain < 1e-6)


def test_an_ascent_that_starts_without_solution_stays():
    found = ascend(Hole.of(2), np.array([[0.1, 0.5]]), np.zeros((1, 2)), np.ones((1, 2)), 50, lambda _: None)
    np.testing.assert_array_equal(found.u, [[0.1, 0.5]])
    assert found.log_likelihood[0] == -np.inf
