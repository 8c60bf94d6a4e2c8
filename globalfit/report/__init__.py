"""Reports: figures and one self-contained HTML page, made from the files of an output folder alone."""

from __future__ import annotations

from pathlib import Path

__all__ = ["make_report"]


def make_report(folder: Path) -> Path:
    """Draw the figures of a finished run and write its `report.html`; returns the path of the report.

    Raises `OutputError` if a file of the run is missing or cannot be read.
    """
    from globalfit.report.drawing import draw_figures
    from globalfit.report.page import write_page
    from globalfit.results.result import Result

    result = Result.without_report(folder)
    return write_page(result, draw_figures(result))
