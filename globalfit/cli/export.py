"""`globalfit export`: the draws of a finished run for another program."""

from __future__ import annotations

from pathlib import Path

import click

from globalfit.cli.notices import note_other_code
from globalfit.results.schema import FORMATS


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMATS), required=True, help="Program that reads the files.")
@click.option("--output", type=click.Path(path_type=Path), help="Beginning of their names, not FOLDER/chains/NAME.")
def export(folder: Path, form: str, output: Path | None) -> None:
    """Write the draws of the finished run in FOLDER for another program.

    Draws have equal weights, and hold sampled parameters, predictions and ln L of every experiment. GetDist reads
    `loadMCSamples("FOLDER/chains/NAME")`, anesthetic `read_csv("FOLDER/chains/NAME.csv")`. Nothing is overwritten.
    """
    from globalfit.results.export import export as write
    from globalfit.results.result import Result

    result = Result.load(folder)
    note_other_code(folder, result.provenance)
    root = folder / "chains" / folder.resolve().name if output is None else output
    for path in write(result, form, root):
        click.echo(path)
