"""Several runs of one file: the state of each, and how one is carried out. Whatever goes through them calls these."""

from __future__ import annotations

import dataclasses
import enum
import traceback
from pathlib import Path

from globalfit import runfile
from globalfit.build.built import build
from globalfit.errors import GlobalFitError, OutputError
from globalfit.fitting.fit import fit
from globalfit.progress import Progress, silent
from globalfit.results import folder as names
from globalfit.results.checksums import verify
from globalfit.results.provenance import data_checksums
from globalfit.results.records import read_evidence, read_provenance
from globalfit.results.run_identity import other_code, settings
from globalfit.results.run_state import State
from globalfit.results.schema import Evidence
from globalfit.runfile.campaign import RunSpec


class Ending(enum.Enum):
    """How a run ended."""

    FINISHED = "finished"
    SKIPPED = "was there already"
    FAILED = "FAILED"


@dataclasses.dataclass(frozen=True)
class RunOutcome:
    """How a run ended: the content of its `evidence.json`, or what went wrong (with a traceback if it was no mistake
    of the user)."""

    name: str
    folder: Path
    ending: Ending
    evidence: Evidence | None = None
    message: str = ""
    traceback: str = ""

    @property
    def converged(self) -> bool:
        """Whether there are numbers to use."""
        return self.evidence is not None and self.evidence["converged"] is not False


def spec_state(spec: RunSpec) -> State:
    """What the folder of a run holds; settings are compared with all their defaults, the output folder aside.

    Whether another process writes there is not looked at.
    """
    folder = spec_folder(spec)
    if not (folder / names.RUN).is_file():
        return State.MISSING
    if not (folder / names.REPORT).is_file():
        return State.UNFINISHED
    verify(folder)
    provenance = read_provenance(folder)
    built = build(spec.run)
    if settings(runfile.load(folder / names.RUN)) != settings(built.run):
        return State.OTHER
    if other_code(provenance):
        return State.OTHER_CODE
    now = data_checksums(built.posterior.likelihoods)
    return State.FINISHED if provenance["data_sha256"] == now else State.OTHER_DATA


def settled(spec: RunSpec) -> RunOutcome | None:
    """The outcome of a run that is there already or that its folder cannot take; None for one to carry out."""
    folder = spec_folder(spec)
    try:
        match spec_state(spec):
            case State.FINISHED:
                return RunOutcome(spec.name, folder, Ending.SKIPPED, read_evidence(folder))
            case State.OTHER_CODE:
                was = other_code(read_provenance(folder))
                raise OutputError(f"{folder}: already holds this run, {was}; remove it to run again.")
            case State.OTHER_DATA:
                raise OutputError(
                    f"{folder}: already holds this run, finished on data that have changed since; "
                    "remove it to run again."
                )
    except GlobalFitError as error:
        return RunOutcome(spec.name, folder, Ending.FAILED, message=str(error))
    return None


def run_spec(
    spec: RunSpec, progress: Progress = silent, checkpoint_every: float = names.CHECKPOINT_EVERY_S
) -> RunOutcome:
    """Carry out one run unless its folder holds it already; every error ends up in the outcome."""
    folder = spec_folder(spec)
    try:
        if outcome := settled(spec):
            return outcome
        return RunOutcome(spec.name, folder, Ending.FINISHED, fit(spec.run, None, progress, checkpoint_every).evidence)
    except GlobalFitError as error:
        return RunOutcome(spec.name, folder, Ending.FAILED, message=str(error))
    except Exception as error:  # noqa: BLE001 - hours of other runs must not be lost to the fault of one
        message = f"{type(error).__name__}: {error}"
        return RunOutcome(spec.name, folder, Ending.FAILED, message=message, traceback=traceback.format_exc())


def spec_folder(spec: RunSpec) -> Path:
    """The output folder of a run."""
    if spec.run.output is None:
        raise spec.run.source.error((), "has no output folder; give the file one, here or with --output.")
    return Path(spec.run.output)
