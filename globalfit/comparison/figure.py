"""The figure of a comparison: the posteriors of several runs over each other in one corner plot."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from globalfit.errors import ConfigurationError, UnknownNameError
from globalfit.report.figures import LEVELS, figure_style, new_figure
from globalfit.report.ticks import set_ticks
from globalfit.results.labels import tex
from globalfit.results.result import Result

# Okabe & Ito's colours without yellow: distinct for every kind of colour vision.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
LINES = ("-", "--", "-.", (0, (1, 1.2)), (0, (5, 1, 1, 1, 1, 1)))
# Predictions that are shown where every run has them.
PREDICTIONS = ("omega_h2", "sigma_v_today_cm3_s")
MAX_QUANTITIES = 8
BINS = 48
# Fraction of the draws outside each end of an axis.
_TAIL = 0.005
# Ratio of the largest to the smallest value from which on a positive prediction is drawn in its logarithm.
_DECADES = 30.0


@dataclasses.dataclass(frozen=True)
class Quantity:
    """A parameter or prediction with the range of its axis (in log10 if `logarithmic`)."""

    name: str
    unit: str
    logarithmic: bool
    bounds: tuple[float, float]


def default_names(runs: Sequence[Result]) -> list[str]:
    """Parameters that at least two runs vary, then the chosen predictions that all runs have."""
    sampled = dict.fromkeys(name for run in runs for name in run.parameters)
    shared = [name for name in sampled if sum(varies(run, name) for run in runs) >= 2]
    predicted = [name for name in PREDICTIONS if runs and all(varies(run, name) for run in runs)]
    return (shared[: MAX_QUANTITIES - len(predicted)] + predicted) if runs else []


def comparison_figure(runs: Sequence[Result], names: Sequence[str] = ()) -> Figure | None:
    """Overlaid corner plot of the runs with draws: 68 % and 95 % regions, marginal densities on the diagonal.

    Shows `names`, or else the shared parameters and predictions; None if there is nothing to show. A run without a
    quantity is left out of its panels. Raises `UnknownNameError` for a name that no run has.
    """
    shown = [run for run in runs if run.shows_posterior]
    quantities = [_quantity(name, shown) for name in (names or default_names(shown))]
    if not quantities:
        return None
    size = len(quantities)
    with figure_style():
        figure = new_figure(1.9 * size + 1.3, 1.9 * size + 1.3)
        axes: Any = figure.subplots(size, size, squeeze=False)
        figure.subplots_adjust(left=0.13, bottom=0.13, right=0.98, top=0.98, wspace=0.09, hspace=0.09)
        for i, j in itertools.product(range(size), repeat=2):
            if i < j:
                axes[i, j].set_axis_off()
            elif i == j:
                _draw_marginals(axes[i, i], quantities[i], runs)
            else:
                _draw_regions(axes[i, j], quantities[j], quantities[i], runs)
        _draw_axes(axes, quantities)
        _legend(figure, axes, runs)
    return figure


def varies(run: Result, name: str) -> bool:
    """Whether the draws of a run have a quantity that is not the same in all of them."""
    if name not in run.samples.posterior:
        return False
    finite = _finite(run.samples.posterior[name])
    return len(finite) > 1 and float(np.ptp(finite)) > 0.0


def _quantity(name: str, runs: Sequence[Result]) -> Quantity:
    """Unit, scale and range from the runs that have it."""
    having = [run for run in runs if varies(run, name)]
    if not having:
        raise UnknownNameError("quantity of these runs", name, _known(runs))
    values = [_finite(_draws(run, name)) for run in having]
    parameters = [run.parameters[name] for run in having if name in run.parameters]
    low, high = min(x.min() for x in values), max(x.max() for x in values)
    logarithmic = any(row["logarithmic"] for row in parameters) or (not parameters and _wide(values))
    if logarithmic and low <= 0.0:
        raise ConfigurationError(f"{name}: cannot be shown as a logarithm, the draws reach {low:g}.")
    shown = [np.log10(x) if logarithmic else x for x in values]
    low, high = (pick(float(np.quantile(x, q)) for x in shown) for pick, q in ((min, _TAIL), (max, 1.0 - _TAIL)))
    margin = 0.06 * (high - low)
    ends = [(row["prior_curve"]["x"][0], row["prior_curve"]["x"][-1]) for row in parameters]
    if ends and len(parameters) == len(having):
        return Quantity(
            name,
            parameters[0]["unit"],
            logarithmic,
            (max(low - margin, min(end[0] for end in ends)), min(high + margin, max(end[1] for end in ends))),
        )
    return Quantity(name, _unit(name, having), logarithmic, (low - margin, high + margin))


def _known(runs: Iterable[Result]) -> set[str]:
    return {name for run in runs for name in run.samples.posterior if varies(run, name)}


def _unit(name: str, runs: Sequence[Result]) -> str:
    rows = [row for run in runs for row in (*run.details["parameters"], *run.details["predictions"])]
    return next((row["unit"] for row in rows if row["name"] == name), "")


def _wide(values: Sequence[Float[np.ndarray, " draw"]]) -> bool:
    """Whether the bulk of positive values spans more than an order of magnitude."""
    low, high = (pick(float(np.quantile(x, q)) for x in values) for pick, q in ((min, _TAIL), (max, 1.0 - _TAIL)))
    return min(x.min() for x in values) > 0.0 and high > _DECADES * low


def _draws(run: Result, name: str) -> Float[np.ndarray, " draw"]:
    return run.samples.posterior[name].ravel()


def _finite(values: Float[np.ndarray, " *draws"]) -> Float[np.ndarray, " draw"]:
    return values[np.isfinite(values)]


def _coordinates(run: Result, quantity: Quantity) -> Float[np.ndarray, " draw"]:
    x = _draws(run, quantity.name)
    if not quantity.logarithmic:
        return x
    positive = x > 0.0
    return np.where(positive, np.log10(np.where(positive, x, 1.0)), -np.inf)


def _smoothing(count: int, dimensions: int) -> float:
    """Width in bins that leaves about 14 % of noise: the kernel, (4 pi)^(d/2) width^d bins, holds fifty draws of a
    filled panel."""
    bins = 50.0 * BINS**dimensions / count
    return float(np.clip(bins ** (1.0 / dimensions) / math.sqrt(4.0 * math.pi), 1.0, 2.5))


def _draw_marginals(axes: Axes, quantity: Quantity, runs: Sequence[Result]) -> None:
    """Smoothed densities, the tops at the same height."""
    for index, run in enumerate(runs):
        if not (run.shows_posterior and varies(run, quantity.name)):
            continue
        x = _coordinates(run, quantity)
        counts, edges = np.histogram(x, BINS, quantity.bounds)
        smooth = gaussian_filter1d(counts.astype(float), _smoothing(len(x), 1), mode="reflect")
        middles = 0.5 * (edges[1:] + edges[:-1])
        density = smooth / max(smooth.max(), 1.0e-300)
        axes.plot(middles, density, color=_colour(index), linestyle=_line(index), linewidth=1.5)
        axes.fill_between(middles, density, color=_colour(index), alpha=0.08, linewidth=0.0)
    axes.set_ylim(0.0, 1.12)
    axes.set_xlim(*quantity.bounds)


def _draw_regions(axes: Axes, across: Quantity, up: Quantity, runs: Sequence[Result]) -> None:
    """Smallest regions that hold 68 % and 95 % of the posterior."""
    for index, run in enumerate(runs):
        if not (run.shows_posterior and varies(run, across.name) and varies(run, up.name)):
            continue
        x, y = _coordinates(run, across), _coordinates(run, up)
        counts, x_edges, y_edges = np.histogram2d(x, y, BINS, (across.bounds, up.bounds))
        field = gaussian_filter(counts, _smoothing(len(x), 2), mode="reflect")
        levels = [_level(field, level) for level in sorted(LEVELS, reverse=True)]
        if not 0.0 < levels[0] < levels[1] < field.max():
            continue
        grid = 0.5 * (x_edges[1:] + x_edges[:-1]), 0.5 * (y_edges[1:] + y_edges[:-1])
        colours = [to_rgba(_colour(index), alpha) for alpha in (0.14, 0.38)]
        axes.contourf(*grid, field.T, [*levels, 1.01 * field.max()], colors=colours)
        axes.contour(*grid, field.T, levels, colors=_colour(index), linestyles=[_line(index)], linewidths=(0.9, 1.4))
    axes.set_xlim(*across.bounds)
    axes.set_ylim(*up.bounds)


def _level(field: Float[np.ndarray, "x y"], share: float) -> float:
    """Height above which a field holds a share of its sum."""
    order = np.sort(field.ravel())[::-1]
    total = np.cumsum(order)
    return float(order[np.searchsorted(total, share * total[-1])])


def _draw_axes(axes: Any, quantities: Sequence[Quantity]) -> None:
    """Ticks in the units of the quantities, numbers and names only at the left and at the bottom."""
    last = len(quantities) - 1
    for j, i in itertools.combinations_with_replacement(range(last + 1), 2):
        panel, across, up = axes[i, j], quantities[j], quantities[i]
        set_ticks(panel.xaxis, across.bounds, across.logarithmic)
        panel.tick_params(axis="x", which="both", top=i != j, labelbottom=i == last, labelsize=10)
        if i == last:
            panel.set_xlabel(tex(across.name, across.unit), fontsize=12)
            panel.xaxis.set_label_coords(0.5, -0.2)
        if i == j:
            panel.set_yticks([])
            continue
        set_ticks(panel.yaxis, up.bounds, up.logarithmic)
        panel.tick_params(axis="y", which="both", right=True, labelleft=j == 0, labelsize=10)
        if j == 0:
            panel.set_ylabel(tex(up.name, up.unit), fontsize=12)
            panel.yaxis.set_label_coords(-0.28, 0.5)


def _legend(figure: Figure, axes: Any, runs: Sequence[Result]) -> None:
    handles = [
        Line2D([], [], color=_colour(index), linestyle=_line(index), linewidth=2.0, label=_label(run))
        for index, run in enumerate(runs)
        if run.shows_posterior
    ]
    box = axes[0, -1].get_position()
    if axes.shape[0] == 1:
        axes[0, 0].legend(handles=handles, frameon=False, fontsize=9)
        return
    figure.legend(
        handles=handles,
        loc="upper right",
        bbox_to_anchor=(box.x1, box.y1),
        frameon=False,
        fontsize=12,
        handlelength=2.6,
    )


def _label(run: Result) -> str:
    title = run.name if run.details["model"]["name"] == run.name else f"{run.name} ({run.details['model']['name']})"
    return f"{title}, NOT CONVERGED" if run.evidence["converged"] is False else title


def _colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def _line(index: int) -> Any:
    return LINES[index % len(LINES)]
