"""How badly a point describes the data of an experiment, and how badly it describes data drawn from the point itself.

    T(y, theta) = 2 (maximum(y) - ln L(y | theta)),

zero for the best conceivable agreement and chi^2 where the errors are Gaussian. Compared over a posterior (Gelman, Meng
and Stern, Statistica Sinica 6 (1996) 733), both say whether the model describes the data at all.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from globalfit.experiment.protocol import Likelihood
from globalfit.physics.predictions import Predictions


def discrepancies(
    likelihoods: Mapping[str, Likelihood], predictions: Predictions, terms: Mapping[str, Array], key: PRNGKeyArray
) -> dict[str, Float[Array, " 2"]]:
    """T of the data, whose ln L are the `terms`, and T of one toy, by experiment."""
    found = {}
    for number, (name, item) in enumerate(likelihoods.items()):
        toy = item.simulate(predictions, jax.random.fold_in(key, number))
        pairs = ((item.maximum, terms[name]), (toy.maximum, toy.log_likelihood(predictions)))
        found[name] = jnp.stack([2.0 * (maximum - term) for maximum, term in pairs])
    return found
