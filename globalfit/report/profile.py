"""Figures of an optimiser: profile likelihoods of single parameters and of planes."""

from __future__ import annotations

import csv
import math

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from globalfit.errors import OutputError
from globalfit.report.figures import (
    BEST_COLOUR,
    PANELS_PER_ROW,
    POSTERIOR_COLOUR,
    REGION_COLOURS,
    figure_style,
    new_figure,
)
from globalfit.report.ticks import set_ticks
from globalfit.results import folder as names
from globalfit.results.labels import tex
from globalfit.results.records import altered
from globalfit.results.result import Result
from globalfit.results.schema import ParameterRecord, ProfileRecord

# Depth in ln L down to which a profile is drawn, and its margin on both sides as a part of the shown range.
SHOWN, MARGIN = 3.5, 0.06

Columns = dict[str, Float[np.ndarray, " node"]]


def profiles_figure(result: Result) -> Figure | None:
    """Profile of every parameter with its 68 % and 95 % intervals; None for a run without profiles."""
    record = result.details.get("profile")
    if not record or not record["parameters"]:
        return None
    table = read_profiles(result, record)
    columns = min(len(record["parameters"]), PANELS_PER_ROW)
    lines = math.ceil(len(record["parameters"]) / columns)
    with figure_style():
        figure = new_figure(3.0 * columns + 0.5, 2.8 * lines)
        for k, row in enumerate(record["parameters"]):
            axes = figure.add_subplot(lines, columns, k + 1)
            _draw_profile(axes, _parameter(result, row["name"]), record, table[row["name"]])
            if k % columns == 0:
                axes.set_ylabel(r"$\ln L_{\max} - \ln L$")
        figure.tight_layout()
    return figure


def profile_planes_figure(result: Result) -> Figure | None:
    """Regions of 68 % and 95 % confidence of every plane that was asked for."""
    record = result.details.get("profile")
    if not record or not record["planes"]:
        return None
    table = read_profiles(result, record)
    columns = min(len(record["planes"]), PANELS_PER_ROW - 1)
    lines = math.ceil(len(record["planes"]) / columns)
    with figure_style():
        figure = new_figure(4.2 * columns + 0.4, 3.7 * lines)
        for k, (x, y) in enumerate(record["planes"]):
            pair = _parameter(result, x), _parameter(result, y)
            _draw_plane(figure.add_subplot(lines, columns, k + 1), pair, record, table[f"{x} {y}"])
        figure.tight_layout()
    return figure


def read_profiles(result: Result, record: ProfileRecord) -> dict[str, Columns]:
    """Columns of `profile.csv` by profile. Raises `OutputError` if it cannot be read or is not that of the run."""
    path = result.folder / names.PROFILE
    groups: dict[str, list[dict[str, float]]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                groups.setdefault(row.pop("profile"), []).append({name: float(value) for name, value in row.items()})
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise OutputError(f"{path}: cannot be read as a table of profiles: {error}.") from error
    columns = {key: {name: np.array([row[name] for row in rows]) for name in rows[0]} for key, rows in groups.items()}
    profiles = [[row["name"]] for row in record["parameters"]] + record["planes"]
    for axes in profiles:
        found = columns.get(" ".join(axes), {})
        count = len(found.get("delta_log_likelihood", ()))
        if count < 2 or set(axes).difference(found) or (len(axes) == 2 and math.isqrt(count) ** 2 != count):
            raise altered(path, f"lacks the profile of {' and '.join(axes)}, or a part of it")
    return columns


def _draw_profile(axes: Axes, parameter: ParameterRecord, record: ProfileRecord, columns: Columns) -> None:
    x, delta = _coordinates(columns[parameter["name"]], parameter), columns["delta_log_likelihood"]
    bounds = _range(x, delta)
    curve = np.where(np.isfinite(delta), delta, 10.0 * SHOWN)
    for level, colour in zip(("95", "68"), reversed(REGION_COLOURS), strict=True):
        depth = record["thresholds"][level][0]
        axes.fill_between(x, curve, depth, where=curve <= depth, interpolate=True, color=colour, linewidth=0.0)
        axes.axhline(depth, color="#9a9a9a", linewidth=0.8, linestyle="--")
        axes.annotate(
            f"{level} %",
            (0.985, depth),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            fontsize=8.5,
            color="#666666",
        )
    axes.plot(x, curve, color=POSTERIOR_COLOUR, linewidth=1.5)
    axes.axvline(
        _coordinates(np.array([parameter["best_fit"]], dtype=float), parameter)[0], color=BEST_COLOUR, linestyle=":"
    )
    axes.set_xlim(*bounds)
    axes.set_ylim(0.0, SHOWN)
    set_ticks(axes.xaxis, bounds, parameter["logarithmic"])
    axes.set_xlabel(tex(parameter["name"], parameter["unit"]))


def _draw_plane(
    axes: Axes, pair: tuple[ParameterRecord, ParameterRecord], record: ProfileRecord, columns: Columns
) -> None:
    x, y = (_coordinates(columns[parameter["name"]], parameter) for parameter in pair)
    count = math.isqrt(len(x))
    shape = count, count
    delta = np.minimum(columns["delta_log_likelihood"], 10.0 * record["thresholds"]["95"][1]).reshape(shape)
    levels = [record["thresholds"][level][1] for level in ("68", "95")]
    # Contours of the distance in standard deviations: straight between nodes where the likelihood is Gaussian.
    field = np.sqrt(np.maximum(delta, 0.0))
    mesh = x.reshape(shape), y.reshape(shape)
    axes.contourf(*mesh, field, levels=[0.0, *np.sqrt(levels)], colors=REGION_COLOURS, alpha=0.8)
    axes.contour(*mesh, field, levels=np.sqrt(levels), colors=POSTERIOR_COLOUR, linewidths=1.0)
    best = [_coordinates(np.array([parameter["best_fit"]], dtype=float), parameter)[0] for parameter in pair]
    axes.plot(*best, "*", color=BEST_COLOUR, markersize=10, markeredgecolor="white")
    for axis, values, parameter in ((axes.xaxis, x, pair[0]), (axes.yaxis, y, pair[1])):
        set_ticks(axis, (float(values.min()), float(values.max())), parameter["logarithmic"])
    axes.set_xlabel(tex(pair[0]["name"], pair[0]["unit"]))
    axes.set_ylabel(tex(pair[1]["name"], pair[1]["unit"]))


def _parameter(result: Result, name: str) -> ParameterRecord:
    return next(parameter for parameter in result.parameters.values() if parameter["name"] == name)


def _coordinates(values: Float[np.ndarray, " value"], parameter: ParameterRecord) -> Float[np.ndarray, " value"]:
    """Values as they are drawn: log10 where the prior is logarithmic."""
    return np.log10(values) if parameter["logarithmic"] else values


def _range(x: Float[np.ndarray, " node"], delta: Float[np.ndarray, " node"]) -> tuple[float, float]:
    """The part of the axis in which the profile can be seen, with a margin inside the prior."""
    inside = np.flatnonzero(delta < SHOWN)
    low, high = x[max(inside[0] - 1, 0)], x[min(inside[-1] + 1, len(x) - 1)]
    margin = MARGIN * (high - low)
    return float(max(low - margin, x[0])), float(min(high + margin, x[-1]))
