"""The version of the program, and the folder of the clone that it may run from."""

from pathlib import Path

__version__ = "0.2.0"

# Beside the package; an installed one has no pyproject.toml there.
ROOT = Path(__file__).resolve().parent.parent
