"""Jobs of real workers, in a module that a process imports in no time."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from pathlib import Path

from globalfit.errors import ConfigurationError


@dataclasses.dataclass(frozen=True)
class Nap:
    """A job that takes a moment and gives its name."""

    name: str

    def carry_out(self, say) -> str:
        say("sleeps")
        time.sleep(0.05)
        return self.name

    def failed(self, message: str) -> str:
        return message

    def ending(self, outcome: str) -> str:
        return f"{outcome} is done"


@dataclasses.dataclass(frozen=True)
class Deed(Nap):
    """A job that does what its name says, once in the case of dying, and tells at last how many threads it may have and
    who listens."""

    folder: Path

    def carry_out(self, say) -> str:
        mark = self.folder / self.name
        if self.name == "raises":
            raise ConfigurationError("is wrong")
        if self.name == "dies" and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return f"{os.environ['OMP_NUM_THREADS']} {sorted(listening(os.getpid()) + listening(os.getppid()))}"


def listening(process: int) -> list[str]:
    """Sockets at which a process waits for others: TCP ones (state 0A), and those of this machine (flag 10000)."""
    links = [os.readlink(path) for path in Path(f"/proc/{process}/fd").iterdir() if path.is_symlink()]
    held = {link.removeprefix("socket:[").removesuffix("]") for link in links if link.startswith("socket:")}
    tables = {name: Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6", "unix")}
    rows = [line.split() for name in ("tcp", "tcp6") for line in tables[name]]
    open_to_all = [row[9] for row in rows if row[3] == "0A"]
    open_here = [row[6] for row in map(str.split, tables["unix"]) if row[3] == "00010000"]
    return [inode for inode in (*open_to_all, *open_here) if inode in held]
