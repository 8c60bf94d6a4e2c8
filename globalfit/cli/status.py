"""`globalfit campaign status`: what the folders of several runs hold."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import click

from globalfit.errors import ConfigurationError, OutputError
from globalfit.results.folder import RUN
from globalfit.results.records import convergence
from globalfit.results.run_state import RunState, State, run_state
from globalfit.runfile import load
from globalfit.runfile.campaign import Campaign, load_campaign, placed, seeded
from globalfit.runfile.schema import MAX_SEED


@click.group()
def campaign() -> None:
    """Look after the runs of a file that lists several."""


@campaign.command()
@click.argument("place", metavar="FILE_OR_FOLDER")
@click.option("--output", type=click.Path(path_type=Path), help="Output folder instead of the file's.")
@click.option("--seed", type=click.IntRange(0, MAX_SEED), help="Seed instead of the file's.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def status(place: str, output: Path | None, seed: int | None, as_json: bool) -> None:
    """Show the state of the runs of a file, or of the runs in a folder.

    A run is `missing`, `running` in another process, `unfinished` (`globalfit run` goes on with it from its
    checkpoint), `finished`, `unreadable` (exit status 2), or its folder holds a run of `other settings` or on `other
    data`. What the file does not say is not compared with what the folder holds: `globalfit run` looks at the defaults
    as well.
    """
    if Path(place).is_dir():
        if output is not None or seed is not None:
            raise ConfigurationError(
                "--output and --seed are for a file of several runs: a folder is looked at as it is."
            )
        rows = {folder.name: run_state(folder) for folder in run_folders(Path(place))}
    else:
        listed, parent = listed_runs(place, output, seed)
        rows = {spec.name: run_state(parent / spec.name, spec.run) for spec in listed.specs}
    if as_json:
        click.echo(json.dumps([record(name, found) for name, found in rows.items()], indent=2))
    else:
        click.echo("\n".join(table_lines(rows)))
    if unreadable := [found.reason for found in rows.values() if found.state is State.UNREADABLE]:
        raise OutputError("\n".join(unreadable))


def run_folders(folder: Path) -> list[Path]:
    """The folder if it is that of a run, else those of runs in it. Raises `OutputError` if there are none."""
    if (folder / RUN).is_file():
        return [folder]
    found = sorted(path for path in folder.iterdir() if (path / RUN).is_file())
    if not found:
        raise OutputError(f"{folder}: holds no run; name the folder that `globalfit run` has written, or its file.")
    return found


def listed_runs(name: str, output: Path | None, seed: int | None) -> tuple[Campaign, Path]:
    """The runs of a file that lists several, and the folder of theirs. Raises `ConfigurationError` for others."""
    listed = load_campaign(name)
    if listed is None:
        raise load(name).source.error((), "is one run: `globalfit campaign status` takes its folder, or several runs.")
    listed = listed if output is None else placed(listed, output)
    listed = listed if seed is None else seeded(listed, seed)
    if listed.output is None:
        raise listed.source.error(("output",), "is missing: name the output folder here or with --output.")
    if listed.output.exists() and not listed.output.is_dir():
        raise OutputError(f"{listed.output}: is a file, not a folder; choose another one with --output.")
    return listed, listed.output


def table_lines(rows: dict[str, RunState]) -> list[str]:
    """A line for each run, and how many there are of each state."""
    cells = [(name, found.state.value, detail(found), str(found.folder)) for name, found in rows.items()]
    widths = [max(len(row[column]) for row in cells) for column in range(3)]
    lines = [
        "  ".join((*(f"{text:<{width}}" for text, width in zip(row, widths, strict=False)), row[3])) for row in cells
    ]
    count = Counter(found.state for found in rows.values())
    return [*lines, ", ".join(f"{count[state]} {state.value}" for state in State if count[state])]


def detail(found: RunState) -> str:
    """What there is to say about a state: the result, the checkpoint, or what is other."""
    if found.state is State.UNREADABLE:
        return "see the error below"
    if found.reason and found.state is not State.FINISHED:
        return found.reason
    if found.evidence is not None:
        verdict = convergence(found.evidence["converged"])
        value, error = found.evidence["log_evidence"], found.evidence["log_evidence_error"]
        text = verdict if value is None else f"{verdict}, ln Z = {value:.3f} ± {error:.3f}"
        return f"{text}, {found.reason}" if found.reason else text
    if found.checkpoint is not None:
        return f"checkpoint of {found.checkpoint.time:%Y-%m-%d %H:%M:%S}, {found.checkpoint.calls} calls"
    return "" if found.state is State.MISSING else "no checkpoint yet"


def record(name: str, found: RunState) -> dict[str, Any]:
    """The same as JSON."""
    evidence = found.evidence or {}
    checkpoint = found.checkpoint
    return {
        "run": name,
        "state": found.state.value,
        "folder": str(found.folder),
        "reason": found.reason or None,
        "checkpoint": checkpoint and {"time": checkpoint.time.isoformat(), "calls": checkpoint.calls},
        **{key: evidence.get(key) for key in ("converged", "log_evidence", "log_evidence_error")},
    }
