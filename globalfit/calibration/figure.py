"""The figures of a calibration: histograms of the ranks, and their distribution against the uniform one."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.stats import binom

from globalfit.calibration.result import Calibration, Quantity
from globalfit.calibration.trial import LOG_LIKELIHOOD
from globalfit.report.figures import BEST_COLOUR, PANELS_PER_ROW, POSTERIOR_COLOUR, figure_style, new_figure
from globalfit.results.labels import tex

BAND_COLOUR = "#d9d9d9"
# Probability that a bin of uniform ranks lies in its band, each by itself.
PER_BIN = 0.99


def calibration_figures(calibration: Calibration) -> dict[str, Figure]:
    """Both figures by name, with a panel for each quantity."""
    return {
        "ranks": _panels(calibration, "ranks per bin", _draw_histogram),
        "distribution": _panels(calibration, "distribution minus uniform", _draw_distribution),
    }


def _panels(calibration: Calibration, label: str, draw: Callable[[Axes, Quantity, int], None]) -> Figure:
    quantities = calibration.quantities
    columns = min(len(quantities), PANELS_PER_ROW)
    lines = math.ceil(len(quantities) / columns)
    with figure_style():
        figure = new_figure(3.0 * columns + 0.5, 2.6 * lines)
        for k, item in enumerate(quantities):
            axes = figure.add_subplot(lines, columns, k + 1)
            draw(axes, item, calibration.size)
            name = r"$\ln\,L$" if item.name == LOG_LIKELIHOOD else tex(item.name)
            axes.set_title(
                name if item.uniform else f"{name}: not uniform", color="black" if item.uniform else BEST_COLOUR
            )
            axes.set_xlim(0.0, 1.0)
            axes.set_xticks([0.0, 0.5, 1.0])
            if k // columns == lines - 1:
                axes.set_xlabel("rank of the truth")
            if k % columns == 0:
                axes.set_ylabel(label)
        figure.tight_layout()
    return figure


def _draw_histogram(axes: Axes, item: Quantity, size: int) -> None:
    del size
    edges = np.concatenate([[0.0], np.cumsum(item.bins.probability)])
    low, high = binom.interval(PER_BIN, len(item.ranks), item.bins.probability)
    axes.stairs(high, edges, baseline=low, fill=True, color=BAND_COLOUR)
    axes.stairs(item.bins.expected, edges, color="#9a9a9a", linestyle="--", linewidth=0.9)
    axes.stairs(item.bins.found, edges, color=POSTERIOR_COLOUR, linewidth=1.4)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_ylim(0.0, 1.1 * max(float(np.max(high)), float(np.max(item.bins.found))))


def _draw_distribution(axes: Axes, item: Quantity, size: int) -> None:
    count, uniform = len(item.ranks), np.arange(1, size + 2) / (size + 1)
    found, low, high = (bound / count - uniform for bound in (item.band.found, item.band.low, item.band.high))
    axes.fill_between(uniform, low, high, color=BAND_COLOUR, linewidth=0.0)
    axes.axhline(0.0, color="#9a9a9a", linestyle="--", linewidth=0.9)
    axes.plot(uniform, found, color=POSTERIOR_COLOUR, linewidth=1.3)
