"""Tables of points: CSV in, CSV out, one row per point in the same order.

Cells are kept as text, so that what came in goes out unchanged; numbers are written with all their digits.
"""

from __future__ import annotations

import collections
import contextlib
import csv
import dataclasses
import gzip
import io
import itertools
import math
import os
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from globalfit.errors import PointsError
from globalfit.physics import status
from globalfit.posterior.evaluated_points import Row, evaluate_batch, needed
from globalfit.posterior.posterior import Posterior
from globalfit.storage.files import replaced

ROWS_AT_ONCE = 8192
_GZIP = b"\x1f\x8b"
_Line = TypeVar("_Line", str, list[str])
# How rows that cannot be evaluated are counted, whatever their reasons.
NOT_EVALUATED = "not evaluated"


@dataclasses.dataclass(frozen=True)
class Table:
    """Header and rows of a CSV file; the rows are read as they are asked for."""

    path: Path
    columns: tuple[str, ...]
    rows: Iterator[list[str]]


def evaluate_table(
    posterior: Posterior,
    points: Path,
    output: Path,
    names: Sequence[str],
    watch: Callable[[int], None] = lambda _: None,
) -> dict[str, int]:
    """Evaluate every row of `points` and write `output`; returns how often each status occurred.

    Columns of the output: those of the input, the predictions `names`, `loglike_<name>` of every likelihood,
    `loglike`, `logprior`, `status`. An input column whose name is one of these is kept as `input_<name>`. The input may
    be compressed by gzip, and separated by semicolons or tabs if its header has no comma. A row that
    cannot be evaluated keeps its place, with empty cells and the reason in `status`. Raises `PointsError` for a table
    that cannot be read, lacks a column or is the output as well, `OutputError` if the output cannot be written.
    """
    if os.path.realpath(points) == os.path.realpath(output):
        raise PointsError(f"{points}: is the table of the points itself; name another one with --output.")
    with opened(points) as stream:
        table = read_table(points, stream)
        used = parameter_columns(posterior, table.columns, str(points))
        new = (*names, *(f"loglike_{name}" for name in posterior.likelihoods), "loglike", "logprior", "status")
        header = kept_columns(table.columns, new)
        counts: dict[str, int] = {}
        with replaced(output) as target:
            writer = csv.writer(target, lineterminator="\n")
            writer.writerow([*header, *new])
            done = 0
            for rows in _batched(table.rows, ROWS_AT_ONCE):
                start = done
                cells = evaluate_rows(posterior, table.columns, rows, used, names, lambda n, s=start: watch(s + n))
                writer.writerows(
                    [*_kept(row, len(header)), *new_cells] for row, new_cells in zip(rows, cells, strict=True)
                )
                for *_, log_likelihood, _, what in cells:
                    key = what if log_likelihood else NOT_EVALUATED
                    counts[key] = counts.get(key, 0) + 1
                done += len(rows)
                watch(done)
    return counts


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Iterable[str]]:
    """Lines of a CSV file; raises `PointsError` if it cannot be opened."""
    try:
        content = path.open("rb")
        compressed = path.is_file() and content.read(2) == _GZIP
        if path.is_file():
            content.seek(0)
    except OSError as error:
        raise PointsError(f"{path}: cannot be read: {error.strerror}.") from error
    with content, gzip.open(content) if compressed else content as plain:
        yield io.TextIOWrapper(plain, encoding="utf-8-sig", newline="")


def read_table(path: Path, stream: Iterable[str]) -> Table:
    """Header of a CSV file, and its rows to come; lines that begin with # before the header are skipped."""
    lines = _checked(path, itertools.dropwhile(lambda line: line.startswith("#") or not line.strip(), stream))
    header = next(lines, "")
    others = [] if "," in header else [mark for mark in ";\t" if mark in header]
    reader = csv.reader(itertools.chain([header], lines), strict=True, delimiter=others[0] if others else ",")
    columns = tuple(column.strip() for column in next(_checked(path, reader), []))
    if not columns:
        raise PointsError(f"{path}: is empty; the first line must name the columns.")
    column, count = collections.Counter(columns).most_common(1)[0]
    if count > 1:
        raise PointsError(f"{path}: the column '{column}' appears twice.")
    return Table(path, columns, (row for row in _checked(path, reader) if row))


def count_rows(path: Path) -> int:
    """Lines of a file after the header, for the progress bar; 0 for what can be read only once."""
    if not path.is_file():
        return 0
    with opened(path) as stream:
        lines = _checked(path, stream)
        return max(sum(1 for line in lines if line.strip() and not line.startswith("#")) - 1, 0)


def kept_columns(columns: Sequence[str], new: Collection[str]) -> list[str]:
    """Names of columns that stand beside `new` ones: those of the same name get as many `input_` as it takes."""
    taken, kept = {*columns, *new}, []
    for column in columns:
        name = column
        while name in new or (name != column and name in taken):
            name = f"input_{name}"
        taken.add(name)
        kept.append(name)
    return kept


def evaluate_rows(
    posterior: Posterior,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    used: Sequence[str],
    names: Sequence[str],
    watch: Callable[[int], None] = lambda _: None,
) -> list[list[str]]:
    """The new cells of each row; `used` are the columns that are parameters."""
    index = {name: columns.index(name) for name in used}
    domains = {parameter.name: parameter for parameter in posterior.every_parameter}
    reasons = [""] * len(rows)
    values = {name: np.ones(len(rows)) for name in used}
    for i, row in enumerate(rows):
        if len(row) != len(columns):
            reasons[i] = f"the row has {len(row)} cells but the header {len(columns)}"
            continue
        for name, j in index.items():
            number = _number(row[j])
            domain = domains.get(name)
            if number is None:
                reasons[i] = f"{name} is not a number: '{row[j]}'"
            elif not math.isfinite(number):
                reasons[i] = f"{name} is not finite: {row[j].strip()}"
            elif domain is not None and not domain.low <= number <= domain.high:
                reasons[i] = f"{domain.domain_text}, found {number:g}"
            else:
                values[name][i] = number
                continue
            break
    good = np.array([not reason for reason in reasons], dtype=bool)
    if not good.any():
        return [_empty(posterior, names, reason) for reason in reasons]
    results = evaluate_batch(posterior, {name: column[good] for name, column in values.items()}, names, watch)
    written = iter(_cells(results, names, tuple(posterior.likelihoods)))
    return [next(written) if not reason else _empty(posterior, names, reason) for reason in reasons]


def _cells(row: Row[np.ndarray], names: Sequence[str], likelihoods: Sequence[str]) -> Iterator[list[str]]:
    """Numbers of a batch as text; predictions of a point without a solution stay empty."""
    meaningless = (row.status & (status.NO_SOLUTION.bit | status.INVALID_INPUT.bit)) != 0
    columns = [
        *(_text(row.predictions[name], meaningless) for name in names),
        *(_text(row.terms[name], meaningless) for name in likelihoods),
        _text(row.log_likelihood, np.zeros_like(meaningless)),
        _text(row.log_prior, np.isnan(row.log_prior)),
        [status.describe(int(code)) for code in row.status],
    ]
    return (list(cells) for cells in zip(*columns, strict=True))


def _text(column: np.ndarray, hidden: np.ndarray) -> list[str]:
    return ["" if skip else repr(value) for value, skip in zip(column.tolist(), hidden.tolist(), strict=True)]


def _empty(posterior: Posterior, names: Sequence[str], reason: str) -> list[str]:
    return [""] * (len(names) + len(posterior.likelihoods) + 2) + [reason]


def parameter_columns(posterior: Posterior, columns: Sequence[str], source: str) -> list[str]:
    """Columns that are parameters of the run. Raises `PointsError` with the `source` for those that are missing."""
    parameters = posterior.parameters
    known = {*posterior.names, *parameters.fixed, *parameters.expressions}
    used = [column for column in columns if column in known]
    missing = needed(posterior, set(used))
    if missing:
        names = ", ".join(f"'{name}'" for name in missing)
        which = f"column {names} is" if len(missing) == 1 else f"columns {names} are"
        raise PointsError(f"{source}: the {which} missing. Found: {', '.join(columns)}.")
    return used


def _number(text: str) -> float | None:
    """A number in the digits of CSV files; Python also reads 5_0 and the digits of other scripts."""
    if "_" in text or not text.isascii():
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _kept(row: Sequence[str], width: int) -> list[str]:
    """The row's own cells, brought to the width of the header."""
    return [*row, *[""] * (width - len(row))][:width]


def _batched(rows: Iterable[list[str]], size: int) -> Iterator[list[list[str]]]:
    iterator = iter(rows)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


def _checked(path: Path, reader: Iterable[_Line]) -> Iterator[_Line]:
    """Lines or rows of a reader with its errors in our words."""
    try:
        yield from reader
    except (csv.Error, UnicodeDecodeError, EOFError, zlib.error) as error:
        raise PointsError(f"{path}: is not a CSV table in UTF-8: {error}.") from error
