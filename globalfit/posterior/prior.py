"""Prior of the sampled parameters: independent distributions, each with its quantile function.

The unit hypercube is the common ground of the samplers: `Prior.transform` maps it to parameters, so that nested
sampling, ensembles and NUTS all see the same measure.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Mapping
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import log_ndtr, ndtr, ndtri
from jaxtyping import Array, Float

from globalfit.errors import ConfigurationError, UnknownNameError

# Probability below which a Gaussian cannot be cut to an interval: its numbers lose their digits at 1e-308.
_SMALLEST = 1e-290


class Distribution(eqx.Module):
    """One-dimensional distribution. `arguments` are the numbers of the run file in their order."""

    arguments: ClassVar[tuple[str, ...]]
    logarithmic: ClassVar[bool] = False

    @abc.abstractmethod
    def quantile(self, u: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        """Value below which a fraction `u` of the distribution lies."""

    @abc.abstractmethod
    def cdf(self, x: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        """Fraction of the distribution below `x`, 0 or 1 outside the support."""

    @abc.abstractmethod
    def log_density(self, x: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        """Log of the normalised density in `x`, -inf outside the support."""

    @property
    @abc.abstractmethod
    def support(self) -> tuple[float, float]:
        """Lowest and highest possible value."""


class Uniform(Distribution):
    """Constant density between two bounds."""

    arguments: ClassVar = ("low", "high")
    low: float
    high: float

    def __check_init__(self) -> None:
        _check_bounds(self.low, self.high)

    def quantile(self, u: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        return self.low + u * (self.high - self.low)

    def cdf(self, x: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        return jnp.clip((x - self.low) / (self.high - self.low), 0.0, 1.0)

    def log_density(self, x: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        return jnp.where((x >= self.low) & (x <= self.high), -jnp.log(self.high - self.low), -jnp.inf)

    @property
    def support(self) -> tuple[float, float]:
        return self.low, self.high


class LogUniform(Distribution):
    """Constant density in the logarithm between two positive bounds."""

    arguments: ClassVar = ("low", "high")
    logarithmic: ClassVar[bool] = True
    low: float
    high: float

    def __check_init__(self) -> None:
        _check_bounds(self.low, self.high)
        if self.low <= 0.0:
            raise ConfigurationError(f"a log_uniform prior needs positive bounds, found low = {self.low:g}.")

    def quantile(self, u: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        return self.low * jnp.exp(u * math.log(self.high / self.low))

    def cdf(self, x: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        inside = jnp.clip(x, self.low, self.high)
        return jnp.clip(jnp.log(inside / self.low) / math.log(self.high / self.low), 0.0, 1.0)

    def log_density(self, x: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        inside = (x >= self.low) & (x <= self.high)
        safe = jnp.where(inside, x, self.low)
        return jnp.where(inside, -jnp.log(safe) - math.log(math.log(self.high / self.low)), -jnp.inf)

    @property
    def support(self) -> tuple[float, float]:
        return self.low, self.high


class Normal(Distribution):
    """Gaussian with mean and standard deviation."""

    arguments: ClassVar = ("mean", "sd")
    mean: float
    sd: float

    def __check_init__(self) -> None:
        _check_width(self.sd)

    def quantile(self, u: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        return self.mean + self.sd * ndtri(u)

    def cdf(self, x: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        return ndtr((x - self.mean) / self.sd)

    def log_density(self, x: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        return -0.5 * ((x - self.mean) / self.sd) ** 2 - math.log(self.sd * math.sqrt(2.0 * math.pi))

    @property
    def support(self) -> tuple[float, float]:
        return -math.inf, math.inf


class LogNormal(Distribution):
    """Gaussian in ln(x) with a median and a standard deviation in units of e-folds."""

    arguments: ClassVar = ("median", "sd")
    logarithmic: ClassVar[bool] = True
    median: float
    sd: float

    def __check_init__(self) -> None:
        _check_width(self.sd)
        if self.median <= 0.0:
            raise ConfigurationError(f"a log_normal prior needs a positive median, found {self.median:g}.")

    def quantile(self, u: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        return self.median * jnp.exp(self.sd * ndtri(u))

    def cdf(self, x: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        positive = jnp.where(x > 0.0, x, self.median)
        return jnp.where(x > 0.0, ndtr(jnp.log(positive / self.median) / self.sd), 0.0)

    def log_density(self, x: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        positive = jnp.where(x > 0.0, x, self.median)
        z = jnp.log(positive / self.median) / self.sd
        density = -0.5 * z**2 - jnp.log(positive * self.sd * math.sqrt(2.0 * math.pi))
        return jnp.where(x > 0.0, density, -jnp.inf)

    @property
    def support(self) -> tuple[float, float]:
        return 0.0, math.inf


class TruncatedNormal(Distribution):
    """Gaussian with mean and standard deviation, cut to an interval and normalised there."""

    arguments: ClassVar = ("mean", "sd", "low", "high")
    mean: float
    sd: float
    low: float
    high: float

    def __check_init__(self) -> None:
        _check_width(self.sd)
        _check_bounds(self.low, self.high)
        low, high = self._edges()
        if abs(float(high - low)) < _SMALLEST:
            raise ConfigurationError("the interval of this truncated_normal prior holds no probability.")

    @property
    def _side(self) -> float:
        """-1 for an interval above the mean, which is mirrored to below it: there, Phi has all its digits."""
        return 1.0 if self.low + self.high <= 2.0 * self.mean else -1.0

    def _z(self, x: Float[Array, "*batch"] | float) -> Float[Array, "*batch"]:
        return jnp.asarray(self._side * (x - self.mean) / self.sd)

    def _edges(self) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Phi at both ends: increasing in z, so that on the other side the first one is the larger."""
        return ndtr(self._z(self.low)), ndtr(self._z(self.high))

    def _log_mass(self) -> Float[Array, ""]:
        ends = [log_ndtr(self._z(edge)) for edge in (self.low, self.high)]
        below, above = ends if self._side > 0.0 else ends[::-1]
        return above + jnp.log1p(-jnp.exp(below - above))

    def quantile(self, u: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        low, high = self._edges()
        z = self._side * ndtri(low + u * (high - low))
        return jnp.clip(self.mean + self.sd * z, self.low, self.high)

    def cdf(self, x: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        low, high = self._edges()
        return (ndtr(self._z(jnp.clip(x, self.low, self.high))) - low) / (high - low)

    def log_density(self, x: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        density = -0.5 * ((x - self.mean) / self.sd) ** 2 - math.log(self.sd * math.sqrt(2.0 * math.pi))
        return jnp.where((x >= self.low) & (x <= self.high), density - self._log_mass(), -jnp.inf)

    @property
    def support(self) -> tuple[float, float]:
        return self.low, self.high


DISTRIBUTIONS: dict[str, type[Distribution]] = {
    "uniform": Uniform,
    "log_uniform": LogUniform,
    "normal": Normal,
    "log_normal": LogNormal,
    "truncated_normal": TruncatedNormal,
}


def distribution(name: str, arguments: tuple[float, ...]) -> Distribution:
    """Distribution of a run file, e.g. `distribution("uniform", (2.0, 4.0))`.

    Raises `UnknownNameError` for the name, `ConfigurationError` for the number of arguments or an empty support.
    """
    if name not in DISTRIBUTIONS:
        raise UnknownNameError("prior", name, DISTRIBUTIONS)
    kind = DISTRIBUTIONS[name]
    if len(arguments) != len(kind.arguments):
        raise ConfigurationError(
            f"a {name} prior takes {len(kind.arguments)} numbers [{', '.join(kind.arguments)}], found {len(arguments)}."
        )
    if not all(math.isfinite(value) for value in arguments):
        raise ConfigurationError(f"the numbers of a {name} prior must be finite, found {list(arguments)}.")
    return kind(*(float(value) for value in arguments))


def named(prior: Distribution) -> tuple[str, tuple[float, ...]]:
    """Name and numbers of a distribution in a run file, which `distribution` takes."""
    name = next(name for name, kind in DISTRIBUTIONS.items() if type(prior) is kind)
    return name, tuple(getattr(prior, argument) for argument in prior.arguments)


class Prior(eqx.Module):
    """Product of independent distributions; the order of `names` is the order of every parameter vector."""

    names: tuple[str, ...] = eqx.field(static=True)
    distributions: tuple[Distribution, ...]

    @classmethod
    def of(cls, distributions: Mapping[str, Distribution]) -> Prior:
        """Prior of named distributions, in their order."""
        return cls(tuple(distributions), tuple(distributions.values()))

    @property
    def ndim(self) -> int:
        """Number of sampled parameters."""
        return len(self.names)

    def transform(self, u: Float[Array, " ndim"]) -> Float[Array, " ndim"]:
        """Unit hypercube to parameters, one point (vmap for a batch)."""
        return jnp.stack([d.quantile(u[i]) for i, d in enumerate(self.distributions)])

    def inverse(self, theta: Float[Array, " ndim"]) -> Float[Array, " ndim"]:
        """Parameters to the unit hypercube, one point; values outside the support land on 0 or 1."""
        return jnp.stack([d.cdf(theta[i]) for i, d in enumerate(self.distributions)])

    def log_density(self, theta: Float[Array, " ndim"]) -> Float[Array, ""]:
        """Log of the normalised prior density in the parameters, -inf outside the support."""
        return sum((d.log_density(theta[i]) for i, d in enumerate(self.distributions)), start=jnp.zeros(()))


def _check_bounds(low: float, high: float) -> None:
    if not low < high:
        raise ConfigurationError(f"a prior without support: low = {low:g} must be below high = {high:g}.")


def _check_width(sd: float) -> None:
    if not sd > 0.0:
        raise ConfigurationError(f"a prior needs a positive standard deviation, found {sd:g}.")
