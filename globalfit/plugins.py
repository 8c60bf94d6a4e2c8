"""Models, likelihoods and samplers are found by entry point, the built-in ones exactly as a third party's."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import functools
import importlib
import inspect
import sys
import tomllib
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal

from globalfit.errors import ConfigurationError, UnknownNameError
from globalfit.version import ROOT

Kind = Literal["model", "likelihood", "sampler"]

# Module and name of the class that every plug-in of a kind derives from; imported when the first one is loaded.
_BASES: dict[Kind, tuple[str, str]] = {
    "model": ("globalfit.models", "Model"),
    "likelihood": ("globalfit.experiment.protocol", "Likelihood"),
    "sampler": ("globalfit.samplers.protocol", "Sampler"),
}
# How alike two names are of which one is taken for a misspelt other.
_ALIKE = 0.8


@functools.cache
def registered(kind: Kind) -> dict[str, EntryPoint]:
    """Entry points of one kind by name; nothing is imported."""
    group = f"globalfit.{kind}s"
    found = {point.name: point for point in (*entry_points(group=group), *_of_clone(group))}
    return {name: found[name] for name in sorted(found)}


def _of_clone(group: str) -> list[EntryPoint]:
    """Entry points of the clone that this package runs from, so that it needs no installation; none without one."""
    path = ROOT / "pyproject.toml"
    if not path.is_file():
        return []
    project = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {})
    own = project.get("entry-points", {}).get(group, {}) if project.get("name") == "globalfit" else {}
    return [EntryPoint(name, value, group) for name, value in own.items()]


def load(kind: Kind, name: str) -> Any:
    """The class behind a name.

    Raises `UnknownNameError` with the nearest known name, `ConfigurationError` for a class that is not what the engine
    needs.
    """
    known = registered(kind)
    if name not in known:
        raise UnknownNameError(kind, name, known)
    module, base = _BASES[kind]
    found = known[name].load()
    if fault := _fault(found, getattr(importlib.import_module(module), base)):
        raise ConfigurationError(f"the {kind} '{name}' ({known[name].value}) {fault}")
    return found


def needs_options(found: Any) -> bool:
    """Whether a plug-in is nothing without options of the user."""
    return any(field.is_required() for field in found.Options.model_fields.values())


def _fault(found: Any, base: type) -> str:
    """What is wrong with a plug-in, as a sentence that lacks its subject; empty if nothing is."""
    place = f"{base.__module__}.{base.__name__}"
    if not (isinstance(found, type) and issubclass(found, base)):
        return f"is no subclass of {place}; derive its class from that."
    fields = {field.name for field in dataclasses.fields(found)} if dataclasses.is_dataclass(found) else set()
    variables = [name for name in inspect.get_annotations(base) if not hasattr(found, name) and name not in fields]
    methods: frozenset[str] = getattr(found, "__abstractmethods__", frozenset())
    if missing := [*sorted(methods), *variables]:
        return f"lacks {', '.join(missing)}, which {place} asks for."
    own = fields | {name for cls in found.__mro__ if not issubclass(base, cls) for name in vars(cls)}
    for name in sorted(name for name in own if not name.startswith("_") and not hasattr(base, name)):
        untouched = [member for member in _members(base) if member not in own]
        if nearest := difflib.get_close_matches(name, untouched, n=1, cutoff=_ALIKE):
            return f"has '{name}', which {place} does not know; did you mean '{nearest[0]}'? If not, name it otherwise."
    return ""


def _members(base: type) -> list[str]:
    """Public members that a plug-in may override."""
    return [name for name in {**vars(base), **inspect.get_annotations(base)} if not name.startswith("_")]


def summary(point: EntryPoint) -> str:
    """First line of the docstring of the module behind an entry point; neither it nor its parents are imported."""
    path = _file(point)
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) if path else None
    return (docstring or "").partition("\n")[0]


def folder(point: Any) -> Path | None:
    """The folder of the module behind an entry point (of the standard library or of its backport), None if there is
    none; nothing is imported."""
    path = _file(point)
    return path.parent if path else None


def _file(point: Any) -> Path | None:
    """The file of the module behind an entry point."""
    spec, parts = None, point.module.split(".")
    for depth in range(1, len(parts) + 1):
        name, places = ".".join(parts[:depth]), None if spec is None else spec.submodule_search_locations
        found = (finder.find_spec(name, places) for finder in sys.meta_path if hasattr(finder, "find_spec"))
        spec = next((spec for spec in found if spec is not None), None)
        if spec is None:
            return None
    return Path(spec.origin) if spec is not None and spec.origin is not None else None
