"""The command line. JAX is imported only by commands that compute, so that the others answer at once."""

from __future__ import annotations

import sys

import click

from globalfit.cli.errors import Group
from globalfit.version import __version__


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    commands_from={
        "run": "globalfit.cli.run:run",
        "resume": "globalfit.cli.run:resume",
        "evaluate": "globalfit.cli.evaluate:evaluate",
        "check": "globalfit.cli.check:check",
        "sbc": "globalfit.cli.sbc:sbc",
        "report": "globalfit.cli.run:report",
        "compare": "globalfit.cli.compare:compare",
        "export": "globalfit.cli.export:export",
        "campaign": "globalfit.cli.status:campaign",
        "list": "globalfit.cli.names:list_names",
        "show": "globalfit.cli.show:show",
        "cite": "globalfit.cli.cite:cite",
    },
)
@click.version_option(__version__, prog_name="globalfit")
def cli() -> None:
    """Bayesian global fits of dark matter whose direct detection is suppressed.

    Start with `globalfit run quickstart`, then open out/quickstart/report.html.
    """


def main() -> None:
    """Entry point of the program `globalfit`."""
    sys.exit(cli.main(prog_name="globalfit", standalone_mode=True))
