"""Pydantic's errors in the words of a run file."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from globalfit.errors import shortened
from globalfit.runfile.document import KeyPath, LocatedError, Source

_TAGS = {"text", "number", "mapping"}
# How parts of a location begin that are types of an untagged union.
_TYPES = ("constrained-", "dict[", "list[")
_WORDS = {
    "valid array": "list",
    "a valid dictionary": "a mapping",
    "an object": "a mapping",
    "List should": "must",
    "String should": "must",
    " after validation": "",
}


def located(error: ValidationError, source: Source, known: Iterable[str], prefix: KeyPath = ()) -> LocatedError:
    """The first problem (in the order of the document) as an error with its place; the number of others is added.

    `known` are the allowed keys at `prefix`, for the hint about a misspelt one.
    """
    problems = sorted(
        ((_path(details["loc"], prefix), details) for details in error.errors(include_url=False)),
        key=lambda problem: (problem[1]["type"] == "missing", source.positions.get(source.known(problem[0]), (1, 1))),
    )
    path, details = problems[0]
    more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
    return source.error(path, _message(details, path, tuple(known)) + more)


def validate_options(cls: type[BaseModel], options: Mapping[str, Any], source: Source, path: KeyPath) -> Any:
    """Options of a plug-in, validated strictly by its own class. Raises `ConfigurationError` with the place."""
    try:
        return cls.model_validate_json(json.dumps(options), strict=True)
    except ValidationError as error:
        raise located(error, source, cls.model_fields, path) from error


def _path(location: tuple[str | int, ...], prefix: KeyPath) -> KeyPath:
    """Pydantic's location without the tags of its unions."""
    return (*prefix, *(part for part in location if part not in _TAGS and part != "[key]" and not _is_type(part)))


def _is_type(part: str | int) -> bool:
    return isinstance(part, str) and part.startswith(_TYPES)


def _message(details: Any, path: KeyPath, known: tuple[str, ...]) -> str:
    match details["type"]:
        case "extra_forbidden":
            nearest = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.5)
            hint = f"; did you mean '{nearest[0]}'?" if nearest else "."
            return f"unknown key{hint} Known: {', '.join(known) or 'none'}."
        case "too_short" if path == ("runs",):
            return "must name one run at least."
        case "too_long" | "too_short" if isinstance(details["input"], dict):
            return f"must be one name with its options, found {_found(details['input'])}."
    return described(details)


def described(details: Any) -> str:
    """What is wrong with a value, as a sentence that lacks its subject: `must be a valid number; found "x".`"""
    if details["type"] == "missing":
        return "is missing."
    message = details["msg"].removeprefix("Input should be ").removeprefix("Value error, ").rstrip(".")
    for of_pydantic, ours in _WORDS.items():
        message = message.replace(of_pydantic, ours)
    verb = "" if message.startswith("must") or message == details["msg"].rstrip(".") else "must be "
    return f"{verb}{message}; found {_found(details['input'])}."


def _found(value: Any) -> str:
    return shortened(json.dumps(value, default=str))
