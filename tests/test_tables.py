"""Data tables: what is read, and what is refused."""

import importlib.resources
import pkgutil
from pathlib import Path

import globalfit.likelihoods
import numpy as np
import pytest

import globalfit
from globalfit.errors import DataError
from globalfit.tables import read_table, table_from

CSV = "energy_kev,kind\n1.5,low\n3.0,high\n"
PROVENANCE = """
table.csv:
  source: "arXiv:0000.00000"
  location: "table 1"
  quantity: "an example"
  columns:
    energy_kev: {unit: "keV", meaning: "energy"}
    kind: {unit: "label", meaning: "a word"}
  confidence_level: null
  kind: exact
  precision: exact
  date: 2026-11-21
  sha256: 8b8af97df8ea404bf3b94d7d6f3bb57b37f3dd18ca02ebd0b2e3bbeca8d0b1bb
  assumptions: ["none"]
  domain: "anywhere"
  supersedes: []
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    import hashlib

    (tmp_path / "table.csv").write_text(CSV, encoding="utf-8")
    checksum = hashlib.sha256(CSV.encode()).hexdigest()
    text = PROVENANCE.replace("8b8af97df8ea404bf3b94d7d6f3bb57b37f3dd18ca02ebd0b2e3bbeca8d0b1bb", checksum)
    (tmp_path / "provenance.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_reads_numbers_and_labels(folder: Path) -> None:
    table = table_from(folder, "table.csv", "folder/table.csv")
    np.testing.assert_array_equal(table["energy_kev"], [1.5, 3.0])
    assert list(table["kind"]) == ["low", "high"]
    assert table.provenance.columns["energy_kev"].unit == "keV"
    assert str(table.provenance.date) == "2026-11-21"


def test_columns_are_read_only(folder: Path) -> None:
    table = table_from(folder, "table.csv", "folder/table.csv")
    with pytest.raises(ValueError, match="read-only"):
        table["energy_kev"][0] = 0.0


def test_an_altered_file_is_refused_by_name_and_with_a_remedy(folder: Path) -> None:
    edit(folder / "table.csv", "1.5", "1.6")
    with pytest.raises(DataError, match=r"folder/table\.csv was altered.*Reinstall"):
        table_from(folder, "table.csv", "folder/table.csv")


@pytest.mark.parametrize("field", ["source", "location", "quantity", "kind", "precision", "date", "domain"])
def test_a_missing_field_of_the_provenance_is_an_error(folder: Path, field: str) -> None:
    lines = (folder / "provenance.yaml").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(f"  {field}:")]
    assert len(kept) == len(lines) - 1
    (folder / "provenance.yaml").write_text("\n".join(kept), encoding="utf-8")
    with pytest.raises(DataError, match=rf"folder/table\.csv.*{field}"):
        table_from(folder, "table.csv", "folder/table.csv")


@pytest.mark.parametrize(
    ("filename", "old", "new", "message"),
    [
        ("provenance.yaml", "table.csv:", "other.csv:", "does not describe it"),
        ("provenance.yaml", "energy_kev: {", "energy_gev: {", "its provenance describes"),
        ("provenance.yaml", 'unit: "label"', 'unit: "keV"', "holds a text"),
        ("provenance.yaml", "confidence_level: null", "confidence_level: 90", "confidence_level"),
        ("provenance.yaml", "supersedes: []", "supersedes: []\n  note: x", "note"),
        ("provenance.yaml", "supersedes: []", "supersedes: [", "not valid YAML"),
    ],
)
def test_provenance_that_does_not_fit_is_an_error(
    folder: Path, filename: str, old: str, new: str, message: str
) -> None:
    edit(folder / filename, old, new)
    with pytest.raises(DataError, match=message):
        table_from(folder, "table.csv", "folder/table.csv")


def test_a_missing_file_is_an_error(folder: Path) -> None:
    (folder / "table.csv").unlink()
    with pytest.raises(DataError, match="cannot be read"):
        table_from(folder, "table.csv", "folder/table.csv")


def test_an_unknown_column_is_an_error(folder: Path) -> None:
    with pytest.raises(DataError, match="it has energy_kev, kind"):
        table_from(folder, "table.csv", "folder/table.csv")["mass"]


def test_every_shipped_table_can_be_read() -> None:
    packages = [f"globalfit.physics.{name}" for name in ("scattering", "cosmology", "sommerfeld")]
    packages += [f"globalfit.likelihoods.{item.name}" for item in pkgutil.iter_modules(globalfit.likelihoods.__path__)]
    read = 0
    for package in packages:
        for path in importlib.resources.files(package).iterdir():
            if path.name.endswith(".csv"):
                table = read_table(package, path.name)
                assert all(column.size > 0 for column in table.columns.values())
                read += 1
    assert read >= 11
