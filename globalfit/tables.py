"""Data tables with their provenance: a CSV file, and what `provenance.yaml` beside it says about it.

A folder of data is a package with CSV files (one header line) and one `provenance.yaml` that describes each of them:
where the numbers come from, in which units, of which kind and confidence level, under which assumptions, and the
checksum of the file. A table without complete provenance, or whose file was altered, cannot be read.
"""

from __future__ import annotations

import csv
import dataclasses
import datetime
import functools
import hashlib
import importlib.resources
import io
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML, YAMLError

from globalfit.errors import DataError
from globalfit.table_names import PROVENANCE, logical_name

# Unit of a column that holds text.
LABEL = "label"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(_Record):
    """Unit and meaning of one column; the unit `label` marks text."""

    unit: str = Field(min_length=1)
    meaning: str = Field(min_length=1)


class Provenance(_Record):
    """Where the numbers of one file come from and what they may be used for.

    `kind` says what the numbers are in the statistical sense; a table that holds several kinds names each in the
    meaning of its column. `precision` says how they were obtained: `exact` copies of published numbers, `digitised`
    from a published curve, `read_off` by eye, `fitted` by the authors of this program.
    """

    source: str = Field(min_length=1, description="arXiv number or DOI")
    location: str = Field(min_length=1, description="table, figure or file within the source")
    quantity: str = Field(min_length=1)
    columns: Mapping[str, Column]
    confidence_level: float | None = Field(gt=0.0, lt=1.0, description="null where it does not apply")
    kind: Literal["observed", "median", "power_constrained", "several", "exact", "measured", "calculated"]
    precision: Literal["exact", "digitised", "read_off", "fitted"]
    date: datetime.date = Field(description="day on which the numbers were taken")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    assumptions: tuple[str, ...]
    domain: str = Field(min_length=1, description="where the table may be used")
    supersedes: tuple[str, ...] = Field(description="names of the experiments whose data this table contains")


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """Columns of one file as read-only arrays (float64, or text for labels) with their provenance."""

    name: str
    columns: Mapping[str, NDArray[Any]]
    provenance: Provenance

    def __getitem__(self, column: str) -> NDArray[Any]:
        if column not in self.columns:
            raise DataError(f"the table {self.name} has no column '{column}'; it has {', '.join(self.columns)}.")
        return self.columns[column]


@functools.cache
def read_table(package: str, filename: str) -> Table:
    """Table `filename` of the data folder `package` (a dotted name such as `globalfit.likelihoods.lz_2022`).

    Raises `DataError` when the file or its provenance is missing or incomplete, when the checksum differs, or when the
    columns are not the described ones.
    """
    name = logical_name(f"{package}/{filename}")
    return table_from(importlib.resources.files(package), filename, name)


def table_from(folder: Traversable, filename: str, name: str) -> Table:
    """Table `filename` of any folder with a `provenance.yaml`; `name` is used in errors. Raises as `read_table`."""
    provenance = _provenance(folder, filename, name)
    content = _content(folder, filename, name)
    found = hashlib.sha256(content).hexdigest()
    if found != provenance.sha256:
        raise DataError(
            f"{name} was altered: its SHA-256 is {found}, {PROVENANCE} says {provenance.sha256}. "
            "Reinstall the package, or, if the change is meant, record the new checksum and its reason."
        )
    return Table(name, _columns(content.decode("utf-8"), provenance, name), provenance)


def _provenance(folder: Traversable, filename: str, name: str) -> Provenance:
    content = _content(folder, PROVENANCE, f"{name} ({PROVENANCE})")
    try:
        records = YAML(typ="safe", pure=True).load(content)
    except YAMLError as error:
        raise DataError(f"the {PROVENANCE} beside {name} is not valid YAML: {error}") from error
    if not isinstance(records, dict) or filename not in records:
        raise DataError(f"the {PROVENANCE} beside {name} does not describe it; add the entry '{filename}'.")
    try:
        return Provenance.model_validate(records[filename])
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise DataError(f"the provenance of {name} is incomplete or wrong: {problems}.") from error


def _content(folder: Traversable, filename: str, name: str) -> bytes:
    try:
        return folder.joinpath(filename).read_bytes()
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error}. Reinstall the package.") from error


def _columns(text: str, provenance: Provenance, name: str) -> dict[str, NDArray[Any]]:
    header, *rows = csv.reader(io.StringIO(text))
    if header != list(provenance.columns):
        raise DataError(f"{name} has the columns {header}, its provenance describes {list(provenance.columns)}.")
    if any(len(row) != len(header) for row in rows):
        raise DataError(f"{name} has a row that is not {len(header)} columns wide.")
    columns = {}
    for i, (column, meta) in enumerate(provenance.columns.items()):
        values = [row[i] for row in rows]
        try:
            columns[column] = np.array(values, dtype=str if meta.unit == LABEL else np.float64)
        except ValueError as error:
            raise DataError(f"the column '{column}' of {name} holds a text: {error}.") from error
        columns[column].setflags(write=False)
    return columns
