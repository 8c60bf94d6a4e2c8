"""A file of recorded calls: NumPy arrays (.npz, never a pickle). JAX is not needed to read one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from globalfit.storage.files import replaced_path

Leaves = tuple[np.ndarray | np.generic, ...]


class Call(NamedTuple):
    """One call: the function with the digest of its arguments, and its result."""

    key: tuple[str, bytes]
    result: Leaves


def write_calls(path: Path, calls: list[Call]) -> None:
    """Write calls; of each kind (function and shapes of its result) one array per leaf. Raises `OutputError`."""
    kinds: dict[tuple[Any, ...], int] = {}
    members: list[list[Leaves]] = []
    order = []
    for call in calls:
        kind = (call.key[0], *((leaf.dtype.str, leaf.shape) for leaf in call.result))
        if kind not in kinds:
            kinds[kind] = len(members)
            members.append([])
        order.append(kinds[kind])
        members[kinds[kind]].append(call.result)
    arrays = {
        "order": np.array(order),
        "names": np.array([kind[0] for kind in kinds]),
        "digests": np.array([np.frombuffer(call.key[1], np.uint8) for call in calls]),
    }
    for index, results in enumerate(members):
        for leaf in range(len(results[0])):
            arrays[f"{index}.{leaf}"] = np.stack([result[leaf] for result in results])
    with replaced_path(path) as temporary:
        np.savez(temporary, checksum=_checksum(arrays), **arrays)


def read_calls(path: Path) -> list[Call]:
    """The calls of a file. Raises `ValueError` for a changed one, or whatever NumPy and zipfile make of the damage."""
    arrays = _arrays(path)
    if not np.array_equal(arrays.pop("checksum"), _checksum(arrays)):
        raise ValueError("its checksum does not fit")
    names, order = [str(name) for name in arrays.pop("names")], arrays.pop("order")
    digests = [bytes(row) for row in arrays.pop("digests")]
    leaves = [[arrays[f"{kind}.{leaf}"] for leaf in range(_count(arrays, kind))] for kind in range(len(names))]
    position = np.zeros(len(names), dtype=int)
    calls = []
    for kind, digest in zip(order, digests, strict=True):
        calls.append(Call((names[kind], digest), tuple(leaf[position[kind]] for leaf in leaves[kind])))
        position[kind] += 1
    return calls


def _arrays(path: Path) -> dict[str, np.ndarray]:
    # NumPy leaves a file that it cannot read open.
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _checksum(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Digest of names and values. The sums of the archive do not cover the names of its members."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(arrays):
        digest.update(f"{name}:{arrays[name].dtype.str}{arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return np.frombuffer(digest.digest(), np.uint8)


def _count(arrays: dict[str, np.ndarray], kind: int) -> int:
    return sum(name.partition(".")[0] == str(kind) for name in arrays)
