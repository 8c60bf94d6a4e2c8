"""Planes from the run file to the figure: contours that are known, limits, gaps, and the axial model's gap."""

from __future__ import annotations

import csv
import json
from importlib.metadata import EntryPoint
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from click.testing import CliRunner

from globalfit import plugins, runfile
from globalfit.analysis.plane_files import write_curves
from globalfit.analysis.planes import evaluate_plane
from globalfit.build import built as build
from globalfit.cli import cli
from globalfit.errors import ConfigurationError, OutputError
from globalfit.fitting.fit import fit
from globalfit.physics.predictions import NO_WORDS, Prediction, Vocabulary
from globalfit.posterior.posterior import Posterior
from globalfit.progress import silent
from globalfit.report.plane import plane_figure
from globalfit.results.result import Result
from tests.support import toy

CELLS = 40


class Null(toy.Gauss):
    """signal = 0 +- 1."""

    @classmethod
    def build(cls, options, inputs):
        return cls("null", 0.0)


def relic(predictions):
    """0.12 on an ellipse around (1.5, 0.45) with half axes 1 and 0.3 in (log10 mass, coupling); more inside."""
    log_mass = jnp.log10(predictions.parameters["mass"])
    radius2 = (log_mass - 1.5) ** 2 + ((predictions.parameters["coupling"] - 0.45) / 0.3) ** 2
    return 0.12 * jnp.exp(1.0 - radius2)


@pytest.fixture
def _toys(toys, monkeypatch):
    registered = plugins.registered
    more = {
        "sampler": {"grid": EntryPoint("grid", "globalfit.samplers.grid:Grid", "globalfit.samplers")},
        "likelihood": {"null": EntryPoint("null", f"{__name__}:Null", "globalfit.likelihoods")},
    }
    monkeypatch.setattr(plugins, "registered", lambda kind: registered(kind) | more.get(kind, {}))
    word = Prediction("omega_h2", "", "relic density", toy.SOURCE, relic)
    monkeypatch.setattr(build, "core_vocabulary", lambda: NO_WORDS.extended((word,)))


@pytest.fixture
def folder(_toys, tmp_path):
    return fit(settings(), tmp_path / "out").folder


def settings(parameters=None, **options):
    grid = {"x": "mass", "y": "coupling", "points": CELLS, **options}
    return runfile.parse(
        {"model": "toy", "parameters": parameters or {}, "likelihoods": ["null"], "sampler": {"grid": grid}}
    )


def table(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def curve(folder, name, level):
    rows = [row for row in table(folder / "curves.csv") if (row["curve"], row["level"]) == (name, level)]
    return np.array([[float(row["mass"]), float(row["coupling"])] for row in rows])


def test_relic_contour_is_right_to_well_below_a_cell(folder):
    mass, coupling = curve(folder, "omega_h2", "0.12").T
    radius = np.hypot(np.log10(mass) - 1.5, (coupling - 0.45) / 0.3)
    assert len(radius) > 100
    # A cell is 0.075 in log10(mass) and 0.025 in the coupling, 0.08 of the radius.
    np.testing.assert_allclose(radius, 1.0, atol=2e-3)


@pytest.mark.parametrize(("level", "signal"), [("90", 1.2815516), ("95", 1.6448536)])
def test_limit(folder, level, signal):
    """Without a signal found, a signal of so many standard deviations is excluded."""
    mass, coupling = curve(folder, "null", level).T
    several = coupling > 0.15  # cells from zero; a cell is 17 % of the signal in the mass
    np.testing.assert_allclose((mass * coupling**2)[several], signal, rtol=7e-3)
    assert coupling.max() == pytest.approx(0.9, abs=3e-3)  # no solution above
    assert mass.max() == pytest.approx(1000.0)  # to the edge


@pytest.mark.usefixtures("toys")
def test_a_plane_that_is_no_sample_pretends_nothing(tmp_path):
    """A Gaussian that is far narrower than a cell."""
    likelihood = "gaussian: {prediction: coupling, mean: 0.42, sigma: 0.0001}"
    sampler = "real_grid: {x: mass, y: coupling, points: 20}"
    text = f"model: toy\nlikelihoods: [{likelihood}]\nsampler: {{{sampler}}}\n"
    (tmp_path / "plane.yaml").write_text(text)
    found = CliRunner().invoke(cli, ["run", "plane.yaml", "--output", "plane"])
    assert found.exit_code == 0, found.output
    assert found.stdout.startswith("a plane: every cell is computed by itself; there is no sample that could converge.")
    evidence = json.loads((tmp_path / "plane" / "evidence.json").read_text())
    assert [evidence[key] for key in ("converged", "effective_sample_size", "log_evidence")] == [None, None, None]
    assert evidence["notes"] == []
    assert {row["ess_bulk"] for row in table(tmp_path / "plane" / "summary.csv")} == {""}
    assert Result.load(tmp_path / "plane").converged is None
    assert "Result of Toy model in plane: a plane, no sample" in repr(Result.load(Path("plane")))


def test_table(folder):
    rows = table(folder / "plane.csv")
    assert list(rows[0]) == [
        *("mass", "coupling", "omega_h2", "signal", "loglike_null", "exclusion_null", "loglike", "status"),
    ]
    assert len(rows) == CELLS**2
    first, second, last = rows[0], rows[1], rows[-1]
    assert float(first["mass"]) == pytest.approx(10.0 ** (1.5 / CELLS))
    assert float(second["coupling"]) == float(first["coupling"]) == pytest.approx(0.5 / CELLS)
    assert (last["status"], last["loglike"], last["exclusion_null"]) == ("no_solution+outside_table", "-inf", "")
    for row in (rows[17 * CELLS + 5], rows[30 * CELLS + 33]):
        signal = float(row["mass"]) * float(row["coupling"]) ** 2
        assert float(row["signal"]) == pytest.approx(signal)
        assert float(row["loglike_null"]) == pytest.approx(-0.5 * signal**2)
        assert float(row["exclusion_null"]) == pytest.approx(signal)


def test_record_and_page(folder):
    plane = json.loads((folder / "report.json").read_text())["plane"]
    assert plane["x"].pop("high") == pytest.approx(1000.0)
    assert plane["x"] == {"name": "mass", "unit": "GeV", "logarithmic": True, "low": 1.0, "cells": CELLS}
    assert plane["without_solution"] == pytest.approx(0.1, abs=0.03)
    (gap,) = plane["gaps"]
    assert np.array(gap[0])[:, 1].min() == pytest.approx(0.9, abs=1e-3)
    rows = [row for row in table(folder / "plane.csv") if row["exclusion_null"]]
    excluded = np.mean([float(row["exclusion_null"]) > 1.6449 for row in rows]) * len(rows) / CELLS**2
    assert plane["experiments"][0]["excluded_95"] == pytest.approx(excluded)
    assert plane["not_excluded"] == pytest.approx(len(rows) / CELLS**2 - excluded)
    no_solution = next(row for row in plane["status"] if row["name"] == "no_solution")
    assert no_solution["fraction"] == pytest.approx(plane["without_solution"])
    text = (folder / "report.html").read_text()
    assert "Plane of mass and coupling" in text
    assert ("Status of the cells" in text) is ("too coarse for the posterior" in text)
    assert (folder / "figures" / "plane.pdf").stat().st_size > 10_000


def test_figure(folder):
    figure = plane_figure(Result.without_report(folder))
    axes = figure.axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")
    np.testing.assert_allclose([axes.get_xlim(), axes.get_ylim()], [(1.0, 1000.0), (0.0, 1.0)])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("mass [GeV]", "coupling")
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == [
        *(r"$\Omega h^2$ = 0.12", r"$\Omega h^2$ > 0.12", "null", "no solution for the masses", "allowed"),
    ]
    relic, excluded, gap = (patch.get_path() for patch in axes.patches)
    assert relic.contains_point((10.0**1.5, 0.45))
    assert not relic.contains_point((2.0, 0.45))
    assert excluded.contains_point((50.0, 0.5))
    assert not excluded.contains_point((5.0, 0.5))
    assert gap.contains_point((500.0, 0.95))
    assert not gap.contains_point((500.0, 0.89))
    (toy.unsealed(folder) / "plane.csv").write_text("mass,coupling\n1,two,3\n")
    with pytest.raises(OutputError, match=r"plane.csv: cannot be read as the table of a plane"):
        plane_figure(Result.without_report(folder))


@pytest.mark.usefixtures("_toys")
def test_axes_that_are_auxiliary_or_swapped(tmp_path):
    parameters = {"coupling": "sqrt(strength)", "strength": {"log_uniform": [1e-3, 0.5]}}
    folder = fit(settings(parameters, x="strength", y="mass", points=12), tmp_path / "out").folder
    rows = table(folder / "plane.csv")
    assert list(rows[0])[:3] == ["strength", "mass", "coupling"]
    for row in rows[:: len(rows) // 5]:
        assert float(row["coupling"]) == pytest.approx(np.sqrt(float(row["strength"])))
    assert rows[0]["mass"] == rows[11]["mass"] != rows[12]["mass"]
    axes = plane_figure(Result.without_report(folder)).axes[0]
    assert axes.get_xscale() == "log"
    assert axes.get_title() == "coupling = sqrt(strength)"


@pytest.mark.usefixtures("_toys")
def test_errors_come_before_anything_is_written(tmp_path):
    with pytest.raises(ConfigurationError, match="sampler: unknown free parameter for an axis of the plane 'coupling'"):
        fit(settings({"coupling": 0.1}), tmp_path / "out")
    with pytest.raises(ConfigurationError, match=r"sampler: .*give both x and y"):
        fit(settings(y="mass"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


# Edges of the range of m_chi in which the axial model has no relic density of 0.12 for m_AD = 3 m_chi, in GeV:
# own solver checked against micrOMEGAs 6, with its inputs.
@pytest.mark.slow
@pytest.mark.parametrize(("alpha_d", "low", "high"), [(0.5, 29.77, 30.99), (0.05, 28.35, 32.18), (0.005, 24.05, 34.91)])
def test_gap_of_the_axial_model(alpha_d, low, high, tmp_path):
    parameters = {
        "m_chi": {"uniform": [22.0, 37.0]},
        "epsilon": {"log_uniform": [0.01, 0.8]},
        "mass_ratio": 3.0,
        "alpha_d": alpha_d,
    }
    grid = {"x": "m_chi", "y": "epsilon", "points": {"m_chi": 40, "epsilon": 30}}
    run = {"model": "axial", "inputs": "micromegas6", "parameters": parameters, "sampler": {"grid": grid}}
    _, full, sampler = build.build(runfile.parse(run))
    words = Vocabulary({"omega_h2": full.vocabulary["omega_h2"]}, full.vocabulary.flags)
    posterior = Posterior(full.parameters, full.model, {}, words, full.inputs)
    plane = evaluate_plane(posterior, sampler.run(posterior, 1, silent).mesh, silent)
    write_curves(tmp_path / "curves.csv", posterior, plane)
    masses = np.array([float(row["m_chi"]) for row in table(tmp_path / "curves.csv")])
    assert masses[masses < 30.4].max() == pytest.approx(low, abs=0.3)
    assert masses[masses > 30.4].min() == pytest.approx(high, abs=0.3)
