"""The table of a limit that a user brings: two columns of a CSV file, without a file of provenance beside it."""

from __future__ import annotations

import csv
import datetime
import hashlib
import io
from pathlib import Path

import numpy as np
from jaxtyping import Float

from globalfit.errors import ConfigurationError
from globalfit.tables import Column, Provenance, Table

MAX_BYTES = 10_000_000


def read_own_table(path: Path, label: str, x: str, y: str, kind: str, confidence: float, source: str) -> Table:
    """The table, named after the likelihood `label` and its file; its checksum stands in its provenance.

    Raises `ConfigurationError` that says where the table should lie, what its columns are and which confidence level
    its limits have.
    """
    wanted = (
        f"the table is a CSV file with one header line and two columns: {x}, ascending, and the {kind} limit on {y} at "
        f"{100.0 * confidence:g} % CL, both above zero. A relative path starts in the folder of the run file"
    )
    try:
        with path.open("rb") as stream:  # no more than it may have: a device has no end
            content = stream.read(MAX_BYTES + 1)
        date = datetime.date.fromtimestamp(path.stat().st_mtime)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}; {wanted}.") from error
    if len(content) > MAX_BYTES:
        raise ConfigurationError(f"{path}: is larger than {MAX_BYTES} bytes, which no limit needs; {wanted}.")
    try:
        header, numbers = _parsed(content)
    except (ValueError, csv.Error) as error:
        raise ConfigurationError(f"{path}: {error}; {wanted}.") from error
    names = header if header[0] != header[1] else [x, y]
    meanings = (x, f"{kind} limit on {y}")
    provenance = Provenance(
        source=source,
        location=path.name,
        quantity=f"{kind} limit on {y} against {x}",
        columns={name: Column(unit="1", meaning=what) for name, what in zip(names, meanings, strict=True)},
        confidence_level=confidence,
        kind="observed",
        precision="exact",
        date=date,
        sha256=hashlib.sha256(content).hexdigest(),
        assumptions=("as the author of the run file says",),
        domain=f"{x} from {numbers[0, 0]:g} to {numbers[-1, 0]:g}",
        supersedes=(),
    )
    return Table(f"{label}/{path.name}", dict(zip(names, numbers.T, strict=True)), provenance)


def _parsed(content: bytes) -> tuple[list[str], Float[np.ndarray, "row 2"]]:
    """Header and numbers. Raises `ValueError` that says what is wrong."""
    rows = [row for row in csv.reader(io.StringIO(content.decode("utf-8-sig"))) if row]
    if any(len(row) != 2 for row in rows) or len(rows) < 3:
        raise ValueError("has not two columns with two rows of numbers at least")
    numbers = np.array([[float(cell) for cell in row] for row in rows[1:]])
    if not (np.all(np.isfinite(numbers)) and np.all(numbers > 0.0) and np.all(np.diff(numbers[:, 0]) > 0.0)):
        raise ValueError("has a number that is not above zero, or a first column that does not ascend")
    return rows[0], numbers
