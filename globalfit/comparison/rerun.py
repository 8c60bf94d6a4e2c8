"""More runs, which say how ln Z moves with a prior where the stored posterior cannot.

Each is the run itself but for the prior of one parameter. A wider prior is cut where the parameter ends: there is no
model beyond, so no likelihood, and ln Z pays for that part as it does for points without a solution.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import jax.numpy as jnp

from globalfit.build.built import build_posterior
from globalfit.comparison import Comparison
from globalfit.comparison.sensitivity import RERUN, WIDTHS, Change, prior_of, scaled
from globalfit.errors import OutputError
from globalfit.fitting.campaign import RunOutcome
from globalfit.models import Parameter
from globalfit.posterior.prior import Distribution, LogUniform, Uniform, named
from globalfit.results.provenance import data_checksums
from globalfit.results.result import Result
from globalfit.results.run_identity import other_code
from globalfit.runfile.campaign import RunSpec

FROM_RERUN = "another run"


@dataclasses.dataclass(frozen=True)
class Rerun:
    """The run for one change, and the part of the new prior in which the parameter is defined."""

    change: Change
    spec: RunSpec
    inside: float


def reruns(comparison: Comparison, folder: Path) -> list[Rerun]:
    """A run for every change that needs one, each in a folder of its own in `folder`.

    Raises `OutputError` for a run that another program made, or the same one with other data, and `ConfigurationError`
    or `UnknownNameError` for one that cannot be built any more.
    """
    return [one for run in comparison.runs for one in _of_run(run, comparison.changes, folder)]


def completed(comparison: Comparison, done: Sequence[Rerun], outcomes: Sequence[RunOutcome]) -> Comparison:
    """The comparison with what these runs have found."""
    runs = {run.name: run for run in comparison.runs}
    found = {
        rerun.change: _changed(rerun, outcome, runs[rerun.change.run])
        for rerun, outcome in zip(done, outcomes, strict=True)
    }
    return dataclasses.replace(comparison, changes=[found.get(change, change) for change in comparison.changes])


def cut(prior: Distribution, parameter: Parameter | None) -> tuple[Distribution, float]:
    """A bounded prior within the domain of its parameter, and the part of it that lies there."""
    if parameter is None or not isinstance(prior, Uniform | LogUniform):
        return prior, 1.0
    inside = type(prior)(max(prior.low, parameter.low), min(prior.high, parameter.high))
    low, high = prior.cdf(jnp.asarray(inside.low)), prior.cdf(jnp.asarray(inside.high))
    return inside, float(high - low)


def _of_run(run: Result, changes: Sequence[Change], folder: Path) -> Iterator[Rerun]:
    wanted = [change for change in changes if change.run == run.name and change.shift is None]
    domains = _domains(run) if wanted else {}
    for change in wanted:
        wider = scaled(prior_of(run, change.parameter), WIDTHS[change.width])
        prior, inside = cut(wider, domains.get(change.parameter))
        kind, numbers = named(prior)
        name = re.sub(r"[^A-Za-z0-9._-]+", "_", f"{run.name}-{change.parameter}-{change.width}")
        parameters = run.settings.parameters | {change.parameter: {kind: list(numbers)}}
        settings = run.settings.model_copy(update={"parameters": parameters, "output": str(folder / name)})
        yield Rerun(change, RunSpec(name, settings), inside)


def _domains(run: Result) -> dict[str, Parameter]:
    """The parameters of a run by name, after a look at whether its evidence can be compared with one of today."""
    posterior = build_posterior(run.settings)
    then = other_code(run.provenance)
    if run.provenance["data_sha256"] != data_checksums(posterior.likelihoods):
        then = "made with data tables that have changed since"
    if then:
        raise OutputError(
            f"{run.folder}: was {then}; run it again before its priors are changed, or leave out --rerun."
        )
    return {parameter.name: parameter for parameter in posterior.every_parameter}


def _changed(rerun: Rerun, outcome: RunOutcome, run: Result) -> Change:
    found, before = outcome.evidence, run.evidence
    if found is None:
        return dataclasses.replace(rerun.change, how=f"{RERUN}: {outcome.message}")
    if not found["converged"] or found["log_evidence"] is None or before["log_evidence"] is None:
        return dataclasses.replace(rerun.change, how=f"{RERUN}: {outcome.folder} did not converge")
    shift = found["log_evidence"] - before["log_evidence"] + math.log(rerun.inside)
    error = math.hypot(found["log_evidence_error"] or 0.0, before["log_evidence_error"] or 0.0)
    beyond = "" if rerun.inside == 1.0 else f", without the {1.0 - rerun.inside:.2g} of the prior where no model is"
    return dataclasses.replace(rerun.change, shift=shift, error=error, how=FROM_RERUN + beyond)
