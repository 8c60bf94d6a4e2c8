"""Draw the `LimitCurves` of a likelihood."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from matplotlib.ticker import NullFormatter

from globalfit.errors import OutputError
from globalfit.experiment.limit_curves import Curve, LimitCurves
from globalfit.report.figures import figure_style, new_figure
from globalfit.storage.files import replaced_path

_COLOURS = ("#1f4e79", "#c8442b", "#3a7d44", "#8a5a9e", "#b07c1a", "#4f9bb0", "#7a7a7a")
_LINES = {"implied": "-", "compared": "--", "published": "."}
FORMATS = (".png", ".pdf", ".svg")


def draw_picture(picture: LimitCurves, path: Path) -> None:
    """Write a picture to a new PNG, PDF or SVG file: what the program finds as lines, published numbers as points.

    Raises `OutputError` for another format and for a file that exists.
    """
    if path.suffix.lower() not in FORMATS:
        raise OutputError(f"{path}: pictures are written as {', '.join(FORMATS)}.")
    if path.exists():
        raise OutputError(f"{path}: exists already; choose another name or remove it.")
    with figure_style():
        figure = new_figure(6.4, 4.4)
        axes = figure.add_subplot()
        colours = {key: _COLOURS[i % len(_COLOURS)] for i, key in enumerate(dict.fromkeys(map(_key, picture.curves)))}
        for curve in picture.curves:
            axes.plot(
                np.asarray(curve.x),
                np.asarray(curve.y),
                _LINES[curve.style],
                color=colours[_key(curve)],
                linewidth=1.4,
                markersize=4.0,
                label=curve.label,
            )
        axes.set_xscale("log" if picture.logarithmic[0] else "linear")
        axes.set_yscale("log" if picture.logarithmic[1] else "linear")
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            if axis.get_scale() == "log" and high > 10.0 * low:
                axis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(_typeset(picture.x_label))
        axes.set_ylabel(_typeset(picture.y_label))
        axes.set_title(picture.title, fontsize=10.5)
        axes.legend(frameon=False, fontsize=9)
        figure.tight_layout()
        with replaced_path(path) as temporary:
            figure.savefig(temporary, dpi=160, format=path.suffix.lower()[1:])


def _key(curve: Curve) -> str:
    """Curves with one key have one colour."""
    return curve.label.partition(",")[0]


def _typeset(label: str) -> str:
    """Exponents of units raised: cm2, cm3."""
    return re.sub(r"\bcm(\d)\b", r"cm$^\1$", label)
