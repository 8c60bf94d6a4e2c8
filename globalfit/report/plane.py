"""The figure of a plane: the measured relic density, what each experiment excludes, and where there is no solution."""

from __future__ import annotations

import csv
import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path as Outline
from matplotlib.ticker import AutoMinorLocator, FuncFormatter, LogLocator, NullFormatter

from globalfit.analysis.contours import Axis, Curve, Field, plane_lines, plane_regions
from globalfit.analysis.plane_files import EXCLUSION
from globalfit.analysis.planes import RELIC
from globalfit.errors import OutputError
from globalfit.experiment.exclusion import LEVELS
from globalfit.report.figures import figure_style, new_figure
from globalfit.results import folder as names
from globalfit.results.labels import experiment, tex
from globalfit.results.records import altered
from globalfit.results.result import Result
from globalfit.results.schema import AxisRecord, PlaneRecord

RELIC_COLOUR, OVERPRODUCED_COLOUR, GAP_COLOUR = "#1f3a5f", "#d5dfec", "#8c8c8c"
# Characters of an expression that a title has room for.
_SHORT = 16
COLOURS = (
    *("#c8442b", "#2f8f5b", "#8a5a9e", "#d98e04", "#2a9db5", "#b0417f", "#7d5a3c"),
    *("#6b8e23", "#e0703a", "#5566c4", "#444444", "#a89a2a", "#d28fb4", "#3c6e71"),
)


def plane_figure(result: Result) -> Figure | None:
    """The figure; None for a run that is no plane. The 95 % regions are filled and end in full lines, those of 90 % in
    dashed ones; what is left white is allowed."""
    record = result.details.get("plane")
    if record is None:
        return None
    fields = _fields_of(record, result.folder / names.PLANE)
    x, y = (_axis(record[key], fields[record[key]["name"]], vertical) for vertical, key in enumerate("xy"))
    shape = len(y.values), len(x.values)
    with figure_style(**{"hatch.linewidth": 0.5}):
        figure = new_figure(8.4, 5.2)
        axes = figure.add_axes((0.1, 0.12, 0.565, 0.79))
        handles: list[Patch | Line2D] = []
        if record["omega_h2"] is not None:
            omega = np.log(fields[RELIC].reshape(shape))
            handles += _draw_relic(axes, x, y, omega, record["omega_h2"])
        shown = {
            item["name"]: fields[EXCLUSION + item["name"]].reshape(shape)
            for item in record["experiments"]
            if item["excluded_90"] > 0.0 and not (item["relic"] and record["omega_h2"] is not None)
        }
        for (name, field), colour in zip(shown.items(), itertools.cycle(COLOURS), strict=False):
            handles.append(
                _draw_exclusion(axes, x, y, field, name, colour, float(np.clip(0.8 / len(shown), 0.1, 0.22)))
            )
        handles += _draw_gaps(axes, record["gaps"])
        handles.append(Patch(facecolor="white", edgecolor="black", linewidth=0.6, label="allowed"))
        axes.set(
            xscale="log" if x.logarithmic else "linear",
            yscale="log" if y.logarithmic else "linear",
            xlim=(x.low, x.high),
            ylim=(y.low, y.high),
            xlabel=tex(x.name, record["x"]["unit"]),
            ylabel=tex(y.name, record["y"]["unit"]),
        )
        _scale(axes.xaxis, x)
        _scale(axes.yaxis, y)
        axes.set_title(_fixed(result), fontsize=10.5)
        figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.675, 0.925), frameon=False, fontsize=10)
        figure.text(0.682, 0.12, "regions: 95 % CL (full line)\ndashed lines: 90 % CL", fontsize=9, color="#555555")
    return figure


def read_fields(path: Path) -> dict[str, Float[np.ndarray, " cell"]]:
    """Columns of numbers of `plane.csv`, NaN for empty cells. Raises `OutputError` if it cannot be read."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            header, *rows = csv.reader(stream)
        numbers = np.array([[float(cell) if cell else np.nan for cell in row[:-1]] for row in rows])
        return dict(zip(header[:-1], numbers.T, strict=True))
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: cannot be read as the table of a plane: {error}.") from error


def _fields_of(record: PlaneRecord, path: Path) -> dict[str, Float[np.ndarray, " cell"]]:
    """Columns of the table of this plane. Raises `OutputError` if it is that of another one."""
    fields = read_fields(path)
    needed = [record["x"]["name"], record["y"]["name"], *(EXCLUSION + row["name"] for row in record["experiments"])]
    needed += [] if record["omega_h2"] is None else [RELIC]
    cells = record["x"]["cells"] * record["y"]["cells"]
    if fault := next((name for name in needed if len(fields.get(name, ())) != cells), ""):
        raise altered(path, f"has no {cells} numbers of {fault}, as the plane of this run has")
    return fields


def _axis(record: AxisRecord, cells: Float[np.ndarray, " cell"], vertical: int) -> Axis:
    """Axis of the plane; the table goes along x first."""
    count = record["cells"]
    values = cells[:: len(cells) // count] if vertical else cells[:count]
    return Axis(record["name"], record["logarithmic"], values, record["low"], record["high"])


def _draw_relic(axes: Axes, x: Axis, y: Axis, log_omega: Field, measured: float) -> list[Patch | Line2D]:
    """Too much dark matter shaded; the contour itself as a line."""
    level = float(np.log(measured))
    _fill(axes, plane_regions(x, y, log_omega, level), facecolor=OVERPRODUCED_COLOUR, linewidth=0.0, zorder=1)
    lines = plane_lines(x, y, log_omega, level)
    for line in lines:
        axes.plot(*line.T, color=RELIC_COLOUR, linewidth=2.0, zorder=4)
    symbol = tex(RELIC)
    handles: list[Patch | Line2D] = []
    if lines:
        handles.append(Line2D([], [], color=RELIC_COLOUR, linewidth=2.0, label=f"{symbol} = {measured:g}"))
    return [*handles, Patch(facecolor=OVERPRODUCED_COLOUR, label=f"{symbol} > {measured:g}")]


def _draw_exclusion(axes: Axes, x: Axis, y: Axis, field: Field, name: str, colour: str, opacity: float) -> Patch:
    """One colour for each experiment; the more of them, the lighter, since their regions overlap."""
    face = (*to_rgb(colour), opacity)
    _fill(axes, plane_regions(x, y, field, LEVELS[95]), facecolor=face, linewidth=0.0, zorder=2)
    for cl, dashes in ((90, (0, (4, 2))), (95, "-")):
        for line in plane_lines(x, y, field, LEVELS[cl]):
            axes.plot(*line.T, color=colour, linewidth=1.0 if cl == 90 else 1.4, linestyle=dashes, zorder=3)
    return Patch(facecolor=face, edgecolor=colour, linewidth=1.4, label=experiment(name))


def _draw_gaps(axes: Axes, gaps: list[list[list[list[float]]]]) -> list[Patch]:
    """Regions without a solution cover whatever was continued into them."""
    if not gaps:
        return []
    polygons = [[np.array(ring) for ring in polygon] for polygon in gaps]
    style: dict[str, Any] = {"facecolor": "white", "edgecolor": GAP_COLOUR, "hatch": "////", "linewidth": 0.8}
    _fill(axes, polygons, zorder=5, **style)
    return [Patch(label="no solution for the masses", **style)]


def _fill(axes: Axes, polygons: list[list[Curve]], **style: Any) -> None:
    for polygon in polygons:
        rings = [Outline(ring, closed=True) for ring in polygon]
        axes.add_patch(PathPatch(Outline.make_compound_path(*rings), **style))


def _scale(axis: Any, values: Axis) -> None:
    """Ticks on both sides; a logarithmic axis of less than a decade has plain numbers at its minor ticks too."""
    axis.set_ticks_position("both")
    if not values.logarithmic:
        axis.set_minor_locator(AutoMinorLocator())
    elif values.high > 10.0 * values.low:
        axis.set_minor_locator(LogLocator(subs=tuple(range(2, 10)), numticks=99))
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.set_minor_locator(LogLocator(subs=(2, 3, 4, 5, 6, 8), numticks=99))
        for set_formatter in (axis.set_major_formatter, axis.set_minor_formatter):
            set_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _fixed(result: Result) -> str:
    """The parameters that are no axis, as far as a title has room for them: numbers, and short expressions."""
    parts = []
    for row in result.details["parameters"]:
        kind, _, text = row["definition"].partition(" ")
        if kind == "fixed":
            parts.append(f"{tex(row['name'])} = {text.removeprefix('to ')} {row['unit']}".strip())
        elif kind == "=" and len(text) <= _SHORT:
            symbols = re.sub(r"[A-Za-z]\w*", lambda found: tex(found.group()), text)
            parts.append(f"{tex(row['name'])} = {symbols} {row['unit']}".strip())
    return ",  ".join(parts)
