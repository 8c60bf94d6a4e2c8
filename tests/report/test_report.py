"""The report: self-contained, verdict first, every section filled; the figures show what they should."""

from __future__ import annotations

import dataclasses
import html.parser
import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from globalfit import runfile
from globalfit.errors import OutputError
from globalfit.fitting.fit import fit
from globalfit.report import make_report
from globalfit.report.figures import corner_figure, predictions_figure
from globalfit.report.ticks import set_ticks
from globalfit.results.labels import experiment, html_symbol, number, tex, unit_symbol
from globalfit.results.result import Result
from tests.support.toy import unsealed

pytestmark = pytest.mark.usefixtures("toys")


def run(tmp_path, likelihoods=("gauss",), **options):
    settings = {"model": "toy", "likelihoods": list(likelihoods), "sampler": {"toy_sampler": options}}
    return fit(runfile.parse(settings), tmp_path / "out").folder


class Structure(html.parser.HTMLParser):
    """Tags that are open, and everything a page points to."""

    def __init__(self):
        super().__init__()
        self.open, self.links, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def page(folder):
    structure = Structure()
    structure.feed((folder / "report.html").read_text(encoding="utf-8"))
    assert structure.open == []
    return structure, re.sub(r"\s+", " ", " ".join(structure.text))


def test_figures_have_no_settings_of_the_user(tmp_path):
    with mpl.rc_context({"text.usetex": True, "text.latex.preamble": r"\usepackage{nobody}", "savefig.dpi": 7.0}):
        page(run(tmp_path))
        assert mpl.rcParams["text.usetex"]


def test_page_is_complete_and_self_contained(tmp_path):
    structure, text = page(run(tmp_path))
    assert structure.links
    assert all(link.startswith("data:image/png;base64,") for link in structure.links)
    assert text.index("Converged.") < text.index("Toy model Posterior from Gaussian toy experiment")
    for section in ("Posterior", "Experiments at the best fit", "Every prediction at the best fit", "Evidence"):
        assert section in text
    for section in ("Marginal posteriors", "Convergence", "What to cite", "Settings", "Provenance"):
        assert section in text
    assert "signal = 10 ± 1 GeV" in text
    assert "Collaboration, Journal 2 (2001) 2" in text
    assert "mass times coupling squared" in text
    assert "log_uniform: [1.0, 1000.0]" in text


def test_failed_run_says_so_first(tmp_path):
    _, text = page(run(tmp_path, converges=False))
    assert text.strip().startswith("NOT CONVERGED: Toy model")
    body = text.split("NOT CONVERGED: Toy model")[1].strip()
    assert body.startswith("NOT CONVERGED. Do not use these numbers. The toy check failed: 1, bound 2")


def test_run_without_likelihoods(tmp_path):
    _, text = page(run(tmp_path, likelihoods=(), chains=True))
    assert "The prior alone" in text
    assert "(bridge sampling)" in text
    assert "a second one was not computable: the sampler gives no evidence of its own" in text


def test_run_without_evidence(tmp_path):
    _, text = page(run(tmp_path, chains=True))
    assert "This sampler gives no evidence; nested sampling does. Bridge sampling on its draws does not either" in text
    assert "second method" not in text


def test_second_evidence(tmp_path):
    _, text = page(run(tmp_path, points=20_000))
    assert "second method agrees" in text
    assert "The two methods agree : ln Z differs by" in text


def test_corner_shows_posterior_prior_and_best_fit(tmp_path):
    result = Result.load(run(tmp_path, points=20_000))
    figure = corner_figure(result)
    axes = np.array(figure.axes).reshape(2, 2)
    labels = axes[1, 0].get_xlabel(), axes[1, 0].get_ylabel(), axes[1, 1].get_xlabel()
    assert labels == ("mass [GeV]", "coupling", "coupling")
    diagonal = axes[0, 0]
    prior = next(line for line in diagonal.lines if line.get_linestyle() == "--")
    # A log-uniform prior is flat in log10: one over the number of bins (the root of the effective sample size).
    bins = int(np.sqrt(result.evidence["effective_sample_size"]))
    np.testing.assert_allclose(prior.get_ydata(), 1.0 / bins, rtol=1e-3)
    np.testing.assert_allclose(np.asarray(prior.get_xdata())[[0, -1]], [0.0, 3.0], atol=1e-12)
    star = next(line for line in axes[1, 0].lines if line.get_marker() == "*")
    best = {row["name"]: row["best_fit"] for row in result.parameters.values()}
    assert star.get_xdata()[0] == pytest.approx(np.log10(best["mass"]))
    assert star.get_ydata()[0] == pytest.approx(best["coupling"])
    ticks = [tick.get_text() for tick in axes[1, 0].get_xticklabels()]
    assert ticks == ["$10^{1}$", "$10^{2}$"]
    assert predictions_figure(result) is not None


@pytest.mark.parametrize("width", [1e-6, 1e-3, 0.03, 0.5, 3.0, 5.1, 100.0])
@pytest.mark.parametrize("low", [1.3e-7, 38.9, 5.7e3])
def test_a_logarithmic_axis_has_two_ticks_at_least_whatever_its_width(low, width):
    axes = plt.figure().add_subplot()
    bounds = np.log10(low), np.log10(low * (1.0 + width))
    set_ticks(axes.xaxis, bounds, True)
    labels = [tick.get_text() for tick in axes.get_xticklabels()]
    places = axes.xaxis.get_major_locator()()
    plt.close("all")
    assert len(set(labels)) == len(labels) >= 2
    assert np.all((places > bounds[0]) & (places < bounds[1]))


def test_prediction_that_is_mostly_zero_is_shown_by_the_rest(tmp_path):
    result = Result.load(run(tmp_path))
    signal = np.where(np.arange(1000) % 4 == 0, 10.0 ** np.linspace(-40.0, -30.0, 1000), 0.0)
    posterior = result.samples.posterior | {"signal": signal[None]}
    result = dataclasses.replace(result, samples=result.samples._replace(posterior=posterior))
    (axes,) = predictions_figure(result).axes
    assert [text.get_text() for text in axes.texts] == ["75 % are 0"]
    assert axes.get_xlim() == pytest.approx((-40.8, -29.2), abs=0.1)
    assert max(bar.get_height() for bar in axes.patches) < 2.0 / 10.0


def test_report_again_leaves_no_global_state(tmp_path):
    folder = run(tmp_path)
    before = dict(plt.rcParams)
    make_report(folder)
    assert plt.get_fignums() == []
    assert dict(plt.rcParams) == before


def test_folder_that_lacks_a_file(tmp_path):
    folder = unsealed(run(tmp_path))
    details, summary = (folder / "report.json").read_text(), (folder / "summary.csv").read_text()
    (folder / "report.json").unlink()
    with pytest.raises(OutputError, match=r"report.json: cannot be read: No such file"):
        make_report(folder)
    (folder / "report.json").write_text("{")
    with pytest.raises(OutputError, match=r"report.json: is not valid JSON"):
        make_report(folder)
    (folder / "report.json").write_text(details)
    for part in (0, len(summary) // 2, summary.rindex("\n", 0, -1) + 1, len(summary) - 1):
        (folder / "summary.csv").write_text(summary[:part])
        with pytest.raises(OutputError, match=r"summary.csv: is cut off"):
            make_report(folder)
    (folder / "report.json").write_text("{}")
    with pytest.raises(OutputError, match=r"report.json: lacks model, sampler"):
        make_report(folder)
    (folder / "summary.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(OutputError, match=r"summary.csv is not what a run writes"):
        make_report(folder)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.12, "0.1200"),
        (-3.14159, "&minus;3.142"),
        (12345.678, "12346"),
        (2.5e-7, "2.500 &times; 10<sup>&minus;7</sup>"),
        (9.99996, "10.00"),
        (1e9, "1.000 &times; 10<sup>9</sup>"),
        (0.0, "0"),
        (float("-inf"), "&minus;&infin;"),
        (float("nan"), "&ndash;"),
        (None, "&ndash;"),
    ],
)
def test_numbers(value, text):
    assert number(value) == text


def test_labels():
    assert tex("m_chi", "GeV") == r"$m_\chi$ [GeV]"
    assert tex("events_lz_2024") == "events in LZ 2024"
    assert html_symbol("log10_epsilon") == "log<sub>10</sub> &epsilon;"
    assert html_symbol("unknown") == ""
    assert unit_symbol("cm^3/s") == "cm<sup>3</sup>/s"
    assert unit_symbol("1") == ""
    assert experiment("pandax4t_2021") == "PandaX-4T 2021"
