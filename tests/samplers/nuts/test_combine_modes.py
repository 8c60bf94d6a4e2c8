"""Chains in separate regions of a posterior whose shares are known."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from globalfit.analysis.standard_error import standard_error
from globalfit.progress import silent
from globalfit.samplers.diagnostics import at_least, at_most
from globalfit.samplers.draws import Draws
from globalfit.samplers.evidence.bridge import Bridge, cross_checked
from globalfit.samplers.nuts.combine_modes import combine_modes, connected, starts
from globalfit.samplers.nuts.nuts import Nuts, NutsOptions
from tests.support.targets import Gaussian, TwoModes

SHARE = 0.2
MODES = TwoModes.of(2, share=SHARE)


def mode(number, chains=4, length=500, seed=1):
    """Exact draws of one of the two modes, as chains."""
    z = np.random.default_rng([seed, number]).normal(size=(chains, length, MODES.ndim))
    return (-2.0, 2.0)[number] + MODES.sd[number] * z


def part(theta, rhat=1.0, ess=1000.0):
    value = np.asarray(jax.vmap(jax.vmap(MODES.log_likelihood))(jnp.asarray(theta)))
    checks = at_most("rhat", rhat, 1.01, ""), at_least("ess_bulk", ess, 400.0, "")
    numbers = {"likelihood_calls": 7.0}
    return Draws(MODES.names, theta, value, np.zeros_like(value), checks, stats={"energy": -value}, numbers=numbers)


@pytest.mark.slow
def test_shares_come_from_the_evidence_not_from_the_number_of_chains():
    pulls = []
    for seed in range(10):
        draws = combine_modes(MODES, [part(mode(0, chains=6, seed=seed)), part(mode(1, chains=2, seed=seed))], seed)
        assert draws.converged
        error = next(check.value for check in draws.diagnostics if check.name == "region_shares")
        assert error < 0.01
        share = np.exp(draws.weighted.log_weight)[draws.weighted.theta[:, 0] < 0.0].sum()
        pulls.append(
            [
                (share - SHARE) / error,
                (draws.evidence.log_evidence - MODES.log_evidence) / draws.evidence.log_evidence_error,
            ]
        )
        assert np.mean(draws.theta[..., 0] < 0.0) == pytest.approx(share, abs=0.01)
    assert np.all(np.std(pulls, axis=0) < 1.6)
    assert np.all(np.abs(np.mean(pulls, axis=0)) < 1.2)


def test_every_array_of_a_draw_is_that_of_the_draw():
    draws = combine_modes(MODES, [part(mode(0)), part(mode(1))], 1)
    np.testing.assert_allclose(draws.log_likelihood[0], part(draws.theta).log_likelihood[0], rtol=1e-12)
    np.testing.assert_array_equal(draws.stats["energy"], -draws.log_likelihood)
    assert draws.numbers == {"likelihood_calls": 14.0, "regions": 2.0}
    assert len(np.unique(draws.theta[0], axis=0)) == draws.theta.shape[1]


def test_the_error_of_a_share_holds_that_of_the_evidence_of_its_region(monkeypatch):
    monkeypatch.setattr("globalfit.samplers.nuts.combine_modes.bridge", lambda *_: Bridge(-3.0, 0.1, 500.0))
    draws = combine_modes(MODES, [part(mode(0)), part(mode(1))], 1)
    inside = draws.theta[0, :, 0] < 0.0
    among_draws = standard_error(dataclasses.replace(draws, log_ratios=None), inside)
    of_shares = next(check.value for check in draws.diagnostics if check.name == "region_shares")
    # 100 sets of shares give their scatter to 7 %
    assert standard_error(draws, inside) == pytest.approx(np.hypot(among_draws, of_shares), rel=0.1)
    # d share = share (1 - share) d(ln Z_1 - ln Z_2)
    assert of_shares == pytest.approx(0.25 * np.hypot(0.1, 0.1))


def test_bridge_sampling_is_no_check_of_bridge_sampling():
    draws = cross_checked(MODES, combine_modes(MODES, [part(mode(0)), part(mode(1))], 1), 1, silent)
    assert draws.converged
    assert draws.cross_check.verdict == "not computable"
    assert "from bridge sampling already" in draws.cross_check.reason


def test_a_check_that_is_no_number_in_one_region_fails_the_run():
    for parts in ([mode(0), mode(1)], [mode(1), mode(0)]):
        draws = combine_modes(MODES, [part(parts[0], rhat=np.nan), part(parts[1])], 1)
        assert not next(check.passed for check in draws.diagnostics if check.name == "rhat")


def test_correlated_draws_count_as_few():
    slow = np.repeat(mode(1, length=100), 5, axis=1)
    draws = combine_modes(MODES, [part(mode(0)), part(slow)], 1)
    inside = draws.weighted.theta[:, 0] > 0.0
    assert np.count_nonzero(inside) <= 500
    assert np.exp(draws.weighted.log_weight)[inside].sum() == pytest.approx(1.0 - SHARE, abs=0.02)


def test_the_worst_region_counts():
    draws = combine_modes(MODES, [part(mode(0), rhat=1.005, ess=300.0), part(mode(1), rhat=1.02, ess=900.0)], 1)
    found = {check.name: (check.value, check.passed) for check in draws.diagnostics}
    assert found["rhat"] == (1.02, False)
    assert found["ess_bulk"] == (300.0, False)


def test_a_region_without_evidence_fails_the_run():
    draws = combine_modes(MODES, [part(mode(0)), part(np.full((2, 50, 2), 2.0))], 1)
    check = draws.diagnostics[-1]
    assert (check.name, check.passed) == ("region_shares", False)
    assert "; " in check.message
    assert draws.evidence is None


def test_chains_that_visit_the_same_regions_are_one_set():
    both = np.concatenate([mode(0, 2), mode(1, 2)])
    assert connected(MODES, [mode(0), mode(1)]) == [[0], [1]]
    assert connected(MODES, [mode(0), mode(0, seed=2)]) == [[0, 1]]
    assert connected(MODES, [mode(0), mode(1), both]) == [[0, 1, 2]]
    assert connected(MODES, [mode(0), both]) == [[0, 1]]


def test_chains_begin_in_every_region_that_is_large_enough():
    random = np.random.default_rng(1)
    clouds = [random.normal(centre, 0.005, (count, 2)) for centre, count in ((0.2, 60), (0.5, 3000), (0.8, 8940))]
    found = starts(np.concatenate(clouds))
    assert [len(one) for one in found] == [8940, 3000, 60]
    assert [len(one) for one in starts(np.concatenate([clouds[0][:50], *clouds[1:]]))] == [8940, 3000]
    assert [len(one) for one in starts(random.random((40, 2)))] == [40]


@pytest.mark.slow
def test_nuts_knows_the_shares_of_modes():
    sampler = Nuts.build(NutsOptions(warmup=300, draws=400, particles=256))
    draws = sampler.run(MODES, 1, silent)
    assert draws.converged, [check for check in draws.diagnostics if not check.passed]
    assert np.mean(draws.theta[..., 0] < 0.0) == pytest.approx(SHARE, abs=0.02)
    assert draws.evidence.log_evidence == pytest.approx(MODES.log_evidence, abs=0.03)
    one = sampler.run(Gaussian.of(2), 1, silent)
    assert "regions" not in one.numbers
    assert one.evidence is None
