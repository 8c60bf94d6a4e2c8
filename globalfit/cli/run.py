"""`globalfit run` and `globalfit report`."""

from __future__ import annotations

import math
from pathlib import Path

import click

from globalfit.cli.campaign import run_campaign
from globalfit.cli.errors import NOT_CONVERGED
from globalfit.cli.notices import note_other_code
from globalfit.cli.workers import workers_of, workers_options
from globalfit.compilation_cache import use_compilation_cache
from globalfit.display import shown_progress
from globalfit.errors import OutputError
from globalfit.results.folder import CHECKPOINT_EVERY_S, RUN
from globalfit.results.records import read_evidence, read_provenance
from globalfit.results.schema import Evidence
from globalfit.runfile import RunFile, load
from globalfit.runfile.campaign import load_campaign
from globalfit.runfile.schema import MAX_SEED


def _seconds(_: click.Context, parameter: click.Parameter, value: float) -> float:
    """NaN keeps every bound: it compares with nothing."""
    if math.isnan(value):
        raise click.BadParameter("nan is no number of seconds.", param=parameter)
    return value


CHECKPOINTS = click.option(
    "--checkpoint-every",
    type=click.FloatRange(0.0),
    callback=_seconds,
    default=CHECKPOINT_EVERY_S,
    show_default=True,
    help="Seconds of work that a killed run loses at most.",
)


@click.command()
@click.argument("runfile")
@click.option("--output", type=click.Path(path_type=Path), help="Output folder instead of the run file's.")
@click.option("--seed", type=click.IntRange(0, MAX_SEED), help="Seed instead of the run file's.")
@CHECKPOINTS
@workers_options
def run(
    runfile: str,
    output: Path | None,
    seed: int | None,
    checkpoint_every: float,
    workers: int | None,
    cluster: str | None,
    scheduler: str | None,
) -> None:
    """Sample the posterior of RUNFILE and write its output folder with the report.

    RUNFILE is a path or the name of a packaged run file (see `globalfit list runs`). A run that was stopped goes on
    from its checkpoint. The exit status is 3 if a convergence check failed. The runs of a file that lists several are
    carried out one after the other, those that are there already are skipped, and they are compared at the end; the
    exit status is 1 if one of them failed. With --workers or --scheduler they are carried out at the same time;
    --cluster is set up in Dask's own file jobqueue.yaml.
    """
    pool = workers_of(workers, cluster, scheduler)
    if campaign := load_campaign(runfile):
        run_campaign(campaign, output, seed, checkpoint_every, pool)
        return
    settings = load(runfile)
    if pool is not None:
        raise settings.source.error(
            (), "is one run, which one process carries out: leave out --workers, --cluster and --scheduler."
        )
    if seed is not None:
        settings = settings.model_copy(update={"seed": seed})
    _fit(settings, output, checkpoint_every)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@CHECKPOINTS
def resume(folder: Path, checkpoint_every: float) -> None:
    """Go on with the run in FOLDER that was stopped, from its checkpoint.

    The result is that of a run that was never stopped. Nothing is done if the settings, the data or the likelihood have
    changed since.
    """
    path = folder / RUN
    if not path.is_file():
        several = next(folder.glob(f"*/{RUN}"), None)
        hint = "name the output folder of a run that was stopped."
        if several is not None:
            hint = f"it holds several, such as {several.parent}: the command that began them goes on with all."
        raise OutputError(f"{folder}: is not the folder of a run; {hint}")
    _fit(load(path), folder, checkpoint_every)


def _fit(settings: RunFile, output: Path | None, checkpoint_every: float) -> None:
    use_compilation_cache()
    from globalfit.fitting.fit import fit

    with shown_progress() as progress:
        outcome = fit(settings, output, progress, checkpoint_every)
    click.echo(verdict(outcome.folder, outcome.evidence))
    if outcome.draws.converged is False:
        raise click.exceptions.Exit(NOT_CONVERGED)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def report(folder: Path) -> None:
    """Draw the figures of the finished run in FOLDER again and write its report.

    The exit status is 3 if the run failed a convergence check.
    """
    from globalfit.report import make_report

    with shown_progress():
        make_report(folder)
    note_other_code(folder, read_provenance(folder))
    evidence = read_evidence(folder)
    click.echo(verdict(folder, evidence))
    if evidence["converged"] is False:
        raise click.exceptions.Exit(NOT_CONVERGED)


def verdict(folder: Path, evidence: Evidence) -> str:
    """The outcome in a few lines, whether it converged first."""
    lines = ["converged: every check passed."]
    if evidence["converged"] is None:
        lines = ["a plane: every cell is computed by itself; there is no sample that could converge."]
    if evidence["converged"] is False:
        lines = ["NOT CONVERGED: do not use these numbers.", *(f"  - {message}" for message in evidence["failed"])]
    lines += [f"note: {note}" for note in evidence.get("notes", [])]
    if broken := evidence.get("fraction_not_finite"):
        lines.append(f"WARNING: {100.0 * broken:.2g} % of the prior draws have a solution, but no finite likelihood.")
    if evidence["log_evidence"] is not None:
        lines.append(f"ln Z = {evidence['log_evidence']:.3f} ± {evidence['log_evidence_error']:.3f}")
    lines += cross_check_lines(evidence)
    lines.append(f"best ln L = {evidence['best_log_likelihood']:.3f}")
    lines.append(f"report: {folder / 'report.html'}")
    return "\n".join(lines)


def cross_check_lines(evidence: Evidence) -> list[str]:
    """What the second method says about the evidence, in one line; nothing for a best fit."""
    check = evidence["cross_check"]
    if check is None:
        return []
    if check["verdict"] == "not computable":
        return [f"no second method for ln Z: {check['reason']}"]
    value = f"ln Z = {check['log_evidence']:.3f} ± {check['log_evidence_error']:.3f}"
    return [f"{check['method']}: {value}; the methods {check['verdict']}: {check['reason']}"]
