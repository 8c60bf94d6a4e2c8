"""Names of data tables in results, and the files behind them: nothing is imported, whatever a result says."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import globalfit
from globalfit import plugins

PROVENANCE = "provenance.yaml"


def logical_name(name: str) -> str:
    """`lz_2024/limits.csv`, also of `globalfit.likelihoods.lz_2024/limits.csv` as results had it before: a table stays
    the same where its package is moved."""
    package, _, filename = name.rpartition("/")
    return f"{package.rpartition('.')[2]}/{filename}"


def table_paths() -> dict[str, Path]:
    """Files of the tables of this program and of all registered likelihoods, by logical name."""
    # An editable install has the likelihoods beside the package.
    roots = Path(globalfit.__file__).parent, Path(str(files("globalfit.likelihoods")))
    folders = {path.parent for root in roots for path in root.rglob(PROVENANCE)}
    folders |= {place for point in plugins.registered("likelihood").values() if (place := plugins.folder(point))}
    described = (place for place in folders if (place / PROVENANCE).is_file())
    return {f"{place.name}/{path.name}": path for place in described for path in place.glob("*.csv")}
