"""JSON schema of run files, of one run or of several, with the registered names and their options, for editors.

The frame of both kinds of file comes from the definitions that check them, the options from the plug-ins.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from globalfit import plugins
from globalfit.physics.inputs import PRESETS, Inputs
from globalfit.runfile.campaign import COMMON, INHERITS, KEYS, NAME, RESERVED, SEVERAL, CampaignFile
from globalfit.runfile.schema import RunFile

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema; every plug-in is imported for its options."""
    definitions: dict[str, Any] = {}
    definitions |= {"run": _run(definitions), "runs": _runs()}
    return {
        "$schema": _DIALECT,
        "title": "globalfit run file",
        "description": "One run, or several with what they have in common.",
        "type": "object",
        "anyOf": [{"$ref": "#/$defs/run"}, {"$ref": "#/$defs/runs"}],
        "$defs": definitions,
    }


def _run(definitions: dict[str, Any]) -> dict[str, Any]:
    """A file of one run; what plug-ins define goes to `definitions`."""
    schema = RunFile.model_json_schema()
    properties = schema["properties"]
    kinds: tuple[plugins.Kind, ...] = ("model", "sampler")
    for kind in kinds:
        properties[kind] = {**_without_alternatives(properties[kind]), **_choice(kind, definitions)}
    properties["likelihoods"]["items"] = _choice("likelihood", definitions)
    inputs = Inputs.model_json_schema()
    inputs["properties"] = {"preset": {"enum": sorted(PRESETS)}, **inputs["properties"]}
    properties["inputs"] = {
        **_without_alternatives(properties["inputs"]),
        "anyOf": [{"enum": sorted(PRESETS)}, inputs],
    }
    return schema


def _runs() -> dict[str, Any]:
    """A file of several runs."""
    schema = CampaignFile.model_json_schema()
    properties = schema["properties"]
    properties[COMMON] |= _part([key for key in KEYS if key != INHERITS])
    properties[SEVERAL] |= {
        "propertyNames": {"pattern": f"^{NAME.pattern}$", "not": {"enum": list(RESERVED)}},
        "additionalProperties": {"anyOf": [_part(KEYS), {"type": "null"}]},
    }
    return schema


def _part(keys: Iterable[str]) -> dict[str, Any]:
    """Keys of one run of several; what a part lacks, another one may have."""
    name = {"type": "string", "description": "Another run of this file, whose settings this one starts from."}
    properties = {key: name if key == INHERITS else {"$ref": f"#/$defs/run/properties/{key}"} for key in keys}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _choice(kind: plugins.Kind, definitions: dict[str, Any]) -> dict[str, Any]:
    """A registered name, or one of them with its options."""
    names = sorted(plugins.registered(kind))
    options = {}
    for name in names:
        own = plugins.load(kind, name).Options.model_json_schema(ref_template=f"#/$defs/{kind}_{name}_{{model}}")
        definitions |= {f"{kind}_{name}_{key}": value for key, value in own.pop("$defs", {}).items()}
        options[name] = {"anyOf": [own, {"type": "null"}]}
    mapping = {
        "type": "object",
        "properties": options,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    return {"anyOf": [{"enum": names}, mapping]}


def _without_alternatives(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf", "type")}
