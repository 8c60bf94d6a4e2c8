"""`globalfit compare`: several finished runs on the same data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from globalfit.cli.errors import NOT_CONVERGED

if TYPE_CHECKING:
    from globalfit.comparison import Comparison
    from globalfit.comparison.table import Row

DEFAULT = Path("comparison")


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--output", type=click.Path(path_type=Path), default=DEFAULT, show_default=True, help="Folder of the comparison."
)
@click.option("--show", default="", metavar="NAMES", help="Parameters and predictions of the figure, with commas.")
def compare(runs: tuple[Path, ...], output: Path, show: str) -> None:
    """Compare finished RUNS (their folders) on the same data: evidences, Bayes factors, priors, posteriors.

    Writes comparison.html, comparison.csv (Bayes factors over the first run), sensitivity.csv and the figure. Runs on
    different data are refused. The exit status is 3 if one of the runs did not converge.
    """
    comparison = compare_folders(runs, output, tuple(name.strip() for name in show.split(",") if name.strip()))
    if not comparison.converged:
        raise click.exceptions.Exit(NOT_CONVERGED)


def compare_folders(runs: tuple[Path, ...], output: Path, shown: tuple[str, ...] = ()) -> Comparison:
    """Write a comparison and print its table."""
    from globalfit.comparison import compare as compared
    from globalfit.comparison.page import write_comparison

    comparison = compared(runs)
    page = write_comparison(comparison, output, shown)
    for line in table_lines(comparison):
        click.echo(line)
    click.echo(f"comparison: {page}")
    return comparison


def table_lines(comparison: Comparison) -> list[str]:
    """The table of the evidences; Bayes factors are relative to the best run."""
    header = ("run", "ln Z", "log10 B", "Jeffreys", "best ln L", "")
    cells = [header, *(_cells(row, comparison.best) for row in comparison.rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _cells(row: Row, best: Row | None) -> tuple[str, ...]:
    from globalfit.comparison.table import bayes_factor, wording

    factor = bayes_factor(row, best) or (None, None)
    return (
        row.run,
        _number(row.log_evidence, row.log_evidence_error),
        _number(*factor),
        wording(row, best),
        f"{row.max_log_likelihood:.2f}",
        "" if row.converged else "NOT CONVERGED",
    )


def _number(value: float | None, error: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if error is None else f"{value:.2f} ± {error:.2f}"
