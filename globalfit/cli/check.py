"""`globalfit check`: build a run, look at its likelihoods over the prior, sample nothing."""

from __future__ import annotations

import click

from globalfit.cli.errors import FAILED
from globalfit.cli.evaluate import is_run, run_or_model
from globalfit.compilation_cache import use_compilation_cache
from globalfit.display import shown_progress
from globalfit.progress import WARNING, Event
from globalfit.runfile import RunFile
from globalfit.runfile.campaign import load_campaign

DRAWS = 1000


@click.command()
@click.argument("runfile")
@click.option("--draws", type=click.IntRange(1), default=DRAWS, show_default=True, help="Draws of the prior.")
@click.option("--values-only", is_flag=True, help="No gradients: much faster to compile.")
def check(runfile: str, draws: int, values_only: bool) -> None:
    """Check RUNFILE: build everything it names and try every likelihood on draws of the prior.

    Counts values and gradients that are not finite, and finds likelihoods that are constant, stepwise or rough. `flat`
    are draws around which ln L does not change, `rough` those from which it does not change along a short segment as
    its gradient says. The exit status is 1 if something is not finite or no draw has a likelihood. Every run of a file
    that lists several is checked.
    """
    use_compilation_cache()
    campaign = load_campaign(runfile) if is_run(runfile) else None
    if campaign is None:
        passed = check_run(run_or_model(runfile), draws, not values_only)
    else:
        passed = True
        for spec in campaign.specs:
            click.echo(f"run {spec.name}")
            passed &= check_run(spec.run, draws, not values_only)
    if not passed:
        raise click.exceptions.Exit(FAILED)


def check_run(settings: RunFile, draws: int = DRAWS, gradients: bool = True) -> bool:
    """Build one run and print what its likelihoods look like; whether all is finite."""
    from globalfit.analysis.prior_check import check_prior
    from globalfit.build.built import build

    with shown_progress() as progress:
        progress(Event("building", 0.0))
        if settings.advice:
            progress(Event(WARNING, 0.0, message=settings.advice))
        found = check_prior(build(settings).posterior, draws, settings.seed, gradients, progress)
    click.echo(found)
    click.echo(f"{settings.source.name}: {'ok' if found.passed else 'FAILED, see above'}")
    return found.passed
