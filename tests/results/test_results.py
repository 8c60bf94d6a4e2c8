"""The output folder: its files, what they say, and who may write it."""

from __future__ import annotations

import ast
import csv
import json
import math
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import globalfit
from globalfit import runfile
from globalfit.errors import ConfigurationError, OutputError
from globalfit.fitting.fit import evidence_record, fit
from globalfit.results.folder import claimed
from globalfit.results.marginals import COLUMNS, weighted_quantiles
from globalfit.results.records import read_provenance
from globalfit.samplers.diagnostics import rank_rhat
from globalfit.samplers.draws import Diagnostic, Optimum
from globalfit.storage import inference_data as inference
from globalfit.storage.files import replaced, write_json
from globalfit.storage.inference_data import Samples, load, save, statistics
from tests.support import toy

pytestmark = pytest.mark.usefixtures("toys")


def run(tmp_path, folder="out", options=None, **settings):
    chosen = {"model": "toy", "likelihoods": ["gauss"], "sampler": {"toy_sampler": options or {}}, **settings}
    return fit(runfile.parse(chosen), tmp_path / folder)


def summary(folder):
    with (folder / "summary.csv").open() as stream:
        reader = csv.DictReader(stream)
        rows = list(reader)
    return tuple(reader.fieldnames or ()), rows


def test_all_files_of_a_nested_run(tmp_path):
    outcome = run(tmp_path, options={"points": 20_000}, seed=5)
    held = {path.name for path in outcome.folder.iterdir()}
    assert held == {
        *("run.yaml", "posterior.nc", "evidence.json", "summary.csv", "provenance.json", "report.json"),
        *("report.html", "figures", "checkpoint", "SHA256SUMS"),
    }
    evidence = json.loads((outcome.folder / "evidence.json").read_text())
    assert evidence == outcome.evidence
    assert evidence["converged"] is True
    # Coupling uniform in [0, 1], no solution above 0.9.
    assert evidence["fraction_without_solution"] == pytest.approx(0.1, abs=0.01)
    assert evidence["best_log_likelihood"] == pytest.approx(0.0, abs=1e-3)
    assert {"log_evidence", "log_evidence_error", "method", "information", "effective_sample_size"} <= set(evidence)
    provenance = json.loads((outcome.folder / "provenance.json").read_text())
    assert provenance["seed"] == 5
    assert provenance["packages"]["jax"]
    assert set(provenance["seconds"]) == {"building", "sampling", "evidence cross-check", "predictions"}
    check = evidence["cross_check"]
    assert (check["method"], check["verdict"]) == ("bridge sampling", "agree")
    # ln of the mean likelihood over the prior, by the midpoint rule on 3000 x 3000 points.
    assert check["log_evidence"] == pytest.approx(-3.5284, abs=3.0 * check["log_evidence_error"])
    (region,) = json.loads((outcome.folder / "report.json").read_text())["modes"]
    assert region["share"] > 0.98
    assert region["log_evidence"] == pytest.approx(evidence["log_evidence"], abs=0.02)
    assert list(region["parameters"]) == ["mass", "coupling"]
    again = runfile.load(outcome.folder / "run.yaml")
    assert (again.seed, again.output) == (5, str(outcome.folder))
    assert again.parameters["mass"] == {"log_uniform": [1.0, 1000.0]}


@pytest.mark.usefixtures("no_report")
def test_summary_against_an_integral(tmp_path):
    """Means, widths and medians against the posterior on a mesh of 1501 x 1501 points."""
    outcome = run(tmp_path, options={"points": 400_000})
    names, rows = summary(outcome.folder)
    assert names == COLUMNS
    assert [row["parameter"] for row in rows] == ["mass", "log10_mass", "coupling", "signal", "events_gauss"]
    log_mass, coupling = np.meshgrid(np.linspace(0.0, 3.0, 1501), np.linspace(0.0, 0.9, 1501), indexing="ij")
    density = np.exp(-0.5 * (10.0**log_mass * coupling**2 - 10.0) ** 2)
    table = {row["parameter"]: row for row in rows}
    for name, values in (("log10_mass", log_mass), ("coupling", coupling)):
        mean = np.average(values, weights=density)
        sd = np.sqrt(np.average((values - mean) ** 2, weights=density))
        error = sd / np.sqrt(float(table[name]["ess_bulk"]))
        assert float(table[name]["mean"]) == pytest.approx(mean, abs=4.0 * error)
        assert float(table[name]["sd"]) == pytest.approx(sd, abs=4.0 * error)
        marginal = density.sum(axis=1 if name == "log10_mass" else 0)
        grid = values[:, 0] if name == "log10_mass" else values[0]
        median = np.interp(0.5, np.cumsum(marginal) / marginal.sum(), grid)
        assert float(table[name]["q50"]) == pytest.approx(median, abs=5.0 * error)
    assert float(table["mass"]["q95"]) == pytest.approx(10.0 ** float(table["log10_mass"]["q95"]), rel=1e-3)
    assert table["mass"]["r_hat"] == ""


@pytest.mark.usefixtures("no_report")
def test_result_file_holds_parameters_predictions_and_terms(tmp_path):
    outcome = run(tmp_path, options={"chains": True})
    samples = load(outcome.folder / "posterior.nc")
    assert list(samples.posterior) == ["mass", "coupling", "signal", "events_gauss"]
    theta = outcome.draws.theta
    np.testing.assert_array_equal(samples.posterior["mass"], theta[..., 0])
    np.testing.assert_allclose(samples.posterior["signal"], theta[..., 0] * theta[..., 1] ** 2, rtol=1e-14)
    np.testing.assert_allclose(samples.log_likelihood["gauss"], outcome.draws.log_likelihood, rtol=1e-12)
    total = outcome.draws.log_likelihood + outcome.draws.log_prior
    np.testing.assert_array_equal(samples.sample_stats["lp"], total)
    assert not samples.sample_stats["diverging"].any()
    assert samples.weighted == {}
    assert outcome.evidence["log_evidence"] is None
    rows = summary(outcome.folder)[1]
    assert 0.9 < float(rows[0]["r_hat"]) < 1.1
    data = inference.inference_data(outcome.folder / "posterior.nc")
    assert data["posterior"]["mass"].attrs == {"unit": "GeV", "meaning": "mass of the particle"}


@pytest.mark.usefixtures("no_report")
def test_weighted_points_have_their_own_group(tmp_path):
    outcome = run(tmp_path, options={"points": 3000})
    weighted = load(outcome.folder / "posterior.nc").weighted
    assert list(weighted) == ["mass", "coupling", "log_weight", "log_likelihood"]
    np.testing.assert_array_equal(weighted["log_weight"], outcome.draws.weighted.log_weight)


@pytest.mark.usefixtures("no_report")
def test_not_converged_is_said_first(tmp_path):
    outcome = run(tmp_path, options={"converges": False})
    names, rows = summary(outcome.folder)
    assert names == COLUMNS
    assert rows[0]["parameter"] == "NOT CONVERGED"
    assert {cell for key, cell in rows[0].items() if key != "parameter"} == {""}
    assert outcome.evidence["converged"] is False
    assert outcome.evidence["failed"] == ["The toy check failed: 1, bound 2"]


@pytest.mark.usefixtures("no_report")
def test_many_draws_are_thinned(tmp_path, monkeypatch):
    monkeypatch.setattr("globalfit.analysis.stored_draws.MAX_DRAWS", 300)
    outcome = run(tmp_path, options={"chains": True})
    samples = load(outcome.folder / "posterior.nc")
    assert samples.posterior["mass"].shape == samples.log_likelihood["gauss"].shape == (4, 63)
    np.testing.assert_array_equal(samples.posterior["mass"], outcome.draws.theta[:, ::4, 0])


def test_a_run_needs_something_to_sample_and_a_place(tmp_path):
    with pytest.raises(ConfigurationError, match="every parameter is fixed"):
        run(tmp_path, parameters={"mass": 10.0, "coupling": 0.5})
    with pytest.raises(ConfigurationError, match="output: is missing"):
        fit(runfile.parse({"model": "toy", "sampler": "toy_sampler"}))


@pytest.mark.usefixtures("no_report")
def test_a_folder_takes_one_run(tmp_path):
    run(tmp_path)
    with pytest.raises(OutputError, match="already holds this run, finished"):
        run(tmp_path)
    with pytest.raises(OutputError, match="already holds another run"):
        run(tmp_path, seed=9)
    (tmp_path / "out" / "report.html").unlink()
    with pytest.raises(OutputError, match="already holds another, unfinished run"):
        run(tmp_path, seed=9)
    assert run(tmp_path).evidence["converged"]


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    run = runfile.parse({"model": "axial"})
    with pytest.raises(OutputError, match="is not empty and holds no run"), claimed(tmp_path, run):
        pass
    with pytest.raises(OutputError, match="is a file"), claimed(tmp_path / "notes.txt", run):
        pass


def test_what_cannot_be_written_is_found_before_anything_is_sampled(tmp_path, monkeypatch):
    run(tmp_path).folder.joinpath("report.html").unlink()

    def sampled(*_):
        raise AssertionError("the sampler was called")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(toy.ToySampler, "run", sampled)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(OutputError, match="cannot be written: No space left"):
            run(tmp_path)
    held = sorted(tmp_path.iterdir())
    with pytest.raises(OutputError, match=r"bad\\udcff: the path must be UTF-8; choose another folder"):
        run(tmp_path, "bad\udcff")
    assert sorted(tmp_path.iterdir()) == held


def test_a_name_of_the_command_line_that_is_no_text_is_kept_with_escapes(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["globalfit", "run", "fit\udcff.yaml"])
    assert read_provenance(run(tmp_path).folder)["command"][-1] == r"fit\udcff.yaml"


def test_what_a_killed_process_left_is_removed(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    left = [folder / name for name in (".posterior.a1b2c3d4.nc", ".summary.x_y0z9w8.csv")]
    kept = [folder / name for name in (".notes.a1b2c3d4.txt", ".hidden", ".posterior.nc")]
    for path in (*left, *kept):
        path.write_text("half")
    with claimed(folder, runfile.parse({"model": "axial"})) as unfinished:
        assert not unfinished
        assert not any(path.exists() for path in left)
        assert all(path.exists() for path in kept)


def test_files_appear_whole_or_not_at_all(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("before")
    with pytest.raises(ZeroDivisionError), replaced(path) as stream:
        stream.write(f"half {1 / 0}")
    assert path.read_text() == "before"
    assert list(tmp_path.glob(".file*")) == []
    write_json(path, {"x": [float("nan"), float("-inf"), 1.5]})
    assert json.loads(path.read_text()) == {"x": [None, None, 1.5]}


def test_a_link_is_followed(tmp_path):
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    target.write_text("before")
    link.symlink_to(target)
    with replaced(link) as stream:
        stream.write("after")
    assert link.is_symlink()
    assert target.read_text() == "after"


def test_what_is_no_regular_file_is_written_to_and_stays(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with replaced(pipe) as stream:
            stream.write("through")
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert list(tmp_path.glob(".pipe*")) == []


def test_statistics_find_chains_that_disagree():
    random = np.random.default_rng(1)
    good = random.normal(size=(4, 1000))
    assert statistics(good).r_hat < 1.01
    assert 3000 < statistics(good).ess_bulk < 5000
    assert statistics(good + np.arange(4)[:, None]).r_hat > 1.5
    assert np.isnan(statistics(good[:1]).r_hat)
    assert np.isnan(statistics(np.ones((4, 100)))).all()


@pytest.mark.parametrize("home", [True, False])
def test_arviz_without_a_writable_cache(monkeypatch, tmp_path, home):
    blocked = tmp_path / "cache"
    blocked.write_text("a file where a folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    if not home:
        # As for a user who has no entry in the password database.
        monkeypatch.delenv("HOME", raising=False)
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    for name in [name for name in sys.modules if name == "arviz" or name.startswith("arviz.")]:
        monkeypatch.delitem(sys.modules, name)
    inference.arviz.cache_clear()
    # What nuts and emcee compute after they have sampled.
    assert rank_rhat(np.random.default_rng(1).normal(size=(4, 1000, 2))) == pytest.approx(1.0, abs=0.01)
    inference.arviz.cache_clear()


def test_numbers_of_a_sampler_do_not_overwrite_the_evidence_record():
    zero = np.zeros(2)
    numbers = {"converged": 1.0, "log_evidence": 5.0, "calls": 3.0, "lost": math.nan}
    failed = Diagnostic("check", 2.0, 1.0, False, "a check")
    optimum = Optimum(("x", "y"), zero, 0.0, ("", ""), (), (), (failed,), numbers)
    record = evidence_record(optimum, lost=0.0, best=-1.0)
    assert record["converged"] is False
    assert record["log_evidence"] is None
    assert record["calls"] == 3.0
    assert "lost" not in record


def test_one_module_imports_arviz():
    def imported(path: Path) -> set[str]:
        nodes = list(ast.walk(ast.parse(path.read_text())))
        whole = {item.name for node in nodes if isinstance(node, ast.Import) for item in node.names}
        return whole | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}

    package = Path(globalfit.__file__).parent
    users = {path.relative_to(package) for path in package.rglob("*.py") if "arviz" in imported(path)}
    assert users == {Path("storage/inference_data.py")}


def test_quantiles_of_weighted_points():
    random = np.random.default_rng(2)
    points = random.uniform(-4.0, 4.0, 200_000)
    weights = np.exp(-0.5 * points**2)
    found = weighted_quantiles(points, weights / weights.sum(), (0.16, 0.5, 0.84, 0.95))
    np.testing.assert_allclose(found, [-0.994458, 0.0, 0.994458, 1.644854], atol=0.015)


def test_a_damaged_result_is_one_error(tmp_path):
    with pytest.raises(OutputError, match="there is no such file"):
        load(tmp_path / "posterior.nc")
    (tmp_path / "posterior.nc").write_bytes(b"not netCDF")
    with pytest.raises(OutputError, match="cannot be read as a result"):
        load(tmp_path / "posterior.nc")
    save(tmp_path / "empty.nc", Samples({"x": np.zeros((1, 4))}, {}, {}, {}), {}, {})
    assert load(tmp_path / "empty.nc").posterior["x"].shape == (1, 4)
