"""The files of a comparison: a self-contained page, the tables as CSV, the numbers as JSON, the figure."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup

from globalfit.comparison import Comparison
from globalfit.comparison.figure import comparison_figure
from globalfit.comparison.scales import REFERENCES, jeffreys, kass_raftery, twice_ln
from globalfit.comparison.sensitivity import RERUN, WIDTHS, write_sensitivity
from globalfit.comparison.table import NOT_COMPUTABLE, REFERENCE, Row, bayes_factor, write_table
from globalfit.errors import OutputError
from globalfit.report.figures import figure_style
from globalfit.report.page import data_uri, page_environment
from globalfit.results import folder as names
from globalfit.results.run_identity import code
from globalfit.storage.files import replaced, write_json

PAGE, TABLE, SENSITIVITY, RECORD = "comparison.html", "comparison.csv", "sensitivity.csv", "comparison.json"
FIGURE = "comparison"


def write_comparison(comparison: Comparison, folder: Path, shown: Sequence[str] = ()) -> Path:
    """Write all files of a comparison into a folder, those of an earlier one are replaced; returns the page's path.

    `shown` are the parameters and predictions of the figure. Raises `OutputError` for the folder of a run or one that
    cannot be written, `UnknownNameError` for a quantity that no run has.
    """
    if (folder / names.RUN).exists():
        raise OutputError(f"{folder}: holds a run; choose another folder for the comparison with --output.")
    figure = comparison_figure(comparison.runs, shown)
    write_table(folder / TABLE, comparison.rows)
    write_sensitivity(folder / SENSITIVITY, comparison.changes)
    content = record(comparison)
    write_json(folder / RECORD, content)
    uri = None
    if figure is not None:
        pictures = folder / names.FIGURES
        pictures.mkdir(exist_ok=True)
        with figure_style():
            for suffix in ("png", "pdf"):
                figure.savefig(pictures / f"{FIGURE}.{suffix}", dpi=160, bbox_inches="tight", pad_inches=0.1)
        uri = data_uri(pictures / f"{FIGURE}.png")
    with replaced(folder / PAGE) as stream:
        stream.write(render(content, uri))
    return folder / PAGE


def record(comparison: Comparison) -> dict[str, Any]:
    """Everything that the page says, as plain data. Bayes factors are relative to the best run."""
    first = comparison.runs[0]
    return {
        "globalfit": str(code()),
        "best": None if comparison.best is None else comparison.best.run,
        "best_converged": comparison.best is not None and comparison.best.converged,
        "converged": comparison.converged,
        "runs": [
            {
                **dataclasses.asdict(row),
                "folder": str(run.folder),
                "bayes_factor": _factor_record(row, comparison.best),
                "program": run.program,
                "parameters": [
                    {"name": name, "prior": item["definition"], "unit": item["unit"]}
                    for name, item in run.parameters.items()
                ],
            }
            for row, run in zip(comparison.rows, comparison.runs, strict=True)
        ],
        "likelihoods": [{"name": row["name"], "title": row["title"]} for row in first.details["likelihoods"]],
        "sensitivity": [dataclasses.asdict(change) for change in comparison.changes],
        "references": list(REFERENCES),
    }


def render(content: dict[str, Any], figure: str | None) -> str:
    """The page as HTML; `figure` is a data URI."""
    template = page_environment().from_string(_text("globalfit.comparison", "comparison.html"))
    return template.render(
        style=Markup(_text("globalfit.report", "style.css")),  # noqa: S704
        figure=figure,
        widths=list(WIDTHS),
        rerun=RERUN,
        not_computable=NOT_COMPUTABLE,
        **content,
    )


def _factor_record(row: Row, reference: Row | None) -> dict[str, Any] | None:
    factor = bayes_factor(row, reference)
    if factor is None:
        return None
    return {
        "log10": factor.log10,
        "log10_error": factor.error,
        "twice_ln": twice_ln(factor.log10),
        "jeffreys": REFERENCE if row is reference else jeffreys(*factor),
        "kass_raftery": REFERENCE if row is reference else kass_raftery(*factor),
    }


def _text(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")
