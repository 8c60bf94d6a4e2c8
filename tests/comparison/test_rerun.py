"""Further runs of a comparison: what they find against integrals, where a parameter ends, and what goes wrong."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest
from click.testing import CliRunner

from globalfit import runfile
from globalfit.cli import cli
from globalfit.comparison import compare
from globalfit.comparison.rerun import FROM_RERUN, cut, reruns
from globalfit.comparison.sensitivity import RERUN
from globalfit.fitting.fit import fit
from globalfit.models import Parameter
from globalfit.posterior.prior import distribution
from tests.support.toy import unsealed

pytestmark = pytest.mark.usefixtures("toys", "no_figures")

# The posterior of the coupling reaches 0.5; that of the mass fills its prior.
PARAMETERS = {"mass": {"uniform": [50.0, 60.0]}, "coupling": {"uniform": [0.1, 0.5]}}


def run(tmp_path, name, model="toy", **options):
    chosen = {"points": 20_000} | options
    settings = {"model": model, "likelihoods": ["gauss"], "sampler": {"toy_sampler": chosen}, "parameters": PARAMETERS}
    return fit(runfile.parse(settings), tmp_path / name).folder


def two(tmp_path, **options):
    return run(tmp_path, "a", **options), run(tmp_path, "b", {"toy": {"scale": 2.0}}, **options)


def command(*arguments):
    result = CliRunner().invoke(cli, ["compare", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def sensitivity(folder):
    with (folder / "sensitivity.csv").open(encoding="utf-8") as stream:
        return {(row["run"], row["parameter"], row["width"]): row for row in csv.DictReader(stream)}


def log_evidence(mass, coupling, scale):
    """ln Z of the toy for flat priors, on a mesh of 2000 x 2000; no likelihood where the coupling has no solution."""
    m, c = np.meshgrid(*(low + (np.arange(2000) + 0.5) * (high - low) / 2000 for low, high in (mass, coupling)))
    likelihood = np.exp(-0.5 * (scale * m * c**2 - 10.0) ** 2)
    return math.log(np.mean(np.where((c > 0.0) & (c < 0.9), likelihood, 0.0)))


def test_what_reweighting_cannot_tell_is_run(tmp_path):
    folders = two(tmp_path)
    assert command(*folders, "--output", "out").exit_code == 0
    before = sensitivity(tmp_path / "out")
    missing = {key for key, row in before.items() if row["how"].startswith(RERUN)}
    assert {("a", "mass", "double"), ("b", "mass", "double"), ("a", "coupling", "double")} <= missing
    result = command(*folders, "--output", "out", "--rerun")
    assert result.exit_code == 0
    after = sensitivity(tmp_path / "out")
    assert {key for key, row in after.items() if row["how"].startswith(FROM_RERUN)} == missing
    assert {key: row for key, row in after.items() if key not in missing} == {
        key: row for key, row in before.items() if key not in missing
    }
    wide = {"mass": (45.0, 65.0), "coupling": (-0.1, 0.7)}
    once = {name: tuple(prior["uniform"]) for name, prior in PARAMETERS.items()}
    for name, parameter, _ in missing:
        scale = {"a": 1.0, "b": 2.0}[name]
        expected = log_evidence(**(once | {parameter: wide[parameter]}), scale=scale) - log_evidence(
            **once, scale=scale
        )
        # 20,000 prior points: 1 to 2 % of Z in each of two runs
        assert float(after[name, parameter, "double"]["log_evidence_shift"]) == pytest.approx(expected, abs=0.06)
        # the toy says 0.1 of either ln Z
        assert float(after[name, parameter, "double"]["log_evidence_shift_error"]) == pytest.approx(
            math.hypot(0.1, 0.1)
        )
    page = (tmp_path / "out" / "comparison.html").read_text(encoding="utf-8")
    assert FROM_RERUN in page
    assert RERUN not in page.split("<p class")[0]
    # what is there already is not run again
    again = command(*folders, "--output", "out", "--rerun")
    assert again.stdout.count("was there already") == len(missing)
    assert sensitivity(tmp_path / "out") == after


def test_a_wider_prior_ends_where_the_parameter_does(tmp_path):
    folders = two(tmp_path)
    found = {rerun.spec.name: rerun for rerun in reruns(compare(folders), tmp_path / "out")}
    one = found["a-coupling-double"]
    # of [-0.1, 0.7] the toy takes [0, 1]
    assert one.spec.run.parameters["coupling"] == {"uniform": [0.0, pytest.approx(0.7)]}
    assert one.inside == pytest.approx(0.7 / 0.8)
    assert one.spec.run.parameters["mass"] == PARAMETERS["mass"]
    assert one.spec.run.seed == 1
    assert found["a-mass-double"].inside == 1.0
    prior, inside = cut(distribution("log_uniform", (1e-7, 10.0)), Parameter("epsilon", "", "", -0.85, 0.85))
    assert (prior.support, inside) == ((1e-7, 0.85), pytest.approx(math.log(0.85e7) / math.log(1e8)))
    gaussian = distribution("normal", (0.0, 1.0))
    assert cut(gaussian, Parameter("epsilon", "", "", -0.85, 0.85)) == (gaussian, 1.0)
    assert cut(gaussian, None) == (gaussian, 1.0)


@pytest.mark.slow
def test_a_rerun_that_does_not_converge_gives_no_number(tmp_path):
    folders = two(tmp_path)
    for rerun in reruns(compare(folders), tmp_path / "comparison" / "reruns"):
        # as if it had been carried out and failed its checks
        folder = unsealed(fit(rerun.spec.run).folder)
        record = json.loads((folder / "evidence.json").read_text())
        (folder / "evidence.json").write_text(json.dumps(record | {"converged": False, "failed": ["R-hat is 2."]}))
    result = command(*folders, "--rerun")
    assert result.exit_code == 3
    row = sensitivity(tmp_path / "comparison")["a", "mass", "double"]
    assert row["log_evidence_shift"] == ""
    assert row["how"] == f"{RERUN}: comparison/reruns/a-mass-double did not converge"


@pytest.mark.slow
def test_a_rerun_that_fails_leaves_the_others(tmp_path):
    folders = two(tmp_path)
    taken = tmp_path / "comparison" / "reruns" / "a-mass-double"
    taken.mkdir(parents=True)
    (taken / "notes.txt").write_text("mine")
    result = command(*folders, "--rerun")
    assert result.exit_code == 1
    found = sensitivity(tmp_path / "comparison")
    assert "is not empty and holds no run" in found["a", "mass", "double"]["how"]
    assert found["b", "mass", "double"]["how"] == FROM_RERUN
    assert (taken / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"globalfit": "0.0.1"}, "a: was made by globalfit 0.0.1"),
        ({"data_sha256": {"limit": "1"}}, "a: was made with data tables that have changed since"),
    ],
)
def test_the_evidence_of_another_program_is_not_subtracted(tmp_path, changed, message):
    folders = two(tmp_path)
    for folder in folders:
        provenance = json.loads((unsealed(folder) / "provenance.json").read_text())
        (folder / "provenance.json").write_text(json.dumps(provenance | changed))
    result = command(*folders, "--rerun")
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "comparison" / "reruns").exists()


def test_places_are_for_reruns(tmp_path):
    result = command(*two(tmp_path), "--workers", "2")
    assert result.exit_code == 2
    assert "add it" in result.stderr
    assert not (tmp_path / "comparison").exists()
