"""Functions of ln x as cubics between the points of `temperatures()`, for temperatures that are found on the way."""

from __future__ import annotations

import math

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from globalfit.physics.cosmology.freeze_out import LATE_OCTAVES, LATE_PER_OCTAVE, OCTAVES, PER_OCTAVE


def cells(log_x: Float[Array, "*t"]) -> tuple[Int[Array, "*t"], Float[Array, "*t"]]:
    """Interval of `temperatures()` and position in it, from 0 to 1."""
    log2 = log_x / math.log(2.0)
    early = round(PER_OCTAVE * OCTAVES)
    last = early + LATE_PER_OCTAVE * LATE_OCTAVES
    position = jnp.where(log2 < OCTAVES, PER_OCTAVE * log2, early + LATE_PER_OCTAVE * (log2 - OCTAVES))
    position = jnp.clip(position, 0.0, last - 1e-9)
    cell = jnp.floor(position).astype(jnp.int32)
    return cell, position - cell


def cells_per_unit(log_x: Float[Array, "*t"]) -> Float[Array, "*t"]:
    """Intervals per unit of ln x."""
    return jnp.where(log_x < OCTAVES * math.log(2.0), float(PER_OCTAVE), float(LATE_PER_OCTAVE)) / math.log(2.0)


def cubics(values: Float[Array, " x"]) -> Float[Array, "cell 4"]:
    """Coefficients of t^0 to t^3 in every interval of `temperatures()`, from four points of the same spacing."""
    early = round(PER_OCTAVE * OCTAVES)
    return jnp.concatenate([_uniform_cubics(values[: early + 1]), _uniform_cubics(values[early:])])


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
