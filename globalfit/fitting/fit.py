"""One run, from its run file to the finished output folder."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np

from globalfit.analysis.details import details, variable_meanings
from globalfit.analysis.intervals import COLUMNS as OPTIMUM_COLUMNS
from globalfit.analysis.intervals import optimum_rows, profile_record, write_profiles
from globalfit.analysis.modes import mode_table
from globalfit.analysis.plane_files import write_curves, write_plane
from globalfit.analysis.planes import evaluate_plane, plane_record
from globalfit.analysis.predictive import predictive_table
from globalfit.analysis.prior_notes import prior_notes
from globalfit.analysis.stored_draws import PriorProbe, Stored, best_fit, fraction_without_solution, probe_prior, store
from globalfit.analysis.summary import summarise, write_summary
from globalfit.build.built import build
from globalfit.checkpoint.checkpoint import REFERENCE, checkpoint
from globalfit.posterior.flat_sheet import flattened
from globalfit.posterior.plugin_trial import check_values, try_plugins
from globalfit.posterior.posterior import Posterior
from globalfit.progress import WARNING, Event, Progress, silent
from globalfit.report import make_report
from globalfit.results import folder as names
from globalfit.results.checksums import write_checksums
from globalfit.results.provenance import data_checksums, provenance
from globalfit.results.run_identity import code, settings
from globalfit.results.schema import CrossCheckRecord, Details, Evidence
from globalfit.runfile import RunFile
from globalfit.runfile.document import dump
from globalfit.samplers.diagnostics import LARGEST, rounding
from globalfit.samplers.draws import Draws, Optimum
from globalfit.samplers.evidence.bridge import cross_checked
from globalfit.samplers.protocol import Sampler
from globalfit.samplers.weights import effective_sample_size
from globalfit.storage.files import replaced, replaced_path, write_json
from globalfit.storage.inference_data import LIVE, Samples, save

# Prior draws at which a checkpoint and the run that goes on with it must agree: the first ones, and the likeliest ones.
IDENTITY_POINTS = 8
NOT_FINITE = (
    "{:.2g} % of the prior draws have a solution, but no finite likelihood; `globalfit check` says which experiment."
)


class Outcome(NamedTuple):
    """What a run leaves behind: its folder, its draws or its best fit, and the content of `evidence.json`."""

    folder: Path
    draws: Draws | Optimum
    evidence: Evidence


def fit(
    run: RunFile,
    folder: Path | None = None,
    progress: Progress = silent,
    checkpoint_every: float = names.CHECKPOINT_EVERY_S,
) -> Outcome:
    """Sample the posterior of a run and write its output folder (`run.output` unless `folder` is given).

    A folder that holds the same run unfinished is gone on with, from its checkpoint, which is written every
    `checkpoint_every` seconds and on SIGINT, SIGTERM and SIGHUP (`Stopped`). Raises `ConfigurationError` for a run that
    cannot be built, `OutputError` for a folder that cannot take it.
    """
    started, clock = datetime.datetime.now(datetime.UTC), Clock()
    progress(Event("building", 0.0, message=run.source.name))
    if run.advice:
        progress(Event(WARNING, 0.0, message=run.advice))
    with clock("building"):
        full, posterior, sampler = build(run)
        if posterior.ndim == 0:
            raise run.source.error(("parameters",), "every parameter is fixed; there is nothing to sample.")
        folder = Path(run.output) if folder is None and run.output else folder
        if folder is None:
            raise run.source.error(("output",), "is missing: name the output folder here or with --output.")
        full = full.model_copy(update={"output": str(folder)})
        try_plugins(posterior)
    with names.claimed(folder, full) as unfinished:
        if not unfinished:
            title = f"globalfit {code()}: a run with all its settings"
            write_text(folder / names.RUN, dump(full.model_dump(mode="json"), title))
        with clock("sampling"):
            probe = probe_prior(posterior, run.seed, sampler.block)
            if not np.any(np.isfinite(probe.log_likelihood)) or np.max(probe.log_likelihood) > LARGEST:
                check_values(posterior, probe.theta)
            if probe.not_finite > 0.0:
                progress(Event(WARNING, 0.0, message=NOT_FINITE.format(100.0 * probe.not_finite)))
            identity = run_identity(full, posterior, probe)
            with checkpoint(folder / names.CHECKPOINT, identity, checkpoint_every, progress) as record:
                target = posterior if sampler.along_axes else flattened(posterior, run.seed)
                draws = sampler.run(target, run.seed, progress)
            draws = dataclasses.replace(
                draws,
                diagnostics=(*draws.diagnostics, *rounding(float(np.max(draws.log_likelihood)))),
                numbers=draws.numbers | {"fraction_not_finite": probe.not_finite},
            )
        kept = (folder, run, posterior, sampler)
        if isinstance(draws, Optimum):
            evidence = keep_optimum(*kept, draws, clock)
        else:
            with clock("evidence cross-check"):
                draws = cross_checked(target, draws, run.seed, progress)
            evidence = keep_draws(*kept, draws, clock, progress)
        origin = provenance(posterior.likelihoods, run.seed, run.source.name, started, clock.seconds)
        write_json(folder / names.PROVENANCE, origin | {"resumed": record.taken > 0})
        write_checksums(folder)
        progress(Event("report", 0.0))
        make_report(folder)
        progress(Event("report", 1.0, 1.0))
    return Outcome(folder, draws, evidence)


def run_identity(full: RunFile, posterior: Posterior, probe: PriorProbe) -> dict[str, Any]:
    """What a checkpoint belongs to: settings with all defaults, parameters in order, data, and the density itself at
    some prior draws."""
    # The first draws, and those where the posterior is.
    few = [*range(IDENTITY_POINTS), *np.argsort(-probe.log_likelihood, kind="stable")[:IDENTITY_POINTS].tolist()]
    reference = {"ln L": probe.log_likelihood[few].tolist()}
    reference |= {f"parameter '{name}'": probe.theta[few, i].tolist() for i, name in enumerate(posterior.names)}
    return {
        "settings": settings(full),
        "sampled_parameters": list(posterior.names),
        "data_sha256": data_checksums(posterior.likelihoods),
        REFERENCE: reference,
    }


def keep_draws(
    folder: Path,
    run: RunFile,
    posterior: Posterior,
    sampler: Sampler,
    draws: Draws,
    clock: Clock,
    progress: Progress,
) -> Evidence:
    """Write the files of a posterior; the content of `evidence.json`."""
    with clock("predictions"):
        # A plane evaluates its cells with the function of the draws, which then must not draw toys.
        stored, best = store(posterior, draws, progress, run.seed if draws.mesh is None else None)
        lost = fraction_without_solution(posterior, run.seed)
        plane = None if draws.mesh is None else evaluate_plane(posterior, draws.mesh, progress)
    evidence = evidence_record(draws, lost, best.log_likelihood, prior_notes(posterior, draws, stored))
    write_json(folder / names.EVIDENCE, evidence)
    write_summary(folder / names.SUMMARY, summarise(posterior, draws, stored), draws.converged)
    record: Details = {
        **details(posterior, sampler, draws, stored, best),
        "plane": None if plane is None else plane_record(posterior, plane),
        "predictive": predictive_table(posterior, draws, stored),
        "modes": [] if plane is not None else mode_table(posterior, draws, stored),
    }
    write_json(folder / names.DETAILS, record)
    if plane is not None:
        write_plane(folder / names.PLANE, plane)
        write_curves(folder / names.CURVES, posterior, plane)
    attributes: dict[str, str | int] = {"globalfit": str(code()), "seed": run.seed}
    attributes |= {} if draws.converged is None else {"converged": int(draws.converged)}
    with replaced_path(folder / names.POSTERIOR) as path:
        save(path, samples(posterior, draws, stored), variable_meanings(posterior), attributes)
    return evidence


def keep_optimum(
    folder: Path, run: RunFile, posterior: Posterior, sampler: Sampler, optimum: Optimum, clock: Clock
) -> Evidence:
    """Write the files of a best fit with its profiles; the content of `evidence.json`."""
    with clock("predictions"):
        best = best_fit(posterior, optimum.theta)
        lost = fraction_without_solution(posterior, run.seed)
    evidence = evidence_record(optimum, lost, best.log_likelihood)
    write_json(folder / names.EVIDENCE, evidence)
    rows = optimum_rows(posterior, optimum, best)
    write_summary(folder / names.SUMMARY, rows, optimum.converged, OPTIMUM_COLUMNS)
    record: Details = {
        **details(posterior, sampler, optimum, None, best),
        "profile": profile_record(posterior, optimum),
    }
    write_json(folder / names.DETAILS, record)
    write_profiles(folder / names.PROFILE, optimum)
    return evidence


def evidence_record(draws: Draws | Optimum, lost: float, best: float, notes: Sequence[str] = ()) -> Evidence:
    """Content of `evidence.json`; ln Z is null for a sampler that gives none."""
    found, weighted, check = (
        (draws.evidence, draws.weighted, draws.cross_check) if isinstance(draws, Draws) else (None, None, None)
    )
    if isinstance(draws, Draws) and not draws.is_sample:
        weighted = None
    record: Evidence = {
        "converged": draws.converged,
        "failed": list(draws.failed),
        "notes": list(notes),
        "log_evidence": None if found is None else found.log_evidence,
        "log_evidence_error": None if found is None else found.log_evidence_error,
        "method": "none" if found is None else found.method,
        "information": None if found is None else found.information,
        "cross_check": None if check is None else CrossCheckRecord(**dataclasses.asdict(check)),
        "fraction_without_solution": lost,
        "best_log_likelihood": best,
        "effective_sample_size": None if weighted is None else effective_sample_size(weighted.log_weight),
    }
    # Their names are up to the sampler, which cannot overwrite what the record says.
    numbers = {name: x for name, x in draws.numbers.items() if math.isfinite(x) and name not in record}
    return cast("Evidence", {**record, **numbers})


def samples(posterior: Posterior, draws: Draws, stored: Stored) -> Samples:
    """Draws in the groups of the result file; the sampled parameters come first."""
    thin = slice(None, None, stored.step)
    order = [*posterior.names, *(name for name in stored.parameters if name not in posterior.names)]
    parameters = {name: stored.parameters[name] for name in order}
    words = {name: stored.row.predictions[name] for name in posterior.vocabulary if name not in parameters}
    sample_stats = {
        "lp": (draws.log_likelihood + draws.log_prior)[:, thin],
        "log_likelihood": draws.log_likelihood[:, thin],
        "log_prior": draws.log_prior[:, thin],
        "status": stored.row.status,
        **{name: column[:, thin] for name, column in draws.stats.items()},
    }
    weighted: dict[str, Any] = {}
    if draws.weighted is not None:
        weighted = {name: draws.weighted.theta[:, i] for i, name in enumerate(posterior.names)}
        weighted |= {"log_weight": draws.weighted.log_weight, "log_likelihood": draws.weighted.log_likelihood}
        weighted |= {} if draws.weighted.live is None else {LIVE: draws.weighted.live}
    return Samples(parameters | words, sample_stats, dict(stored.row.terms), weighted)


def write_text(path: Path, text: str) -> None:
    """A text file, written whole."""
    with replaced(path) as stream:
        stream.write(text)


class Clock:
    """Wall times of named stages."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Add the time of the block to a stage."""
        start = time.monotonic()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.monotonic() - start
