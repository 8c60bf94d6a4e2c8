"""Lines on stderr that are no errors."""

from __future__ import annotations

from pathlib import Path

import click

from globalfit.results.run_identity import other_code
from globalfit.results.schema import Provenance


def note_other_code(folder: Path, provenance: Provenance) -> None:
    """Say that a result was made by another version of the program, if it was."""
    if made := other_code(provenance):
        click.echo(f"note: {folder} was {made}.", err=True)
