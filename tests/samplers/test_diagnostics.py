"""Convergence checks on chains with known properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import kstest

from globalfit.samplers.diagnostics import (
    at_least,
    at_most,
    chain_checks,
    effective_sizes,
    energy_fraction,
    insertion_place,
    insertion_rank_p,
    rank_rhat,
)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(11)


def autoregressive(random: np.random.Generator, rho: float, shape: tuple[int, int]) -> np.ndarray:
    """Stationary AR(1) chains of unit variance."""
    chain = np.empty(shape)
    chain[:, 0] = random.normal(size=shape[0])
    for i in range(1, shape[1]):
        chain[:, i] = rho * chain[:, i - 1] + math.sqrt(1.0 - rho**2) * random.normal(size=shape[0])
    return chain


def test_effective_size_of_an_autoregressive_chain(random):
    rho = 0.8
    chains = autoregressive(random, rho, (4, 20_000))[..., None]
    expected = 80_000 * (1.0 - rho) / (1.0 + rho)
    assert effective_sizes(chains, "bulk")[0] == pytest.approx(expected, rel=0.1)


def test_rhat_sees_a_shifted_chain(random):
    chains = random.normal(size=(4, 2000, 2))
    assert np.all(rank_rhat(chains) < 1.003)
    chains[0, :, 1] += 0.5
    assert rank_rhat(chains)[1] > 1.02


def test_the_worst_parameter_decides(random):
    chains = random.normal(size=(4, 2000, 2))
    chains[0, :, 1] += 0.5
    rhat, bulk, tail = chain_checks(("good", "bad"), chains, chains)
    assert not rhat.passed
    assert "bad" in rhat.message
    assert bulk.name == "ess_bulk"
    assert tail.passed


def test_chains_that_do_not_move_fail(random):
    constant = np.ones((4, 500, 1))
    assert not any(check.passed for check in chain_checks(("x",), constant, constant))


def test_nan_never_passes():
    assert not at_most("x", math.nan, 1.0, "").passed
    assert not at_least("x", math.nan, 1.0, "").passed


def test_uniform_ranks_pass_and_skewed_ones_fail(random):
    live = 500
    places = random.random(5000)
    assert insertion_rank_p(places, live) > 1e-3
    assert insertion_rank_p(places**1.1, live) < 1e-3


def test_a_short_bad_stretch_of_ranks_fails(random):
    places = random.random(20_000)
    places[7000:7500] /= 2.0
    assert insertion_rank_p(places, 500) < 1e-3


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.0, 0.8), (0.3, 0.6), (0.5, 0.5 + 1e-9)])
def test_insertion_places_of_exact_nested_sampling_are_uniform(random, low, high):
    """ln L is x, uniform above the threshold, with plateaus at the top and at the bottom."""
    live, places = np.clip(random.random(200), low, high), []
    while len(places) < 1000 and np.ptp(live) > 0.0:
        worst = int(np.argmin(live))
        new = live[worst]
        while new <= live[worst]:
            new = np.clip(random.random(), low, high)
        places.append(insertion_place(new, np.delete(live, worst), live[worst], random))
        live[worst] = new
    assert kstest(places, "uniform").pvalue > 1e-3


def test_energy_fraction_of_white_and_of_slow_energy(random):
    # Var(difference) / Var is 2 for white noise, 2 (1 - rho) for AR(1).
    assert energy_fraction(random.normal(size=(4, 5000))) == pytest.approx(2.0, abs=0.15)
    assert energy_fraction(autoregressive(random, 0.95, (4, 20_000))) == pytest.approx(0.1, abs=0.03)
