"""JSON schema of run files with the registered names and their options, for editors."""

from __future__ import annotations

from typing import Any

from globalfit import plugins
from globalfit.inputs import PRESETS, Inputs
from globalfit.runfile.schema import RunFile

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema; every plug-in is imported for its options."""
    schema = RunFile.model_json_schema()
    properties = schema["properties"]
    definitions = schema.setdefault("$defs", {})
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
    return {"$schema": _DIALECT, **schema}


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
