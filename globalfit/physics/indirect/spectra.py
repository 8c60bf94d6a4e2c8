"""Photon spectra of annihilation into a pair of Standard-Model particles, and their energies in the bins of Fermi-LAT.

The table holds the cumulative energy fraction C(channel, m, x): the mean energy per annihilation in photons with
E <= x m, over m. Here it is a sum of smooth steps on a uniform grid of log10 x,

    C(m, x) = sum_i r_i(m) S(16 log10 x - i),    r_i >= 0,

with S the integral of a quadratic B-spline; the r_i are interpolated in ln m by monotone cubics, which keep them
positive. So spectra are never negative, the energy is that of the table, and everything has a continuous derivative in
m. The weights r_i are those that return the table at its nodes.

A source that moves only shifts the steps: the energy below E of a boosted spectrum is a sum over shifts, and one matrix
product at the end turns all of them into energies in bins (`kernel`, `in_bins`).
"""

from __future__ import annotations

import math
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from globalfit.physics.indirect.materialise import materialised
from globalfit.tables import Table, read_table

CHANNELS = ("e", "mu", "tau", "u", "d", "s", "c", "b", "t", "g", "W", "Z", "h", "Zh")
INDEX = {name: i for i, name in enumerate(CHANNELS)}

# Photon energies: 24 bins, eight per decade, from 0.5 to 500 GeV.
BINS = 24
EDGES: NDArray[np.float64] = 0.5 * 10.0 ** (np.arange(BINS + 1) / 8.0)

# Nodes per decade of x, and their number, down to log10 x = -4.75.
_DENSITY, _NODES = 16, 77
_PER_BIN = _DENSITY // 8
_SHIFTS = _NODES + _PER_BIN * BINS


class PhotonSpectra(eqx.Module):
    """Table of spectra. `increments` are r_i(m) in descending x and their derivatives in ln m.

    All channels share the nodes of `log_mass`; a channel is held constant outside its own range, `lowest` GeV and up.
    `higgs_at_rest` is one Higgs boson at rest in units of its mass: half of a pair at threshold.
    """

    log_mass: Float[Array, " node"]
    increments: Float[Array, "node 2 channel x"]
    lowest: Float[Array, " channel"]
    higgs_at_rest: Float[Array, " x"]
    table: Table = eqx.field(static=True)
    nodes: Table = eqx.field(static=True)

    @classmethod
    def build(cls) -> Self:
        """Read the table. Raises `DataError` as `read_table`."""
        table = read_table("globalfit.physics.indirect", "photon_spectra.csv")
        nodes = read_table("globalfit.physics.indirect", "photon_spectra_nodes.csv")
        log_mass = np.unique(np.log(table["mass_gev"]))
        increments = np.stack([_channel(table, name, log_mass) for name in CHANNELS], axis=2)
        lowest = np.array([table["mass_gev"][table["channel"] == name].min() for name in CHANNELS])
        threshold = np.searchsorted(log_mass, np.log(lowest[INDEX["h"]]) - 1e-9)
        higgs = 0.5 * increments[threshold, 0, INDEX["h"]]
        return cls(
            log_mass=jnp.asarray(log_mass),
            increments=jnp.asarray(increments),
            lowest=jnp.asarray(lowest),
            higgs_at_rest=jnp.asarray(higgs),
            table=table,
            nodes=nodes,
        )

    def mixture(self, mass: Float[Array, ""], weights: Float[Array, " channel"]) -> Float[Array, " x"]:
        """r_i in descending x of sum_c weights_c C_c at m = `mass` GeV, held at the edges of the table."""
        x = jnp.clip(jnp.log(mass), self.log_mass[0], self.log_mass[-1])
        node = jnp.clip(jnp.sum(self.log_mass <= x) - 1, 0, len(self.log_mass) - 2)
        start, end = self.log_mass[node], self.log_mass[node + 1]
        hermite = _hermite((x - start) / (end - start), end - start)
        block = jax.lax.dynamic_slice_in_dim(self.increments, node, 2, axis=0)
        combined = materialised((hermite[:, :, None] * weights[None, None, :]).reshape(1, -1))
        return (combined @ block.reshape(-1, _NODES))[0]

    def energies(self, mass: Float[Array, ""], weights: Float[Array, " channel"]) -> Float[Array, " bin"]:
        """Energy per annihilation into the mixture of channels, in each bin, GeV."""
        return in_bins(self.mixture(mass, weights), kernel(mass))


def kernel(scale: Float[Array, ""]) -> Float[Array, " shift"]:
    """What `in_bins` needs of a source at rest with x = 1 at `scale` GeV."""
    position = _DENSITY * (jnp.log10(EDGES[0]) - jnp.log10(scale))
    return _sources(position[None], scale[None])


def boosted_kernel(
    scale: Float[Array, ""], gamma: Float[Array, " pair"], number: Float[Array, " pair"]
) -> Float[Array, " shift"]:
    """The same for `number` moving particles whose spectrum at rest has x = 1 at `scale` GeV.

    A photon of energy E' at an angle c to the motion has E = D E', D = gamma (1 + beta c), and c is uniform. With the
    rapidity y = arcosh gamma and D = e^v, from -y to y,

        energy below E = 1/2 int dc D K(E/D) = int dv e^(2 v) K(E e^-v)/(2 sinh y),   K the same at rest,

    by Gauss-Legendre nodes in v. At large y the lower end is y - 5, below which lies 1e-4 of the energy. A `gamma`
    below 1 counts as 1.
    """
    square = jnp.maximum(gamma, 1.0) ** 2 - 1.0
    moving = square > 1e-12
    rapidity = jnp.where(moving, jnp.arcsinh(jnp.sqrt(jnp.where(moving, square, 1.0))), 0.0)
    half = _HALF_RANGE * jnp.tanh(rapidity / _HALF_RANGE)
    log_doppler = rapidity[:, None] - half[:, None] * (1.0 - _NODES_OF_V)[None, :]
    share = _WEIGHTS[None, :] * jnp.exp(2.0 * (log_doppler - rapidity[:, None]))
    # all of the energy gamma M
    energy = scale * (number * jnp.maximum(gamma, 1.0) / jnp.sum(share, axis=1))[:, None] * share
    position = _DENSITY * (jnp.log10(EDGES[0]) - jnp.log10(scale) - log_doppler / math.log(10.0))
    return _sources(position.reshape(-1), energy.reshape(-1))


def in_bins(increments: Float[Array, " x"], shifts: Float[Array, " shift"]) -> Float[Array, " bin"]:
    """Energy in each bin, GeV, of the spectrum `PhotonSpectra.mixture` seen from the sources in `shifts`."""
    return jnp.diff(_below_edges(increments, shifts))


_NODES_OF_V, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_HALF_RANGE = 2.5


@jax.custom_vjp
def _below_edges(increments: Float[Array, " x"], shifts: Float[Array, " shift"]) -> Float[Array, " edge"]:
    """sum_i increments_i shifts_(i + k _PER_BIN) for every edge k."""
    # row k of the windows starts at k _PER_BIN: a repeated list, cut into rows that are longer by _PER_BIN
    width = _SHIFTS + _PER_BIN
    repeated = jnp.tile(shifts, BINS + 2)[: (BINS + 1) * width]
    return repeated.reshape(BINS + 1, width)[:, :_NODES] @ increments


def _below_edges_forward(
    increments: Float[Array, " x"], shifts: Float[Array, " shift"]
) -> tuple[Float[Array, " edge"], tuple[Float[Array, " x"], Float[Array, " shift"]]]:
    return _below_edges(increments, shifts), (increments, shifts)


def _below_edges_backward(
    inputs: tuple[Float[Array, " x"], Float[Array, " shift"]], gradient: Float[Array, " edge"]
) -> tuple[Float[Array, " x"], Float[Array, " shift"]]:
    increments, shifts = inputs
    margin = _PER_BIN * BINS
    padded = jnp.pad(increments, margin)
    to_increments, to_shifts = jnp.zeros(_NODES), jnp.zeros(_SHIFTS)
    for k in range(BINS + 1):
        start = _PER_BIN * k
        to_increments += gradient[k] * shifts[start : start + _NODES]
        to_shifts += gradient[k] * padded[margin - start : margin - start + _SHIFTS]
    return to_increments, to_shifts


_below_edges.defvjp(_below_edges_forward, _below_edges_backward)


def _sources(position: Float[Array, " source"], energy: Float[Array, " source"]) -> Float[Array, " shift"]:
    position, energy = materialised(jnp.stack([position, energy]))
    return materialised(_steps(position, energy)[None])[0]


@jax.custom_vjp
def _steps(position: Float[Array, " source"], energy: Float[Array, " source"]) -> Float[Array, " shift"]:
    """sum_j energy_j S(position_j + n) for all shifts n."""
    # a loop in Python: the compiler's own sum over an array of sources and shifts takes twenty times as long
    shift = jnp.arange(_SHIFTS)
    return sum((energy[j] * _step(position[j] + shift) for j in range(len(energy))), start=jnp.zeros(_SHIFTS))


def _steps_forward(
    position: Float[Array, " source"], energy: Float[Array, " source"]
) -> tuple[Float[Array, " shift"], tuple[Float[Array, " source"], Float[Array, " source"]]]:
    return _steps(position, energy), (position, energy)


def _steps_backward(
    inputs: tuple[Float[Array, " source"], Float[Array, " source"]], gradient: Float[Array, " shift"]
) -> tuple[Float[Array, " source"], Float[Array, " source"]]:
    position, energy = inputs
    to_position = to_energy = jnp.zeros_like(position)
    for n in range(_SHIFTS):
        to_position += gradient[n] * jnp.maximum(1.0 - jnp.abs(position + (n + 0.5)), 0.0)
        to_energy += gradient[n] * _step(position + n)
    return energy * to_position, to_energy


_steps.defvjp(_steps_forward, _steps_backward)


def _step(u: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """Integral of the quadratic B-spline: 0 below -3/2, 1 above 1/2."""
    h = jnp.clip(u + 1.5, 0.0, 2.0)
    return 0.5 * h**2 - jnp.maximum(h - 1.0, 0.0) ** 2


def _hermite(u: Float[Array, ""], width: Float[Array, ""]) -> Float[Array, "2 2"]:
    """Weights of (value, derivative) at both ends of an interval."""
    down, up = (1.0 + 2.0 * u) * (1.0 - u) ** 2, u**2 * (3.0 - 2.0 * u)
    return jnp.stack(
        [
            jnp.stack([down, width * u * (1.0 - u) ** 2]),
            jnp.stack([up, -width * u**2 * (1.0 - u)]),
        ]
    )


def _channel(table: Table, name: str, log_mass: NDArray[np.float64]) -> NDArray[np.float64]:
    """r_i of one channel and their derivatives in ln m at the nodes `log_mass`: (node, 2, x)."""
    rows = table["channel"] == name
    own = np.unique(table["mass_gev"][rows])
    log10_x = table["log10_x"][rows].reshape(len(own), -1)
    fractions = table["energy_fraction"][rows].reshape(len(own), -1)
    increments = np.stack([_increments(x, fraction) for x, fraction in zip(log10_x, fractions, strict=True)])
    curve = PchipInterpolator(np.log(own), increments, axis=0)
    inside = np.clip(log_mass, np.log(own[0]), np.log(own[-1]))
    # flat at the lower edge, below which the spectrum is held
    slope = np.where((log_mass > np.log(own[0]) + 1e-9)[:, None], curve.derivative()(inside), 0.0)
    return np.stack([curve(inside), slope], axis=1)


def _increments(log10_x: NDArray[np.float64], fraction: NDArray[np.float64]) -> NDArray[np.float64]:
    """r_i, in descending x, of one cumulative spectrum."""
    grid = np.arange(1 - _NODES, 1) / _DENSITY
    values = PchipInterpolator(log10_x, fraction)(grid)
    # coefficients of the spline through the values; the last one is the total, so that no energy is lost
    system = np.zeros((_NODES, _NODES))
    inner = np.arange(1, _NODES - 1)
    system[inner, inner - 1], system[inner, inner], system[inner, inner + 1] = 0.125, 0.75, 0.125
    system[0, 0] = system[-1, -1] = 1.0
    coefficients = np.linalg.solve(system, values)
    monotone = np.minimum(np.maximum.accumulate(coefficients), values[-1])
    return np.diff(monotone, prepend=0.0)[::-1]
