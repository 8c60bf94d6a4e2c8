"""Simulation-based calibration: does a fit find the truth as often as its posterior says?

Parameters are drawn from the prior, data of every likelihood are simulated with them, and the posterior of these data
is sampled. The rank of the truth among L posterior draws is uniform on 0, ..., L if prior, simulation, likelihood and
sampler belong together (Cook, Gelman and Rubin, J. Comput. Graph. Stat. 15 (2006) 675; Talts et al., arXiv:1804.06788).
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from globalfit.build.built import build
from globalfit.calibration.folder import claim, read_trial, write_trial
from globalfit.calibration.page import write_calibration
from globalfit.calibration.parallel import spread
from globalfit.calibration.result import Calibration, assess
from globalfit.calibration.simulation import check_simulators
from globalfit.calibration.trial import Trial, carry_out, check_sampler
from globalfit.cluster.connect import Workers
from globalfit.posterior.posterior import Posterior
from globalfit.progress import Event, Progress, silent
from globalfit.results.provenance import data_checksums, provenance
from globalfit.results.run_identity import code, settings
from globalfit.runfile import RunFile

__all__ = ["calibrate"]


def calibrate(
    run: RunFile,
    folder: Path,
    draws: int,
    ranks: int,
    progress: Progress = silent,
    workers: Workers | None = None,
) -> Calibration:
    """Carry out `draws` trials, each with its rank among `ranks` posterior draws, and write the result into a folder.

    Trials that are there already are kept, and count even if fewer are asked for now. `progress` is told of every new
    one. They are carried out one after the other or at the same time by `workers`, with the same result.
    Raises `ConfigurationError` for a run that cannot be built, simulated or ranked, `OutputError` for a folder that
    holds anything but this calibration, `ClusterError` if workers are not to be had or lose trials.
    """
    started = datetime.datetime.now(datetime.UTC)
    check_simulators(run)
    full, posterior, sampler = build(run)
    if posterior.ndim == 0:
        raise run.source.error(("parameters",), "every parameter is fixed; there is nothing to calibrate.")
    check_sampler(run, sampler)
    claim(folder, identity(full, posterior, ranks))

    def done(number: int) -> Trial | None:
        return read_trial(folder, number, posterior.names, ranks)

    while done(draws) is not None:
        draws += 1
    missing = [number for number in range(draws) if done(number) is None]

    def tell(number: int, what: str) -> None:
        progress(Event("draw", number + 1.0, float(draws), what))

    if workers is not None and missing:
        spread(run, folder, missing, ranks, workers, tell)
    else:
        for number in missing:
            trial = carry_out(posterior, sampler, number, run.seed, ranks)
            write_trial(folder, number, trial)
            tell(number, trial.described)
    trials = [trial for number in range(draws) if (trial := done(number)) is not None]
    calibration = assess(trials, ranks)
    origin = provenance(posterior.likelihoods, run.seed, run.source.name, started, {"trials": calibration.seconds})
    write_calibration(calibration, full, posterior, sampler.title, origin, folder)
    return calibration


def identity(full: RunFile, posterior: Posterior, ranks: int) -> dict[str, Any]:
    """What the trials of a folder have in common; their number may grow."""
    return {
        "globalfit": str(code()),
        "run": settings(full),
        "sampled_parameters": list(posterior.names),
        "data_sha256": data_checksums(posterior.likelihoods),
        "ranks": ranks,
    }
