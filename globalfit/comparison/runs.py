"""What is compared: the files of finished runs, and whether they are on the same data."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from globalfit import runfile
from globalfit.errors import ConfigurationError
from globalfit.results.result import Result

# Longest list of options in an error message.
_MAX_TEXT = 60


def read_runs(folders: Sequence[Path]) -> list[Result]:
    """The runs of output folders. Raises `OutputError` or `ConfigurationError` as `compare` says."""
    if len(folders) < 2:
        raise ConfigurationError("a comparison takes the folders of at least two finished runs.")
    real = [Path(os.path.realpath(folder)) for folder in folders]
    if len(set(real)) < len(folders):
        raise ConfigurationError("a folder is given twice; a run need not be compared with itself.")
    short = [folder.name for folder in real]
    unique = len(set(short)) == len(short)
    runs = [
        dataclasses.replace(Result.load(folder), name=name if unique else str(folder))
        for folder, name in zip(folders, short, strict=True)
    ]
    for other in runs[1:]:
        if found := differences(runs[0], other):
            raise ConfigurationError(
                f"{runs[0].folder} and {other.folder} are not on the same data, so their evidences cannot be compared: "
                f"{'; '.join(found)}."
            )
    return runs


def differences(one: Result, other: Result) -> list[str]:
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


def _options(
    place: str, first: Mapping[str, Any], second: Mapping[str, Any], one: Result, other: Result
) -> Iterator[str]:
    """Options that differ, down to the innermost mapping."""
    for key in sorted(set(first) | set(second)):
        left, right = first.get(key), second.get(key)
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            yield from _options(f"{place}{key}.", left, right, one, other)
        elif left != right:
            yield f"{place}{key} is {_text(left)} in {one.name} and {_text(right)} in {other.name}"


def _likelihoods(run: Result) -> dict[str, dict[str, Any]]:
    """Kind and options by what each likelihood is called."""
    entries = ((runfile.label(item), *runfile.entry(item)) for item in run.settings.likelihoods)
    return {label: options if label == kind else {"kind": kind, **options} for label, kind, options in entries}


def _inputs(run: Result) -> dict[str, Any]:
    """The numbers of the inputs; which preset they came from does not matter."""
    given = run.settings.inputs
    return {"preset": given} if isinstance(given, str) else {key: x for key, x in given.items() if key != "preset"}


def _text(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT - 3]}..."
