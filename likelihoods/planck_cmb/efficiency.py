"""f_eff: the fraction of the annihilation energy that heats and ionises the gas after recombination."""

from __future__ import annotations

import functools
from typing import Self

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray
from scipy.interpolate import CubicHermiteSpline, PchipInterpolator

from globalfit.tables import Table, read_table

TABLE = ("globalfit.likelihoods.planck_cmb", "efficiency.csv")

# Pairs, as in `globalfit.physics.indirect.annihilation.final_states`, and the curves of the table whose mean each
# takes.
CURVES: dict[str, tuple[str, ...]] = {
    "e": ("e",),
    "mu": ("mu",),
    "tau": ("tau",),
    "u": ("q",),
    "d": ("q",),
    "s": ("q",),
    "c": ("c",),
    "b": ("b",),
    "t": ("t",),
    "W": ("W",),
    "Z": ("Z",),
    "h": ("h",),
    "Zh": ("Z", "h"),
    "neutrinos": ("nu_e", "nu_tau"),
}
PAIRS = tuple(CURVES)


class Efficiency(eqx.Module):
    """f_eff of every pair and its derivative at common nodes of ln E; constant outside the range of each curve."""

    log_energy: Float[Array, " node"]
    value: Float[Array, "node pair"]
    slope: Float[Array, "node pair"]

    @classmethod
    def read(cls) -> Self:
        """From the table `efficiency.csv`."""
        return cls(*(jnp.asarray(array) for array in _nodes()))

    def __call__(self, energy: Float[Array, ""]) -> Float[Array, " pair"]:
        """f_eff of all `PAIRS` of two particles with `energy` (GeV) each: monotone cubics in ln E."""
        x = jnp.clip(jnp.log(energy), self.log_energy[0], self.log_energy[-1])
        node = jnp.clip(jnp.sum(self.log_energy <= x) - 1, 0, len(self.log_energy) - 2)
        start, end = self.log_energy[node], self.log_energy[node + 1]
        u, width = (x - start) / (end - start), end - start
        up = u**2 * (3.0 - 2.0 * u)
        slopes = u * (1.0 - u) * ((1.0 - u) * self.slope[node] - u * self.slope[node + 1])
        return (1.0 - up) * self.value[node] + up * self.value[node + 1] + width * slopes


@functools.cache
def _nodes() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Nodes, values and derivatives of `Efficiency`."""
    table = read_table(*TABLE)
    nodes = np.unique(np.log(table["mass_gev"]))
    curves = {name: _curve(table, name, nodes) for name in np.unique(table["channel"])}
    pairs = [np.mean([curves[name] for name in names], axis=0) for names in CURVES.values()]
    value, slope = np.stack(pairs, axis=2)
    return nodes, value, slope


def _curve(table: Table, name: str, nodes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Value and derivative at the nodes, flat at the edges of the curve: (2, node)."""
    rows = table["channel"] == name
    x, y = np.log(table["mass_gev"][rows]), table["f_eff"][rows]
    slopes = PchipInterpolator(x, y).derivative()(x)
    slopes[[0, -1]] = 0.0
    curve = CubicHermiteSpline(x, y, slopes)
    inside = np.clip(nodes, x[0], x[-1])
    strictly = (nodes > x[0] + 1e-9) & (nodes < x[-1] - 1e-9)
    return np.stack([curve(inside), np.where(strictly, curve.derivative()(inside), 0.0)])
