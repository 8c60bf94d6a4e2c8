"""`MassTable`: positive functions of a resonance's mass, as cubic splines of their logarithms."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.interpolate import CubicSpline


class MassTable(eqx.Module):
    """Cubic splines of ln f_j in ln M on a uniform mesh; constant outside the mesh.

    `coefficients` belong to (cell, power 3 to 0, column).
    """

    coefficients: Float[Array | np.ndarray, "cell 4 column"]
    low: float = eqx.field(static=True)
    high: float = eqx.field(static=True)

    def __call__(self, mass: Float[Array, ""]) -> Float[Array, " column"]:
        """Values at one mass, GeV."""
        cells = self.coefficients.shape[0]
        log_mass = jnp.log(jnp.clip(mass, self.low, self.high))
        position = jnp.clip((log_mass - np.log(self.low)) / np.log(self.high / self.low), 0.0, 1.0 - 1e-12) * cells
        cell = jnp.floor(position).astype(jnp.int32)
        t = position - cell
        c = jnp.asarray(self.coefficients)[cell]
        return jnp.exp(((c[0] * t + c[1]) * t + c[2]) * t + c[3])


def mass_table(
    log_values: Callable[[Float[np.ndarray, " mesh"]], Float[np.ndarray, "column mesh"]],
    low: float,
    high: float,
    knots: int,
) -> MassTable:
    """Table of exp(`log_values`(M)) between the masses `low` and `high`, GeV, with `knots` equal steps in ln M."""
    mesh = np.geomspace(low, high, knots)
    steps = np.arange(knots, dtype=np.float64)
    spline = CubicSpline(steps, log_values(mesh).T)
    return MassTable(np.transpose(spline.c, (1, 0, 2)), low, high)


def in_logarithms(
    mass: Float[np.ndarray, " node"], values: Float[np.ndarray, " node"]
) -> Callable[[Float[np.ndarray, " mesh"]], Float[np.ndarray, " mesh"]]:
    """ln f(M): cubic spline of ln f in ln M through the rows of a table."""
    spline = CubicSpline(np.log(mass), np.log(values))
    return lambda at: spline(np.log(at))


def smooth_step(t: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """0 for t < 0, 1 for t > 1, twice differentiable: t^3 (10 - 15 t + 6 t^2)."""
    t = jnp.clip(t, 0.0, 1.0)
    return t**3 * (10.0 - 15.0 * t + 6.0 * t**2)
