"""Tests of uniform ranks, on ranks that are uniform and on those of wrong posteriors."""

from __future__ import annotations

import numpy as np
import pytest

from globalfit.calibration.uniformity import band, binned, coverage, false_alarm, remark, uniformity


def uniform_ranks(size, count, seed=0):
    return np.random.default_rng(seed).integers(size + 1, size=count)


@pytest.mark.parametrize(
    ("size", "count", "bins"), [(99, 200, 20), (99, 1000, 20), (100, 55, 5), (9, 1000, 10), (9, 12, 2)]
)
def test_bins_hold_every_rank_once(size, count, bins):
    found = binned(np.arange(count) % (size + 1), size)
    assert (len(found.found), found.found.sum()) == (bins, count)
    assert found.expected.sum() == pytest.approx(count)
    # each value of the rank as often as expected
    flat = uniformity(np.tile(np.arange(size + 1), 10), size)
    assert flat.chi2 == pytest.approx(0.0, abs=1e-12)
    assert flat.p_shift == pytest.approx(1.0)
    assert flat.p_width == pytest.approx(1.0)


@pytest.mark.parametrize(("size", "count"), [(99, 200), (9, 2000)])
def test_p_values_of_uniform_ranks_are_uniform(size, count):
    found = [uniformity(uniform_ranks(size, count, seed), size) for seed in range(1000)]
    for name in ("p_chi2", "p_shift", "p_width"):
        p = np.array([getattr(one, name) for one in found])
        # errors of the fractions: 0.003 and 0.016
        assert np.mean(p < 0.01) == pytest.approx(0.01, abs=0.01)
        assert np.mean(p < 0.5) == pytest.approx(0.5, abs=0.05)
    assert np.mean([one.p_value < 0.01 for one in found]) == pytest.approx(0.01, abs=0.01)
    assert false_alarm(5) == pytest.approx(1.0 - 0.99**5)


@pytest.mark.parametrize("level", [0.68, 0.95])
@pytest.mark.parametrize("size", [9, 20, 99])
def test_coverage_of_uniform_ranks_is_the_level(level, size):
    assert coverage(np.arange(size + 1), size, level).fraction == pytest.approx(level)


@pytest.mark.parametrize(
    ("shift", "width", "words"),
    [(0.0, 0.5, "too narrow"), (0.0, 2.0, "too wide"), (1.0, 1.0, "too high"), (-1.0, 1.0, "too low")],
)
def test_wrong_posteriors_are_named(shift, width, words):
    """The truth is normal; the posteriors claim another mean and width."""
    random = np.random.default_rng(1)
    draws = shift + width * random.normal(size=(2000, 99))
    ranks = np.count_nonzero(draws < random.normal(size=(2000, 1)), axis=1)
    assert words in remark(ranks, 99)
    assert uniformity(ranks, 99).p_chi2 < 1e-10
    # few draws tell as well
    few = [uniformity(ranks[i : i + 25], 99).p_value for i in range(0, 2000, 25)]
    assert np.mean(np.array(few) < 0.01) > (0.2 if width == 2.0 else 0.5)
    assert not band(ranks, 99).inside.all()
    if shift == 0.0:
        # of a normal variable: within 0.9945 (1.9600) times the width
        expected = {0.5: (0.381, 0.673), 2.0: (0.953, 0.99991)}[width]
        for level, fraction in zip((0.68, 0.95), expected, strict=True):
            found = coverage(ranks, 99, level)
            assert found.fraction == pytest.approx(fraction, abs=0.035)
            assert 0.0 < found.error < 0.012


def test_the_band_holds_uniform_ranks_as_often_as_it_says():
    bounds = band(uniform_ranks(99, 200), 99)
    kept = []
    for seed in range(1, 2001):
        found = np.bincount(uniform_ranks(99, 200, seed), minlength=100).cumsum()
        kept.append(bool(bounds._replace(found=found).inside.all()))
    assert 0.94 < np.mean(kept) < 0.975
    assert bounds.low[-1] == bounds.high[-1] == 200
