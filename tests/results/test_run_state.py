"""`globalfit campaign status`: what the folders of runs hold, told from their files."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import globalfit
from globalfit import runfile
from globalfit.build.built import build
from globalfit.cli import cli
from globalfit.results import folder as names
from globalfit.results.run_identity import other_code
from globalfit.results.run_state import State, run_state
from globalfit.results.schema import Evidence, Provenance
from globalfit.runfile.campaign import load_campaign
from globalfit.runfile.document import dump
from tests.support.toy import TWO_RUNS

pytestmark = pytest.mark.usefixtures("toys")


def run_a(text):
    """The run `a` of a file of several."""
    Path("several.yaml").write_text(text)
    return next(spec.run for spec in load_campaign("several.yaml").specs if spec.name == "a")


def call(*arguments):
    result = CliRunner().invoke(cli, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def states(*arguments):
    """What `globalfit campaign status` says, as JSON."""
    result = call("campaign", "status", *arguments, "--json")
    assert result.exit_code == 0
    return {row["run"]: row for row in json.loads(result.stdout)}


@pytest.mark.usefixtures("no_figures")
def test_status_tells_the_runs_apart(tmp_path):
    path = tmp_path / "several.yaml"
    path.write_text(TWO_RUNS)
    assert {row["state"] for row in states("several.yaml").values()} == {"missing"}
    assert call("run", "several.yaml").exit_code == 0
    (tmp_path / "out" / "b" / "report.html").unlink()
    found = states("several.yaml")
    assert found["a"]["state"] == "finished"
    assert found["a"]["converged"] is True
    assert found["a"]["log_evidence"] == json.loads((tmp_path / "out/a/evidence.json").read_text())["log_evidence"]
    assert found["b"]["state"] == "unfinished"
    assert states("out") == found

    run = runfile.load("out/b/run.yaml")
    with names.claimed(tmp_path / "out" / "b", run):
        lines = call("campaign", "status", "several.yaml").stdout.splitlines()
    assert lines[0].split()[:3] == ["a", "finished", "converged,"]
    assert lines[0].endswith("  out/a")
    assert lines[1].split()[:2] == ["b", "running"]
    assert lines[-1] == "1 running, 1 finished"


@pytest.mark.usefixtures("no_figures")
def test_status_says_how_far_an_unfinished_run_is(tmp_path):
    text = TWO_RUNS.replace("{toy_sampler: {points: 3000}}", "{real_grid: {points: 30}}")
    (tmp_path / "several.yaml").write_text(text)
    assert call("run", "several.yaml").exit_code in (0, 3)
    (tmp_path / "out" / "a" / "report.html").unlink()
    checkpoint = states("several.yaml")["a"]["checkpoint"]
    assert checkpoint["calls"] > 0
    assert f"{checkpoint['calls']} calls" in call("campaign", "status", "several.yaml").stdout
    damaged = max((tmp_path / "out" / "a" / "checkpoint").glob("0*.npz"))
    damaged.write_bytes(b"")
    assert states("several.yaml")["a"]["checkpoint"]["calls"] == int(damaged.stem)
    for each in (tmp_path / "out" / "a" / "checkpoint").iterdir():
        each.unlink()
    assert "no checkpoint yet" in call("campaign", "status", "several.yaml").stdout


CHANGES = {
    "points: 3000": ("points: 3001", "sampler.toy_sampler.points is 3000, the file says 3001"),
    "a: {}": ("a: {seed: 2}", "seed is 1, the file says 2"),
    "likelihoods: [gauss]": ("likelihoods: []", "likelihoods is [{'gauss': {}}], the file says []"),
    "runs:": ("runs:\n  x: {}", ""),
    "a: {} ": ("a: {parameters: {mass: 3}}", "parameters.mass is {'log_uniform': [1.0, 1000.0]}, the file says 3.0"),
    "a: {}  ": ("a: {inputs: {m_z: 90.0}}", "inputs.m_z is 91.188, the file says 90.0"),
    "a: {}   ": ("a: {inputs: micromegas6}", "inputs.preset is 'default', the file says 'micromegas6'"),
    "a: {}    ": ("a: {model: {toy: {kind: fancy}}}", "model.toy.kind is 'plain', the file says 'fancy'"),
    "a: {}     ": ("a: {model: {toy: {kind: plain}}, inputs: default, likelihoods: [{gauss: {}}]}", ""),
}


EVIDENCE: Evidence = {
    "converged": True,
    "failed": [],
    "log_evidence": -1.0,
    "log_evidence_error": 0.1,
    "method": "none",
    "information": None,
    "cross_check": None,
    "fraction_without_solution": 0.0,
    "best_log_likelihood": 0.0,
    "effective_sample_size": None,
}
PROVENANCE: Provenance = {
    "globalfit": globalfit.__version__,
    "git": None,
    "python": "3.11",
    "packages": {},
    "run_file": "several.yaml",
    "command": [],
    "seed": 1,
    "started": "",
    "finished": "",
    "seconds": {},
    "data_sha256": {},
    "machine": {"node": "", "system": "", "processor": "", "cores": None, "devices": [], "float": "float64"},
}


def written(run):
    """The folder of a finished run, as far as its state goes."""
    folder = Path(run.output)
    folder.mkdir(parents=True)
    (folder / names.RUN).write_text(dump(build(run).run.model_dump(mode="json")))
    (folder / names.EVIDENCE).write_text(json.dumps(EVIDENCE))
    (folder / names.PROVENANCE).write_text(json.dumps(PROVENANCE))
    (folder / names.REPORT).write_text("")
    return folder


def test_status_names_what_is_other(monkeypatch):
    folder = written(run_a(TWO_RUNS))
    for old, (new, reason) in CHANGES.items():
        found = run_state(folder, run_a(TWO_RUNS.replace(old.rstrip(), new)))
        assert (found.state, found.reason) == (State.OTHER if reason else State.FINISHED, reason), new
    monkeypatch.setattr("globalfit.version.__version__", "99")
    found = run_state(folder, run_a(TWO_RUNS))
    assert found.state is State.OTHER_CODE
    assert found.reason.startswith(f"made by globalfit {PROVENANCE['globalfit']} (this is 99")


def test_code_is_told_apart_by_version_commit_and_changes(monkeypatch):
    clean = {"commit": "a" * 40, "changed": False, "diff_sha256": None}
    changed = {"commit": "a" * 40, "changed": True, "diff_sha256": "1"}
    monkeypatch.setattr("globalfit.version.__version__", "1.0")
    monkeypatch.setattr("globalfit.results.run_identity.git_state", lambda: clean)
    made = PROVENANCE | {"globalfit": "1.0"}
    assert other_code(made | {"git": clean}) == ""
    # A package that is installed knows no commit.
    assert other_code(made | {"git": None}) == ""
    assert other_code(made | {"globalfit": "0.9", "git": None}) == (
        "made by globalfit 0.9 (this is 1.0, commit aaaaaaaa)"
    )
    assert other_code(made | {"git": clean | {"commit": "b" * 40}}).startswith("made by globalfit 1.0, commit bbbbbbbb")
    assert "aaaaaaaa with local changes" in other_code(made | {"git": changed})
    monkeypatch.setattr("globalfit.results.run_identity.git_state", lambda: changed | {"diff_sha256": "2"})
    assert other_code(made | {"git": changed}) != ""


def test_status_notices_other_data():
    folder = written(run_a(TWO_RUNS))
    table = Path(str(importlib.resources.files("globalfit.likelihoods.lz_2024"))) / "limits.csv"
    known = hashlib.sha256(table.read_bytes()).hexdigest()
    before, now = "globalfit.likelihoods.lz_2024/limits.csv", "lz_2024/limits.csv"
    wrong = "0" * 64
    for name, checksum, state in (
        (before, known, State.FINISHED),
        (now, known, State.FINISHED),
        (before, wrong, State.OTHER_DATA),
        (now, wrong, State.OTHER_DATA),
    ):
        checksums = {"no.package/x.csv": "1", name: checksum}
        (folder / names.PROVENANCE).write_text(json.dumps(PROVENANCE | {"data_sha256": checksums}))
        found = run_state(folder)
        assert found.state is state
    assert found.reason == "lz_2024/limits.csv has changed since"


def test_status_imports_nothing_that_a_result_names(tmp_path, monkeypatch):
    trap = tmp_path / "trap"
    trap.mkdir()
    (trap / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = written(run_a(TWO_RUNS))
    for package in ("trap", "trap.inner", "trap.__main__.x", "venv.__main__.x"):
        (folder / names.PROVENANCE).write_text(json.dumps(PROVENANCE | {"data_sha256": {f"{package}/y.csv": "0"}}))
        assert run_state(folder).state is State.FINISHED
    assert "trap" not in sys.modules


def test_status_needs_several_runs_or_a_folder(tmp_path):
    (tmp_path / "one.yaml").write_text("model: toy\n")
    (tmp_path / "several.yaml").write_text(TWO_RUNS.replace("output: out\n", ""))
    (tmp_path / "empty").mkdir()
    assert "one.yaml:1:1: is one run" in call("campaign", "status", "one.yaml").stderr
    assert "output: is missing" in call("campaign", "status", "several.yaml").stderr
    assert "empty: holds no run" in call("campaign", "status", "empty").stderr
    assert "--output and --seed are for a file" in call("campaign", "status", "empty", "--seed", "2").stderr
    assert "--output and --seed are for a file" in call("campaign", "status", "empty", "--output", "x").stderr
    (tmp_path / "several.yaml").write_text(TWO_RUNS)
    found = call("campaign", "status", "several.yaml", "--output", "one.yaml")
    assert (found.exit_code, found.stdout) == (2, "")
    assert "one.yaml: is a file, not a folder" in found.stderr


@pytest.mark.parametrize("damage", ["", "{", "null", "[1]", "{}", "[" * 100_000])
@pytest.mark.parametrize("name", [names.EVIDENCE, names.PROVENANCE])
def test_a_damaged_run_is_an_error_after_the_state_of_the_others(name, damage):
    folder = written(run_a(TWO_RUNS))
    (folder / name).write_text(damage)
    for place in ("several.yaml", "out"):
        found = call("campaign", "status", place)
        assert found.exit_code == 2
        assert "1 unreadable" in found.stdout.splitlines()[-1]
        assert found.stdout.startswith("a  unreadable  see the error below")
        assert found.stderr.startswith(f"error: out/a/{name}: ")
        assert found.stderr.count("\n") == 1


def test_status_imports_nothing_that_computes(tmp_path):
    (tmp_path / "several.yaml").write_text(TWO_RUNS)
    code = (
        "import sys\nfrom globalfit.cli import cli\n"
        "cli(['campaign', 'status', 'several.yaml'], standalone_mode=False)\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "2 missing"
    assert not set(done.stderr.split()) & {"jax", "jaxlib", "numpy", "scipy", "matplotlib", "distributed"}
