"""The command line. JAX is imported only by commands that compute, so that the others answer at once."""

from __future__ import annotations

import codecs
import io
import sys

import click

from globalfit.cli.errors import Group
from globalfit.version import __version__

_SPELT = {"±": "+-", "Ω": "Omega", "χ": "chi", "ε": "epsilon", "²": "2", "³": "3"}


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


def print_anything(stream: object) -> None:
    """Let a stream take every character: one that its encoding lacks is spelt, as `+-` for ±, or is a question mark."""
    if isinstance(stream, io.TextIOWrapper):
        codecs.register_error("spelt", _spelt)
        stream.reconfigure(errors="spelt")


def _spelt(error: UnicodeError) -> tuple[str, int]:
    """What stands for the characters that cannot be encoded, and where to go on."""
    assert isinstance(error, UnicodeEncodeError)
    return "".join(_SPELT.get(letter, "?") for letter in error.object[error.start : error.end]), error.end


def main() -> None:
    """Entry point of the program `globalfit`."""
    for stream in (sys.stdout, sys.stderr):
        print_anything(stream)
    sys.exit(cli.main(prog_name="globalfit", standalone_mode=True))
