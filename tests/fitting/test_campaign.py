"""Several runs in one file: how they are put together, where mistakes are, and that each is carried out once."""

from __future__ import annotations

import csv
import json

import pytest
from click.testing import CliRunner

from globalfit import runfile
from globalfit.build.built import build
from globalfit.cli import cli
from globalfit.errors import ConfigurationError
from globalfit.fitting.campaign import Ending, run_spec, spec_state
from globalfit.results.run_state import State
from globalfit.runfile.campaign import load_campaign, placed, seeded
from tests.support import toy
from tests.support.toy import TWO_RUNS

FILE = """\
common:
  likelihoods: [gauss]
  sampler: {toy_sampler: {points: 3000}}
  inputs: micromegas6
  parameters: {coupling: {uniform: [0.2, 0.8]}}
runs:
  wide:
    model: {toy: {scale: 2.0}}
  narrow:
    inherits: wide
    parameters: {mass: {uniform: [10, 200]}}
    inputs: {m_z: 91.0}
  narrowest:
    inherits: narrow
    model: {toy: {kind: fancy}}
    parameters: {mass: {uniform: [20, 100]}, coupling: 0.5}
    sampler: {dynesty: {converges: true}}
    likelihoods: []
    seed: 4
output: out/all
"""


pytestmark = pytest.mark.usefixtures("toys")


def loaded(tmp_path, text=FILE):
    (tmp_path / "several.yaml").write_text(text)
    return load_campaign("several.yaml")


def runs(tmp_path, text=FILE):
    return {spec.name: spec.run for spec in loaded(tmp_path, text).specs}


def built(tmp_path, text):
    for spec in loaded(tmp_path, text).specs:
        build(spec.run)


def call(*arguments):
    result = CliRunner().invoke(cli, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_layers_merge(tmp_path):
    found = runs(tmp_path)
    assert list(found) == ["wide", "narrow", "narrowest"]
    wide, narrow, narrowest = found.values()
    assert wide.model == narrow.model == {"toy": {"scale": 2.0}}
    assert narrowest.model == {"toy": {"scale": 2.0, "kind": "fancy"}}
    assert narrow.parameters == {"coupling": {"uniform": [0.2, 0.8]}, "mass": {"uniform": [10.0, 200.0]}}
    assert narrowest.parameters == {"coupling": 0.5, "mass": {"uniform": [20.0, 100.0]}}
    # the name of a preset is short for a mapping
    assert (wide.inputs, narrow.inputs) == ("micromegas6", {"preset": "micromegas6", "m_z": 91.0})
    # another sampler replaces the first one, another list the first list
    assert narrowest.sampler == {"dynesty": {"converges": True}}
    assert (narrow.likelihoods, narrowest.likelihoods) == (["gauss"], [])
    assert (wide.seed, narrowest.seed) == (1, 4)
    assert wide.output == "out/all/wide"


def test_another_prior_replaces_the_first_one(tmp_path):
    text = (
        "common: {model: toy, parameters: {mass: {uniform: [1, 2]}}}\n"
        "runs:\n  a: {parameters: {mass: {normal: [9, 1]}}}\n  b:\n"
    )
    found = runs(tmp_path, text)
    assert found["a"].parameters == {"mass": {"normal": [9.0, 1.0]}}
    assert found["b"].parameters == {"mass": {"uniform": [1.0, 2.0]}}


def test_a_cell_is_what_a_single_run_file_says(tmp_path):
    single = runfile.parse({"model": {"toy": {"scale": 2.0}}, "likelihoods": ["gauss"], "inputs": "micromegas6"})
    several = runs(tmp_path, "runs: {a: {model: {toy: {scale: 2.0}}, likelihoods: [gauss], inputs: micromegas6}}")
    assert several["a"].model_dump() == single.model_dump()


def test_a_file_of_one_run_is_none_of_several(tmp_path):
    assert loaded(tmp_path, "model: toy\n") is None
    (tmp_path / "several.yaml").write_text("runs: {a: {model: toy}}\n")
    with pytest.raises(ConfigurationError, match=r"several\.yaml:1:1: runs: lists several runs, which only"):
        runfile.load("several.yaml")


def test_output_and_seed_of_the_command(tmp_path):
    campaign = seeded(placed(loaded(tmp_path), tmp_path / "x"), 9)
    assert {spec.run.seed for spec in campaign.specs} == {9}
    assert campaign.specs[0].run.output == str(tmp_path / "x" / "wide")
    # errors still know their line
    assert campaign.specs[0].run.source.positions[("model", "toy", "scale")] == (8, 19)


FRAME_MISTAKES = {
    "common: {model: toy}": "several.yaml:1:1: runs: is missing.",
    "runs: [a]": "several.yaml:1:1: runs: must be a mapping; found",
    "runs: {a: 3}": "several.yaml:1:8: runs.a: must be a mapping; found 3",
    "runs: {a: {model: toy}}\ncomon: {}": "several.yaml:2:1: comon: unknown key; did you mean 'common'?",
    "runs: {a/b: {model: toy}}": "several.yaml:1:8: runs.a/b: the name of a run becomes a folder",
    "runs: {figures: {model: toy}}": "runs.figures: the name of a run becomes a folder",
    "runs: {}": "several.yaml:1:1: runs: must name one run at least.",
    'runs: {a: {model: toy}}\noutput: "a\\0b"': "output: must not hold a NUL character",
    "runs: {a: {model: toy, output: b}}": "several.yaml:1:24: runs.a.output: belongs to the whole file",
    "common: {inherits: a}\nruns: {a: {model: toy}}": "several.yaml:1:10: common.inherits: belongs to a run",
    "runs: {a: {inherits: b}, bb: {model: toy}}": "several.yaml:1:12: runs.a.inherits: unknown run 'b'; did you mean",
    "runs: {a: {inherits: [b]}}": 'runs.a.inherits: must be the name of a run of this file; found ["b"]',
    "runs: {a: {inherits: a}}": "the runs inherit from each other: a -> a",
    "runs:\n  a: {inherits: b}\n  b: {inherits: c}\n  c: {inherits: b}": (
        "several.yaml:4:7: runs.c.inherits: the runs inherit from each other: b -> c -> b."
    ),
}
MERGED_MISTAKES = {
    "runs: {a: {}}": "several.yaml:1:8: runs.a.model: is missing.",
    "runs: {a: {model: toy, inherit: b}}": "runs.a.inherit: unknown key; did you mean 'inherits'?",
    "common: {seed: x}\nruns: {a: {model: toy}}": "several.yaml:1:10: common.seed: must be a valid integer; found "
    "\"x\". (run 'a')",
    "runs:\n  a: {model: {toy: {scael: 1}}}\n  b: {inherits: a}": "several.yaml:2:21: runs.a.model.toy.scael: unknown",
    "common: {parameters: {masss: 1}}\nruns:\n  a: {model: toy}": (
        "several.yaml:1:23: common.parameters.masss: unknown parameter 'masss'; did you mean 'mass'?"
    ),
    "runs:\n  a: {model: toy, parameters: {mass: {uniform: [2, 1]}}}": (
        "several.yaml:2:32: runs.a.parameters.mass: a prior without support"
    ),
    "common: {likelihoods: [gauss, guass]}\nruns: {a: {model: toy}}": (
        "several.yaml:1:31: common.likelihoods[1]: unknown likelihood 'guass'"
    ),
}


@pytest.mark.parametrize(("text", "message"), {**FRAME_MISTAKES, **MERGED_MISTAKES}.items())
def test_mistakes_point_to_their_line(tmp_path, text, message):
    with pytest.raises(ConfigurationError) as error:
        built(tmp_path, text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.usefixtures("no_figures")
def test_runs_and_their_comparison(tmp_path):
    (tmp_path / "several.yaml").write_text(TWO_RUNS)
    result = call("run", "several.yaml")
    assert result.exit_code == 0
    assert "[1/2] a -> out/a" in result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("a  finished, converged, ln Z = ")
    assert lines[-1] == "comparison: out/comparison.html"
    single = runfile.load("out/b/run.yaml")
    assert single.model == {"toy": {"scale": 2.0, "kind": "plain"}}
    assert single.output == "out/b"
    held = {path.name for path in (tmp_path / "out" / "a").iterdir()}
    assert held >= {"run.yaml", "posterior.nc", "evidence.json", "summary.csv", "provenance.json", "report.html"}
    with (tmp_path / "out" / "comparison.csv").open() as stream:
        assert [row["run"] for row in csv.DictReader(stream)] == ["a", "b"]


@pytest.mark.usefixtures("no_figures")
def test_finished_runs_are_skipped_and_others_are_left_alone(tmp_path):
    path = tmp_path / "several.yaml"
    path.write_text(TWO_RUNS)
    specs = loaded(tmp_path, TWO_RUNS).specs
    assert spec_state(specs[0]) is State.MISSING
    assert call("run", "several.yaml").exit_code == 0
    before = (tmp_path / "out" / "a" / "posterior.nc").stat().st_mtime_ns
    assert [spec_state(spec) for spec in specs] == [State.FINISHED, State.FINISHED]
    result = call("run", "several.yaml")
    assert result.exit_code == 0
    assert "a: skipped, out/a holds this run, finished" in result.stderr
    assert "a  was there already, converged, ln Z = " in result.stdout
    # The same folder by another name.
    assert spec_state(placed(loaded(tmp_path, TWO_RUNS), tmp_path / "out").specs[0]) is State.FINISHED
    # Other settings of one run: it fails, the others and their results stay.
    path.write_text(TWO_RUNS.replace("scale: 2.0", "scale: 3.0"))
    result = call("run", "several.yaml")
    assert result.exit_code == 1
    assert "a  was there already" in result.stdout
    assert "b  FAILED: out/b: already holds another run" in result.stdout
    assert (tmp_path / "out" / "a" / "posterior.nc").stat().st_mtime_ns == before
    (tmp_path / "out" / "a" / "report.html").unlink()
    assert spec_state(specs[0]) is State.UNFINISHED


@pytest.mark.usefixtures("no_figures")
def test_a_result_on_other_data_is_not_taken_for_this_one(tmp_path, monkeypatch):
    spec = loaded(tmp_path, TWO_RUNS).specs[0]
    assert run_spec(spec).ending is Ending.FINISHED
    monkeypatch.setattr("globalfit.fitting.campaign.data_checksums", lambda _: {"table": "another"})
    assert spec_state(spec) is State.OTHER_DATA
    outcome = run_spec(spec)
    assert outcome.ending is Ending.FAILED
    assert "finished on data that have changed since" in outcome.message
    monkeypatch.setattr("globalfit.version.__version__", "99")
    assert spec_state(spec) is State.OTHER_CODE
    assert "already holds this run, made by globalfit" in run_spec(spec).message


@pytest.mark.usefixtures("no_figures")
def test_one_failure_does_not_stop_the_others(tmp_path, monkeypatch):
    fit = toy.ToySampler.run

    def faulty(self, target, seed, progress):
        if seed == 2:
            raise RuntimeError("out of memory")
        return fit(self, target, seed, progress)

    monkeypatch.setattr(toy.ToySampler, "run", faulty)
    (tmp_path / "several.yaml").write_text(
        "common: {model: toy, likelihoods: [gauss], sampler: toy_sampler}\n"
        "runs:\n"
        "  broken: {seed: 2}\n"
        "  fixed: {parameters: {mass: 10, coupling: 0.5}}\n"
        "  lost: {sampler: {toy_sampler: {converges: false}}}\n"
        "  good: {}\n"
        "output: out\n"
    )
    result = call("run", "several.yaml")
    assert result.exit_code == 1
    lines = dict(line.split(maxsplit=1) for line in result.stdout.splitlines()[:4])
    assert lines["broken"] == "FAILED: RuntimeError: out of memory"
    assert "every parameter is fixed" in lines["fixed"]
    assert lines["lost"].startswith("finished, NOT CONVERGED, ln Z")
    assert lines["good"].startswith("finished, converged, ln Z")
    assert "Traceback" in result.stderr
    record = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert [(run["run"], run["converged"]) for run in record["runs"]] == [("lost", False), ("good", True)]


@pytest.mark.usefixtures("no_figures")
def test_not_converged_is_the_exit_status(tmp_path):
    (tmp_path / "several.yaml").write_text(TWO_RUNS.replace("points: 3000", "converges: false"))
    assert call("run", "several.yaml", "--output", "elsewhere", "--seed", "3").exit_code == 3
    assert json.loads((tmp_path / "elsewhere" / "a" / "provenance.json").read_text())["seed"] == 3


@pytest.mark.usefixtures("no_figures")
def test_runs_on_different_data_are_not_compared(tmp_path):
    (tmp_path / "several.yaml").write_text(TWO_RUNS.replace("a: {}", "a: {likelihoods: []}"))
    result = call("run", "several.yaml")
    assert result.exit_code == 0
    assert "no comparison: out/a and out/b are not on the same data" in result.stdout
    assert not (tmp_path / "out" / "comparison.html").exists()


def test_nothing_runs_before_everything_is_built(tmp_path):
    (tmp_path / "several.yaml").write_text(TWO_RUNS.replace("scale: 2.0", "scael: 2.0"))
    result = call("run", "several.yaml")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("error: several.yaml:4:21: runs.b.model.toy.scael: unknown key")
    assert not (tmp_path / "out").exists()
    (tmp_path / "several.yaml").write_text(TWO_RUNS.replace("output: out\n", ""))
    assert "output: is missing: name the output folder here or with --output" in call("run", "several.yaml").stderr


@pytest.mark.parametrize("workers", [(), ("--workers", "2")])
def test_nothing_runs_without_a_folder_for_it(tmp_path, workers):
    (tmp_path / "several.yaml").write_text(TWO_RUNS)
    result = call("run", "several.yaml", "--output", "several.yaml", *workers)
    assert (result.exit_code, result.stdout) == (2, "")
    last = result.stderr.splitlines()[-1]
    assert last == "error: several.yaml: cannot be made: File exists; choose another one with --output."


def test_check_looks_at_every_run(tmp_path):
    (tmp_path / "several.yaml").write_text(TWO_RUNS)
    output = call("check", "several.yaml").stdout
    assert output.index("run a") < output.index("run b")
    assert output.count("several.yaml: ok") == 2
    (tmp_path / "several.yaml").write_text(TWO_RUNS.replace("model: {toy", "model: {toi"))
    assert "several.yaml:4:7: runs.b.model: unknown model 'toi'" in call("check", "several.yaml").stderr


def test_packaged_files_of_several_runs_are_whole():
    several = {name: load_campaign(name) for name in runfile.packaged_runs()}
    campaign = several["compare-models"]
    assert campaign is not None
    data = [spec.run.likelihoods for spec in campaign.specs]
    assert all(one == data[0] for one in data)
    assert [spec.name for spec in campaign.specs] == [runfile.entry(spec.run.model)[0] for spec in campaign.specs]
