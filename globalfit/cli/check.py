"""`globalfit check`: build a run, look at a few prior draws, sample nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from globalfit.cli.cache import use_compilation_cache
from globalfit.cli.evaluate import run_or_model
from globalfit.cli.progress import shown_progress
from globalfit.progress import Event

if TYPE_CHECKING:
    from globalfit.posterior import Evaluation, Posterior

DRAWS = 512


@click.command()
@click.argument("runfile")
def check(runfile: str) -> None:
    """Check RUNFILE: build everything it names and evaluate a few draws of its prior."""
    settings = run_or_model(runfile)
    use_compilation_cache()
    import jax
    import numpy as np

    from globalfit.build import build
    from globalfit.posterior import evaluate

    with shown_progress() as progress:
        progress(Event("building", 0.0))
        posterior, _ = build(settings)
        progress(Event("prior draws", 0.0, message=f"{DRAWS} points"))
        if posterior.ndim:
            u = np.random.default_rng(settings.seed).random((DRAWS, posterior.ndim))
            theta = jax.vmap(posterior.transform)(jax.numpy.asarray(u))
        else:
            theta = jax.numpy.zeros((1, 0))
        result = jax.tree.map(np.asarray, evaluate(posterior, theta))
    for line in [*parameter_lines(posterior), *likelihood_lines(result), *status_lines(result)]:
        click.echo(line)
    click.echo(f"{settings.source.name}: ok")


def parameter_lines(posterior: Posterior) -> list[str]:
    """Priors, fixed values and expressions."""
    from globalfit.results.details import definition

    names = [*posterior.names, *posterior.parameters.fixed, *posterior.parameters.expressions]
    width = max(map(len, names))
    return ["parameters", *(f"  {name:<{width}}  {definition(name, posterior)}" for name in names)]


def likelihood_lines(result: Evaluation) -> list[str]:
    """Range of ln L of each experiment over the prior draws."""
    import numpy as np

    lines = ["ln L over the prior: median, highest"] if result.terms else ["no likelihoods"]
    width = max(map(len, result.terms), default=0)
    return lines + [f"  {n:<{width}}  {np.median(x):>12.5g} {np.max(x):>12.5g}" for n, x in result.terms.items()]


def status_lines(result: Evaluation) -> list[str]:
    """Fractions of the prior draws by status."""
    import numpy as np

    from globalfit.results.derived import status_fractions

    fractions = status_fractions(np.asarray(result.status))
    width = max(map(len, fractions))
    return ["status of the prior draws", *(f"  {n:<{width}}  {100.0 * x:.1f} %" for n, x in fractions.items())]
