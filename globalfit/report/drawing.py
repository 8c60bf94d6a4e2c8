"""All figures of a run, drawn into its folder."""

from __future__ import annotations

from pathlib import Path

from globalfit.report.figures import corner_figure, figure_style, predictions_figure
from globalfit.report.plane import plane_figure
from globalfit.report.profile import profile_planes_figure, profiles_figure
from globalfit.results import folder as names
from globalfit.results.result import Result


def draw_figures(result: Result) -> dict[str, Path]:
    """Draw all figures as PNG and PDF into the folder's `figures`; returns the PNG files by name."""
    folder = result.folder / names.FIGURES
    folder.mkdir(exist_ok=True)
    figures = {
        "plane": plane_figure(result),
        "profiles": profiles_figure(result),
        "profile_planes": profile_planes_figure(result),
    }
    if result.shows_posterior:
        figures |= {"corner": corner_figure(result), "predictions": predictions_figure(result)}
    paths = {}
    for name, figure in figures.items():
        if figure is None:
            continue
        with figure_style():
            for suffix in ("png", "pdf"):
                figure.savefig(folder / f"{name}.{suffix}", dpi=160, bbox_inches="tight", pad_inches=0.1)
        paths[name] = folder / f"{name}.png"
    return paths
