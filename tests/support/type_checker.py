"""Annotations of the program, shapes included, checked at every call: jaxtyping's import hook with beartype."""

from __future__ import annotations

import ast
import functools
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from beartype import BeartypeConf, beartype
from beartype.roar import BeartypeDecorHintException

# PEP 484's tower: an int is a float.
_CHECK = beartype(conf=BeartypeConf(is_pep484_tower=True))


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose calls are checked, or itself if an annotation names what is only imported for type checkers."""
    annotations = " ".join(str(hint) for hint in getattr(function, "__annotations__", {}).values())
    module = sys.modules.get(getattr(function, "__module__", ""))
    if module is not None and _imported_for_types(str(module.__file__)) & set(re.findall(r"\w+", annotations)):
        return function
    try:
        return _CHECK(function)
    except BeartypeDecorHintException:
        # `Self` outside the decoration of its class
        return function


@functools.cache
def _imported_for_types(path: str) -> frozenset[str]:
    """Names that a module imports under `if TYPE_CHECKING`."""
    blocks = (node for node in ast.walk(ast.parse(Path(path).read_text())) if isinstance(node, ast.If))
    guarded = (node for block in blocks if ast.unparse(block.test) == "TYPE_CHECKING" for node in block.body)
    imports = (node for node in guarded if isinstance(node, ast.Import | ast.ImportFrom))
    return frozenset(alias.asname or alias.name for node in imports for alias in node.names)
