"""Files that a run file names lie where it says from its own folder, wherever the program runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from globalfit.runfile.document import Document

_LIMIT, _TABLE = "limit", "table"


def with_absolute_tables(document: Document) -> Document:
    """The document with absolute paths of the tables of its limits; what is wrong with it is left to the schema."""
    listed = document.data.get("likelihoods")
    if not isinstance(listed, list):
        return document
    folder = Path(document.source.name).absolute().parent
    return Document(document.data | {"likelihoods": [_placed(item, folder) for item in listed]}, document.source)


def _placed(item: Any, folder: Path) -> Any:
    options = item.get(_LIMIT) if isinstance(item, dict) and len(item) == 1 else None
    table = options.get(_TABLE) if isinstance(options, dict) else None
    if not isinstance(options, dict) or not isinstance(table, str) or not table:
        return item
    return {_LIMIT: options | {_TABLE: str(folder / os.path.expanduser(table))}}
