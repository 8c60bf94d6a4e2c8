"""Run files: their schema, where they are found, and errors that point to the line.

`load("fit.yaml")` or `load("quickstart")` (a run file that comes with the package) gives a `RunFile`; `parse` takes a
mapping instead. What the names in it stand for is looked up by `globalfit.build.built`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from globalfit.errors import ConfigurationError, UnknownNameError
from globalfit.runfile.document import Document, Source, plain, read
from globalfit.runfile.former import translated
from globalfit.runfile.paths import with_absolute_tables
from globalfit.runfile.schema import RunFile, entry, label
from globalfit.runfile.validation import located

__all__ = ["RunFile", "default_run", "entry", "first_comment", "label", "load", "packaged_runs", "parse"]

# The key of a file that lists several runs (`globalfit.runfile.campaign`).
SEVERAL = "runs"


def load(name: str | Path) -> RunFile:
    """Run file of a path, or one that comes with the package by its name.

    Raises `ConfigurationError` with file:line:column and key for anything that is wrong in it.
    """
    return validate(document(name))


def document(name: str | Path) -> Document:
    """The YAML document of a run file, by its path or the name of one that comes with the package."""
    path = Path(name)
    if path.is_file():
        return read(path)
    packaged = packaged_runs()
    if str(name) in packaged:
        return read(packaged[str(name)])
    if path.is_dir():
        raise ConfigurationError(f"{path}: is a folder, not a run file; name a YAML file, or a packaged one.")
    if path.suffix or len(path.parts) > 1:
        raise ConfigurationError(f"{path}: there is no such run file. Packaged run files: {', '.join(packaged)}.")
    raise UnknownNameError("run file", str(name), packaged)


def parse(data: Mapping[str, Any], name: str = "run") -> RunFile:
    """Run file of a mapping, for use from Python; `name` appears in error messages."""
    source = Source(name)
    return validate(Document(plain(data, source), source))


def default_run(model: str) -> RunFile:
    """A model with its default priors and no likelihoods."""
    return parse({"model": model}, f"model '{model}'")


def validate(document: Document, known: Iterable[str] = RunFile.model_fields) -> RunFile:
    """Check a document against the schema; `known` are the keys that the hint about a misspelt one may name.

    Raises `ConfigurationError` with the place of the first problem.
    """
    if not isinstance(document.data, dict):
        raise document.source.error((), "a run file is a mapping such as `model: axial`.")
    if SEVERAL in document.data:
        raise document.source.error((SEVERAL,), "lists several runs, which only `globalfit run` and `check` take.")
    today, advice = translated(with_absolute_tables(document))
    try:
        run = RunFile.model_validate_json(json.dumps(today.data), strict=True)
    except ValidationError as error:
        raise located(error, document.source, known) from error
    run._source, run._advice = document.source, advice
    return run


def packaged_runs() -> dict[str, Path]:
    """Run files that come with the package, by name; those of published figures as `figures/<name>`."""
    folder = Path(str(files("globalfit.runs")))
    own = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    return own | {f"figures/{path.stem}": path for path in sorted((folder / "figures").glob("*.yaml"))}


def first_comment(path: Path) -> str:
    """The first comment line of a YAML file: one sentence that says what it is for."""
    with path.open(encoding="utf-8") as stream:
        return next((line.strip("# \n") for line in stream if line.startswith("#")), "")
