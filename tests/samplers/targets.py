"""Toy targets with known answers."""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float

from globalfit.samplers import Draws


class Box(eqx.Module):
    """Uniform prior on a cube of the given half width; subclasses add the likelihood."""

    names: tuple[str, ...] = eqx.field(static=True)
    half: float

    @property
    def ndim(self) -> int:
        return len(self.names)

    def transform(self, u: Float[Array, " ndim"]) -> Float[Array, " ndim"]:
        return self.half * (2.0 * u - 1.0)

    def inverse(self, theta: Float[Array, " ndim"]) -> Float[Array, " ndim"]:
        return 0.5 * (theta / self.half + 1.0)

    def log_prior(self, theta: Float[Array, " ndim"]) -> Float[Array, ""]:
        inside = jnp.all(jnp.abs(theta) <= self.half)
        return jnp.where(inside, -self.ndim * math.log(2.0 * self.half), -jnp.inf)


class Gaussian(Box):
    """Correlated Gaussian, normalised: ln Z = -ndim ln(2 half)."""

    precision: Float[Array, "ndim ndim"]
    log_norm: float

    @classmethod
    def of(cls, ndim: int = 3, rho: float = 0.6, half: float = 6.0) -> Gaussian:
        covariance = np.full((ndim, ndim), rho) + np.eye(ndim) * (1.0 - rho)
        norm = -0.5 * (ndim * math.log(2.0 * math.pi) + np.linalg.slogdet(covariance)[1])
        return cls(_names(ndim), half, jnp.asarray(np.linalg.inv(covariance)), float(norm))

    @property
    def log_evidence(self) -> float:
        return -self.ndim * math.log(2.0 * self.half)

    def log_likelihood(self, theta: Float[Array, " ndim"]) -> Float[Array, ""]:
        return -0.5 * theta @ self.precision @ theta + self.log_norm


class TwoModes(Box):
    """Two separate Gaussians of different widths; the first coordinate tells them apart. ln Z = -ndim ln(2 half)."""

    share: float
    sd: tuple[float, float] = (0.1, 0.4)

    @classmethod
    def of(cls, ndim: int = 3, share: float = 0.3, half: float = 5.0) -> TwoModes:
        return cls(_names(ndim), half, share)

    @property
    def log_evidence(self) -> float:
        return -self.ndim * math.log(2.0 * self.half)

    def log_likelihood(self, theta: Float[Array, " ndim"]) -> Float[Array, ""]:
        modes = [
            jnp.log(weight)
            - 0.5 * jnp.sum(((theta - center) / sd) ** 2)
            - self.ndim * jnp.log(sd * jnp.sqrt(2 * jnp.pi))
            for weight, center, sd in ((self.share, -2.0, self.sd[0]), (1.0 - self.share, 2.0, self.sd[1]))
        ]
        return logsumexp(jnp.stack(modes))


class Hole(Gaussian):
    """A Gaussian without solution where the first coordinate is below a bound: there ln L = -inf."""

    bound: float = -2.4

    def log_likelihood(self, theta: Float[Array, " ndim"]) -> Float[Array, ""]:
        return jnp.where(theta[0] < self.bound, -jnp.inf, super().log_likelihood(theta))

    @property
    def log_evidence(self) -> float:
        survive = 0.5 * math.erfc(self.bound / math.sqrt(2.0))
        return math.log(survive) - self.ndim * math.log(2.0 * self.half)


class Sheet(Box):
    """A thin curved sheet with two sides of a resonance, as a relic density makes it.

    In the unit cube, with r the first, e the second coordinate: e + a / 4 = 0.8 + height ln(|r - 1/2| + width) / 2, to
    within `sd`. Every further coordinate is flat. The share of r < 1/2 is 0.5 by symmetry; `tilt` weighs it with
    exp(tilt (r > 1/2)).
    """

    sd: float
    width: float
    tilt: float

    @classmethod
    def of(cls, ndim: int = 4, sd: float = 0.003, width: float = 0.002, tilt: float = 0.8) -> Sheet:
        return cls(_names(ndim), 0.5, sd, width, tilt)

    @property
    def log_evidence(self) -> float:
        return math.log((1.0 + math.exp(self.tilt)) / 2.0)

    @property
    def upper_share(self) -> float:
        return 1.0 / (1.0 + math.exp(-self.tilt))

    def log_likelihood(self, theta: Float[Array, " ndim"]) -> Float[Array, ""]:
        r, e, a = theta[0] + 0.5, theta[1] + 0.5, theta[2] + 0.5
        center = 0.85 - a / 4.0 + 0.1 * jnp.log(jnp.abs(r - 0.5) + self.width)
        pull = (e - center) / self.sd
        return -0.5 * pull**2 - jnp.log(self.sd * jnp.sqrt(2.0 * jnp.pi)) + jnp.where(r > 0.5, self.tilt, 0.0)


def pull(target: Any, draws: Draws) -> float:
    """Error of ln Z in standard deviations."""
    assert draws.evidence is not None
    return (draws.evidence.log_evidence - target.log_evidence) / draws.evidence.log_evidence_error


def _names(ndim: int) -> tuple[str, ...]:
    return tuple(f"x{i}" for i in range(ndim))
