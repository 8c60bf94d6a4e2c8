"""Simulation-based calibration: uniform ranks where everything belongs together, a clear verdict where it does not."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from importlib.metadata import EntryPoint
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from click.testing import CliRunner
from globalfit.likelihoods.lz_2024 import LZ2024

from globalfit import plugins, runfile
from globalfit.calibration import calibrate
from globalfit.calibration.folder import read_trial
from globalfit.calibration.page import verdict
from globalfit.calibration.result import assess
from globalfit.calibration.trial import effective_size, few, rank
from globalfit.cli import cli
from globalfit.cli.sbc import lines
from globalfit.samplers.draws import Diagnostic, Draws, Optimum, Weighted
from tests.support import toy

# The signal is 1 to 10 with an error of 1; a coupling above 0.9 has no solution.
RUN = """\
model: toy
parameters: {mass: {uniform: [4, 12]}, coupling: {uniform: [0.5, 1.0]}}
likelihoods: [gauss]
sampler: {toy_sampler: {points: 2000}}
output: out
"""
PARAMETERS = {"mass": {"uniform": [4.0, 12.0]}, "coupling": {"uniform": [0.5, 1.0]}}


class Wide(toy.Gauss):
    """Its data scatter twice as far as it says."""

    def simulate(self, predictions, key):
        return eqx.tree_at(lambda g: g.central, self, predictions["signal"] + 2.0 * jax.random.normal(key))


class Counted(toy.Gauss):
    """Counts how often its likelihood is traced."""

    traces: ClassVar = []

    def log_likelihood(self, predictions):
        self.traces.append(self.name)
        return super().log_likelihood(predictions)


class PriorAlone(toy.ToySampler):
    """Ignores the likelihood and takes the prior for the posterior."""

    def run(self, target, seed, progress):
        random = np.random.default_rng(seed)
        theta = np.asarray(jax.vmap(target.transform)(jnp.asarray(random.random((500, target.ndim)))))
        theta = theta[theta[:, 1] < 0.9]
        zero = np.zeros((1, len(theta)))
        return Draws(target.names, theta[None], zero, zero, (Diagnostic("one", 0.0, 1.0, False, "A check failed."),))


class Climber(toy.ToySampler):
    optimises = True

    def run(self, target, seed, progress):
        zero = np.zeros(target.ndim)
        return Optimum(target.names, zero, 0.0, ("", ""), (), (), ())


@pytest.fixture(autouse=True)
def _toys(request, monkeypatch):
    if request.node.get_closest_marker("slow"):
        return
    request.getfixturevalue("toys")
    registered, own = plugins.registered, {"likelihood": {}, "sampler": {}}
    for kind, classes in (("likelihood", (Wide, Counted)), ("sampler", (PriorAlone, Climber))):
        for cls in classes:
            name = cls.__name__.lower()
            own[kind][name] = EntryPoint(name, f"{cls.__module__}:{cls.__name__}", f"globalfit.{kind}s")
    monkeypatch.setattr(plugins, "registered", lambda kind: registered(kind) | own.get(kind, {}))


@pytest.fixture
def _no_figures(monkeypatch):
    monkeypatch.setattr("globalfit.calibration.write_calibration", lambda *_: None)


def call(*arguments):
    result = CliRunner().invoke(cli, ["sbc", "fit.yaml", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def written(tmp_path, text=RUN):
    (tmp_path / "fit.yaml").write_text(text)
    return tmp_path


def settings(**other):
    return runfile.parse({"model": "toy", "parameters": PARAMETERS, "likelihoods": ["gauss"]} | other)


def error(tmp_path, text, *arguments):
    written(tmp_path, text)
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    return result.stderr.strip().splitlines()[-1].removeprefix("error: ")


def test_a_run_that_is_calibrated(tmp_path):
    written(tmp_path)
    result = call("--draws", "100")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("calibrated: the ranks of all 3 quantities are uniform.\n3 quantities were looked")
    assert "of the prior has no solution. Prior draws without a solution were drawn again" in result.stdout
    assert len(re.findall(r"^draw \d+/100: [\d.]+ s, converged, \d+ effective draws$", result.stderr, re.M)) == 100
    record = json.loads((tmp_path / "out-sbc" / "sbc.json").read_text())
    assert record["calibrated"]
    assert [row["name"] for row in record["quantities"]] == ["mass", "coupling", "log_likelihood"]
    assert record["fraction_without_solution"] == pytest.approx(0.2, abs=0.08)
    for row in record["quantities"]:
        assert len(row["ranks"]) == sum(row["bins"]) == 100
        for one in row["coverage"]:
            assert abs(one["fraction"] - one["level"]) < 3.5 * one["error"]
    with (tmp_path / "out-sbc" / "ranks.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["rank_mass"]) for row in rows] == record["quantities"][0]["ranks"]
    assert all(float(row["coupling"]) < 0.9 for row in rows)
    page = (tmp_path / "out-sbc" / "report.html").read_text(encoding="utf-8")
    assert "<strong>Calibrated.</strong>" in page
    links = re.findall(r"(?:src|href)=\"([^\"]*)\"", page)
    assert len(links) == 2
    assert all(link.startswith("data:image/png;base64,") for link in links)
    assert (tmp_path / "out-sbc" / "figures" / "ranks.pdf").read_bytes().startswith(b"%PDF")


def test_data_that_scatter_further_than_they_should(tmp_path):
    written(tmp_path, RUN.replace("[gauss]", "[wide]"))
    result = call("--draws", "40")
    assert result.exit_code == 3
    assert re.match(
        r"NOT CALIBRATED: .*log_likelihood \(p = [^)]*: the truth fits the data worse than the posterior says\)",
        result.stdout,
    )
    page = (tmp_path / "out-sbc" / "report.html").read_text(encoding="utf-8")
    assert "<strong>NOT CALIBRATED.</strong>" in page
    assert "<li><code>log_likelihood</code>" in page


@pytest.mark.usefixtures("_no_figures")
def test_a_sampler_that_ignores_the_data_is_found_by_the_likelihood(tmp_path):
    calibration = calibrate(settings(sampler="prioralone"), tmp_path / "a", 60, 99)
    assert [item.uniform for item in calibration.quantities] == [True, True, False]
    pattern = r"NOT CALIBRATED: log_likelihood \(p = \S+: the truth fits the data better than the posterior says\); "
    pattern += r"60 of 60 fits did not converge\."
    assert re.fullmatch(pattern, verdict(calibration))
    # fits that did not converge are counted, and count
    assert calibration.not_converged == len(calibration.trials) == len(calibration.quantities[0].ranks) == 60
    assert "60 of 60 fits did not converge; their ranks count all the same." in lines(calibration, tmp_path)


@pytest.mark.usefixtures("_no_figures")
def test_uniform_ranks_of_fits_that_failed_are_no_calibration(tmp_path):
    calibration = calibrate(settings(sampler="toy_sampler"), tmp_path / "a", 20, 99)
    assert calibration.calibrated
    failed = [dataclasses.replace(trial, failed=("bad",)) for trial in calibration.trials]
    assert assess([*failed[:2], *calibration.trials[2:]], 99).calibrated
    unfit = assess([*failed[:3], *calibration.trials[3:]], 99)
    assert not unfit.calibrated
    assert verdict(unfit) == "NOT CALIBRATED: 3 of 20 fits did not converge."


@pytest.mark.usefixtures("_no_figures")
def test_every_draw_is_traced_once(tmp_path):
    Counted.traces.clear()
    after = []
    run = settings(likelihoods=["counted"], sampler={"real_dynesty": {"nlive": 50, "dlogz": 1.0, "walks": 5}})
    calibration = calibrate(run, tmp_path / "a", 3, 9, lambda _: after.append(len(Counted.traces)))
    assert after == [after[0]] * 3
    assert 0 < after[0] < 10
    assert all(np.isfinite(list(trial.truth.values())).all() for trial in calibration.trials)


@pytest.mark.usefixtures("_no_figures")
def test_the_same_seed_gives_the_same_ranks_whether_stopped_or_not(tmp_path):
    def stopped(event):
        if event.done == 5:
            raise KeyboardInterrupt

    def ranks(folder, draws, **other):
        run = settings(sampler="toy_sampler", **other)
        return [trial.ranks for trial in calibrate(run, tmp_path / folder, draws, 19, done.append).trials]

    done = []
    with pytest.raises(KeyboardInterrupt):
        calibrate(settings(sampler="toy_sampler"), tmp_path / "stopped", 8, 19, stopped)
    found = ranks("stopped", 7)
    assert [event.done for event in done] == [6, 7]
    assert ranks("at_once", 7) == found
    # None that is there is left out.
    assert ranks("at_once", 3) == found
    assert [event.done for event in done[2:]] == [1, 2, 3, 4, 5, 6, 7]
    assert ranks("other_seed", 2, seed=2) != found[:2]


@pytest.mark.usefixtures("_no_figures")
def test_a_folder_holds_one_calibration(tmp_path):
    base = RUN.replace("out\n", "out/one\n")
    written(tmp_path, base)
    calibrate(runfile.load("fit.yaml"), tmp_path / "out" / "one-sbc", 1, 9)
    changed = {
        base + "seed: 2\n": "run.seed is 2, it was 1",
        base.replace("2000", "2500"): "run.sampler.toy_sampler.points is 2500, it was 2000",
        base.replace("[0.5, 1.0]", "[0.6, 1.0]"): "run.parameters.coupling.uniform[0] is 0.6, it was 0.5",
        base: "ranks is 99, it was 9",
    }
    for text, difference in changed.items():
        message = f"out/one-sbc: holds a calibration that is not the same: {difference}. Choose another folder"
        assert error(tmp_path, text).startswith(message)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("")
    assert error(tmp_path, base, "--output", "full").startswith("full: is not empty and holds no calibration")
    assert "fit.yaml: cannot be used" in error(tmp_path, base, "--output", "fit.yaml")
    assert "output: is missing: name the output folder here or" in error(tmp_path, base.replace("output: out/one", ""))


@pytest.mark.usefixtures("_no_figures")
def test_a_damaged_trial_is_one_error(tmp_path):
    written(tmp_path)
    calibrate(runfile.load("fit.yaml"), tmp_path / "out-sbc", 2, 99)
    path = tmp_path / "out-sbc" / "trials" / "000001.json"
    whole = json.loads(path.read_text())
    wrong = [{"seconds": "x"}, {"failed": None}, {"tried": None}, {"ranks": {"mass": []}}]
    wrong += [{"ranks": whole["ranks"] | {"mass": 100}}, {"ranks": whole["ranks"] | {"mass": -1}}]
    wrong += [{"ranks": whole["ranks"] | {"other": 1}}, {"truth": {"mass": 1.0}}]
    damaged = ["", "{", "null", "[1]", "{}", "[" * 100_000, *(json.dumps(whole | change) for change in wrong)]
    for damage in damaged:
        path.write_text(damage)
        found = error(tmp_path, RUN, "--draws", "10")
        assert re.match(r"out-sbc/trials/000001.json: is not (valid JSON|what this calibration writes there)", found)
    path.write_text(json.dumps(whole | {"truth": whole["truth"] | {"mass": None}}))
    held = read_trial(tmp_path / "out-sbc", 1, ("mass", "coupling"), 99)
    assert held.truth["mass"] == -np.inf
    assert held.ranks == whole["ranks"]


@pytest.mark.parametrize(
    "component", ["dark_matter: component", "likelihoods: [planck_relic: {mode: component}]"], ids=["now", "before"]
)
def test_data_that_are_not_drawn_from_predictions(tmp_path, component):
    lines = [line for line in RUN.splitlines() if not line.startswith("likelihoods")]
    assert "of a component of the dark matter" in error(tmp_path, "\n".join([*lines, component]))


def test_other_runs_that_cannot_be_calibrated(tmp_path, monkeypatch):
    monkeypatch.setattr("globalfit.calibration.simulation.MOST_TRIES", 100)
    fixed = RUN.replace("{uniform: [4, 12]}", "5").replace("{uniform: [0.5, 1.0]}", "0.5")
    assert "every parameter is fixed; there is nothing to calibrate" in error(tmp_path, fixed)
    unsolvable = RUN.replace("[0.5, 1.0]", "[0.95, 1.0]")
    assert "only 0 of 100 prior draws have a likelihood above zero" in error(tmp_path, unsolvable)


@pytest.mark.parametrize("sampler", ["climber", "{climber: {points: 10}}", "real_optimize"])
def test_an_optimiser_is_refused_before_anything_is_simulated(tmp_path, monkeypatch, sampler):
    monkeypatch.setattr("globalfit.calibration.carry_out", lambda *_: pytest.fail("a trial was begun"))
    found = error(tmp_path, RUN.replace("{toy_sampler: {points: 2000}}", sampler))
    name = "real_optimize" if sampler == "real_optimize" else "climber"
    assert found.startswith(f"fit.yaml:4:1: sampler: '{name}' finds the best fit and gives no draws of the posterior")
    assert found.endswith("choose a sampler that does, such as `sampler: dynesty`.")
    assert not (tmp_path / "out-sbc").exists()


@pytest.mark.usefixtures("_no_figures")
def test_a_plane_has_draws(tmp_path):
    plane = {"real_grid": {"x": "mass", "y": "coupling", "points": 40, "draws": 200}}
    assert len(calibrate(settings(sampler=plane), tmp_path / "a", 2, 9).trials) == 2


def test_every_sampler_says_whether_it_gives_draws():
    for name in toy.REAL_SAMPLERS:
        cls = plugins.load("sampler", f"real_{name}")
        assert cls.run.__annotations__["return"] == ("Optimum" if cls.optimises else "Draws"), name


def test_equal_values_are_ranked_at_random():
    random = np.random.default_rng(1)
    assert rank(0.5, np.array([0.1, 0.2, 0.9]), random) == 2
    assert rank(-np.inf, np.array([-3.0, -2.0]), random) == 0
    ranks = np.array([rank(0.0, np.array([-1.0, 0.0, 0.0, 0.0, 1.0]), random) for _ in range(4000)])
    assert np.bincount(ranks, minlength=6) / 4000 == pytest.approx([0.0, 0.25, 0.25, 0.25, 0.25, 0.0], abs=0.03)


def test_draws_are_thinned_to_independent_ones():
    random = np.random.default_rng(1)
    theta = np.arange(4000.0).reshape(4, 1000, 1)
    shape = np.zeros((4, 1000))
    checks = (Diagnostic("ess_bulk", 500.0, 400.0, True, ""),)
    chains = Draws(("x",), theta, shape, shape, checks)
    np.testing.assert_array_equal(few(chains, 8, random)[:, 0], np.arange(250.0, 4000.0, 500.0))
    assert effective_size(chains) == 500.0
    weights = np.log(np.full(10, 0.1))
    nested = Draws(
        ("x",),
        theta[:1, :10],
        shape[:1, :10],
        shape[:1, :10],
        (),
        weighted=Weighted(theta[0, : weights.size], weights, weights),
    )
    assert sorted(few(nested, 10, random)[:, 0]) == list(range(10))
    assert len(few(nested, 30, random)) == 30
    assert effective_size(nested) == pytest.approx(10.0)


@pytest.mark.slow
def test_a_real_model_is_traced_once(tmp_path, monkeypatch):
    traces, after = [], []
    traced = LZ2024.log_likelihood

    def counted(self, predictions):
        traces.append(self.name)
        return traced(self, predictions)

    monkeypatch.setattr(LZ2024, "log_likelihood", counted)
    run = runfile.parse(
        {
            "model": "axial",
            "parameters": {"mass_ratio": 2.3, "alpha_d": 0.05},
            "likelihoods": ["planck_relic", "planck_cmb", "lz_2024", "ewpo", "lep_contact"],
            "sampler": {"dynesty": {"nlive": 60, "walks": 10, "moves": 10.0, "dlogz": 0.5}},
        }
    )
    calibration = calibrate(run, tmp_path / "a", 20, 99, lambda _: after.append(len(traces)))
    assert after == [after[0]] * 20
    assert 0 < after[0] < 15
    for item in calibration.quantities:
        assert np.isfinite([trial.truth[item.name] for trial in calibration.trials]).all()
        # two bins of ten
        assert item.test.p_value > 1e-3, item.name
    assert json.loads((tmp_path / "a" / "sbc.json").read_text())["draws"] == 20
