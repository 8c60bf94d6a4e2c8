"""Nodes in energy that resolve everything sharp in a thermal average: threshold, poles, openings of final states.

The variable is w = sqrt(s)/m_chi - 2, the kinetic energy in units of m_chi. The half line is cut at the poles w_k and
at the lowest openings of final states, and every piece [a, b] is covered from both ends by w = a + delta sinh(t) and
w = b - delta sinh(t) with Gauss-Legendre nodes in t. The scale delta is the distance to the nearest pole
in the complex plane, hence the half width at a pole (a Lorentzian of any width becomes 1/cosh t), a small number at an
opening (the square root is confined to it) and 1e-9 at w = 0, so that averages at temperatures down to 1e-8 m_chi are
resolved by the same nodes.

Distances from the poles are sums of small numbers, never differences of large ones.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from globalfit.annihilation.propagator import Energies

# Nodes of the pieces: next to w = 0 upwards, above another cut, below a cut, and above the last cut.
_NODES_FIRST, _NODES_ABOVE, _NODES_BELOW, _NODES_LAST = 24, 14, 10, 20
_W_MAX = 40.0
_SCALE_ZERO, _SCALE_OPENING, _SCALE_MIN = 1e-9, 1e-4, 1e-14
# Openings above this w are too suppressed to matter at freeze-out.
_OPENING_MAX = 1.5
# Where a cut that nothing needs goes, so that its nodes are not wasted.
_IDLE_POLES = (0.012, 0.25)
_IDLE_OPENINGS = (0.05, 0.11, 0.8)


class Nodes(NamedTuple):
    """Kinetic energy w, weight dw, and the energies for the cross section."""

    kinetic: Float[Array, " node"]
    weight: Float[Array, " node"]
    energies: Energies


def nodes(
    dark_mass: Float[Array, ""],
    mass: Float[Array, " 2"],
    width: Float[Array, " 2"],
    openings: Float[Array, " opening"],
) -> Nodes:
    """Nodes for dark matter of a mass, poles of given masses and widths, final states opening at `openings`; GeV."""
    pole, half_width = mass / dark_mass - 2.0, jnp.maximum(0.5 * width / dark_mass, _SCALE_MIN)
    cut, opening = _cuts(pole, openings / dark_mass - 2.0)
    # Next to a cut the integrand varies over the distance to the nearest pole in the complex plane, or sharply if a
    # final state opens there.
    smooth = jnp.min(jnp.hypot(cut[:, None] - pole[None, :], half_width[None, :]), axis=1)
    scale = jnp.where(opening, jnp.minimum(smooth, _SCALE_OPENING), smooth)
    pieces = []
    start, start_scale = jnp.zeros(()), jnp.asarray(_SCALE_ZERO)
    for i in range(cut.shape[0]):
        middle = 0.5 * (cut[i] - start)
        above = _NODES_FIRST if i == 0 else _NODES_ABOVE
        pieces.append(_piece(start, middle, start_scale, 1.0, above, pole))
        pieces.append(_piece(cut[i], middle, smooth[i], -1.0, _NODES_BELOW, pole))
        start, start_scale = cut[i], scale[i]
    pieces.append(_piece(start, _W_MAX - start, start_scale, 1.0, _NODES_LAST, pole))
    kinetic, weight, distance = (jnp.concatenate(parts, axis=-1) for parts in zip(*pieces, strict=True))
    root_s = dark_mass * (2.0 + kinetic)
    gap = dark_mass * distance * (root_s[None, :] + mass[:, None])
    return Nodes(kinetic, weight, Energies(root_s**2, gap))


def _cuts(
    pole: Float[Array, " 2"], opening: Float[Array, " opening"]
) -> tuple[Float[Array, " cut"], Bool[Array, " cut"]]:
    """Ordered cuts of the half line, and which of them are openings."""
    cuts = list(jnp.where((pole > 0.0) & (pole < 0.5 * _W_MAX), pole, jnp.asarray(_IDLE_POLES)))
    opens = [jnp.zeros((), bool)] * 2
    remaining = jnp.where((opening > 0.0) & (opening < _OPENING_MAX), opening, jnp.inf)
    for idle in _IDLE_OPENINGS:
        lowest = jnp.min(remaining)
        found = jnp.isfinite(lowest)
        cuts.append(jnp.where(found, jnp.where(found, lowest, 0.0), idle))
        opens.append(found)
        remaining = jnp.where(remaining == lowest, jnp.inf, remaining)
    order = jnp.argsort(jnp.stack(cuts))
    return jnp.stack(cuts)[order], jnp.stack(opens)[order]


def _piece(
    anchor: Float[Array, ""],
    length: Float[Array, ""],
    scale: Float[Array, ""],
    direction: float,
    count: int,
    pole: Float[Array, " 2"],
) -> tuple[Float[Array, " node"], Float[Array, " node"], Float[Array, "2 node"]]:
    """Nodes w = anchor +- scale sinh(t) over a length, with weights and distances from the poles."""
    points, weights = np.polynomial.legendre.leggauss(count)
    span = jnp.arcsinh(length / scale)
    t = span * jnp.asarray(0.5 * (points + 1.0))
    offset = direction * scale * jnp.sinh(t)
    weight = scale * jnp.cosh(t) * span * jnp.asarray(0.5 * weights)
    return anchor + offset, weight, (anchor - pole)[:, None] + offset[None, :]
