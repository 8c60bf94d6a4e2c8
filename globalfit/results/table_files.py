"""The files behind the names of tables in results: nothing is imported, whatever a result says."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from globalfit import plugins, version
from globalfit.table_names import PROVENANCE


def table_paths() -> dict[str, Path]:
    """Files of the tables of this program and of all registered likelihoods, by logical name."""
    # An editable install has the likelihoods beside the package.
    roots = Path(version.__file__).parent, Path(str(files("globalfit.likelihoods")))
    folders = {path.parent for root in roots for path in root.rglob(PROVENANCE)}
    folders |= {place for point in plugins.registered("likelihood").values() if (place := plugins.folder(point))}
    described = (place for place in folders if (place / PROVENANCE).is_file())
    return {f"{place.name}/{path.name}": path for place in described for path in place.glob("*.csv")}
