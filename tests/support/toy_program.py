"""The program with the toys and without figures. Its workers import this module again, and so have them too."""

from __future__ import annotations

import sys

from globalfit.cli import cli
from tests.support.toy_worker import dask_setup

dask_setup(None)

if __name__ == "__main__":
    cli.main(sys.argv[1:])
