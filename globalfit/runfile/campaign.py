"""Several runs in one file: what they have in common stands there once, and a run may inherit from another.

    common: {likelihoods: [planck_relic, lz_2024], sampler: dynesty}
    runs:
      wide: {model: dpdm}
      narrow: {inherits: wide, parameters: {epsilon: {log_uniform: [1e-4, 0.1]}}}
    output: out/dpdm

Later layers win: `common`, then what a run inherits from (the oldest first), then the run itself. Mappings merge key by
key, everything else is replaced as a whole: lists, and a model, sampler or prior by one of another name. Each run gets
the output folder `output`/NAME. Errors point to the line that a value came from.
"""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from globalfit.errors import UnknownNameError, shortened
from globalfit.runfile import SEVERAL, RunFile, document, validate
from globalfit.runfile.document import Document, KeyPath, LocatedError, Source, key_text
from globalfit.runfile.schema import FolderName
from globalfit.runfile.validation import located

COMMON, INHERITS, OUTPUT = "common", "inherits", "output"
KEYS = (*(key for key in RunFile.model_fields if key != OUTPUT), INHERITS)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Names in the output folder that are not those of runs.
RESERVED = ("figures", "reruns", "comparison.html", "comparison.csv", "comparison.json", "sensitivity.csv")


@dataclasses.dataclass(frozen=True)
class RunSpec:
    """One run of a file, with its name there; `run.output` is its folder once the file's folder is known."""

    name: str
    run: RunFile


@dataclasses.dataclass(frozen=True)
class Campaign:
    """All runs of a file and the folder that takes theirs."""

    source: Source
    specs: tuple[RunSpec, ...]
    output: Path | None


@dataclasses.dataclass(frozen=True)
class MergedSource(Source):
    """Source of a run that was put together; `origins` has the key of the file behind each key of the run."""

    origins: dict[KeyPath, KeyPath] = dataclasses.field(default_factory=dict)
    run: str = ""

    def error(self, path: KeyPath, message: str) -> LocatedError:
        """An error at the key of the file; it names the run if the key is that of another one or common to all."""
        known = self.known(path)
        line, column = self.positions[known]
        origin = (*self.origins[known], *path[len(known) :])
        other = "" if origin[:2] == (SEVERAL, self.run) else f" (run '{self.run}')"
        return LocatedError(f"{self.name}:{line}:{column}: {key_text(origin)}: {message}{other}")


@dataclasses.dataclass(frozen=True)
class Layer:
    """Part of a run: plain data, and by key where in the file it stands."""

    data: Any
    origins: dict[KeyPath, KeyPath]

    @classmethod
    def of(cls, data: Any, path: KeyPath, source: Source) -> Layer:
        """What stands in the file at `path`."""
        return cls(data, {key[len(path) :]: key for key in source.positions if key[: len(path)] == path})

    def child(self, key: str) -> Layer:
        """The layer behind a key."""
        return Layer(self.data[key], {path[1:]: origin for path, origin in self.origins.items() if path[:1] == (key,)})

    def without(self, key: str) -> Layer:
        """The same without a key."""
        return Layer({name: value for name, value in self.data.items() if name != key}, self._elsewhere(key))

    def having(self, key: str, child: Layer) -> Layer:
        """The same with another child."""
        places = {(key, *path): origin for path, origin in child.origins.items()}
        return Layer(self.data | {key: child.data}, self._elsewhere(key) | places)

    def _elsewhere(self, key: str) -> dict[KeyPath, KeyPath]:
        return {path: origin for path, origin in self.origins.items() if path[:1] != (key,)}


class CampaignFile(BaseModel):
    """Settings of several runs."""

    # This is the frame: the runs are checked once they are put together.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    common: dict[str, Any] = Field(default_factory=dict, description="What every run inherits.")
    runs: dict[str, dict[str, Any] | None] = Field(
        min_length=1, description="The runs by their names, each with what it does not inherit."
    )
    output: FolderName | None = Field(
        None,
        description="Output folder, relative to the folder in which the command runs; each run gets the folder NAME "
        "in it.",
    )


def load_campaign(name: str | Path) -> Campaign | None:
    """The runs of a file, by its path or the name of one that comes with the package; None if it is that of one run.

    Raises `ConfigurationError` with file:line:column and key for anything that is wrong in it.
    """
    found = document(name)
    return expand(found) if lists_runs(found) else None


def lists_runs(found: Document) -> bool:
    """Whether a document lists several runs."""
    return isinstance(found.data, dict) and not {SEVERAL, COMMON}.isdisjoint(found.data)


def expand(found: Document) -> Campaign:
    """Put every run of a document together and check it against the schema of run files."""
    source = found.source
    try:
        frame = CampaignFile.model_validate_json(json.dumps(found.data), strict=True)
    except ValidationError as error:
        raise located(error, source, CampaignFile.model_fields) from error
    layers = {name: Layer.of(data or {}, (SEVERAL, name), source) for name, data in frame.runs.items()}
    common = Layer.of(frame.common, (COMMON,), source)
    for path, layer in {(COMMON,): common, **{(SEVERAL, name): layer for name, layer in layers.items()}}.items():
        _check_keys(path, layer, source)
    specs = [RunSpec(name, _run(name, layers, common, source)) for name in layers]
    campaign = Campaign(source, tuple(specs), None)
    return campaign if frame.output is None else placed(campaign, Path(frame.output))


def placed(campaign: Campaign, folder: Path) -> Campaign:
    """The same with an output folder; each run gets `folder`/NAME."""
    specs = [RunSpec(spec.name, _with(spec.run, output=str(folder / spec.name))) for spec in campaign.specs]
    return Campaign(campaign.source, tuple(specs), folder)


def seeded(campaign: Campaign, seed: int) -> Campaign:
    """The same with another seed for every run."""
    specs = [RunSpec(spec.name, _with(spec.run, seed=seed)) for spec in campaign.specs]
    return Campaign(campaign.source, tuple(specs), campaign.output)


def merge(below: Layer, above: Layer, path: KeyPath = ()) -> Layer:
    """One layer on another: mappings key by key, everything else replaced."""
    if path == ("inputs",) and isinstance(below.data, str):
        # The name of a preset is short for a mapping, which single values go on top of.
        below = Layer({"preset": below.data}, dict.fromkeys(((), ("preset",)), below.origins[()]))
    if not (isinstance(below.data, dict) and isinstance(above.data, dict)):
        return above
    if _one_of_many(path) and set(below.data) != set(above.data):
        return above
    merged = Layer(below.data, below.origins | {(): above.origins[()]})
    for key in above.data:
        child = above.child(key)
        merged = merged.having(key, merge(below.child(key), child, (*path, key)) if key in below.data else child)
    return merged


def _one_of_many(path: KeyPath) -> bool:
    """Places of one name with its options or numbers: another name there replaces it."""
    return path in (("model",), ("sampler",)) or (len(path) == 2 and path[0] == "parameters")


def _run(name: str, layers: dict[str, Layer], common: Layer, source: Source) -> RunFile:
    layer = common
    for one in reversed(_line(name, layers, source)):
        layer = merge(layer, layers[one].without(INHERITS))
    positions = {key: source.positions[origin] for key, origin in layer.origins.items()}
    return validate(Document(layer.data, MergedSource(source.name, positions, layer.origins, name)), KEYS)


def _line(name: str, layers: dict[str, Layer], source: Source) -> list[str]:
    """A run and those that it inherits from, the nearest first."""
    line = [name]
    while INHERITS in layers[line[-1]].data:
        place, parent = (SEVERAL, line[-1], INHERITS), layers[line[-1]].data[INHERITS]
        if not isinstance(parent, str):
            raise source.error(place, f"must be the name of a run of this file; found {shortened(json.dumps(parent))}.")
        if parent not in layers:
            with source.at(*place):
                raise UnknownNameError("run", parent, layers)
        if parent in line:
            circle = [*line[line.index(parent) :], parent]
            raise source.error(place, f"the runs inherit from each other: {' -> '.join(circle)}.")
        line.append(parent)
    return line


def _check_keys(path: KeyPath, layer: Layer, source: Source) -> None:
    """What only the merged run file or the whole file may have."""
    if path[0] == SEVERAL and (not NAME.fullmatch(str(path[1])) or path[1] in RESERVED):
        raise source.error(
            path,
            "the name of a run becomes a folder: letters, digits, `_`, `-` and `.`, and none of "
            f"{', '.join(RESERVED)}.",
        )
    if OUTPUT in layer.data:
        raise source.error((*path, OUTPUT), "belongs to the whole file: each run gets the folder `output`/NAME.")
    if path[0] == COMMON and INHERITS in layer.data:
        raise source.error((*path, INHERITS), "belongs to a run.")


def _with(run: RunFile, **changes: Any) -> RunFile:
    return run.model_copy(update=changes)
