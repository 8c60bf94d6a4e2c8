"""The public API in Python: its names, and what its objects do."""

from __future__ import annotations

import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import globalfit as gf
from globalfit.errors import ConfigurationError, OutputError, PointsError, UnknownNameError

NAMES = {"GlobalFitError", "Point", "Posterior", "Result", "Run"} | {"calibrate", "check", "compare", "fit", "load"}
TOY = {"model": "toy", "likelihoods": ["gauss"], "sampler": {"toy_sampler": {"points": 20_000}}, "seed": 3}


def test_public_names_are_exactly_these():
    assert set(gf.__all__) == NAMES | {"__version__"}
    assert set(dir(gf)) >= NAMES
    for name in NAMES:
        assert getattr(gf, name).__doc__, name
    with pytest.raises(AttributeError, match="has no attribute 'lod'"):
        gf.lod  # noqa: B018


def test_runs_are_read_and_changed_without_jax():
    code = (
        "import sys, globalfit as gf; run = gf.load('quickstart').replace(seed=2); "
        "print(run.seed, run.model, 'jax' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["2", "axial", "False"]


@pytest.mark.usefixtures("toys")
def test_replace_changes_whole_keys_and_names_what_is_wrong():
    run = gf.load(TOY)
    other = run.replace(parameters={"coupling": 0.5}, seed=4)
    assert (run.seed, other.seed, other.parameters) == (3, 4, {"coupling": 0.5})
    assert "seed: 4" in repr(other)
    assert gf.load(other.settings.model_dump(exclude_unset=True)) == other
    with pytest.raises(ConfigurationError, match="a run has no 'sampl'; did you mean 'sampler'"):
        run.replace(sampl="emcee")
    with pytest.raises(ConfigurationError, match="seed"):
        run.replace(seed=-1)
    with pytest.raises(AttributeError, match="a run has no 'samples'"):
        run.samples  # noqa: B018
    with pytest.raises(UnknownNameError, match="unknown run file"):
        gf.load("quickstrat")


@pytest.mark.usefixtures("toys")
def test_a_posterior_is_a_pure_function_and_knows_points_by_name():
    posterior = gf.load(TOY).posterior()
    theta = jnp.array([100.0, 0.5])
    value, slope = jax.jit(jax.value_and_grad(posterior.log_likelihood))(theta)
    assert jax.jit(posterior.log_likelihood)(theta) == value
    point = posterior.point(mass=100.0, coupling=0.5)
    assert point.log_likelihood == pytest.approx(float(value), rel=1e-12)
    assert np.all(np.isfinite(slope))
    assert np.any(slope != 0.0)
    assert point["signal"] == pytest.approx(25.0)
    assert point.terms == {"gauss": pytest.approx(float(value))}
    assert point.status == "ok"
    assert "signal" in point
    assert point.get("nothing") is None
    assert "ok, ln L" in repr(point)
    assert "no_solution" in posterior.point(mass=100.0, coupling=0.95).status
    assert posterior.point(mass=100.0, coupling=0.95).log_likelihood == -np.inf
    with pytest.raises(UnknownNameError, match="did you mean 'signal'"):
        point["signl"]
    with pytest.raises(UnknownNameError, match="did you mean 'mass'"):
        posterior.point(mas=100.0, coupling=0.5)
    with pytest.raises(ConfigurationError, match="no value for coupling"):
        posterior.point(mass=100.0)
    with pytest.raises(ConfigurationError, match="coupling must lie in"):
        posterior.point(mass=100.0, coupling=2.0)


@pytest.mark.usefixtures("toys")
def test_a_table_of_points_keeps_its_rows_and_columns():
    posterior = gf.load(TOY).posterior()
    points = pd.DataFrame(
        {"mass": [100.0, 100.0, 10.0], "coupling": [0.5, 3.0, 0.1], "status": ["a", "b", "c"]}, index=[7, 8, 9]
    )
    table = posterior.table(points, predict=("signal",))
    assert list(table.columns) == [
        *("mass", "coupling", "input_status", "signal", "loglike_gauss", "loglike", "logprior", "status")
    ]
    assert list(table.index) == [7, 8, 9]
    assert list(table["input_status"]) == ["a", "b", "c"]
    assert table["signal"][7] == posterior.point(mass=100.0, coupling=0.5)["signal"]
    assert np.isnan(table["loglike"][8])
    assert "coupling must lie in" in table["status"][8]
    pd.testing.assert_frame_equal(
        posterior.table({"mass": [10.0], "coupling": [0.1]}, ("signal",)),
        table.loc[[9]].drop(columns="input_status").reset_index(drop=True),
    )
    with pytest.raises(PointsError, match="column 'coupling' is missing"):
        posterior.table({"mass": [10.0]}, ("signal",))


@pytest.fixture
def result(toys, tmp_path):
    return gf.fit(gf.load(TOY), tmp_path / "out")


def test_a_result_says_what_its_files_say(result, tmp_path):
    evidence = json.loads((tmp_path / "out" / "evidence.json").read_text())
    assert (result.converged, result.failed) == (True, [])
    assert result.log_evidence == evidence["log_evidence"]
    low, high = result.summary["mass"].interval(0.68)
    rows = {row["parameter"]: row for row in result.rows}
    assert (low, high) == pytest.approx((float(rows["mass"]["q16"]), float(rows["mass"]["q84"])))
    assert result.summary["mass"].mean == pytest.approx(float(rows["mass"]["mean"]))
    assert result.summary["signal"].sd == pytest.approx(float(rows["signal"]["sd"]))
    assert result.weighted["weight"].sum() == pytest.approx(1.0)
    assert np.average(result.weighted["mass"], weights=result.weighted["weight"]) == pytest.approx(
        float(rows["mass"]["mean"])
    )
    assert {"mass", "coupling", "signal", "loglike_gauss", "loglike", "logprior", "weight"} <= set(result.draws)
    assert result.draws["weight"].sum() == pytest.approx(1.0)
    np.testing.assert_allclose(result.draws["signal"], result.draws["mass"] * result.draws["coupling"] ** 2)
    np.testing.assert_array_equal(result.inference_data().posterior["mass"].values, result.samples.posterior["mass"])
    assert "converged\nln Z = " in repr(result)
    assert gf.Result.load(tmp_path / "out").evidence == result.evidence
    with pytest.raises(UnknownNameError, match="did you mean 'mass'"):
        result.summary["mas"]


def test_a_finished_run_is_read_and_another_one_refused(result, tmp_path):
    before = (tmp_path / "out" / "posterior.nc").stat().st_mtime_ns
    again = gf.fit(TOY, tmp_path / "out")
    assert (tmp_path / "out" / "posterior.nc").stat().st_mtime_ns == before
    assert again.evidence == result.evidence
    with pytest.raises(OutputError, match="already holds another run"):
        gf.fit(gf.load(TOY).replace(seed=9), tmp_path / "out")
    with pytest.raises(ConfigurationError, match="output"):
        gf.fit(TOY)


def test_a_corner_plot_shows_what_is_asked_for(result):
    assert len(result.corner().axes) == 4
    assert len(result.corner("coupling").axes) == 1
    with pytest.raises(UnknownNameError, match="unknown sampled parameter 'signal'"):
        result.corner("signal")


def test_results_are_compared(result, tmp_path):
    other = gf.fit(gf.load(TOY).replace(model={"toy": {"scale": 2.0}}), tmp_path / "other")
    factors = gf.compare([result, tmp_path / "other"]).bayes_factors
    difference = abs(other.log_evidence - result.log_evidence) / np.log(10.0)
    assert sorted(factor.log10 for factor in factors.values()) == pytest.approx([-difference, 0.0])


@pytest.mark.usefixtures("toys")
def test_a_check_prints_itself():
    found = gf.check(TOY, draws=50)
    assert found.passed
    assert "likelihoods on 50 prior draws" in repr(found)
    assert found.verdicts["gauss"].bad_values == 0
