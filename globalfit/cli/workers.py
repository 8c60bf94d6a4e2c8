"""The options that say where several fits are carried out at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from globalfit.cluster.connect import QUEUES, Workers
from globalfit.errors import ConfigurationError

_OPTIONS = (
    click.option(
        "--workers",
        type=click.IntRange(1),
        help="Processes of this machine that carry out several fits at once. They listen to nobody.",
    ),
    click.option(
        "--cluster",
        type=click.Choice(tuple(QUEUES)),
        help="Queue that takes the --workers as jobs. They find this process through the network, by TLS with a key "
        "that is made for this command.",
    ),
    click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Dask scheduler whose workers carry out several fits at once. Whoever reaches it runs code as you, unless "
        "it is one of TLS (tls://...), with the certificates of Dask's own configuration.",
    ),
)
# Of the addresses of Dask, those at which both ends prove who they are.
_ENCRYPTED = ("tls://", "wss://")


def workers_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options `workers`, `cluster` and `scheduler` of a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def workers_of(workers: int | None, cluster: str | None, scheduler: str | None) -> Workers | None:
    """Where fits are carried out; None for this process. A warning is printed for a scheduler that serves everyone.

    Raises `ConfigurationError` for options at odds.
    """
    if scheduler is not None and (workers is not None or cluster is not None):
        raise ConfigurationError("--scheduler has workers of its own: leave out --workers and --cluster.")
    if cluster is not None and workers is None:
        raise ConfigurationError("--cluster needs --workers, the number of jobs.")
    if workers is None and scheduler is None:
        return None
    if scheduler is not None and not scheduler.startswith(_ENCRYPTED):
        click.echo(f"WARNING: {scheduler} is not encrypted: whoever reaches it can run code as you.", err=True)
    return Workers(workers or 0, cluster, scheduler)
