"""`globalfit cite`: the references of a run."""

from __future__ import annotations

import itertools
from pathlib import Path

import click

from globalfit.results.records import read_details
from globalfit.results.schema import Reference
from globalfit.runfile import load


@click.command()
@click.argument("run")
def cite(run: str) -> None:
    """List what to cite for RUN: a run file, the name of a packaged one, or the folder of a finished run."""
    for what, group in itertools.groupby(listed(run), key=lambda item: item["for"]):
        click.echo(what)
        for item in group:
            click.echo(f"  {item['reference']}")


def listed(run: str) -> list[Reference]:
    """References of a finished run as its report has them, or of one that a run file describes."""
    if Path(run).is_dir():
        return read_details(Path(run))["references"]
    from globalfit.analysis.details import references
    from globalfit.build.built import build

    built = build(load(run))
    return references(built.posterior, built.sampler)
