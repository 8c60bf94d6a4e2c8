"""Files appear whole or not at all: they are written beside their place and moved there."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from globalfit.errors import OutputError


@contextlib.contextmanager
def replaced_path(path: Path) -> Iterator[Path]:
    """A temporary path in the folder of `path`, which takes the place of `path` when the block ends without an error.

    It ends like `path`, for libraries that look at that. What was written is on the disk before it takes the place. A
    symbolic link is followed, and what is no regular file, such as /dev/null, is written to and stays. Raises
    `OutputError` if the folder cannot be written.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file() and not path.is_dir():
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder) / f"content{path.suffix}"
            _write_through(Path(folder) / f"content{path.suffix}", path)
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}.") from error
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files private; results are as readable as any other file of the user.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        _flush(temporary)
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[TextIO]:
    """A text file that takes the place of `path` when the block ends without an error."""
    with replaced_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        yield stream


def check_path(folder: Path) -> None:
    """Raise `OutputError` if the path of a folder is no text, which a result could not say."""
    if (text := readable(str(folder))) != str(folder):
        raise OutputError(f"{text}: the path must be UTF-8; choose another folder with --output.")


def try_writing(folder: Path) -> None:
    """Write, replace and remove a file in a folder. Raises `OutputError` if that cannot be done."""
    path = folder / ".writable"
    for _ in range(2):
        with replaced(path) as stream:
            stream.write("This file is removed at once.\n")
    try:
        path.unlink()
    except OSError as error:
        raise OutputError(f"{path}: cannot be removed: {error.strerror}.") from error


def readable(text: str) -> str:
    """A text of the system with escapes in place of bytes that are no UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


def read_json(path: Path) -> Any:
    """JSON of a result. Raises `OutputError` if it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror}. Is {path.parent} the folder of a run?") from error
    except (ValueError, RecursionError) as error:
        raise OutputError(f"{path}: is not valid JSON: {error}.") from error


def write_json(path: Path, data: Any) -> None:
    """Indented JSON; numbers that JSON does not know (infinite, NaN) become null."""
    with replaced(path) as stream:
        json.dump(_finite(data), stream, indent=2, ensure_ascii=False, allow_nan=False)
        stream.write("\n")


def _write_through(source: Path, path: Path) -> None:
    """Copy a file into a device or a pipe."""
    try:
        with source.open("rb") as content, path.open("wb") as stream:
            shutil.copyfileobj(content, stream)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}.") from error


def _flush(path: Path) -> None:
    """Have the content of a file on the disk."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _finite(data: Any) -> Any:
    match data:
        case dict():
            return {key: _finite(value) for key, value in data.items()}
        case list() | tuple():
            return [_finite(value) for value in data]
        case float() if not math.isfinite(data):
            return None
    return data
