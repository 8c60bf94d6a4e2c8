"""How strongly an experiment excludes a point: a significance z whose one-sided confidence level is Phi(z).

With q = 2 [ln L(no signal) - ln L(point)], and q_A the same for data as expected without a signal, z follows from

    one_sided   1 - CL = Phi(-sqrt q)                                           q = 1.64 at 90 %, 2.71 at 95 %
    two_sided   1 - CL = 2 Phi(-sqrt q)                                         q = 2.71 at 90 %, 3.84 at 95 %
    no_events   1 - CL = exp(-q/2)                                              q = 4.61 at 90 %, 5.99 at 95 %
    cls         1 - CL = Phi(-(q_A + q)/(2 sqrt q_A)) / Phi((q_A - q)/(2 sqrt q_A))

so that a published limit comes out at the confidence level at which it was published. A likelihood states its rule as
the class variable `exclusion`, `one_sided` by default:

- `one_sided`: the profile likelihood of a signal that can only add, as for the dwarf galaxies.
- `two_sided`: measurements (electroweak precision, LEP), and limits published for a half-Gaussian (Planck's p_ann).
- `no_events`: counts with no background and nothing seen, q/2 = 2.303 s: the 90 % limits of the xenon experiments.
- `cls`: two simple hypotheses, asymptotically (Cowan et al., arXiv:1007.1727), for which the likelihood must have
  `without_signal()`, the same experiment with data as expected. For Gaussian data this is the published CLs.

The relic density has no hypothesis without dark matter: there q sums the squared pulls of predictions above the data,
so that only too much dark matter is excluded; too little needs another component.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.special import log_ndtr, ndtri_exp

from globalfit.experiment.protocol import Likelihood, Rule
from globalfit.physics.predictions import Predictions

# z at 90 % and 95 % confidence.
LEVELS = {90: 1.2815515655446004, 95: 1.6448536269514722}
# z counts as this where a point describes the data better than no signal does.
LOWEST = -5.0


def statistic(likelihood: Likelihood, predictions: Predictions) -> Float[Array, " 2"]:
    """q and q_A of one point; q_A is zero for rules that do not need it."""
    zero = jnp.zeros(())
    if likelihood.no_signal is None:
        return jnp.stack([jnp.sum(jnp.minimum(likelihood.pulls(predictions), 0.0) ** 2), zero])
    q = _deviance(likelihood, predictions)
    if likelihood.exclusion != "cls":
        return jnp.stack([q, zero])
    return jnp.stack([q, _deviance(likelihood.without_signal(), predictions)])


def significance(rule: Rule, statistics: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch"]:
    """z of a batch of q and q_A, not below `LOWEST`; NaN where q is."""
    q, expected = statistics[..., 0], statistics[..., 1]
    root = np.sqrt(np.maximum(q, 0.0))
    match rule:
        case "one_sided":
            return np.asarray(np.maximum(np.sign(q) * np.sqrt(np.abs(q)), LOWEST))
        case "two_sided":
            log_p = np.log(2.0) + log_ndtr(-root)
        case "no_events":
            log_p = -0.5 * root**2
        case "cls":
            some = expected > 0.0
            twice = 2.0 * np.sqrt(np.where(some, expected, 1.0))
            log_p = np.where(some, log_ndtr(-(expected + q) / twice) - log_ndtr((expected - q) / twice), 0.0)
    return np.asarray(np.maximum(-ndtri_exp(np.minimum(log_p, 0.0)), LOWEST))


def _deviance(likelihood: Likelihood, predictions: Predictions) -> Float[Array, ""]:
    without = likelihood.no_signal
    assert without is not None
    return 2.0 * (without - likelihood.log_likelihood(predictions))
