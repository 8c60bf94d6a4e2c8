"""Errors of the user as one line on stderr with exit status 2; commands are imported when they are called."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from globalfit.errors import GlobalFitError, Stopped, shortened

FAILED = 1
USAGE = 2
NOT_CONVERGED = 3
INTERRUPTED = 130


class Group(click.Group):
    """Commands in the order in which they are given, each behind a `module:name` that is imported late."""

    def __init__(self, *args: Any, commands_from: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._places = dict(commands_from or {})

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in self._places:
            return None
        module, _, name = self._places[cmd_name].partition(":")
        return getattr(importlib.import_module(module), name)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GlobalFitError as error:
            fail(str(error), USAGE)
        except OSError as error:
            # What is wrong with a file is the user's to mend; other errors of the system are ours.
            if error.filename is None:
                raise
            fail(f"{shortened(str(error.filename))}: cannot be used: {error.strerror}.", USAGE)
        except Stopped as stopped:
            fail(str(stopped), 128 + stopped.number)
        except KeyboardInterrupt:
            fail("interrupted.", INTERRUPTED)


def fail(message: str, status: int) -> None:
    """Print an error and leave."""
    click.echo(f"error: {message}", err=True)
    raise click.exceptions.Exit(status)
