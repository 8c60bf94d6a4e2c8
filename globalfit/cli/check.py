"""`globalfit check`: build a run, look at its likelihoods over the prior, sample nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from globalfit.cli.errors import FAILED
from globalfit.cli.evaluate import is_run, run_or_model
from globalfit.cli.progress import shown_progress
from globalfit.compilation_cache import use_compilation_cache
from globalfit.progress import WARNING, Event
from globalfit.runfile import RunFile
from globalfit.runfile.campaign import load_campaign

if TYPE_CHECKING:
    import numpy as np

    from globalfit.posterior.posterior import Posterior
    from globalfit.posterior.prior_scan import Verdict
    from globalfit.progress import Progress

DRAWS = 1000
COLUMNS = (
    *("finite", "no solution", "bad values", "bad gradients", "   flat", "  rough"),
    *("lowest ln L", "    highest", "us/point"),
)


@click.command()
@click.argument("runfile")
@click.option("--draws", type=click.IntRange(1), default=DRAWS, show_default=True, help="Draws of the prior.")
@click.option("--values-only", is_flag=True, help="No gradients: much faster to compile.")
def check(runfile: str, draws: int, values_only: bool) -> None:
    """Check RUNFILE: build everything it names and try every likelihood on draws of the prior.

    Counts values and gradients that are not finite, and finds likelihoods that are constant, stepwise or rough. `flat`
    are draws around which ln L does not change, `rough` those from which it does not change along a short segment as
    its gradient says. The exit status is 1 if something is not finite. Every run of a file that lists several is
    checked.
    """
    use_compilation_cache()
    campaign = load_campaign(runfile) if is_run(runfile) else None
    if campaign is None:
        passed = check_run(run_or_model(runfile), draws, not values_only)
    else:
        passed = True
        for cell in campaign.cells:
            click.echo(f"run {cell.name}")
            passed &= check_run(cell.run, draws, not values_only)
    if not passed:
        raise click.exceptions.Exit(FAILED)


def check_run(settings: RunFile, draws: int = DRAWS, gradients: bool = True) -> bool:
    """Build one run and print what its likelihoods look like; whether all is finite."""
    from globalfit.build.built import build

    with shown_progress() as progress:
        progress(Event("building", 0.0))
        if settings.advice:
            progress(Event(WARNING, 0.0, message=settings.advice))
        posterior = build(settings).posterior
        verdicts, flags = survey(posterior, draws, settings.seed, gradients, progress)
    lines = [*parameter_lines(posterior), *likelihood_lines(posterior, verdicts, draws), *status_lines(flags)]
    for line in lines:
        click.echo(line)
    passed = not any(verdict.failed for verdict in verdicts.values())
    click.echo(f"{settings.source.name}: {'ok' if passed else 'NOT FINITE, see above'}")
    return passed


def survey(
    posterior: Posterior, draws: int, seed: int, gradients: bool, progress: Progress
) -> tuple[dict[str, Verdict], np.ndarray]:
    """A verdict for each likelihood, and the status flags of the prior draws."""
    import numpy as np

    from globalfit.physics import status
    from globalfit.posterior.prior_scan import judge, look, segments

    where = segments(posterior, draws, seed)
    total = float(2 * len(where.draws))
    verdicts, flags = {}, np.zeros(len(where.draws), int)
    for name in posterior.likelihoods or (None,):
        stage = name or "status"
        progress(Event(stage, 0.0, total))
        found = look(
            posterior, name, where, gradients, lambda done, stage=stage: progress(Event(stage, float(done), total))
        )
        flags |= found.status[0]
        if name is not None:
            verdicts[name] = judge(found, where)
            flags |= np.where(found.solvable[0] & ~np.isfinite(found.value[0]), status.NON_FINITE.bit, 0)
    return verdicts, flags


def parameter_lines(posterior: Posterior) -> list[str]:
    """Priors, fixed values and expressions."""
    from globalfit.analysis.details import definition

    names = [*posterior.names, *posterior.parameters.fixed, *posterior.parameters.expressions]
    width = max(map(len, names))
    return ["parameters", *(f"  {name:<{width}}  {definition(name, posterior)}" for name in names)]


def likelihood_lines(posterior: Posterior, verdicts: dict[str, Verdict], draws: int) -> list[str]:
    """A table with a row for each likelihood, and what is to be said about them."""
    if not verdicts:
        return ["no likelihoods"]
    rows = [_cells(name, verdict) for name, verdict in verdicts.items()]
    width = max(len(name) for name, *_ in rows)
    header = "  ".join(("likelihood".ljust(width), *COLUMNS))
    lines = [f"likelihoods on {draws} prior draws and their neighbours", f"  {header}"]
    for name, *cells in rows:
        padded = (cell.rjust(len(column)) for cell, column in zip(cells, COLUMNS, strict=True))
        lines.append("  ".join((f"  {name:<{width}}", *padded)))
    for name, verdict in verdicts.items():
        if verdict.offender is not None:
            place = " ".join(
                f"--set {parameter}={value!r}"
                for parameter, value in zip(posterior.names, verdict.offender.tolist(), strict=True)
            )
            lines.append(f"  {name}: NOT FINITE, first at {place}")
        lines += [f"  {name}: {remark}" for remark in verdict.remarks]
    return lines


def status_lines(flags: np.ndarray) -> list[str]:
    """Fractions of the prior draws by status."""
    from globalfit.analysis.stored_draws import status_fractions

    fractions = status_fractions(flags)
    width = max(map(len, fractions))
    return ["status of the prior draws", *(f"  {n:<{width}}  {100.0 * x:.1f} %" for n, x in fractions.items())]


def _cells(name: str, verdict: Verdict) -> tuple[str, ...]:
    def percent(fraction: float | None) -> str:
        return "-" if fraction is None else f"{100.0 * fraction:.1f} %"

    return (
        name,
        *(percent(verdict.finite), percent(verdict.unsolvable)),
        *(str(verdict.bad_values), "-" if verdict.bad_gradients is None else str(verdict.bad_gradients)),
        *(percent(verdict.still), percent(verdict.rough)),
        # Not `-0`.
        *(f"{verdict.lowest + 0.0:.5g}", f"{verdict.highest + 0.0:.5g}"),
        "-" if verdict.seconds != verdict.seconds else f"{1e6 * verdict.seconds:.0f}",
    )
