"""`globalfit sbc`: simulation-based calibration of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from globalfit.cli.errors import NOT_CONVERGED
from globalfit.cli.workers import workers_of, workers_options
from globalfit.cluster.connect import check_installed
from globalfit.compilation_cache import use_compilation_cache
from globalfit.progress import Event
from globalfit.runfile import RunFile, load
from globalfit.runfile.schema import MAX_SEED

if TYPE_CHECKING:
    from globalfit.calibration.result import Calibration

DRAWS, RANKS = 200, 99


@click.command()
@click.argument("runfile")
@click.option("--draws", type=click.IntRange(10), default=DRAWS, show_default=True, help="Simulated experiments.")
@click.option(
    "--ranks", type=click.IntRange(9), default=RANKS, show_default=True, help="Posterior draws that rank the truth."
)
@click.option("--output", type=click.Path(path_type=Path), help="Output folder instead of the run file's with `-sbc`.")
@click.option("--seed", type=click.IntRange(0, MAX_SEED), help="Seed instead of the run file's.")
@workers_options
def sbc(
    runfile: str,
    draws: int,
    ranks: int,
    output: Path | None,
    seed: int | None,
    workers: int | None,
    cluster: str | None,
    scheduler: str | None,
) -> None:
    """Check with simulated data that the posterior of RUNFILE finds the truth as often as it says.

    Draws parameters from the prior, simulates the data of every likelihood with them, samples the posterior of these
    data with the run's own sampler, and tests whether the ranks of the truth among posterior draws are uniform.
    A command that was stopped goes on where it was, and more draws are added to those that are there; none is left
    out. With --workers or --scheduler several draws are carried out at the same time, with the same result.
    The exit status is 3 if the ranks of a quantity are not uniform, or more than a tenth of the fits did not converge.
    """
    pool = workers_of(workers, cluster, scheduler)
    if pool is not None:
        check_installed(pool)
    settings = load(runfile)
    settings = settings if seed is None else settings.model_copy(update={"seed": seed})
    folder = output or default_folder(settings)
    use_compilation_cache()
    from globalfit.calibration import calibrate

    calibration = calibrate(settings, folder, draws, ranks, show, pool)
    for line in lines(calibration, folder):
        click.echo(line)
    if not calibration.calibrated:
        raise click.exceptions.Exit(NOT_CONVERGED)


def default_folder(settings: RunFile) -> Path:
    """The run's output folder with `-sbc`. Raises `ConfigurationError` if it has none."""
    if settings.output is None:
        raise settings.source.error(("output",), "is missing: name the output folder here or with --output.")
    path = Path(settings.output)
    return path.with_name(f"{path.name}-sbc")


def show(event: Event) -> None:
    """A line for every draw."""
    click.echo(f"{event.stage} {event.done:.0f}/{event.total or 0.0:.0f}: {event.message}", err=True)


def lines(calibration: Calibration, folder: Path) -> list[str]:
    """The outcome, the verdict first."""
    from globalfit.calibration.page import PRIOR, verdict

    count = len(calibration.trials)
    width = max(len(item.name) for item in calibration.quantities)
    found = [verdict(calibration), f"{calibration.chance}.", f"{'':<{width}}        p        in 68 %        in 95 %"]
    for item in calibration.quantities:
        held = "  ".join(f"{100.0 * one.fraction:5.1f} ± {100.0 * one.error:3.1f} %" for one in item.coverages)
        found.append(f"{item.name:<{width}}  {item.test.p_value:7.2g}  {held}")
    if calibration.without_solution:
        found.append(f"{100.0 * calibration.without_solution:.2g} % of the prior has no solution. {PRIOR}")
    if calibration.not_converged:
        found.append(f"{calibration.not_converged} of {count} fits did not converge; their ranks count all the same.")
    if calibration.too_few:
        found.append(f"{calibration.too_few} of {count} fits were worth fewer than {calibration.size} draws.")
    return [*found, f"report: {folder / 'report.html'}"]
