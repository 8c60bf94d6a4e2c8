"""All figures of a run, drawn into its folder."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

from globalfit.report.content import Content
from globalfit.report.figures import STYLE, corner_figure, predictions_figure
from globalfit.report.plane import plane_figure
from globalfit.report.profile import profile_planes_figure, profiles_figure
from globalfit.results import folder as names


def draw_figures(content: Content) -> dict[str, Path]:
    """Draw all figures as PNG and PDF into the folder's `figures`; returns the PNG files by name."""
    folder = content.folder / names.FIGURES
    folder.mkdir(exist_ok=True)
    figures = {
        "plane": plane_figure(content),
        "profiles": profiles_figure(content),
        "profile_planes": profile_planes_figure(content),
    }
    if content.shows_posterior:
        figures |= {"corner": corner_figure(content), "predictions": predictions_figure(content)}
    paths = {}
    for name, figure in figures.items():
        if figure is None:
            continue
        with mpl.rc_context(STYLE):
            for suffix in ("png", "pdf"):
                figure.savefig(folder / f"{name}.{suffix}", dpi=160, bbox_inches="tight", pad_inches=0.1)
        paths[name] = folder / f"{name}.png"
    return paths
