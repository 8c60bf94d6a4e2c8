"""The verbs of the public API: load, check, fit, compare, calibrate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from globalfit.api.result import Result
from globalfit.api.run import Run
from globalfit.compilation_cache import use_compilation_cache
from globalfit.display import shown_progress
from globalfit.errors import OutputError
from globalfit.progress import WARNING, Event
from globalfit.results import folder as names
from globalfit.runfile import RunFile
from globalfit.runfile.campaign import RunSpec

if TYPE_CHECKING:
    from globalfit.analysis.prior_check import PriorCheck
    from globalfit.calibration.result import Calibration
    from globalfit.comparison import Comparison

Source = Run | RunFile | Mapping[str, Any] | str | Path


def load(source: str | Path | Mapping[str, Any]) -> Run:
    """A run: a run file by its path or packaged name, or the same as a mapping.

    Raises `ConfigurationError` with the place of what is wrong, `UnknownNameError` for an unknown name.
    """
    return Run.load(source)


def check(run: Source, draws: int = 1000, gradients: bool = True) -> PriorCheck:
    """What every likelihood looks like on draws of the prior; the object prints itself.

    Raises `ConfigurationError` for a run that cannot be built.
    """
    from globalfit.analysis.prior_check import check_prior
    from globalfit.build.built import build

    settings = _settings(run)
    use_compilation_cache()
    with shown_progress() as progress:
        if settings.advice:
            progress(Event(WARNING, 0.0, message=settings.advice))
        return check_prior(build(settings).posterior, draws, settings.seed, gradients, progress)


def fit(run: Source, folder: str | Path | None = None, checkpoint_every: float = names.CHECKPOINT_EVERY_S) -> Result:
    """Sample the posterior and write the output folder; an unfinished identical run there resumes.

    A folder that holds this run already, finished, is read. `checkpoint_every` is in seconds. Raises
    `ConfigurationError` for a run that cannot be built, `OutputError` for a folder that cannot take it.
    """
    from globalfit.fitting.campaign import Ending, settled
    from globalfit.fitting.fit import fit as carry_out

    settings = _settings(run)
    if folder is not None:
        settings = settings.model_copy(update={"output": str(folder)})
    use_compilation_cache()
    if known := settled(RunSpec(settings.source.name, settings)):
        if known.ending is Ending.FAILED:
            raise OutputError(known.message)
        return Result.load(known.folder)
    with shown_progress() as progress:
        outcome = carry_out(settings, None, progress, checkpoint_every)
    return Result.load(outcome.folder)


def compare(results: Sequence[str | Path | Result]) -> Comparison:
    """Finished runs on the same data: evidences, Bayes factors, and how they move with the priors.

    Raises `OutputError` for a folder that holds no finished run, `ConfigurationError` for runs on different data.
    """
    from globalfit.comparison import compare as carry_out

    return carry_out([item.folder if isinstance(item, Result) else Path(item) for item in results])


def calibrate(run: Source, folder: str | Path, draws: int = 200, ranks: int = 99) -> Calibration:
    """Simulation-based calibration: `draws` fits to simulated data, each with its rank among `ranks` posterior draws.

    The folder keeps every trial; a larger number of draws adds to what is there. Raises `ConfigurationError` for a run
    that cannot be simulated, `OutputError` for a folder that holds anything else.
    """
    from globalfit.calibration import calibrate as carry_out

    use_compilation_cache()
    with shown_progress() as progress:
        return carry_out(_settings(run), Path(folder), draws, ranks, progress)


def _settings(run: Source) -> RunFile:
    match run:
        case Run():
            return run.settings
        case RunFile():
            return run
        case _:
            return Run.load(run).settings
