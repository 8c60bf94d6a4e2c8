"""Reading the small tables of published and independently computed numbers that lie beside the tests."""

from __future__ import annotations

import csv
from pathlib import Path


def read(test_file: str, name: str) -> list[dict[str, str]]:
    """Rows of the table `name` beside a test module (`__file__`)."""
    with (Path(test_file).parent / name).open(encoding="utf-8") as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def numbers(test_file: str, name: str) -> list[dict[str, float]]:
    """The same, for tables that hold only numbers."""
    return [{key: float(value) for key, value in row.items()} for row in read(test_file, name)]
