"""The look at the prior before a run: what is not finite is counted and shown, what is not smooth is named."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from click.testing import CliRunner

from globalfit import runfile
from globalfit.analysis.stored_draws import probe_prior
from globalfit.build.built import build_posterior
from globalfit.cli import cli
from globalfit.cli.run import verdict as spoken
from globalfit.fitting.fit import fit
from globalfit.posterior.prior_scan import STEP, diagnose, scan_prior, segments
from globalfit.samplers.batching import prior_draws
from tests.support import toy

DRAWS = 300


pytestmark = pytest.mark.usefixtures("toys")


@pytest.fixture(name="posterior")
def _posterior():
    return build_posterior(runfile.parse({"model": "toy", "likelihoods": ["gauss"]}))


def gauss(log_likelihood):
    """The toy experiment with another ln L, a function of the signal."""

    class Other(toy.Gauss):
        def log_likelihood(self, predictions):
            return log_likelihood(predictions["signal"])

    return Other("gauss")


def verdict(posterior, log_likelihood=None, gradients=True):
    """The verdict, and the signal at both ends of the segments where there is a solution."""
    if log_likelihood is not None:
        posterior = dataclasses.replace(posterior, likelihoods={"gauss": gauss(log_likelihood)})
    where = segments(posterior, DRAWS, 1)
    found = diagnose(scan_prior(posterior, "gauss", where, gradients), where)
    mass, coupling = where.theta[..., 0], where.theta[..., 1]
    return found, (mass * coupling**2)[coupling <= 0.9]


def test_segments_are_short_and_inside_the_prior(posterior):
    where = segments(posterior, DRAWS, 1)
    assert ((where.u > 0.0) & (where.u < 1.0)).all()
    # A step that would leave the cube is turned round in that direction alone.
    np.testing.assert_allclose(np.linalg.norm(where.u[1] - where.u[0], axis=1), STEP, rtol=1e-9)
    np.testing.assert_allclose(where.theta[..., 0], 1000.0 ** where.u[..., 0], rtol=1e-12)


@pytest.mark.parametrize("gradients", [True, False])
def test_a_smooth_likelihood_passes(posterior, gradients):
    found, signal = verdict(posterior, gradients=gradients)
    # The toy has no solution for a coupling above 0.9.
    assert found.unsolvable == pytest.approx(0.1, abs=0.07)
    assert found.finite + found.unsolvable == 1.0
    assert found.bad_values == 0
    assert found.still == 0.0
    assert found.remarks == ()
    assert not found.failed
    assert found.lowest == pytest.approx(-0.5 * np.max((signal - 10.0) ** 2), rel=0.01)
    assert (found.bad_gradients, found.rough) == ((0, 0.0) if gradients else (None, None))


@pytest.mark.parametrize("gradients", [True, False])
def test_values_that_are_not_finite_are_counted_and_located(posterior, gradients):
    found, signal = verdict(posterior, lambda s: jnp.log(300.0 - s), gradients)
    assert found.failed
    assert found.bad_values == np.sum(signal > 300.0) > 0
    mass, coupling = found.offender
    assert mass * coupling**2 > 300.0


def test_gradients_that_are_not_finite(posterior):
    """The branch of a `where` that is not taken has an infinite slope."""
    found, signal = verdict(posterior, lambda s: jnp.where(s > 1.0, jnp.sqrt(s - 1.0), 0.0))
    assert found.failed
    assert found.bad_values == 0
    assert found.bad_gradients >= np.sum(signal < 1.0) > 0
    assert not verdict(posterior, lambda s: jnp.where(s > 1.0, jnp.sqrt(s - 1.0), 0.0), gradients=False)[0].failed


@pytest.mark.parametrize("gradients", [True, False])
def test_constant_and_stepwise_likelihoods_are_named(posterior, gradients):
    found = verdict(posterior, lambda s: 0.0 * s - 3.0, gradients)[0]
    assert found.remarks == ("constant here: no draw changes it",)
    assert found.lowest == found.highest == -3.0
    found = verdict(posterior, lambda s: -jnp.floor(s), gradients)[0]
    assert len(found.remarks) == 1
    assert found.remarks[0].startswith("stepwise")
    # Flat below a threshold, as a search that sees nothing there.
    found, signal = verdict(posterior, lambda s: -jnp.maximum(s - 10.0, 0.0), gradients)
    assert found.still == pytest.approx(np.mean(signal < 10.0), abs=0.03)
    assert found.remarks == ()


def test_a_wrong_gradient_and_fine_steps_are_rough(posterior):
    @jax.custom_jvp
    def wrong(signal):
        return -signal

    wrong.defjvps(lambda tangent, _value, _signal: -1.02 * tangent)
    found = verdict(posterior, wrong)[0]
    # Wrong by 2 %, twice the tolerance.
    assert found.rough == 1.0
    assert found.remarks[0].startswith("rough: on 100 %")
    # Steps of 1 % in the mass, of which a segment of 1e-4 ln(1000) crosses one in some 10 cases.
    found = verdict(posterior, lambda s: -s - jnp.floor(100.0 * jnp.log(s)))[0]
    assert 0.05 < found.rough < 0.3


def test_where_nothing_is_solvable(posterior):
    closed = build_posterior(
        runfile.parse({"model": "toy", "parameters": {"coupling": 0.95}, "likelihoods": ["gauss"]})
    )
    found = diagnose(scan_prior(closed, "gauss", segments(closed, 20, 1)), segments(closed, 20, 1))
    assert (found.finite, found.unsolvable, found.failed) == (0.0, 1.0, True)
    assert found.remarks == ("no draw has a likelihood",)


def test_check_fails_where_nothing_is_solvable():
    Path("fit.yaml").write_text("model: toy\nparameters: {coupling: 0.95}\nlikelihoods: [gauss]\n")
    found = check("--draws", "20")
    assert found.exit_code == 1
    assert "no draw has a likelihood" in found.output
    assert found.output.endswith("fit.yaml: FAILED, see above\n")


def check(*options):
    return CliRunner().invoke(cli, ["check", "fit.yaml", *options])


def test_the_command_prints_a_row_for_each_likelihood(tmp_path):
    (tmp_path / "fit.yaml").write_text("model: toy\nlikelihoods: [gauss]\nsampler: toy_sampler\n")
    result = check("--draws", "300")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    header = next(i for i, line in enumerate(lines) if line.startswith("  likelihood "))
    row = lines[header + 1].split()
    assert row[0] == "gauss"
    assert row[5:10] == ["0", "0", "0.0", "%", "0.0"]
    assert float(row[-1]) > 0.0
    assert lines[-1] == "fit.yaml: ok"
    assert " - " in check("--values-only", "--draws", "20").stdout


def test_the_command_fails_where_something_is_not_finite(tmp_path, monkeypatch):
    (tmp_path / "fit.yaml").write_text("model: toy\nlikelihoods: [gauss]\nsampler: toy_sampler\n")
    monkeypatch.setattr(toy.Gauss, "log_likelihood", lambda self, p: jnp.log(300.0 - p["signal"]))  # noqa: ARG005
    result = check("--draws", "300")
    assert result.exit_code == 1
    assert "gauss: NOT FINITE, first at --set mass=" in result.stdout
    assert "non_finite" in result.stdout
    assert result.stdout.splitlines()[-1] == "fit.yaml: FAILED, see above"


def test_a_run_with_a_broken_likelihood_warns_before_it_samples(tmp_path, monkeypatch):
    """ln L is not a number above 300 GeV, as in 2.7 % of the prior: 1000^u c^2 > 300 with c < 0.9, both uniform."""
    monkeypatch.setattr(
        toy.Gauss,
        "log_likelihood",
        lambda self, p: -0.1 * jnp.sqrt(300.0 - p["signal"]),  # noqa: ARG005
    )
    coupling = np.linspace(0.0, 0.9, 100_001)[1:]
    expected = 0.9 * np.mean(np.clip(1.0 - np.log(300.0 / coupling**2) / np.log(1000.0), 0.0, 1.0))
    events = []
    run = runfile.parse({"model": "toy", "likelihoods": ["gauss"], "sampler": "toy_sampler"})
    outcome = fit(run, tmp_path / "out", events.append)
    # Four binomial standard deviations of 1024 draws.
    assert outcome.evidence["fraction_not_finite"] == pytest.approx(expected, abs=4.0 * np.sqrt(expected / 1024))
    assert [event.stage for event in events][:3] == ["building", "WARNING", "sampling"]
    assert "% of the prior draws have a solution, but no finite likelihood" in events[1].message
    assert "The likelihood is not finite everywhere." in (tmp_path / "out" / "report.html").read_text()
    assert "WARNING: " in spoken(outcome.folder, outcome.evidence)


def test_the_warning_shares_the_compiled_function_of_the_samplers(posterior, monkeypatch):
    assert probe_prior(posterior, 1).not_finite == 0.0

    def traced_again(*_):
        raise AssertionError

    monkeypatch.setattr(toy.Gauss, "log_likelihood", traced_again)
    draws = prior_draws(posterior, 100, 2000, np.random.default_rng(1))
    assert len(draws.u) == 100
