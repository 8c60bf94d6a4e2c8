"""What run files wrote before and may still write: `planck_relic: {mode: component}` for `dark_matter: component`."""

from __future__ import annotations

from typing import Any

from globalfit.runfile.document import Document

_RELIC, _MODE, _ROLE = "planck_relic", "mode", "dark_matter"
_ROLES = {"all_of_dm": "all", "component": "component"}
ADVICE = "write `dark_matter: {}` at the top level in place of `planck_relic: {{mode: {}}}`."


def translated(document: Document) -> tuple[Document, str]:
    """The document as one would write it today, and advice if that is not how it was written.

    Raises `ConfigurationError` with the place of a mode that contradicts `dark_matter`. Whatever else may be wrong with
    the document is left to the schema.
    """
    data = document.data
    listed = data.get("likelihoods")
    if not isinstance(listed, list):
        return document, ""
    for index, item in enumerate(listed):
        options = item.get(_RELIC) if isinstance(item, dict) and len(item) == 1 else None
        mode = options.get(_MODE) if isinstance(options, dict) else None
        if not isinstance(options, dict) or not isinstance(mode, str) or mode not in _ROLES:
            continue
        role = _ROLES[mode]
        if data.get(_ROLE, role) != role:
            raise document.source.error(
                ("likelihoods", index, _RELIC, _MODE), f"'{mode}' contradicts `dark_matter: {data[_ROLE]}`; remove it."
            )
        others: dict[str, Any] = {key: value for key, value in options.items() if key != _MODE}
        likelihoods = [*listed[:index], {_RELIC: others}, *listed[index + 1 :]]
        return Document(data | {_ROLE: role, "likelihoods": likelihoods}, document.source), ADVICE.format(role, mode)
    return document, ""
