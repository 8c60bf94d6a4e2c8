"""`globalfit run` for a file that lists several runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from globalfit.cli.compare import write
from globalfit.cli.errors import FAILED, NOT_CONVERGED
from globalfit.cli.specs import carry_out_specs
from globalfit.cluster.connect import Workers, check_installed
from globalfit.compilation_cache import use_compilation_cache
from globalfit.errors import ConfigurationError, GlobalFitError
from globalfit.runfile.campaign import Campaign, placed, seeded

if TYPE_CHECKING:
    from globalfit.fitting.campaign import RunOutcome


def run_campaign(
    campaign: Campaign, output: Path | None, seed: int | None, checkpoint_every: float, workers: Workers | None = None
) -> None:
    """Carry out the runs of a file, one after the other or at the same time by `workers`, and compare them."""
    campaign = campaign if output is None else placed(campaign, output)
    campaign = campaign if seed is None else seeded(campaign, seed)
    if campaign.output is None:
        raise campaign.source.error(("output",), "is missing: name the output folder here or with --output.")
    if workers is not None:
        check_installed(workers)
    use_compilation_cache()
    outcomes = carry_out_specs(campaign.specs, campaign.output, checkpoint_every, workers)
    _compare(outcomes, campaign.output)
    if any(outcome.evidence is None for outcome in outcomes):
        raise click.exceptions.Exit(FAILED)
    if not all(outcome.converged for outcome in outcomes):
        raise click.exceptions.Exit(NOT_CONVERGED)


def _compare(outcomes: Sequence[RunOutcome], folder: Path) -> None:
    """Compare what there is. Runs on different data are no mistake here: the file may vary the data."""
    folders = tuple(outcome.folder for outcome in outcomes if outcome.evidence is not None)
    if len(folders) < 2:
        return
    from globalfit.comparison import compare

    try:
        write(compare(folders), folder)
    except ConfigurationError as error:
        click.echo(f"no comparison: {error}")
    except GlobalFitError as error:
        click.echo(f"no comparison: {error}", err=True)
