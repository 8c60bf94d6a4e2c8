"""YAML with positions: plain data from a file, and errors that say file:line:column and key.

The text is composed to YAML's node graph and converted by hand, so that no tag can construct an object, every value
knows its place, and anchors cannot blow up.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import math
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from globalfit.errors import ConfigurationError, shortened

KeyPath = tuple[str | int, ...]

MAX_BYTES = 1_000_000
MAX_NODES = 20_000
MAX_DEPTH = 20
MAX_DIGITS = 40
# Brackets in a row: YAML looks at a thousand of them, in seconds, before it knows that they are no key.
_BRACKETS = rf"(?:[\[{{]\s*){{{MAX_DEPTH + 2}}}"


class LocatedError(ConfigurationError):
    """A `ConfigurationError` that already says where."""


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a document came from and where each of its keys stands (line and column, counted from 1)."""

    name: str
    positions: dict[KeyPath, tuple[int, int]] = dataclasses.field(default_factory=dict)

    def known(self, path: KeyPath) -> KeyPath:
        """The longest beginning of `path` that stands in the document."""
        while path and path not in self.positions:
            path = path[:-1]
        return path

    def error(self, path: KeyPath, message: str) -> LocatedError:
        """An error at a key: `file:line:column: key: message`."""
        line, column = self.positions.get(self.known(path), (1, 1))
        place = f"{self.name}:{line}:{column}" if self.positions else self.name
        key = key_text(path)
        return LocatedError(f"{place}: {key}: {message}" if key else f"{place}: {message}")

    @contextlib.contextmanager
    def at(self, *path: str | int) -> Iterator[None]:
        """Give every `ConfigurationError` of the block the place of a key."""
        try:
            yield
        except LocatedError:
            raise
        except ConfigurationError as error:
            raise self.error(path, str(error)) from error


@dataclasses.dataclass(frozen=True)
class Document:
    """Plain data (dict, list, str, int, float, bool, None) and its source."""

    data: Any
    source: Source


def key_text(path: KeyPath) -> str:
    """`('likelihoods', 2, 'lz_2024')` as `likelihoods[2].lz_2024`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def plain(value: Any, source: Source, path: KeyPath = ()) -> Any:
    """What Python users write as plain data: numbers and arrays of NumPy or JAX as numbers and lists, paths as text.

    Raises `ConfigurationError` with the key of anything else.
    """
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            return {str(key): plain(item, source, (*path, str(key))) for key, item in value.items()}
        case list() | tuple():
            return [plain(item, source, (*path, index)) for index, item in enumerate(value)]
        case os.PathLike():
            return os.fspath(value)
    if hasattr(value, "__array__") and hasattr(value, "tolist"):
        return plain(value.tolist(), source, path)
    kind = type(value).__name__
    raise source.error(path, f"holds a {kind}, which no run file can; numbers, text, lists and mappings are known.")


def read(path: Path) -> Document:
    """Document of a file.

    Raises `ConfigurationError` if the file is missing, too large, not UTF-8 or not YAML.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}.") from error
    if len(content) > MAX_BYTES:
        raise ConfigurationError(f"{path}: is larger than {MAX_BYTES} bytes, which no run file needs.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}:{line}: is not UTF-8 text (byte {error.start}).") from error
    return parse(text, str(path))


def parse(text: str, name: str) -> Document:
    """Document of a text; `name` appears in error messages. Raises `ConfigurationError` for anything but plain YAML."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _Bounded
    try:
        if re.search(_BRACKETS, text):
            raise LocatedError(f"{name}: is nested too deeply.")
        node = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        problem = ", ".join(str(part) for part in (error.context, error.problem) if part)
        raise LocatedError(f"{place}: is not valid YAML: {problem}.") from error
    except RecursionError as error:
        raise LocatedError(f"{name}: is nested too deeply.") from error
    except (YAMLError, ValueError) as error:
        raise LocatedError(f"{name}: is not valid YAML: {' '.join(str(error).split())}.") from error
    source = Source(name, {(): (1, 1)})
    return Document({} if node is None else _Reader(source).value(node, ()), source)


def dump(data: Any, comment: str = "") -> str:
    """YAML text of plain data; `comment` becomes the first lines."""
    yaml = YAML(typ="rt")
    yaml.default_flow_style = False
    yaml.width = 110
    yaml.representer.add_representer(list, _flow_list)
    stream = io.StringIO()
    yaml.dump(data, stream)
    return "".join(f"# {line}\n" for line in comment.splitlines()) + stream.getvalue()


def _flow_list(representer: Any, data: list[Any]) -> Node:
    """Lists of numbers on one line, other lists as blocks."""
    flow = bool(data) and all(isinstance(item, int | float) for item in data)
    return representer.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=flow or not data)


class _Bounded(Composer):
    """Stops at the first entry beyond those that a run file may have; what follows is not even read."""

    nodes = levels = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """The next node of the text. Raises `ComposerError` for one too many, or too deep."""
        mark = self.parser.peek_event().start_mark
        self.nodes += 1
        self.levels += 1
        if self.nodes > 2 * MAX_NODES:
            raise ComposerError(None, None, f"the document has more than {MAX_NODES} entries", mark)
        if self.levels > MAX_DEPTH + 1:
            raise ComposerError(None, None, f"it is nested deeper than {MAX_DEPTH} levels", mark)
        node = super().compose_node(parent, index)
        self.levels -= 1
        return node


class _Reader:
    """Nodes to plain data, counting the nodes and noting positions on the way."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.nodes = 0

    def value(self, node: Node, path: KeyPath) -> Any:
        self.source.positions[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self.source.error(path, f"the document has more than {MAX_NODES} entries (anchors count each time).")
        if len(path) > MAX_DEPTH:
            raise self.source.error(path[:3], f"is nested deeper than {MAX_DEPTH} levels.")
        match str(node.tag).removeprefix("tag:yaml.org,2002:"):
            case "map" if isinstance(node, MappingNode):
                return self.mapping(node, path)
            case "seq" if isinstance(node, SequenceNode):
                return [self.value(child, (*path, i)) for i, child in enumerate(node.value)]
            case tag if isinstance(node, ScalarNode) and tag not in ("map", "seq"):
                return self.scalar(node.value, tag, path)
            case tag:
                raise self.tag_error(tag, path)

    def mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, child in node.value:
            line, column = key.start_mark.line + 1, key.start_mark.column + 1
            where = Source(self.source.name, {path: (line, column)})
            if not isinstance(key, ScalarNode) or str(key.tag) != "tag:yaml.org,2002:str":
                found = repr(key.value) if isinstance(key, ScalarNode) else "a list or a mapping"
                raise where.error(path, f"a key must be a name, found {found}.")
            # as Python has names, so that those of an expression are the same
            name = unicodedata.normalize("NFKC", key.value)
            if name in result:
                first, _ = self.source.positions[(*path, name)]
                raise where.error(path, f"the key '{name}' is given twice (first in line {first}).")
            result[name] = self.value(child, (*path, name))
            self.source.positions[(*path, name)] = (line, column)
        return result

    def tag_error(self, tag: str, path: KeyPath) -> ConfigurationError:
        return self.source.error(
            path, f"the tag '{shortened(tag)}' is not allowed; use plain numbers, text, lists, mappings."
        )

    def scalar(self, text: str, tag: str, path: KeyPath) -> Any:
        if tag in ("str", "timestamp"):
            return text
        if tag == "null":
            return None
        if tag == "bool":
            return text.lower() == "true"
        if tag not in ("int", "float"):
            raise self.tag_error(tag, path)
        if len(text) > MAX_DIGITS:
            raise self.source.error(path, f"a number of more than {MAX_DIGITS} characters.")
        try:
            number = float(text.replace("_", "")) if tag == "float" else _integer(text)
        except ValueError as error:
            raise self.source.error(path, f"numbers must be finite, found {text}.") from error
        if not math.isfinite(number):
            raise self.source.error(path, f"numbers must be finite, found {text}.")
        return number


def _integer(text: str) -> int:
    """YAML 1.2: leading zeros are decimal, `0o` and `0x` mark the rest."""
    try:
        return int(text, 10)
    except ValueError:
        return int(text, 0)
