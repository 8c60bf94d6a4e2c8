"""A simulated experiment: parameters drawn from the prior, and data of every likelihood drawn as they predict them."""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from globalfit.experiment.protocol import Likelihood
from globalfit.physics import status
from globalfit.posterior.posterior import Posterior
from globalfit.runfile import RunFile
from globalfit.samplers.batching import too_few_solutions

# Prior draws without a solution, one after the other, after which the search is given up.
MOST_TRIES = 20_000

COMPONENT = (
    "of a component of the dark matter the relic density has an upper limit only, which is no distribution from which "
    "data could be drawn; calibrate with `dark_matter: all`."
)


class Experiment(NamedTuple):
    """The truth in the unit cube and as parameters, the posterior of its simulated data, and the prior draws tried."""

    u: Float[np.ndarray, " ndim"]
    theta: Float[np.ndarray, " ndim"]
    posterior: Posterior
    tried: int


def check_simulators(run: RunFile) -> None:
    """Raise `ConfigurationError` for a run whose data cannot be drawn from its predictions."""
    if run.dark_matter == "component":
        raise run.source.error(("dark_matter",), COMPONENT)


def simulate(posterior: Posterior, random: np.random.Generator) -> Experiment:
    """Data of parameters from that part of the prior that has a solution.

    Every experiment has the same structure, so that what is compiled for one serves all. Raises `ConfigurationError`
    if hardly any prior draw has a solution.
    """
    for tried in range(1, MOST_TRIES + 1):
        u = random.random(posterior.ndim)
        key = jax.random.key(int(random.integers(2**31)))
        theta, solved, toys = _simulated(posterior, jax.numpy.asarray(u), key)
        if solved:
            return Experiment(u, np.asarray(theta), eqx.tree_at(lambda p: p.likelihoods, posterior, toys), tried)
    raise too_few_solutions(0, MOST_TRIES, 1)


@eqx.filter_jit
def _simulated(
    posterior: Posterior, u: Float[Array, " ndim"], key: PRNGKeyArray
) -> tuple[Float[Array, " ndim"], Bool[Array, ""], dict[str, Likelihood]]:
    """Parameters, whether they have a solution, and the likelihoods with data drawn from them."""
    theta = posterior.transform(u)
    predictions = posterior.predictions(posterior.parameters.values(theta))
    toys = {
        name: item.simulate(predictions, jax.random.fold_in(key, number))
        for number, (name, item) in enumerate(posterior.likelihoods.items())
    }
    return theta, (posterior.assess(predictions).status & status.FATAL) == 0, toys
