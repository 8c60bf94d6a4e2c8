"""Statistics that several experiments share."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import root_scalar
from scipy.special import log_ndtr, ndtri, ndtri_exp

# Expectations below this count as this: a likelihood of data that cannot occur stays finite.
_TINY = 1e-30
_SERIES = 1e-3


def poisson_log_ratio(observed: Float[Array, "*bin"], expected: Float[Array, "*bin"]) -> Float[Array, "*bin"]:
    """ln of the Poisson probability over its largest possible value: n ln(mu/n) - mu + n, smooth in mu, -mu for n = 0.

    `observed` need not be an integer.
    """
    some = observed > 0.0
    ratio = jnp.maximum(expected, _TINY) / jnp.where(some, observed, 1.0)
    return jnp.where(some, observed * jnp.log(ratio), 0.0) - expected + observed


def poisson_residual(observed: Float[Array, "*bin"], expected: Float[Array, "*bin"]) -> Float[Array, "*bin"]:
    """Signed deviance residual r, positive for an excess of data: -r^2/2 is `poisson_log_ratio`.

    Written as (n - mu)/sqrt(n) sqrt(2 (x - ln(1 + x))/x^2), x = mu/n - 1, so that nothing cancels at mu = n.
    """
    some = observed > 0.0
    count = jnp.where(some, observed, 1.0)
    expected = jnp.maximum(expected, 0.0)
    ratio = jnp.maximum(expected, _TINY) / count
    x = ratio - 1.0
    near = jnp.abs(x) < _SERIES
    far = jnp.where(near, 1.0, x)
    curvature = jnp.where(
        near,
        1.0 - x * (2.0 / 3.0 - x * (0.5 - x * (0.4 - x / 3.0))),
        2.0 * (far - jnp.log(jnp.where(near, 2.0, ratio))) / far**2,
    )
    with_data = -jnp.sqrt(count) * x * jnp.sqrt(curvature)
    positive = expected > 0.0
    without = -jnp.sqrt(2.0 * jnp.where(positive, expected, 1.0))
    return jnp.where(some, with_data, jnp.where(positive, without, 0.0))


def gaussian_from_limit(
    observed: Float[np.ndarray, " mass"], expected: Float[np.ndarray, " mass"], confidence: float
) -> tuple[Float[np.ndarray, " mass"], Float[np.ndarray, " mass"]]:
    """Best fit and error of a signal strength mu whose observed and expected upper limits are given.

    With -2 ln L = (mu - best)^2/sigma^2 on mu >= 0 and alpha = 1 - `confidence`, the asymptotic CLs limit (Cowan et
    al., arXiv:1007.1727), which is also the Bayesian one with a flat prior in mu, is

        limit = best + sigma Phi^-1(1 - alpha Phi(best/sigma)).

    best = 0 gives the expected limit, hence sigma = expected/Phi^-1(1 - alpha/2). The limit rises with `best` and
    vanishes for best -> -inf, so every positive limit has a solution.
    """
    alpha = 1.0 - confidence
    sigma = expected / ndtri(1.0 - 0.5 * alpha)
    ratio = observed / sigma
    return sigma * np.array([_standard_best_fit(float(limit), alpha) for limit in ratio]), sigma


def flat_prior_limit(
    strength: Float[np.ndarray, " scan"], log_likelihood: Float[np.ndarray, "*batch scan"], confidence: float
) -> Float[np.ndarray, "*batch"]:
    """Upper limit on a signal strength >= 0 with a flat prior in it, from ln L on an ascending scan that begins at 0.

    The scan must reach to where the likelihood has died out.
    """
    density = np.exp(log_likelihood - np.max(log_likelihood, axis=-1, keepdims=True))
    pieces = 0.5 * (density[..., 1:] + density[..., :-1]) * np.diff(strength)
    below = np.concatenate([np.zeros_like(pieces[..., :1]), np.cumsum(pieces, axis=-1)], axis=-1)
    fractions = (below / below[..., -1:]).reshape(-1, strength.size)
    limits = np.array([np.interp(confidence, fraction, strength) for fraction in fractions])
    return limits.reshape(below.shape[:-1])


def asymptotic_limit(
    strength: Float[np.ndarray, " scan"],
    log_likelihood: Float[np.ndarray, "*batch scan"],
    without_signal: Float[np.ndarray, "*batch scan"],
    confidence: float,
) -> Float[np.ndarray, "*batch"]:
    """Asymptotic CLs limit on a signal strength >= 0 (arXiv:1007.1727, section 5), from ln L on an ascending scan.

    `log_likelihood` is that of the data, `without_signal` that of counts equal to the background; the scan begins at 0.
    With q(s) = 2 [max_(t <= s) ln L(t) - ln L(s)] of the first and q_A of the second,
    CLs = (1 - Phi(sqrt q))/Phi(sqrt q_A - sqrt q).
    """

    def root(values: Float[np.ndarray, "*batch scan"]) -> Float[np.ndarray, "*batch scan"]:
        return np.sqrt(2.0 * (np.maximum.accumulate(values, axis=-1) - values))

    found, median = root(log_likelihood), root(without_signal)
    log_cls = (log_ndtr(-found) - log_ndtr(median - found)).reshape(-1, strength.size)
    target = np.log(1.0 - confidence)
    # CLs falls from 1 at the best fit
    limits = np.array([np.interp(-target, -np.minimum.accumulate(row), strength) for row in log_cls])
    return limits.reshape(found.shape[:-1])


def _standard_best_fit(limit: float, alpha: float) -> float:
    """Best fit that gives `limit`, both in units of sigma."""

    def excess(best: float) -> float:
        # Phi^-1(1 - p) = -Phi^-1(p), in logarithms because p is tiny for a large deficit
        return best - float(ndtri_exp(np.log(alpha) + log_ndtr(best))) - limit

    return float(root_scalar(excess, bracket=(-50.0, limit), xtol=1e-12).root)
