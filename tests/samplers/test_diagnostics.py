"""Convergence checks on chains with known properties."""

from __future__ import annotations

import math

import numpy as np
import pytest

from globalfit.samplers.diagnostics import (
    at_least,
    at_most,
    chain_checks,
    effective_sizes,
    energy_fraction,
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
    uniform = random.integers(0, live, 5000)
    skewed = (live * random.random(5000) ** 1.1).astype(int)
    assert insertion_rank_p(uniform, live, random) > 1e-3
    assert insertion_rank_p(skewed, live, random) < 1e-3


def test_a_short_bad_stretch_of_ranks_fails(random):
    ranks = random.integers(0, 500, 20_000)
    ranks[7000:7500] //= 2
    assert insertion_rank_p(ranks, 500, random) < 1e-3


def test_energy_fraction_of_white_and_of_slow_energy(random):
    # Var(difference) / Var is 2 for white noise, 2 (1 - rho) for AR(1).
    assert energy_fraction(random.normal(size=(4, 5000))) == pytest.approx(2.0, abs=0.15)
    assert energy_fraction(autoregressive(random, 0.95, (4, 20_000))) == pytest.approx(0.1, abs=0.03)
