"""`globalfit list`: what there is, by name."""

from __future__ import annotations

from pathlib import Path

import click

from globalfit import plugins
from globalfit.runfile import first_comment, packaged_runs
from globalfit.runfile.defaults import models_with_priors

KINDS = ("models", "likelihoods", "samplers", "runs", "priors")
_PLUGINS: dict[str, plugins.Kind] = {"models": "model", "likelihoods": "likelihood", "samplers": "sampler"}


@click.command("list")
@click.argument("kind", type=click.Choice(KINDS), required=False)
def list_names(kind: str | None) -> None:
    """List models, likelihoods, samplers, packaged run files and default priors."""
    for index, one in enumerate(KINDS if kind is None else (kind,)):
        entries = names(one)
        if kind is None:
            click.secho(f"{'' if index == 0 else chr(10)}{one}", bold=True)
        width = max(map(len, entries), default=0)
        for name, summary in entries.items():
            click.echo(f"  {name:<{width}}  {summary}".rstrip())


def names(kind: str) -> dict[str, str]:
    """One sentence by name; nothing that computes is imported."""
    if kind in _PLUGINS:
        return {name: plugins.summary(point) for name, point in plugins.registered(_PLUGINS[kind]).items()}
    files: dict[str, Path] = packaged_runs() if kind == "runs" else models_with_priors()
    return {name: first_comment(path) for name, path in files.items()}
