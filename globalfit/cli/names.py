"""`globalfit list`: what there is, by name."""

from __future__ import annotations

from pathlib import Path

import click

from globalfit import plugins
from globalfit.runfile import first_comment, packaged_runs
from globalfit.runfile.defaults import models_with_priors

KINDS = ("models", "likelihoods", "samplers", "runs", "priors")
# What is listed only when it is asked for.
LONG_KINDS = ("predictions", "status")
# The list that has the names of a kind of `globalfit show`.
LISTS = {
    "model": "models",
    "likelihood": "likelihoods",
    "sampler": "samplers",
    "prior": "priors",
    "status": "status",
    "prediction": "predictions",
}
_PLUGINS: dict[str, plugins.Kind] = {"models": "model", "likelihoods": "likelihood", "samplers": "sampler"}


@click.command("list")
@click.argument("kind", type=click.Choice((*KINDS, *LONG_KINDS)), required=False)
def list_names(kind: str | None) -> None:
    """List models, likelihoods, samplers, packaged run files and default priors; predictions and status flags by their
    KIND."""
    for index, one in enumerate(KINDS if kind is None else (kind,)):
        entries = names(one)
        if kind is None:
            click.secho(f"{'' if index == 0 else chr(10)}{one}", bold=True)
        width = max(map(len, entries), default=0)
        for name, summary in entries.items():
            click.echo(f"  {name:<{width}}  {summary}".rstrip())


def names(kind: str) -> dict[str, str]:
    """One sentence by name. Nothing that computes is imported but for predictions, which plug-ins make."""
    if kind in _PLUGINS:
        return {name: plugins.summary(point) for name, point in plugins.registered(_PLUGINS[kind]).items()}
    if kind == "status":
        from globalfit.physics.status import FLAGS

        return {flag.name: flag.meaning for flag in FLAGS}
    if kind == "predictions":
        from globalfit.build.built import every_prediction

        return {name: f"[{word.unit or '1'}] {word.meaning}" for name, word in sorted(every_prediction().items())}
    files: dict[str, Path] = packaged_runs() if kind == "runs" else models_with_priors()
    return {name: first_comment(path) for name, path in files.items()}
