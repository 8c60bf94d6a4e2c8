"""`report.html`: one self-contained page, verdict first."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from globalfit.results import folder as names
from globalfit.results.labels import decimal, html_symbol, number, unit_symbol
from globalfit.results.marginals import NOT_CONVERGED
from globalfit.results.result import Result
from globalfit.storage.files import replaced


def write_page(result: Result, figures: Mapping[str, Path]) -> Path:
    """Write the report of a run; the figures (PNG files by name) are embedded."""
    path = result.folder / names.REPORT
    with replaced(path) as stream:
        stream.write(render(result, {name: data_uri(figure) for name, figure in figures.items()}))
    return path


def render(result: Result, figures: Mapping[str, str]) -> str:
    """The page as HTML; `figures` are data URIs by name."""
    package = files("globalfit.report")
    template = page_environment().from_string(package.joinpath("template.html").read_text(encoding="utf-8"))
    return template.render(
        style=Markup(package.joinpath("style.css").read_text(encoding="utf-8")),  # noqa: S704
        figures=figures,
        evidence=result.evidence,
        summary=[row for row in result.rows if row["parameter"] != NOT_CONVERGED],
        settings=result.text,
        provenance=result.provenance,
        shows_posterior=result.shows_posterior,
        cross_check=result.evidence["cross_check"],
        **{"plane": None, "profile": None, "predictive": [], "modes": [], **result.details},
    )


def page_environment() -> Environment:
    """Jinja with the filters of the pages: numbers, decimals, symbols, units."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["number"] = lambda value, digits=4: Markup(number(_float(value), digits))  # noqa: S704
    environment.filters["decimal"] = lambda value, places=3: Markup(decimal(_float(value), places))  # noqa: S704
    environment.filters["symbol"] = lambda name: Markup(html_symbol(name))  # noqa: S704
    environment.filters["unit"] = lambda unit: Markup(unit_symbol(unit))  # noqa: S704
    return environment


def data_uri(path: Path) -> str:
    """A PNG file as a data URI."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def _float(value: float | str | None) -> float | None:
    return None if value in (None, "") else float(value)
