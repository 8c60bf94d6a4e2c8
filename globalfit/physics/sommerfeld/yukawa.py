"""Sommerfeld factors S_l, l = 0 and 1, of the attractive Yukawa potential V(r) = -alpha exp(-m_V r)/r.

S = |psi(0)|^2 with the potential over that without it (for l = 1 of the gradients); it depends on L = alpha m/m_V and
q = k/m_V only, m the mass of either particle and k its momentum in the centre-of-mass frame. From the table of
`scripts/sommerfeld_table.py`:

    q below 1.2   S = (1 + L)^(2l+1)/(A^2 + q^(4l+2) B^2). A and B have no poles: a resonance is a zero of A.
    q above 1.5   S = (Coulomb limit) exp(r/q), r bounded.

In between one passes smoothly into the other. A, B and r are polynomials in q, whose coefficients are cubic in
sqrt(1 + L) between its rows, with a continuous slope. Against an adaptive solution S is accurate to 3e-4, also at the
resonances. Beyond the last row, L = 1100, the ratio of S to its Coulomb limit is that
of the last row: right in size, but without resonances.
"""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit.physics.collider.mass_table import smooth_step
from globalfit.physics.sommerfeld import mesh
from globalfit.tables import read_table

# Of the six functions at `NODES` momenta each, in the order of the columns of `_rows`.
_PARTS = tuple((wave, part) for part in "abr" for wave in (0, 1))
# Below this pi L/q a series replaces x/(1 - exp(-x)).
_SMALL = 1e-3


def factors(strength: Float[Array, ""], q: Float[Array, " momentum"]) -> Float[Array, "2 momentum"]:
    """S_0 and S_1.

    Args:
        strength: L = alpha m/m_V, zero or larger.
        q: k/m_V, larger than zero.
    """
    polynomials = _interpolated(strength)
    low, high = jnp.minimum(q, mesh.SPLIT), jnp.maximum(q, mesh.JOIN)
    ab = _polynomials(polynomials[:4], 2.0 * (jnp.arcsinh(2.0 * low) / math.asinh(2.0 * mesh.SPLIT)) ** 2 - 1.0)
    least = mesh.JOIN / mesh.HIGHEST
    ratio = _polynomials(polynomials[4:], (2.0 * mesh.JOIN / high - (1.0 + least)) / (1.0 - least))
    power = jnp.stack([low, low**3])
    norm = jnp.stack([1.0 + strength, (1.0 + strength) ** 3])[:, None]
    below = norm / (ab[:2] ** 2 + (power * ab[2:]) ** 2)
    above = coulomb(strength, high) * jnp.exp(ratio / high[None, :])
    share = smooth_step((q - mesh.JOIN) / (mesh.SPLIT - mesh.JOIN))[None, :]
    return (1.0 - share) * below + share * above


def _interpolated(strength: Float[Array, ""]) -> Float[Array, "part node"]:
    """Coefficients of the polynomials, highest power first."""
    position = jnp.minimum((jnp.sqrt(1.0 + strength) - 1.0) / mesh.STEP, mesh.ROWS - 1.0)
    cell = jnp.minimum(jnp.floor(position), mesh.ROWS - 2.0).astype(jnp.int32)
    t = position - cell
    rows = jnp.asarray(_rows())
    pair = jax.lax.dynamic_slice(rows, (cell, jnp.zeros_like(cell)), (2, rows.shape[1]))
    value, slope = pair[:, : rows.shape[1] // 2], pair[:, rows.shape[1] // 2 :]
    rise = value[1] - value[0]
    bend = t * (1.0 - t) * ((1.0 - t) * (slope[0] - rise) - t * (slope[1] - rise))
    return (value[0] + t * rise + bend).reshape(len(_PARTS), mesh.NODES)


@functools.cache
def _rows() -> Float[np.ndarray, "row column"]:
    """Coefficients and their slopes along the rows."""
    table = read_table("globalfit.physics.sommerfeld", "yukawa.csv")
    nodes = np.stack([table[f"node{k + 1}"] for k in range(mesh.NODES)], axis=1)
    to_powers = np.linalg.inv(np.vander(mesh.chebyshev()))
    parts = [nodes[(table["wave"] == wave) & (table["part"] == part)] @ to_powers.T for wave, part in _PARTS]
    value = np.concatenate(parts, axis=1)
    value[0] = np.round(value[0])  # without a potential S is 1, free of rounding errors
    return np.concatenate([value, _slopes(value)], axis=1)


def _slopes(value: Float[np.ndarray, "row column"]) -> Float[np.ndarray, "row column"]:
    """Slopes from the polynomials through the seven nearest rows."""
    count = value.shape[0]
    slopes = np.empty_like(value)
    for row in range(count):
        first = min(max(row - 3, 0), count - 7)
        offset = np.arange(first, first + 7) - float(row)
        # row 1 of the inverse: the coefficient of the first power
        weight = np.linalg.inv(np.vander(offset, increasing=True))[1]
        slopes[row] = weight @ value[first : first + 7]
    return slopes


def _polynomials(
    coefficients: Float[Array, "part node"], z: Float[Array, " momentum"]
) -> Float[Array, "part momentum"]:
    result = jnp.broadcast_to(coefficients[:, :1], (coefficients.shape[0], z.size))
    for k in range(1, mesh.NODES):
        result = result * z[None, :] + coefficients[:, k : k + 1]
    return result


def coulomb(strength: Float[Array, "*#batch"], q: Float[Array, "*#batch"]) -> Float[Array, "2 *batch"]:
    """S_0 and S_1 of a Coulomb potential, for l = 1 with the energy at the origin shifted by the screening."""
    x = math.pi * strength / q
    small = x < _SMALL
    safe = jnp.where(small, 1.0, x)
    factor = jnp.where(small, 1.0 + x / 2.0 + x**2 / 12.0, -safe / jnp.expm1(-safe))
    energy = q**2 + 0.25 * strength**2
    return jnp.stack([factor, factor * energy / q**2 / (1.0 + strength / (1.0 + energy))])
