"""Comparison of runs: evidences by hand, priors against direct runs and integrals, refusals, and the page."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import re
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from globalfit import runfile
from globalfit.cli import cli
from globalfit.comparison import compare
from globalfit.comparison.figure import comparison_figure, default_names
from globalfit.comparison.page import write_comparison
from globalfit.comparison.scales import BARE, UNDECIDED, jeffreys, kass_raftery, twice_ln
from globalfit.comparison.sensitivity import REWEIGHTED, VANISHES, changes
from globalfit.comparison.table import COLUMNS, NOT_COMPUTABLE, REFERENCE
from globalfit.errors import ConfigurationError, OutputError, UnknownNameError
from globalfit.fitting.fit import fit
from globalfit.results import folder as names
from globalfit.results.result import Result
from globalfit.samplers.draws import CrossCheck
from tests.support.toy import unsealed

pytestmark = pytest.mark.usefixtures("toys", "no_report")


def run(tmp_path, name, options=None, **settings):
    chosen = {"model": "toy", "likelihoods": ["gauss"], "sampler": {"toy_sampler": options or {}}, **settings}
    return unsealed(fit(runfile.parse(chosen), tmp_path / name).folder)


def edited(folder, name, **changes):
    """A copy of a run with other numbers in its `evidence.json`."""
    copy = folder.parent / name
    shutil.copytree(folder, copy)
    record = json.loads((copy / "evidence.json").read_text())
    (copy / "evidence.json").write_text(json.dumps(record | changes))
    return copy


def rows(path):
    with path.open(encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        found = list(reader)
    return tuple(reader.fieldnames or ()), found


def command(*arguments):
    result = CliRunner().invoke(cli, ["compare", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_bayes_factors_by_hand(tmp_path):
    a = run(tmp_path, "a")
    check = CrossCheck("bridge sampling", -11.5, 0.1, "disagree", -3.6, "they lie 3.6 standard deviations apart")
    first = edited(
        a, "first", log_evidence=-13.0, log_evidence_error=0.4, information=3.5, cross_check=dataclasses.asdict(check)
    )
    numbers = {"log_evidence": -10.0, "log_evidence_error": 0.3, "best_log_likelihood": -1.25, "cross_check": None}
    second = edited(a, "second", **numbers)
    comparison = compare([first, second])
    assert comparison.best is comparison.rows[1]
    write_comparison(comparison, tmp_path / "out")
    names, table = rows(tmp_path / "out" / "comparison.csv")
    assert names == COLUMNS
    # ln Z = -13 ± 0.4 and -10 ± 0.3: ln B = 3 ± 0.5, divided by ln 10 = 2.302585
    assert (table[0]["log10_bayes_factor"], table[0]["log10_bayes_factor_error"]) == ("0.0", "0.0")
    assert float(table[1]["log10_bayes_factor"]) == pytest.approx(1.3028834)
    assert float(table[1]["log10_bayes_factor_error"]) == pytest.approx(0.2171472)
    assert [row["jeffreys"] for row in table] == [REFERENCE, "strong evidence for"]
    assert [row["run"] for row in table] == ["first", "second"]
    assert {row["model"] for row in table} == {"toy"}
    assert (table[0]["information_nats"], table[1]["max_log_likelihood"]) == ("3.5", "-1.25")
    assert {(row["converged"], row["method"]) for row in table} == {("true", "toy")}
    assert [row["verdict"] for row in table] == ["disagree", NOT_COMPUTABLE]
    assert [row["second_method"] for row in table] == ["bridge sampling", "none"]
    assert (table[0]["second_log_evidence"], table[1]["second_log_evidence"]) == ("-11.5", "")
    # the page and its record are relative to the best run
    record = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert record["best"] == "second"
    assert record["runs"][0]["bayes_factor"]["log10"] == pytest.approx(-1.3028834)
    assert record["runs"][0]["bayes_factor"]["twice_ln"] == pytest.approx(-6.0)
    assert record["runs"][0]["bayes_factor"]["kass_raftery"] == "positive evidence against"


@pytest.mark.parametrize(
    ("log10_b", "on_jeffreys", "on_kass_raftery"),
    [
        # Jeffreys (1961), Appendix B: steps of 1/2
        # Kass & Raftery (1995), Sec. 3.2: 2 ln B of 2, 6, 10 is log10 B of 0.434, 1.303, 2.171
        (0.40, BARE, BARE),
        (-0.45, BARE, "positive evidence against"),
        (0.70, "substantial evidence for", "positive evidence for"),
        (-1.20, "strong evidence against", "positive evidence against"),
        (1.40, "strong evidence for", "strong evidence for"),
        (1.90, "very strong evidence for", "strong evidence for"),
        (-2.10, "decisive evidence against", "strong evidence against"),
        (2.20, "decisive evidence for", "very strong evidence for"),
    ],
)
def test_words(log10_b, on_jeffreys, on_kass_raftery):
    assert jeffreys(log10_b) == on_jeffreys
    assert kass_raftery(log10_b) == on_kass_raftery
    assert twice_ln(1.0) == pytest.approx(4.605170)


@pytest.mark.parametrize("words", [jeffreys, kass_raftery])
def test_an_error_that_leaves_the_direction_open_leaves_no_words(words):
    assert words(-0.58, 8.57) == words(0.1, 0.6) == UNDECIDED
    assert words(-0.1, 0.2) == BARE
    assert words(-0.7, 0.6) == words(-0.7)


def test_a_nested_run_keeps_what_its_volumes_could_be(tmp_path, monkeypatch):
    live = 60
    nested = run(tmp_path, "nested", sampler={"real_dynesty": {"nlive": live, "walks": 5, "dlogz": 0.5}})
    found = Result.load(nested)
    counts = found.samples.weighted["live"]
    assert (counts[0], counts[-1], counts.max()) == (live, 1, live)
    assert found.other_weights.shape == (100, len(counts))
    np.testing.assert_allclose(found.other_weights.sum(axis=1), 1.0)
    # The errors of the prior sensitivity contain them.
    with_volumes = {change.parameter: change.error for change in changes(found) if change.width == "half"}
    monkeypatch.setattr(Result, "other_weights", None)
    without = {change.parameter: change.error for change in changes(found) if change.width == "half"}
    assert with_volumes.keys() == without.keys() == {"mass", "coupling"}
    assert with_volumes != without
    assert Result.load(run(tmp_path, "other")).other_weights is None


def test_runs_without_an_evidence(tmp_path):
    chains, nested = run(tmp_path, "chains", {"chains": True}), run(tmp_path, "nested")
    comparison = compare([chains, nested])
    write_comparison(comparison, tmp_path / "out")
    _, table = rows(tmp_path / "out" / "comparison.csv")
    assert [row["jeffreys"] for row in table] == [NOT_COMPUTABLE, NOT_COMPUTABLE]
    assert (table[0]["log_evidence"], table[1]["log10_bayes_factor"]) == ("", "")
    assert {change.run for change in comparison.changes} == {"nested"}
    assert f"{NOT_COMPUTABLE}: Importance sampling" in (tmp_path / "out" / "comparison.html").read_text()


def test_a_run_without_draws_is_listed(tmp_path):
    a = run(tmp_path, "a")
    climbed = edited(a, "climbed", log_evidence=None, log_evidence_error=None, information=None, method="none")
    (climbed / "posterior.nc").unlink()
    details = json.loads((climbed / "report.json").read_text())
    profile = {"parameters": [], "planes": [], "thresholds": {"68": [0.5, 1.15], "95": [1.92, 3.0]}}
    (climbed / "report.json").write_text(json.dumps(details | {"profile": profile}))
    comparison = compare([climbed, a])
    assert (comparison.rows[0].log_evidence, comparison.best) == (None, comparison.rows[1])
    write_comparison(comparison, tmp_path / "out")


def test_not_converged_is_said_first(tmp_path):
    bad, good = run(tmp_path, "bad", {"converges": False}), run(tmp_path, "good")
    good = edited(good, "better", log_evidence=-100.0)
    result = command(bad, good)
    assert result.exit_code == 3
    assert re.search(r"^bad .* NOT CONVERGED$", result.stdout, re.MULTILINE)
    # an evidence that did not converge is not the best one
    assert re.search(r"^better .* reference ", result.stdout, re.MULTILINE)
    text = (tmp_path / "comparison" / "comparison.html").read_text()
    assert (
        text.index("NOT CONVERGED. Do not use the numbers")
        < text.index("The toy check failed: 1, bound 2")
        < text.index("<h1>")
    )


# Mass of the toy with the coupling 0.5: the signal is mass/4 and measured as 10 ± 1.
CASES = [
    ({"uniform": [20.0, 60.0]}, 0.5),
    ({"log_uniform": [25.0, 64.0]}, 0.5),
    ({"truncated_normal": [44.0, 6.0, 20.0, 60.0]}, 0.5),
    ({"truncated_normal": [44.0, 6.0, 20.0, 60.0]}, 2.0),
]


def integral(prior, factor):
    """ln Z of the toy with a prior made `factor` times as wide, by the trapezoidal rule on 200,001 points."""
    ((kind, numbers),) = prior.items()
    low, high = numbers[-2:]
    if kind == "uniform":
        low, high = 0.5 * (low + high) + 0.5 * factor * np.array([low - high, high - low])
    if kind == "log_uniform":
        low, high = np.exp(0.5 * np.log(low * high) + 0.5 * factor * np.log([low / high, high / low]))
    mass = np.linspace(low, high, 200_001)
    density = {
        "uniform": np.ones_like(mass),
        "log_uniform": 1.0 / mass,
        "truncated_normal": np.exp(-0.5 * ((mass - numbers[0]) / (factor * numbers[1])) ** 2),
    }[kind]
    likelihood = np.exp(-0.5 * (mass / 4.0 - 10.0) ** 2)
    return math.log(np.trapezoid(likelihood * density, mass) / np.trapezoid(density, mass))


@pytest.mark.slow
@pytest.mark.parametrize(("prior", "factor"), CASES)
def test_another_width_against_an_integral(tmp_path, prior, factor):
    fixed = {"mass": prior, "coupling": 0.5}
    a = run(tmp_path, "a", {"points": 40_000}, parameters=fixed)
    b = edited(a, "b")
    change = next(
        one for one in compare([a, b]).changes if (one.run, one.width) == ("a", "half" if factor < 1.0 else "double")
    )
    assert (change.parameter, change.how) == ("mass", REWEIGHTED)
    expected = integral(prior, factor) - integral(prior, 1.0)
    assert 0.0 < change.error < 0.02
    assert change.shift == pytest.approx(expected, abs=4.0 * change.error)
    assert abs(expected) > 10.0 * change.error


def test_half_and_double_against_direct_runs(tmp_path):
    priors = {"once": [20.0, 60.0], "half": [30.0, 50.0], "double": [0.1, 79.9]}
    folders = {
        name: run(tmp_path, name, {"points": 40_000}, parameters={"mass": {"uniform": prior}, "coupling": 0.5})
        for name, prior in priors.items()
    }
    comparison = compare(list(folders.values()))
    evidence = {row.run: row.log_evidence for row in comparison.rows}
    changes = {one.width: one for one in comparison.changes if one.run == "once"}
    assert (changes["half"].how, changes["double"].how) == (REWEIGHTED, VANISHES)
    # 40,000 points of the prior: relative error of the toy's Z of 0.7 %, 0.4 % and 1 %
    assert evidence["half"] - evidence["once"] == pytest.approx(changes["half"].shift, abs=0.03)
    assert evidence["double"] - evidence["once"] == pytest.approx(changes["double"].shift, abs=0.04)
    assert changes["double"].shift == -math.log(2.0)


def test_different_data_are_refused(tmp_path):
    a = run(tmp_path, "a")
    other = run(tmp_path, "other", likelihoods=["new_gauss"])
    with pytest.raises(ConfigurationError, match=r"not on the same data.*only a has gauss; only other has new_gauss"):
        compare([a, other])
    inputs = run(tmp_path, "inputs", inputs={"m_z": 91.0})
    with pytest.raises(ConfigurationError, match=r"inputs\.m_z is 91\.188 in a and 91\.0 in inputs"):
        compare([a, inputs])
    text = (a / "run.yaml").read_text()
    (a / "run.yaml").write_text(text.replace("- gauss\n", "- gauss: {mode: x, halo: {v: 220}}\n"))
    options = edited(a, "options")
    (options / "run.yaml").write_text(text.replace("- gauss\n", "- gauss: {mode: y, halo: {v: 238}}\n"))
    with pytest.raises(ConfigurationError, match=r"gauss\.halo\.v is 220 in a and 238 in options; gauss\.mode is x in"):
        compare([a, options])
    (a / "run.yaml").write_text(text)
    data = edited(a, "data")
    provenance = json.loads((a / "provenance.json").read_text())
    (data / "provenance.json").write_text(json.dumps(provenance | {"data_sha256": {"limit": "1"}}))
    with pytest.raises(ConfigurationError, match="the table limit has another checksum"):
        compare([a, data])


def test_runs_with_damaged_files_are_refused(tmp_path):
    a = run(tmp_path, "a")
    b = edited(a, "b")
    for name, keys in (
        (names.EVIDENCE, ("converged", "method", "cross_check")),
        (names.DETAILS, ("model", "parameters")),
        (names.PROVENANCE, ("globalfit", "data_sha256")),
    ):
        whole = (b / name).read_text()
        for key in keys:
            document = json.loads(whole)
            assert key in document
            (b / name).write_text(json.dumps({other: x for other, x in document.items() if other != key}))
            with pytest.raises(OutputError, match=f"b/{name}: lacks {key}; was it changed"):
                compare([b, a])
        for damage, message in {
            "[]": "must be a mapping",
            "null": "must be a mapping",
            whole[:50]: "is not valid JSON",
        }.items():
            (b / name).write_text(damage)
            with pytest.raises(OutputError, match=f"b/{name}: {message}"):
                compare([b, a])
        (b / name).write_text(whole)
    draws = (b / "posterior.nc").read_bytes()
    (b / "posterior.nc").write_bytes(draws[: len(draws) // 2])
    with pytest.raises(OutputError, match=r"b/posterior\.nc: cannot be read as a result"):
        compare([b, a])


def test_what_can_be_compared(tmp_path):
    a = run(tmp_path, "a")
    with pytest.raises(ConfigurationError, match="at least two"):
        compare([a])
    with pytest.raises(ConfigurationError, match="given twice"):
        compare([a, tmp_path / "x" / ".." / "a"])
    with pytest.raises(OutputError, match="is not a folder of a run"):
        compare([a, tmp_path / "nowhere"])
    with pytest.raises(OutputError, match="is not the folder of a finished run"):
        compare([a, tmp_path / "priors"])
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OutputError, match="loop: is not a folder of a run"):
        compare([a, tmp_path / "loop"])
    b = edited(a, "b")
    with pytest.raises(OutputError, match="holds a run; choose another folder"):
        write_comparison(compare([a, b]), a)
    # folders of the same name are told apart
    (tmp_path / "deep").mkdir()
    shutil.copytree(a, tmp_path / "deep" / "a")
    assert [row.run for row in compare([a, tmp_path / "deep" / "a"]).rows] == [str(a), str(tmp_path / "deep" / "a")]


def test_command_writes_a_self_contained_page(tmp_path):
    a, b = run(tmp_path, "a"), run(tmp_path, "b", model={"toy": {"scale": 2.0}})
    result = command("a", "b", "--output", "out")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["run", "ln", "Z", "log10", "B", "Jeffreys", "best", "ln", "L"]
    assert lines[-1] == "comparison: out/comparison.html"
    page = (tmp_path / "out" / "comparison.html").read_text(encoding="utf-8")
    links = re.findall(r"(?:src|href)=\"([^\"]*)\"", page)
    assert links
    assert all(link.startswith("data:image/png;base64,") for link in links)
    assert "http" not in re.sub(r"data:image/png;base64,[^\"]*", "", page)
    for text in ("All on the same data: Gaussian toy experiment.", "log-uniform [1, 1000]", "Jeffreys", "Occam factor"):
        assert text in page
    held = {path.name for path in (tmp_path / "out").iterdir()}
    assert held == {"comparison.html", "comparison.csv", "comparison.json", "sensitivity.csv", "figures"}
    assert (tmp_path / "out" / "figures" / "comparison.png").read_bytes().startswith(b"\x89PNG")
    # Again: the same files.
    assert command(a, b, "--output", "out", "--show", "signal").exit_code == 0
    assert "did you mean 'signal'" in command(a, b, "--show", "sigmal").stderr


def test_figure_shows_what_runs_share(tmp_path):
    a = run(tmp_path, "a", {"points": 20_000})
    b = run(tmp_path, "b", {"points": 20_000}, parameters={"coupling": 0.5})
    c = run(tmp_path, "c", {"points": 20_000}, parameters={"coupling": {"uniform": [0.5, 0.8]}})
    runs = compare([a, b, c]).runs
    assert default_names(runs) == ["mass", "coupling"]
    assert default_names(runs[:2]) == ["mass"]
    figure = comparison_figure(runs)
    axes = np.array(figure.axes).reshape(2, 2)
    assert (axes[1, 0].get_xlabel(), axes[1, 0].get_ylabel()) == ("mass [GeV]", "coupling")
    # a fixed coupling has no density; the top of each of the others is at one
    assert [len(axes[i, i].lines) for i in (0, 1)] == [3, 2]
    assert all(np.max(line.get_ydata()) == pytest.approx(1.0) for line in axes[1, 1].lines)
    # run c knows nothing below 0.5
    density = axes[1, 1].lines[1]
    below = np.asarray(density.get_xdata()) < 0.4
    assert np.max(np.asarray(density.get_ydata())[below]) < 1e-6
    assert comparison_figure(runs, ["signal"]) is not None
    with pytest.raises(UnknownNameError, match="unknown quantity of these runs 'omega_h2'"):
        comparison_figure(runs, ["omega_h2"])
