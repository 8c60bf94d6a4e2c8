"""The figures of a run: the corner plot with its priors, and the predictions against what was measured.

Figures are made without pyplot's global state; a logarithmic parameter is drawn in log10 with ticks in its own units.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from globalfit.report.ticks import interval_text, set_ticks
from globalfit.results.labels import experiment, tex
from globalfit.results.marginals import weighted_quantiles
from globalfit.results.result import Result
from globalfit.results.schema import MeasurementRecord, ParameterRecord
from globalfit.storage.inference_data import arviz

POSTERIOR_COLOUR = "#1f4e79"
PRIOR_COLOUR = "#9a9a9a"
BEST_COLOUR = "#c8442b"
MEASURED_COLOUR = "#e0a526"
_STYLE: Any = {
    "font.family": "serif",
    "font.serif": ["STIXGeneral", "DejaVu Serif"],
    "mathtext.fontset": "stix",
    "font.size": 11.0,
    "axes.linewidth": 0.8,
    "xtick.direction": "in",
    "ytick.direction": "in",
}
BINS = 40
PANELS_PER_ROW = 4
LEVELS = (0.68, 0.95)
# Colours that corner gives to the two regions.
REGION_COLOURS = (POSTERIOR_COLOUR, "#b3c3d3")


@contextlib.contextmanager
def figure_style(**settings: Any) -> Iterator[None]:
    """Matplotlib with the settings of this program and none of the user's: a matplotlibrc that asks for LaTeX where
    there is none would fail after all sampling."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE | settings)
        yield


def corner_figure(result: Result, names: Sequence[str] = ()) -> Figure:
    """Corner plot of sampled parameters, all unless some are named: 68 % and 95 % regions, priors on the diagonal, the
    best fit as a star."""
    arviz()  # corner imports it, and only we know how
    import corner

    parameters = [result.parameters[name] for name in names or result.parameters]
    columns = [_coordinates(result, parameter) for parameter in parameters]
    weights = result.samples.points(parameters[0]["name"])[1]
    ranges = [_range(x, weights, parameter) for x, parameter in zip(columns, parameters, strict=True)]
    best = [_best(parameter) for parameter in parameters]
    size = len(parameters)
    # corner annotates this factor as an integer, but takes any number.
    factor: Any = _histogram_bins(weights) / BINS
    with figure_style(), warnings.catch_warnings():
        # A posterior of a few points has no 95 % contour; the histograms show it all the same.
        warnings.simplefilter("ignore")
        figure = new_figure(2.1 * size + 0.9, 2.1 * size + 0.9)
        corner.corner(
            np.column_stack(columns),
            weights=weights,
            bins=BINS,
            hist_bin_factor=factor,
            range=ranges,
            smooth=_smoothing(weights),
            levels=LEVELS,
            color=POSTERIOR_COLOUR,
            fill_contours=True,
            plot_datapoints=False,
            plot_density=False,
            fig=figure,
            labels=[tex(parameter["name"], parameter["unit"]) for parameter in parameters],
            hist_kwargs={"color": POSTERIOR_COLOUR, "linewidth": 1.4},
        )
        axes = np.array(figure.axes).reshape(size, size)
        for i, parameter in enumerate(parameters):
            _draw_diagonal(axes[i, i], parameter, columns[i], weights, ranges[i], best[i])
            for j in range(i):
                axes[i, j].plot(best[j], best[i], "*", color=BEST_COLOUR, markersize=9, markeredgecolor="white")
        _draw_axes(axes, parameters, ranges)
        _legend(figure, beside=size == 1)
    return figure


def predictions_figure(result: Result) -> Figure | None:
    """Posterior of the quantity behind each experiment that has one, with the measured value where there is one."""
    posterior = result.samples.posterior
    single = [
        (row["name"], row["measurements"][0]) for row in result.details["likelihoods"] if len(row["measurements"]) == 1
    ]
    rows = [(name, row, word) for name, row in single if (word := row["prediction"]) in posterior]
    if not rows:
        return None
    columns = min(len(rows), PANELS_PER_ROW)
    lines = math.ceil(len(rows) / columns)
    with figure_style():
        figure = new_figure(3.0 * columns + 0.4, 2.7 * lines)
        for k, (name, row, word) in enumerate(rows):
            axes = figure.add_subplot(lines, columns, k + 1)
            _draw_prediction(axes, name, row, posterior[word].ravel())
            axes.set_xlabel(tex(word, row["unit"]))
        figure.tight_layout()
    return figure


def _draw_axes(axes: Any, parameters: Sequence[ParameterRecord], ranges: Sequence[tuple[float, float]]) -> None:
    """Ticks in the parameters' own units; numbers and names only at the left and at the bottom."""
    last = len(parameters) - 1
    for j, i in itertools.combinations_with_replacement(range(last + 1), 2):
        panel = axes[i, j]
        set_ticks(panel.xaxis, ranges[j], parameters[j]["logarithmic"])
        panel.tick_params(axis="x", labelrotation=0, labelbottom=i == last, labelsize=10)
        panel.xaxis.set_label_coords(0.5, -0.17)
        if i == j:
            continue
        set_ticks(panel.yaxis, ranges[i], parameters[i]["logarithmic"])
        panel.tick_params(axis="y", labelrotation=0, labelleft=j == 0, labelsize=10)
        panel.yaxis.set_label_coords(-0.27, 0.5)


def _draw_diagonal(
    axes: Axes,
    parameter: ParameterRecord,
    x: Float[np.ndarray, " point"],
    weights: Float[np.ndarray, " point"],
    bounds: tuple[float, float],
    best: float,
) -> None:
    """Prior, best fit and the 68 % interval over the histogram."""
    curve = parameter["prior_curve"]
    bins = _histogram_bins(weights)
    width = (bounds[1] - bounds[0]) / bins
    inside = float(np.sum(weights[(x >= bounds[0]) & (x <= bounds[1])]))
    axes.plot(
        curve["x"], np.array(curve["density"]) * width * inside, color=PRIOR_COLOUR, linestyle="--", linewidth=1.2
    )
    axes.axvline(best, color=BEST_COLOUR, linewidth=1.0, linestyle=":")
    low, middle, high = weighted_quantiles(x, weights, (0.16, 0.5, 0.84))
    axes.axvspan(low, high, color=POSTERIOR_COLOUR, alpha=0.12, linewidth=0.0)
    text = (
        f"{tex(parameter['name'])} = {interval_text(low, middle, high, parameter['logarithmic'])} {parameter['unit']}"
    )
    axes.set_title(text.strip(), fontsize=10.5, pad=7)
    top = max(np.histogram(x, bins, bounds, weights=weights)[0].max(), max(curve["density"]) * width * inside)
    axes.set_ylim(0.0, 1.15 * top)


def _draw_prediction(axes: Axes, name: str, row: MeasurementRecord, x: Float[np.ndarray, " point"]) -> None:
    """Histogram, in log10 where the values spread that far; how many of them are zero is then said."""
    finite = x[np.isfinite(x)]
    positive = finite[finite > 0.0]
    logarithmic = bool(len(positive) > 1 and finite.min() >= 0.0 and positive.max() > 30.0 * positive.min())
    shown = np.log10(positive) if logarithmic else finite
    if len(shown):
        low, high = np.quantile(shown, (0.002, 0.998))
        pad = 0.08 * (high - low) or 0.1 * max(abs(high), 1e-3)
        bounds = float(low - pad), float(high + pad)
        axes.hist(shown, bins=BINS, range=bounds, color=POSTERIOR_COLOUR, alpha=0.85, density=True)
        axes.set_xlim(*bounds)
        set_ticks(axes.xaxis, bounds, logarithmic)
    if logarithmic and len(positive) < len(finite):
        zero = f"{100.0 * (1.0 - len(positive) / len(finite)):.2g} % are 0"
        axes.text(0.04, 0.95, zero, transform=axes.transAxes, va="top", fontsize=9)
    if row["central"] is not None and row["sigma"] is not None and not logarithmic:
        low, high = row["central"] - row["sigma"], row["central"] + row["sigma"]
        axes.axvspan(low, high, color=MEASURED_COLOUR, alpha=0.45, linewidth=0.0, label="measured")
        axes.legend(frameon=False, fontsize=9)
    axes.set_yticks([])
    axes.set_title(experiment(name), fontsize=10.5)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, size in inches, outside pyplot."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def _legend(figure: Figure, beside: bool) -> None:
    """In the empty corner, or beside the only panel."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        *(
            Patch(facecolor=colour, label=f"{100.0 * level:.0f} % of the posterior")
            for colour, level in zip(REGION_COLOURS, LEVELS, strict=True)
        ),
        Line2D([], [], color=PRIOR_COLOUR, linestyle="--", label="prior"),
        Line2D([], [], color=BEST_COLOUR, marker="*", linestyle=":", label="best fit"),
    ]
    place: Any = {"loc": "upper left", "bbox_to_anchor": (1.0, 0.97)} if beside else {"loc": "upper right"}
    figure.legend(handles=handles, **{"bbox_to_anchor": (0.97, 0.97), **place}, frameon=False, fontsize=11)


def _effective(weights: Float[np.ndarray, " point"]) -> float:
    return float(np.sum(weights) ** 2 / np.sum(weights**2))


def _histogram_bins(weights: Float[np.ndarray, " point"]) -> int:
    """Bins of the diagonal: as many as points in each, between 12 and `BINS`."""
    return int(np.clip(math.sqrt(_effective(weights)), 12, BINS))


def _smoothing(weights: Float[np.ndarray, " point"]) -> float:
    """Width in bins that leaves about 10 % of noise in a region: 4 pi width^2 bins hold a hundred effective points."""
    return float(np.clip(math.sqrt(100.0 * BINS**2 / (4.0 * math.pi * _effective(weights))), 0.7, 2.0))


def _coordinates(result: Result, parameter: ParameterRecord) -> Float[np.ndarray, " point"]:
    x, _ = result.samples.points(parameter["name"])
    return np.log10(x) if parameter["logarithmic"] else x


def _best(parameter: ParameterRecord) -> float:
    value = np.array(parameter["best_fit"], dtype=float)
    return float(np.log10(value) if parameter["logarithmic"] else value)


def _range(
    x: Float[np.ndarray, " point"], weights: Float[np.ndarray, " point"], parameter: ParameterRecord
) -> tuple[float, float]:
    """The prior's range where the posterior fills a good part of it, else the posterior's with a margin."""
    curve = parameter["prior_curve"]["x"]
    low, high = weighted_quantiles(x, weights, (0.001, 0.999))
    if high - low > 0.3 * (curve[-1] - curve[0]):
        return curve[0], curve[-1]
    margin = 0.15 * (high - low) or 0.01 * (curve[-1] - curve[0])
    return max(low - margin, curve[0]), min(high + margin, curve[-1])
