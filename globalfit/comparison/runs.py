"""What is compared: the files of finished runs, and whether they are on the same data."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from globalfit import runfile
from globalfit.errors import ConfigurationError, OutputError
from globalfit.results import folder as names
from globalfit.results.records import read_details, read_evidence, read_provenance, sampled_parameters
from globalfit.results.schema import Details, Evidence, GitState, ParameterRecord, Provenance
from globalfit.runfile import RunFile
from globalfit.samplers.nested.dead_points import other_log_weights
from globalfit.storage.inference_data import LIVE, Samples, load

# Longest list of options in an error message.
_MAX_TEXT = 60


@dataclasses.dataclass(frozen=True)
class Run:
    """One finished run; `samples` is None for a sampler without draws."""

    name: str
    folder: Path
    settings: RunFile
    evidence: Evidence
    details: Details
    provenance: Provenance
    samples: Samples | None

    @property
    def parameters(self) -> dict[str, ParameterRecord]:
        """The sampled parameters."""
        return sampled_parameters(self.details)

    @property
    def program(self) -> str:
        """Version of the program that made the run, with the commit of its source where that is known."""
        return program(self.provenance["globalfit"], self.provenance["git"])

    @property
    def chains(self) -> int | None:
        """Chains of the draws; None without draws, and for independent ones with weights."""
        if self.samples is None or self.samples.weighted:
            return None
        return len(next(iter(self.samples.posterior.values())))

    @property
    def shows_posterior(self) -> bool:
        """False without draws, and for a plane whose mesh is too coarse for the posterior."""
        coarse = self.details.get("plane") is not None and self.evidence["log_evidence"] is None
        return self.samples is not None and not coarse

    @property
    def other_weights(self) -> Float[np.ndarray, "history point"] | None:
        """Weights that the points of a nested run could have as well, in other histories of the volumes."""
        if self.samples is None or LIVE not in self.samples.weighted:
            return None
        points = self.samples.weighted
        return np.exp(other_log_weights(points["log_likelihood"], points[LIVE], np.random.default_rng(0)))

    def points(self, name: str) -> tuple[Float[np.ndarray, " point"], Float[np.ndarray, " point"]]:
        """Points of a sampled parameter with weights that sum to one."""
        if self.samples is None:
            raise OutputError(f"{self.folder}: holds no draws.")
        return self.samples.points(name)


def program(version: str, git: GitState | None) -> str:
    """A version, with the commit of the source."""
    if git is None:
        return version
    return f"{version}, commit {str(git['commit'])[:8]}{' with local changes' if git['changed'] else ''}"


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """The runs of output folders. Raises `OutputError` or `ConfigurationError` as `compare` says."""
    if len(folders) < 2:
        raise ConfigurationError("a comparison takes the folders of at least two finished runs.")
    real = [Path(os.path.realpath(folder)) for folder in folders]
    if len(set(real)) < len(folders):
        raise ConfigurationError("a folder is given twice; a run need not be compared with itself.")
    short = [folder.name for folder in real]
    unique = len(set(short)) == len(short)
    runs = [read_run(folder, name if unique else str(folder)) for folder, name in zip(folders, short, strict=True)]
    for other in runs[1:]:
        if found := differences(runs[0], other):
            raise ConfigurationError(
                f"{runs[0].folder} and {other.folder} are not on the same data, so their evidences cannot be compared: "
                f"{'; '.join(found)}."
            )
    return runs


def read_run(folder: Path, name: str) -> Run:
    """The run of one folder. Raises `OutputError` if it is not finished or a file cannot be read."""
    if not folder.is_dir():
        raise OutputError(f"{folder}: is not a folder of a run.")
    if not (folder / names.RUN).is_file() or not (folder / names.REPORT).is_file():
        raise OutputError(f"{folder}: is not the folder of a finished run.")
    details, posterior = read_details(folder), folder / names.POSTERIOR
    return Run(
        name=name,
        folder=folder,
        settings=runfile.load(folder / names.RUN),
        evidence=read_evidence(folder),
        details=details,
        provenance=read_provenance(folder),
        samples=load(posterior, sampled_parameters(details)) if posterior.is_file() else None,
    )


def differences(one: Run, other: Run) -> list[str]:
    """What differs in the data of two runs, a phrase each: likelihoods, their options, the inputs, the tables."""
    first, second = (_likelihoods(run) for run in (one, other))
    found = [f"only {one.name} has {name}" for name in first if name not in second]
    found += [f"only {other.name} has {name}" for name in second if name not in first]
    for name in first:
        if name in second:
            found += _options(f"{name}.", first[name], second[name], one, other)
    found += _options("inputs.", _inputs(one), _inputs(other), one, other)
    roles = [{"dark_matter": run.settings.dark_matter} for run in (one, other)]
    found += _options("", roles[0], roles[1], one, other)
    if found:
        return found
    tables = one.provenance["data_sha256"], other.provenance["data_sha256"]
    changed = sorted(name for name in {*tables[0], *tables[1]} if tables[0].get(name) != tables[1].get(name))
    return [f"the table {name} has another checksum" for name in changed]


def _options(place: str, first: Mapping[str, Any], second: Mapping[str, Any], one: Run, other: Run) -> Iterator[str]:
    """Options that differ, down to the innermost mapping."""
    for key in sorted(set(first) | set(second)):
        left, right = first.get(key), second.get(key)
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            yield from _options(f"{place}{key}.", left, right, one, other)
        elif left != right:
            yield f"{place}{key} is {_text(left)} in {one.name} and {_text(right)} in {other.name}"


def _likelihoods(run: Run) -> dict[str, dict[str, Any]]:
    """Kind and options by what each likelihood is called."""
    entries = ((runfile.label(item), *runfile.entry(item)) for item in run.settings.likelihoods)
    return {label: options if label == kind else {"kind": kind, **options} for label, kind, options in entries}


def _inputs(run: Run) -> dict[str, Any]:
    """The numbers of the inputs; which preset they came from does not matter."""
    given = run.settings.inputs
    return {"preset": given} if isinstance(given, str) else {key: x for key, x in given.items() if key != "preset"}


def _text(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT - 3]}..."
