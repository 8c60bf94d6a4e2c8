"""Coordinates learnt from particles that straighten a thin curved sheet, as a relic density makes it.

One coordinate, the one that the others determine best, is measured from the sheet in units of its thickness:
w_k = (z_k - f(z)) / s(z), where f and s do not depend on z_k. Two small networks are fitted to the particles for f and
ln s. The map is a bijection with a triangular Jacobian whatever they have learnt: a bad fit costs efficiency, never
correctness.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPRegressor
from threadpoolctl import threadpool_limits

from globalfit.checkpoint.recording import recorded
from globalfit.samplers.nuts.coordinates import Coordinates
from globalfit.samplers.protocol import Target

# Maps in a row at most; each must make the held-out particles narrower by this factor than a linear map does, which
# the mass matrix is anyway.
MAPS, GAIN = 2, 2.0
# Hidden layers of f, iterations of its fit, enough to follow a cusp, and L2 penalties, of which held-out particles
# choose one: few particles need the larger.
LOCATION, LOCATION_STEPS, PENALTIES = (32, 32, 32), 1000, (1e-3, 1e-1)
# The same of ln s, which is to be smooth, and of the networks that find the coordinate.
SMALL, SMALL_STEPS, SCALE_PENALTY, SEARCH_PENALTY = (16,), 300, 1.0, 1e-3
# What the small network must gain for the large one to be fitted.
HOPE = 1.2
# Of every so many particles one is held out.
HELD_OUT = 5
# Keeps logarithms and divisions finite.
TINY = 1e-12
# Mean of ln|x| of a standard normal x.
MEAN_LOG_NORMAL = -0.6351814227307391

Layer = tuple[Float[Array, "_ _"], Float[Array, " _"]]


class Network(eqx.Module):
    """A tanh network with one output.

    Its inputs are logistic quantiles of z about `center`: bounded, so that it extrapolates to constants.
    """

    center: Float[Array, " ndim"]
    spread: Float[Array, " ndim"]
    layers: tuple[Layer, ...]

    def __call__(self, z: Float[Array, " ndim"]) -> Float[Array, ""]:
        z = quantiles(z, self.center, self.spread)
        for weight, bias in self.layers[:-1]:
            z = jnp.tanh(z @ weight + bias)
        weight, bias = self.layers[-1]
        return (z @ weight + bias)[0]


def quantiles(
    z: Float[Array, " ndim"], center: Float[Array, " ndim"], spread: Float[Array, " ndim"]
) -> Float[Array, " ndim"]:
    """Quantiles of logistic distributions of this mean and standard deviation, scaled to unit variance."""
    return math.sqrt(12.0) * (jax.nn.sigmoid(math.pi / math.sqrt(3.0) * (z - center) / spread) - 0.5)


class TriangularMap(eqx.Module):
    """w = z but for the coordinate that the unit vector `axis` marks: there (z - f) / s.

    The first layers of both networks have zeros where `axis` has its one.
    """

    axis: Float[Array, " ndim"]
    location: Network
    log_scale: Network

    def forward(self, z: Float[Array, " ndim"]) -> tuple[Float[Array, " ndim"], Float[Array, ""]]:
        """w and ln |dw/dz|."""
        log_scale = self.log_scale(z)
        residual = (z - self.location(z)) * jnp.exp(-log_scale)
        return jnp.where(self.axis > 0.0, residual, z), -log_scale

    def inverse(self, w: Float[Array, " ndim"]) -> tuple[Float[Array, " ndim"], Float[Array, ""]]:
        """z and ln |dz/dw|."""
        log_scale = self.log_scale(w)
        curved = w * jnp.exp(log_scale) + self.location(w)
        return jnp.where(self.axis > 0.0, curved, w), log_scale


class MappedCoordinates(eqx.Module):
    """Coordinates of a target after triangular maps, one after the other."""

    base: Coordinates
    maps: tuple[TriangularMap, ...]

    def forward(self, z: Float[Array, " ndim"]) -> tuple[Float[Array, " ndim"], Float[Array, ""]]:
        """Coordinates after the maps, and the log of the Jacobian |dw/dz|."""
        total = jnp.zeros(())
        for step in self.maps:
            z, log_jacobian = step.forward(z)
            total += log_jacobian
        return z, total

    def inverse(self, w: Float[Array, " ndim"]) -> tuple[Float[Array, " ndim"], Float[Array, ""]]:
        """Coordinates before the maps, and the log of the Jacobian |dz/dw|."""
        total = jnp.zeros(())
        for step in reversed(self.maps):
            w, log_jacobian = step.inverse(w)
            total += log_jacobian
        return w, total

    def to_theta(self, z: Float[Array, " ndim"]) -> tuple[Float[Array, " ndim"], Float[Array, ""]]:
        """Parameters and log prior density in the coordinates after the maps."""
        before, log_jacobian = self.inverse(z)
        theta, log_prior = self.base.to_theta(before)
        return theta, log_prior + log_jacobian

    def from_cube(self, u: Float[Array, " ndim"]) -> Float[Array, " ndim"]:
        """Coordinates after the maps of one point of the open unit cube."""
        return self.forward(self.base.from_cube(u))[0]


def fit_maps(target: Target, z: Float[np.ndarray, "particle ndim"], seed: int) -> tuple[TriangularMap, ...]:
    """The triangular maps that straighten the particles; none if no coordinate becomes narrower."""
    maps: list[TriangularMap] = []
    for number in range(MAPS if z.shape[1] > 1 else 0):
        gain, *leaves = _fit(target, z, seed + number)
        if not gain > GAIN:
            break
        maps.append(_triangular_map(*leaves))
        z = np.asarray(_forward(maps[-1], jnp.asarray(z)))
    return tuple(maps)


@recorded
def _fit(target: Target, z: Float[np.ndarray, "particle ndim"], seed: int) -> tuple[np.ndarray, ...]:  # noqa: ARG001
    """The factor by which a map narrows the held-out particles, and its arrays in the order of `_triangular_map`.

    It maps the coordinate that a small network predicts best; no arrays if that network finds nothing to straighten.
    """
    held = np.arange(len(z)) % HELD_OUT == 0
    learn, check = z[~held], z[held]
    linear = [_width(_linear_residual(learn, check, axis)) for axis in range(z.shape[1])]
    axis, first_gain = _best_determined(learn, check, linear, seed)
    if first_gain < HOPE:
        return (np.asarray(first_gain),)
    locations = [_fit_network(learn, learn[:, axis], axis, LOCATION, LOCATION_STEPS, one, seed) for one in PENALTIES]
    location = min(locations, key=lambda one: float(np.mean(np.abs(check[:, axis] - _values(one, check)))))
    size = np.log(np.abs(learn[:, axis] - _values(location, learn)) + TINY) - MEAN_LOG_NORMAL
    log_scale = _fit_network(learn, size, axis, SMALL, SMALL_STEPS, SCALE_PENALTY, seed)
    log_scales = _values(log_scale, check)
    residual = (check[:, axis] - _values(location, check)) * np.exp(-log_scales)
    gain = linear[axis] / (_width(residual) * np.exp(np.mean(log_scales)))
    return np.asarray(gain), np.eye(z.shape[1])[axis], *map(np.asarray, jax.tree.leaves((location, log_scale)))


def _best_determined(
    learn: Float[np.ndarray, "particle ndim"], check: Float[np.ndarray, "held ndim"], linear: list[float], seed: int
) -> tuple[int, float]:
    """The coordinate that a small network narrows most against a linear map, and by what factor."""
    gains = []
    for axis, width in enumerate(linear):
        guess = _fit_network(learn, learn[:, axis], axis, SMALL, SMALL_STEPS, SEARCH_PENALTY, seed)
        gains.append(width / (_width(check[:, axis] - _values(guess, check)) + TINY))
    return int(np.argmax(gains)), max(gains)


def _triangular_map(axis: np.ndarray, *arrays: np.ndarray) -> TriangularMap:
    end = 2 + 2 * (len(LOCATION) + 1)
    return TriangularMap(jnp.asarray(axis), _network(*arrays[:end]), _network(*arrays[end:]))


def _network(center: np.ndarray, spread: np.ndarray, *arrays: np.ndarray) -> Network:
    """From its arrays, weights and biases in turn."""
    pairs = zip(arrays[::2], arrays[1::2], strict=True)
    layers = tuple((jnp.asarray(weight), jnp.asarray(bias)) for weight, bias in pairs)
    return Network(jnp.asarray(center), jnp.asarray(spread), layers)


def _fit_network(
    z: Float[np.ndarray, "particle ndim"],
    values: Float[np.ndarray, " particle"],
    axis: int,
    hidden: tuple[int, ...],
    steps: int,
    penalty: float,
    seed: int,
) -> Network:
    """The network of all coordinates but `axis` that fits the values by least squares."""
    center, spread = z.mean(axis=0), z.std(axis=0) + TINY
    inputs = np.delete(np.asarray(_quantiles(*map(jnp.asarray, (z, center, spread)))), axis, axis=1)
    offset, unit = values.mean(), values.std() + TINY
    fitted: Any = MLPRegressor(
        hidden_layer_sizes=hidden,
        activation="tanh",
        solver="lbfgs",
        alpha=penalty,
        max_iter=steps,
        max_fun=2 * steps,
        tol=1e-9,
        random_state=seed % 2**32,
    )
    with warnings.catch_warnings(), threadpool_limits(limits=1):
        # The number of steps ends the fit; more threads than one slow such small networks down.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted.fit(inputs, (values - offset) / unit)
    weights, biases = list(fitted.coefs_), list(fitted.intercepts_)
    weights[0] = np.insert(weights[0], axis, 0.0, axis=0)
    weights[-1], biases[-1] = weights[-1] * unit, biases[-1] * unit + offset
    return _network(center, spread, *(array for layer in zip(weights, biases, strict=True) for array in layer))


def _values(network: Network, z: Float[np.ndarray, "particle ndim"]) -> Float[np.ndarray, " particle"]:
    return np.asarray(_each(network, jnp.asarray(z)))


def _linear_residual(
    learn: Float[np.ndarray, "particle ndim"], check: Float[np.ndarray, "held ndim"], axis: int
) -> Float[np.ndarray, " held"]:
    """What a linear map of the other coordinates leaves of one."""
    fitted: Any = LinearRegression().fit(np.delete(learn, axis, axis=1), learn[:, axis])
    return check[:, axis] - fitted.predict(np.delete(check, axis, axis=1))


def _width(residual: Float[np.ndarray, " particle"]) -> float:
    """Median size, which a few particles in a cusp that is not resolved do not change."""
    return float(np.median(np.abs(residual)))


_quantiles = jax.jit(jax.vmap(quantiles, in_axes=(0, None, None)))


@eqx.filter_jit
def _each(network: Network, z: Float[Array, "particle ndim"]) -> Float[Array, " particle"]:
    return jax.vmap(network)(z)


@eqx.filter_jit
def _forward(step: TriangularMap, z: Float[Array, "particle ndim"]) -> Float[Array, "particle ndim"]:
    return jax.vmap(lambda point: step.forward(point)[0])(z)
