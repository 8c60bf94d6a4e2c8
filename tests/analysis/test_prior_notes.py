"""What a posterior owes to its prior is pointed out: an end that cuts it off, and a parameter without information."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from globalfit import runfile
from globalfit.analysis.prior_notes import cut_off, not_constrained
from globalfit.cli import cli
from globalfit.fitting.fit import fit

RANDOM = np.random.default_rng(3)
QUANTILES = {
    "inside": (0.5 + 0.1 * RANDOM.normal(size=2000), False, False),
    "flat": (RANDOM.random(1000), True, True),
    "a slope": (RANDOM.beta(1.0, 1.6, 4000), True, False),
    "exponential at the end": (RANDOM.exponential(0.02, 1000), True, False),
    "exponential at the end, far narrower than the prior": (RANDOM.exponential(1e-6, 1000), True, False),
    "close to the end, but not cut": (0.01 + 0.002 * RANDOM.normal(size=1000), False, False),
    "a tail to the end": (np.abs(0.25 + 0.1 * RANDOM.normal(size=2000)), False, False),
}


@pytest.mark.parametrize("case", QUANTILES)
def test_what_counts_as_cut_off_and_as_not_constrained(case):
    u, cut, flat = QUANTILES[case]
    assert cut_off(u) == cut
    assert not_constrained(u) == flat


STATED = "gaussian: {prediction: coupling, mean: 0.4, sigma: 0.01}"


def text(prior, likelihood):
    return (
        f"model: toy\nparameters: {prior}\nlikelihoods: [{likelihood}]\nsampler: {{toy_sampler: {{points: 20000}}}}\n"
    )


@pytest.mark.usefixtures("toys")
def test_the_output_the_record_and_the_report_say_it(tmp_path):
    """The signal m c^2 = 10 is out of reach below m = 3: the mass is pushed to that end, the coupling to its own."""
    (tmp_path / "fit.yaml").write_text(text("{mass: {uniform: [1, 3]}}", "gauss"))
    found = CliRunner().invoke(cli, ["run", "fit.yaml", "--output", "out"])
    line = "mass is cut off by the upper end of its prior, 3 GeV: its posterior depends on it."
    assert found.exit_code == 0, found.output
    assert f"note: {line}" in found.stdout.splitlines()
    assert line in json.loads((tmp_path / "out" / "evidence.json").read_text())["notes"]
    assert line in (tmp_path / "out" / "report.html").read_text()
    assert "note: " in CliRunner().invoke(cli, ["report", "out"]).stdout


@pytest.mark.usefixtures("toys", "no_report")
def test_a_parameter_without_information_is_named_otherwise(tmp_path):
    outcome = fit(runfile.load(written(tmp_path, text("{}", STATED))), tmp_path / "out")
    assert outcome.evidence["notes"] == [
        "mass is not constrained: its posterior is its prior, to within a factor of two."
    ]


@pytest.mark.usefixtures("toys", "no_report")
def test_nothing_is_said_of_the_prior_alone_nor_of_priors_without_an_end(tmp_path):
    alone = written(tmp_path, text("{}", ""))
    assert fit(runfile.load(alone), tmp_path / "alone").evidence["notes"] == []
    endless = written(tmp_path, text('{mass: 30, x: {normal: [0, 1]}, coupling: "0.5 + 0.01 * x"}', STATED))
    assert fit(runfile.load(endless), tmp_path / "endless").evidence["notes"] == []


def written(folder, content):
    path = folder / "fit.yaml"
    path.write_text(content)
    return path
