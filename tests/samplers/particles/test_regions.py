"""Separate regions of a posterior against shapes whose regions are known."""

import numpy as np
import pytest

from globalfit.samplers.particles.regions import regions


def shares(u):
    labels = regions(u)
    return sorted((float(np.mean(labels == one)) for one in np.unique(labels)), reverse=True)


def gaussian(random, n):
    return random.normal(size=(n, 4))


def banana(random, n):
    x = random.normal(size=(n, 3))
    return np.stack([x[:, 0], x[:, 1] * 0.05 + x[:, 0] ** 2, x[:, 2]], axis=1)


def funnel(random, n):
    x = 1.5 * random.normal(size=n)
    return np.concatenate([x[:, None], np.exp(x[:, None]) * random.normal(size=(n, 3))], axis=1)


def sheet(random, n):
    """Both sides of a resonance, joined by a deep cusp."""
    r, a = random.random((2, n))
    e = 0.85 - a / 4.0 + 0.1 * np.log(np.abs(r - 0.5) + 0.002) + 0.003 * random.normal(size=n)
    return np.stack([r, e, a, random.random(n)], axis=1)


def cube(random, n):
    return random.random((n, 5))


@pytest.mark.parametrize("shape", [gaussian, banana, funnel, sheet, cube])
@pytest.mark.parametrize("n", [500, 4000])
def test_one_region_however_it_is_bent(shape, n):
    found = [shares(shape(np.random.default_rng(seed), n))[0] for seed in range(5)]
    assert min(found) > 0.98


@pytest.mark.parametrize("ndim", [2, 5])
def test_shares_of_separate_regions(ndim):
    random = np.random.default_rng(3)
    n, distance = 3000, 10.0
    third = random.random(n)
    centre = np.where(third < 0.6, 0.0, np.where(third < 0.9, distance, 2.0 * distance))
    u = random.normal(size=(n, ndim)) * np.where(third < 0.9, 1.0, 0.2)[:, None]
    u[:, 0] += centre
    labels = regions(u)
    for low, high in ((0.0, 0.6), (0.6, 0.9), (0.9, 1.0)):
        inside = (third >= low) & (third < high)
        names, counts = np.unique(labels[inside], return_counts=True)
        assert counts.max() / inside.sum() > 0.98
        assert np.mean(labels == names[np.argmax(counts)]) == pytest.approx(high - low, abs=0.02)


def test_hills_that_overlap_are_one():
    random = np.random.default_rng(4)
    u = random.normal(size=(3000, 3))
    u[:1500, 0] += 2.0
    assert shares(u)[0] > 0.99


def test_chains_with_repeated_draws():
    u = np.repeat(np.random.default_rng(5).normal(size=(300, 3)), 10, axis=0)
    assert shares(u)[0] > 0.98


def test_too_few_draws_are_one_region():
    assert shares(np.random.default_rng(6).random((40, 3))) == [1.0]
