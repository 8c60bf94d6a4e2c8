"""The layers of the house: a room imports only what stands below it, wherever in its text the import is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# From the ground up. A room is a package or a module directly below `globalfit`, with everything in it.
FLOORS = (
    ("compilation_cache", "errors", "progress", "random_streams", "table_names", "version"),
    ("display", "expression", "plugins", "storage", "tables"),
    ("checkpoint", "physics"),
    ("models", "runfile", "samplers"),
    ("experiment",),
    ("likelihoods", "posterior", "results"),
    ("analysis", "build"),
    ("report",),
    ("fitting",),
    ("cluster", "comparison"),
    ("calibration",),
    ("api", "cli"),
)
# The package itself hands the names of `api` on when they are asked for; it is no room, and nobody imports from it.
FACE = "globalfit"


def modules() -> dict[str, Path]:
    """Every module of the program by its name."""
    found = {}
    for folder, package in ((ROOT / "globalfit", "globalfit"), (ROOT / "likelihoods", "globalfit.likelihoods")):
        for path in folder.rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join((package, *(part for part in parts if part != "__init__")))] = path
    return found


def imported(path: Path, known: set[str]) -> Iterator[str]:
    """Modules of the program that a module imports, at its top, in a function or for its types."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names if alias.name in known)
            case ast.ImportFrom(module=str(module), names=names):
                inside = {f"{module}.{alias.name}" for alias in names} & known
                yield from inside or ({module} & known)


def room(module: str) -> str:
    """The room in which a module stands."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else FACE


def arrows() -> dict[tuple[str, str], list[str]]:
    """Imports from one room into another, with the modules that have them."""
    known, found = modules(), {}
    for module, path in known.items():
        for other in imported(path, set(known)):
            if room(module) not in (FACE, room(other)):
                found.setdefault((room(module), room(other)), []).append(f"{module} imports {other}")
    return found


def test_every_room_stands_on_one_floor():
    rooms = {room(module) for module in modules()} - {FACE}
    placed = [name for floor in FLOORS for name in floor]
    assert sorted(placed) == sorted(rooms)
    assert len(rooms) <= 30
    assert len(FLOORS) <= 12


def test_no_arrow_runs_up_or_along_a_floor():
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    wrong = [text for (start, end), texts in arrows().items() if floor.get(end, 99) >= floor[start] for text in texts]
    assert wrong == []


def test_the_engine_does_not_know_its_likelihoods():
    users = {start for start, end in arrows() if end == "likelihoods"}
    assert users == set()
