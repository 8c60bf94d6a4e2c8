"""Whether two runs are the same: the settings that count, and the code that made a result.

Two versions of the code are told apart by the version of the program and, where it runs from a clone, by the last
commit that touched its source and by what was changed since.
"""

from __future__ import annotations

import functools
import hashlib
import shutil
import subprocess
from typing import Any, NamedTuple

from globalfit import version
from globalfit.results.schema import GitState, Provenance
from globalfit.runfile import RunFile

# Folders of a clone whose files decide what a run gives.
SOURCE = ("globalfit", "likelihoods", "priors")


class Code(NamedTuple):
    """A version of the program, with the state of its source tree where that is known."""

    version: str
    git: GitState | None

    def __str__(self) -> str:
        if self.git is None or self.git["commit"] is None:
            return self.version
        return f"{self.version}, commit {self.git['commit'][:8]}{' with local changes' if self.git['changed'] else ''}"

    @classmethod
    def of(cls, provenance: Provenance) -> Code:
        """The code that made a result."""
        return cls(provenance["globalfit"], provenance["git"])


def settings(run: RunFile) -> dict[str, Any]:
    """What makes a run with all its defaults filled in the same as another one: everything but where it is written."""
    return run.model_dump(mode="json", exclude={"output"})


def code() -> Code:
    """The code of this process."""
    return Code(version.__version__, git_state())


def other_code(provenance: Provenance) -> str:
    """A phrase that names both versions if a result was made by other code than this; empty if it was the same.

    An installed package knows no commit: then the version decides.
    """
    then, now = Code.of(provenance), code()
    known = then.git is not None and now.git is not None
    if then.version == now.version and not (known and then.git != now.git):
        return ""
    return f"made by globalfit {then} (this is {now})"


@functools.cache
def git_state() -> GitState | None:
    """Last commit that touched the source of this program and what was changed since; None for an installed package."""
    git = shutil.which("git")
    if git is None or not (version.ROOT / ".git").exists():
        return None

    def ask(*arguments: str) -> str | None:
        command = [git, "-C", str(version.ROOT), *arguments, "--", *SOURCE]
        try:
            answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
        except (OSError, subprocess.SubprocessError):
            return None
        return answer.stdout.strip()

    changes = ask("diff", "HEAD")
    return {
        "commit": ask("log", "-1", "--format=%H"),
        "changed": None if changes is None else bool(changes),
        "diff_sha256": hashlib.sha256(changes.encode()).hexdigest() if changes else None,
    }
