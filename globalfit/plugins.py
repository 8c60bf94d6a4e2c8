"""Models, likelihoods and samplers are found by entry point, the built-in ones exactly as a third party's."""

from __future__ import annotations

import ast
import functools
import sys
import tomllib
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal

import globalfit
from globalfit.errors import UnknownNameError

Kind = Literal["model", "likelihood", "sampler"]


@functools.cache
def registered(kind: Kind) -> dict[str, EntryPoint]:
    """Entry points of one kind by name; nothing is imported."""
    group = f"globalfit.{kind}s"
    found = {point.name: point for point in (*entry_points(group=group), *_of_clone(group))}
    return {name: found[name] for name in sorted(found)}


def _of_clone(group: str) -> list[EntryPoint]:
    """Entry points of the clone that this package runs from, so that it needs no installation; none without one."""
    path = Path(globalfit.__file__).resolve().parent.parent / "pyproject.toml"
    if not path.is_file():
        return []
    project = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {})
    own = project.get("entry-points", {}).get(group, {}) if project.get("name") == "globalfit" else {}
    return [EntryPoint(name, value, group) for name, value in own.items()]


def load(kind: Kind, name: str) -> Any:
    """The object behind a name.

    Raises `UnknownNameError` with the nearest known name.
    """
    known = registered(kind)
    if name not in known:
        raise UnknownNameError(kind, name, known)
    return known[name].load()


def summary(point: EntryPoint) -> str:
    """First line of the docstring of the module behind an entry point; neither it nor its parents are imported."""
    spec, parts = None, point.module.split(".")
    for depth in range(1, len(parts) + 1):
        name, places = ".".join(parts[:depth]), None if spec is None else spec.submodule_search_locations
        found = (finder.find_spec(name, places) for finder in sys.meta_path if hasattr(finder, "find_spec"))
        spec = next((spec for spec in found if spec is not None), None)
        if spec is None:
            return ""
    if spec is None or spec.origin is None:
        return ""
    docstring = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]
