"""Intervals of profile likelihoods, and the files of an optimiser."""

from __future__ import annotations

import csv
import json
import math
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from globalfit import plugins, runfile
from globalfit.analysis.intervals import intervals, threshold
from globalfit.fitting.fit import fit
from tests.support import toy


def test_intervals_of_a_curve_in_pieces():
    x = np.linspace(0.0, 10.0, 101)
    delta = np.minimum(np.minimum((x - 1.0) ** 2, (x - 6.0) ** 2), 30.0)
    low, high = intervals(x, delta, 0.5)
    root = math.sqrt(0.5)
    assert low == (pytest.approx(1.0 - root), pytest.approx(1.0 + root), False, False)
    assert high == (pytest.approx(6.0 - root), pytest.approx(6.0 + root), False, False)
    (left, _) = intervals(x, delta, 1.21)
    assert (left.low, left.open_low) == (0.0, True)
    # chi-squared quantiles: Particle Data Group, Table 40.2.
    assert [2.0 * threshold("68", n) for n in (1, 2)] == pytest.approx([1.00, 2.30], abs=0.01)
    assert [2.0 * threshold("95", n) for n in (1, 2)] == pytest.approx([3.84, 5.99], abs=0.01)


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Output folder of the toy model: signal = mass * coupling^2 = 10 +- 1."""
    toy.register(monkeypatch, tmp_path)
    point = EntryPoint("optimize", "globalfit.samplers.optimize.optimize:Optimize", "globalfit.samplers")
    monkeypatch.setitem(plugins.registered("sampler"), "optimize", point)
    options = {"scan": 1024, "starts": 16, "planes": [["mass", "coupling"]], "plane_points": 12}
    settings = {"model": "toy", "likelihoods": ["gauss"], "sampler": {"optimize": options}}
    return fit(runfile.parse(settings), tmp_path / "out").folder


def test_output_folder(folder):
    held = {path.name for path in folder.iterdir()}
    assert "profile.csv" in held
    assert "posterior.nc" not in held
    evidence = json.loads((folder / "evidence.json").read_text())
    assert (evidence["log_evidence"], evidence["method"]) == (None, "none")
    assert evidence["best_log_likelihood"] == pytest.approx(0.0, abs=1e-5)
    with (folder / "summary.csv").open() as stream:
        rows = {row["parameter"]: row for row in csv.DictReader(stream)}
    assert float(rows["signal"]["best_fit"]) == pytest.approx(10.0, abs=0.01)
    # No solution for couplings above 0.9: masses of (10 - 1.96) / 0.9^2 = 9.93 and more, up to the prior's 1000.
    assert float(rows["mass"]["profile_95_low"]) == pytest.approx(8.04 / 0.81, rel=5e-3)
    assert float(rows["log10_mass"]["profile_95_low"]) == pytest.approx(math.log10(8.04 / 0.81), abs=3e-3)
    assert (rows["mass"]["open_95"], rows["mass"]["pieces_95"]) == ("high", "1")
    assert float(rows["coupling"]["profile_95_low"]) == pytest.approx(math.sqrt(8.04 / 1000.0), rel=5e-3)
    with (folder / "profile.csv").open() as stream:
        nodes = list(csv.DictReader(stream))
    assert {node["profile"] for node in nodes} == {"mass", "coupling", "mass coupling"}
    for node in nodes:
        signal = float(node["mass"]) * float(node["coupling"]) ** 2
        if float(node["coupling"]) < 0.9:
            assert float(node["log_likelihood"]) == pytest.approx(-0.5 * (signal - 10.0) ** 2, rel=1e-9, abs=1e-9)
    page = (folder / "report.html").read_text()
    assert "Profile likelihood" in page
    assert "No posterior draws" in page
    assert "Marginal posteriors" not in page
    assert {path.name for path in (folder / "figures").glob("*.png")} == {"profiles.png", "profile_planes.png"}
