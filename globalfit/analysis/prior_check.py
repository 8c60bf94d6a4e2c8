"""What `globalfit check` and `globalfit.check` say about a run: its likelihoods on draws of the prior."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Int

from globalfit.analysis.details import definition
from globalfit.analysis.stored_draws import status_fractions
from globalfit.physics import status
from globalfit.posterior.plugin_trial import try_plugins
from globalfit.posterior.posterior import Posterior
from globalfit.posterior.prior_scan import Verdict, diagnose, scan_prior, segments
from globalfit.progress import Event, Progress, silent

COLUMNS = (
    *("finite", "no solution", "bad values", "bad gradients", "   flat", "  rough"),
    *("lowest ln L", "    highest", "us/point"),
)


@dataclasses.dataclass(frozen=True, repr=False)
class PriorCheck:
    """A verdict for each likelihood, and the status flags of the prior draws; prints itself as text."""

    posterior: Posterior
    verdicts: dict[str, Verdict]
    flags: Int[np.ndarray, " draw"]

    @property
    def passed(self) -> bool:
        """Whether every value and every gradient is finite, and some draw has a likelihood."""
        return not any(verdict.failed for verdict in self.verdicts.values())

    def __repr__(self) -> str:
        return "\n".join((*_parameter_lines(self), *_likelihood_lines(self), *_status_lines(self)))


def check_prior(
    posterior: Posterior, draws: int, seed: int, gradients: bool = True, progress: Progress = silent
) -> PriorCheck:
    """Try every likelihood on draws of the prior and their neighbours.

    Raises `ConfigurationError` for a plug-in that returns something of another shape or type than it must.
    """
    try_plugins(posterior)
    where = segments(posterior, draws, seed)
    total = float(2 * len(where.draws))
    verdicts, flags = {}, np.zeros(len(where.draws), int)
    for name in posterior.likelihoods or (None,):
        stage = name or "status"
        progress(Event(stage, 0.0, total))
        found = scan_prior(
            posterior, name, where, gradients, lambda done, stage=stage: progress(Event(stage, float(done), total))
        )
        flags |= found.status[0]
        if name is not None:
            verdicts[name] = diagnose(found, where)
            flags |= np.where(found.solvable[0] & ~np.isfinite(found.value[0]), status.NON_FINITE.bit, 0)
    return PriorCheck(posterior, verdicts, flags)


def _parameter_lines(check: PriorCheck) -> list[str]:
    """Priors, fixed values and expressions."""
    parameters = check.posterior.parameters
    names = [*check.posterior.names, *parameters.fixed, *parameters.expressions]
    width = max(map(len, names))
    return ["parameters", *(f"  {name:<{width}}  {definition(name, check.posterior)}" for name in names)]


def _likelihood_lines(check: PriorCheck) -> list[str]:
    """A table with a row for each likelihood, and what is to be said about them."""
    if not check.verdicts:
        return ["no likelihoods"]
    rows = [_cells(name, verdict) for name, verdict in check.verdicts.items()]
    width = max(len(name) for name, *_ in rows)
    header = "  ".join(("likelihood".ljust(width), *COLUMNS))
    lines = [f"likelihoods on {len(check.flags)} prior draws and their neighbours", f"  {header}"]
    for name, *cells in rows:
        padded = (cell.rjust(len(column)) for cell, column in zip(cells, COLUMNS, strict=True))
        lines.append("  ".join((f"  {name:<{width}}", *padded)))
    for name, verdict in check.verdicts.items():
        if verdict.offender is not None:
            place = " ".join(
                f"--set {parameter}={value!r}"
                for parameter, value in zip(check.posterior.names, verdict.offender.tolist(), strict=True)
            )
            lines.append(f"  {name}: NOT FINITE, first at {place}")
        lines += [f"  {name}: {remark}" for remark in verdict.remarks]
    return lines


def _status_lines(check: PriorCheck) -> list[str]:
    """Fractions of the prior draws by status."""
    fractions = status_fractions(check.flags)
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
