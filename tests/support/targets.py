"""Toy targets with known answers."""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float
from scipy.integrate import quad
from scipy.stats import norm

from globalfit.samplers.draws import Draws


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
    sd: tuple[float, float]

    @classmethod
    def of(cls, ndim: int = 3, share: float = 0.3, half: float = 5.0, sd: tuple[float, float] = (0.1, 0.4)) -> TwoModes:
        return cls(_names(ndim), half, share, sd)

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


class Rosenbrock(Box):
    """exp(-(1 - x0)^2 - 100 (x1 - x0^2)^2): a curved valley of width 0.07."""

    @classmethod
    def of(cls, half: float = 10.0) -> Rosenbrock:
        return cls(_names(2), half)

    @property
    def log_evidence(self) -> float:
        def kept(x: float) -> float:
            across = norm(x**2, math.sqrt(0.005))
            return float(norm.pdf(x, 1.0, math.sqrt(0.5)) * (across.cdf(self.half) - across.cdf(-self.half)))

        ends = (-math.sqrt(self.half), math.sqrt(self.half))
        inside = quad(kept, -self.half, self.half, points=ends, limit=200)[0]
        return math.log(inside * math.pi / 10.0) - 2.0 * math.log(2.0 * self.half)

    def log_likelihood(self, theta: Float[Array, " ndim"]) -> Float[Array, ""]:
        return -((1.0 - theta[0]) ** 2) - 100.0 * (theta[1] - theta[0] ** 2) ** 2

    def draws(self, random: np.random.Generator, count: int) -> Float[np.ndarray, "count ndim"]:
        x = 1.0 + math.sqrt(0.5) * random.normal(size=2 * count)
        points = np.stack([x, x**2 + math.sqrt(0.005) * random.normal(size=2 * count)], axis=1)
        return points[np.all(np.abs(points) < self.half, axis=1)][:count]


class Eggbox(Box):
    """ln L = (2 + cos(x / 2) cos(y / 2))^5 for x, y in [0, 10 pi], 18 equal modes; measured from the middle.

    Feroz, Hobson & Bridges, arXiv:0809.3437.
    """

    @classmethod
    def of(cls) -> Eggbox:
        return cls(_names(2), 5.0 * math.pi)

    @property
    def log_evidence(self) -> float:
        """From the mean over one period, that of the prior by symmetry; the sum converges exponentially."""
        cosine = np.cos(2.0 * np.pi * (np.arange(400) + 0.5) / 400)
        log_likelihood = (2.0 + np.outer(cosine, cosine)) ** 5
        highest = float(log_likelihood.max())
        return highest + math.log(float(np.mean(np.exp(log_likelihood - highest))))

    def log_likelihood(self, theta: Float[Array, " ndim"]) -> Float[Array, ""]:
        return (2.0 + jnp.prod(jnp.cos(0.5 * (theta + self.half)))) ** 5


class Funnel(Box):
    """Neal's funnel, cut at the box: the logarithm of the width of all other coordinates is the first one, over 2."""

    @classmethod
    def of(cls, ndim: int = 3, half: float = 30.0) -> Funnel:
        return cls(_names(ndim), half)

    @property
    def log_evidence(self) -> float:
        def kept(x: float) -> float:
            inside = 2.0 * norm.cdf(self.half * math.exp(-0.5 * x)) - 1.0
            return float(norm.pdf(x, scale=3.0) * inside ** (self.ndim - 1))

        return math.log(quad(kept, -self.half, self.half, limit=200)[0]) - self.ndim * math.log(2.0 * self.half)

    def log_likelihood(self, theta: Float[Array, " ndim"]) -> Float[Array, ""]:
        others = jnp.sum(jax.scipy.stats.norm.logpdf(theta[1:], scale=jnp.exp(0.5 * theta[0])))
        return jax.scipy.stats.norm.logpdf(theta[0], scale=3.0) + others

    def draws(self, random: np.random.Generator, count: int) -> Float[np.ndarray, "count ndim"]:
        x = 3.0 * random.normal(size=(4 * count, 1))
        points = np.concatenate([x, np.exp(0.5 * x) * random.normal(size=(4 * count, self.ndim - 1))], axis=1)
        return points[np.all(np.abs(points) < self.half, axis=1)][:count]


def pull(target: Any, draws: Draws) -> float:
    """Error of ln Z in standard deviations."""
    assert draws.evidence is not None
    return (draws.evidence.log_evidence - target.log_evidence) / draws.evidence.log_evidence_error


def _names(ndim: int) -> tuple[str, ...]:
    return tuple(f"x{i}" for i in range(ndim))
