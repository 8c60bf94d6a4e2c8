"""The constant mesh of temperatures, and functions of ln x as cubics between its points."""

from __future__ import annotations

import functools
import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy.typing import NDArray

# Points per octave of x = m/T from 1 on, and from there to the end.
PER_OCTAVE, OCTAVES = 8, 8.25
LATE_PER_OCTAVE, LATE_OCTAVES = 4, 18
# Point where the late mesh begins.
EARLY = round(PER_OCTAVE * OCTAVES)


@functools.cache
def temperatures() -> NDArray[np.float64]:
    """x = m/T at which freeze-out wants the thermal average, from 1 to 8 10^7."""
    early = np.arange(EARLY + 1) / PER_OCTAVE
    late = early[-1] + np.arange(1, LATE_PER_OCTAVE * LATE_OCTAVES + 1) / LATE_PER_OCTAVE
    return 2.0 ** np.concatenate([early, late])


def cells(log_x: Float[Array, "*t"]) -> tuple[Int[Array, "*t"], Float[Array, "*t"]]:
    """Interval of `temperatures()` and position in it, from 0 to 1."""
    log2 = log_x / math.log(2.0)
    last = EARLY + LATE_PER_OCTAVE * LATE_OCTAVES
    position = jnp.where(log2 < OCTAVES, PER_OCTAVE * log2, EARLY + LATE_PER_OCTAVE * (log2 - OCTAVES))
    position = jnp.clip(position, 0.0, last - 1e-9)
    cell = jnp.floor(position).astype(jnp.int32)
    return cell, position - cell


def cells_per_unit(log_x: Float[Array, "*t"]) -> Float[Array, "*t"]:
    """Intervals per unit of ln x; none outside the mesh, where `cells` stays at its ends."""
    log2 = log_x / math.log(2.0)
    per_octave = jnp.where(log2 < OCTAVES, float(PER_OCTAVE), float(LATE_PER_OCTAVE))
    inside = (log2 > 0.0) & (log2 < OCTAVES + LATE_OCTAVES)
    return jnp.where(inside, per_octave, 0.0) / math.log(2.0)


def cubics(values: Float[Array, " x"]) -> Float[Array, "cell 4"]:
    """Coefficients of t^0 to t^3 in every interval of `temperatures()`, from four points of the same spacing."""
    return jnp.concatenate([_uniform_cubics(values[: EARLY + 1]), _uniform_cubics(values[EARLY:])])


def refined(values: Float[Array, " x"], steps: int) -> Float[Array, " t"]:
    """Values of a uniform mesh at `steps` points per interval, from the polynomial through the six nearest."""
    before = jnp.asarray(lagrange(np.array([-2.0, -1.0]), 6)) @ values[:6]
    behind = jnp.asarray(lagrange(np.array([6.0, 7.0]), 6)) @ values[-6:]
    extended, intervals = jnp.concatenate([before, values, behind]), values.shape[0] - 1
    weights = jnp.asarray(lagrange(2.0 + np.arange(steps) / steps, 6))
    terms = [extended[k : k + intervals, None] * weights[None, :, k] for k in range(6)]
    return jnp.append(sum(terms[1:], start=terms[0]).reshape(-1), values[-1])


def lagrange(position: NDArray[np.float64], points: int) -> NDArray[np.float64]:
    """Weights of values at 0, 1, ... in the polynomial through so many of them, (position, value)."""
    at = np.arange(float(points))
    return np.asarray(np.linalg.solve(np.vander(at).T, np.vander(position, points).T).T, np.float64)


def _uniform_cubics(values: Float[Array, " x"]) -> Float[Array, "cell 4"]:
    def beyond(a: Array) -> Array:
        return jnp.array([4.0, -6.0, 4.0, -1.0]) @ a

    f = jnp.concatenate([beyond(values[:4])[None], values, beyond(values[:-5:-1])[None]])
    before, here, after, next_one = f[:-3], f[1:-2], f[2:-1], f[3:]
    return jnp.stack(
        [
            here,
            after - before / 3.0 - 0.5 * here - next_one / 6.0,
            0.5 * (before + after) - here,
            (next_one - before) / 6.0 + 0.5 * (here - after),
        ],
        axis=1,
    )


def evaluate(
    row: Float[Array, "*t 8"], t: Float[Array, "*t"], per_unit: Float[Array, "*t"] | float = 0.0
) -> tuple[Array, Array, Array, Array]:
    """Both cubics at t, and their slopes in ln x for so many intervals per unit."""
    c = [row[..., k] for k in range(8)]
    values = [((c[k + 3] * t + c[k + 2]) * t + c[k + 1]) * t + c[k] for k in (0, 4)]
    slopes = [per_unit * ((3.0 * c[k + 3] * t + 2.0 * c[k + 2]) * t + c[k + 1]) for k in (0, 4)]
    return values[0], values[1], slopes[0], slopes[1]
