"""`globalfit compare`: several finished runs on the same data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from globalfit.cli.errors import FAILED, NOT_CONVERGED
from globalfit.cli.notices import note_other_code
from globalfit.cli.specs import carry_out_specs
from globalfit.cli.workers import workers_of, workers_options
from globalfit.cluster.connect import Workers, check_installed
from globalfit.compilation_cache import use_compilation_cache
from globalfit.errors import ConfigurationError
from globalfit.results.folder import CHECKPOINT_EVERY_S

if TYPE_CHECKING:
    from globalfit.comparison import Comparison
    from globalfit.comparison.table import Row
    from globalfit.fitting.campaign import RunOutcome

DEFAULT = Path("comparison")
# Folder of further runs in that of the comparison.
RERUNS = "reruns"


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--output", type=click.Path(path_type=Path), default=DEFAULT, show_default=True, help="Folder of the comparison."
)
@click.option("--show", default="", metavar="NAMES", help="Parameters and predictions of the figure, with commas.")
@click.option("--rerun", is_flag=True, help="Run again with other priors what the posteriors do not tell.")
@workers_options
def compare(
    runs: tuple[Path, ...],
    output: Path,
    show: str,
    rerun: bool,
    workers: int | None,
    cluster: str | None,
    scheduler: str | None,
) -> None:
    """Compare finished RUNS (their folders) on the same data: evidences, Bayes factors, priors, posteriors.

    Writes comparison.html, comparison.csv (Bayes factors over the first run), sensitivity.csv and the figure. Runs on
    different data are refused. How the evidence moves with half and twice the width of each prior comes from the stored
    posteriors where they tell; --rerun carries out the other runs, in the folder `reruns` of the comparison, at the
    same time with --workers or --scheduler. Those that are there already are skipped. The exit status is 3 if one of
    the runs did not converge, 1 if one that was carried out failed.
    """
    from globalfit.comparison import compare as compared
    from globalfit.comparison.page import write_comparison

    pool = workers_of(workers, cluster, scheduler)
    if pool is not None:
        if not rerun:
            raise ConfigurationError("--workers, --cluster and --scheduler are for the runs of --rerun: add it.")
        check_installed(pool)
    shown = tuple(name.strip() for name in show.split(",") if name.strip())
    comparison = compared(runs)
    for run in comparison.runs:
        note_other_code(run.folder, run.provenance)
    write(comparison, output, shown)
    outcomes = []
    if rerun:
        comparison, outcomes = _rerun(comparison, output / RERUNS, pool)
        write_comparison(comparison, output, shown)
    if any(outcome.evidence is None for outcome in outcomes):
        raise click.exceptions.Exit(FAILED)
    if not comparison.converged or not all(outcome.converged for outcome in outcomes):
        raise click.exceptions.Exit(NOT_CONVERGED)


def write(comparison: Comparison, output: Path, shown: tuple[str, ...] = ()) -> None:
    """Write a comparison and print its table."""
    from globalfit.comparison.page import write_comparison

    page = write_comparison(comparison, output, shown)
    for line in table_lines(comparison):
        click.echo(line)
    click.echo(f"comparison: {page}")


def table_lines(comparison: Comparison) -> list[str]:
    """The table of the evidences; Bayes factors are relative to the best run."""
    header = ("run", "ln Z", "log10 B", "Jeffreys", "best ln L", "")
    cells = [header, *(_cells(row, comparison.best) for row in comparison.rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _rerun(comparison: Comparison, folder: Path, workers: Workers | None) -> tuple[Comparison, list[RunOutcome]]:
    """The comparison with what further runs have found, and how these ended."""
    from globalfit.comparison.rerun import completed, reruns

    use_compilation_cache()
    found = reruns(comparison, folder)
    outcomes = carry_out_specs([rerun.spec for rerun in found], folder, CHECKPOINT_EVERY_S, workers) if found else []
    return completed(comparison, found, outcomes), outcomes


def _cells(row: Row, best: Row | None) -> tuple[str, ...]:
    from globalfit.comparison.table import bayes_factor, wording

    factor = bayes_factor(row, best) or (None, None)
    return (
        row.run,
        _number(row.log_evidence, row.log_evidence_error),
        _number(*factor),
        wording(row, best),
        f"{row.max_log_likelihood:.2f}",
        "NOT CONVERGED" if row.converged is False else "",
    )


def _number(value: float | None, error: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if error is None else f"{value:.2f} ± {error:.2f}"
