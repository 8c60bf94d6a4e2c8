"""Nodes in energy that resolve everything sharp in a thermal average: w = 0, the poles, thresholds of final states.

The variable is w = sqrt(s)/m_chi - 2, the kinetic energy in units of m_chi. The half line is cut at the poles w_k and
where final states open, and every piece [a, b] is covered from both ends with Gauss-Legendre nodes in t,

    w = a + delta sinh(t)         above a pole, w = b - delta sinh(t) below any cut: a Lorentzian becomes 1/cosh(t),
    w = a + delta (cosh(t) - 1)   above w = 0 or a threshold: the square root sqrt(w - a) is smooth in t.

delta is the distance to the nearest other singularity in the complex plane, a pole or the square root at w = 0, and no
more than 1e-9 at w = 0, so that averages at temperatures down to 1e-8 m_chi are resolved by the same nodes; a threshold
at a matters at temperatures down to about a/35, below which exp(-x a) leaves nothing of it.

Cuts are all thresholds that need no portal, such as pairs of the new vectors, and the three lowest of the others, which
share a coupling with what is open below them. A pole whose half width is larger than its distance from w = 0 is none.

Distances from the poles are sums of small numbers, never differences of large ones.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from globalfit.physics.annihilation.propagator import Energies, Resonances
from globalfit.physics.portal import pole_distance

_LONGEST = 2
# Length in t below a cut that the nodes reach evenly; longer ones are sparse in the middle, where there is nothing.
_EVEN_BELOW = 8.0
_W_MAX = 40.0
_SCALE_ZERO, _SCALE_MIN = 1e-9, 1e-20
# Scale at w = 0 over the distance of the nearest pole, and that of a threshold over its w.
_NEAR_POLE, _NEAR_THRESHOLD = 1e-3, 0.05
# Thresholds and poles above this w, half of what is integrated over, are no cuts.
_CUT_MAX = 0.5 * _W_MAX
_PORTAL_CUTS = 3
# Where a cut that nothing needs goes, so that its nodes are not wasted.
_IDLE_POLES = (0.012, 0.25)
_IDLE_PORTAL = (0.05, 0.11, 0.6)
_IDLE_OWN, _IDLE_OWN_STEP = 1.1, 0.8


class Counts(NamedTuple):
    """Nodes upwards from a cut, in the `_LONGEST` pieces and in the others, and downwards."""

    long: int
    above: int
    below: int


FINE, COARSE = Counts(24, 11, 7), Counts(8, 4, 3)


class Thresholds(NamedTuple):
    """Energies sqrt(s) at which massive final states open, GeV: `own` need no portal, `portal` are all others."""

    own: Float[Array, " own"]
    portal: Float[Array, " portal"]


class Nodes(NamedTuple):
    """Kinetic energy w, weight dw, and the energies for the cross section."""

    kinetic: Float[Array, " node"]
    weight: Float[Array, " node"]
    energies: Energies


def nodes(dark_mass: Float[Array, ""], resonances: Resonances, thresholds: Thresholds, counts: Counts = FINE) -> Nodes:
    """Nodes for dark matter of a mass (GeV), the poles of its propagator, and final states that open."""
    pole, half_width = pole_distance(resonances.mass, dark_mass), resonances.half_width / dark_mass
    peak = pole + resonances.shift / dark_mass
    cut, opens = _cuts(peak, half_width, Thresholds(*(energy / dark_mass - 2.0 for energy in thresholds)))
    to_pole = jnp.min(jnp.hypot(cut[:, None] - peak[None, :], half_width[None, :]), axis=1)
    smooth = jnp.clip(to_pole, _SCALE_MIN, cut)
    scale = jnp.where(opens, jnp.minimum(smooth, _NEAR_THRESHOLD * cut), smooth)
    at_zero = jnp.clip(_NEAR_POLE * jnp.min(jnp.hypot(peak, half_width)), _SCALE_MIN, _SCALE_ZERO)

    # Every piece is covered upwards from its lower end and downwards from its upper end, each to the middle.
    start, start_scale = jnp.append(0.0, cut), jnp.append(at_zero, scale)
    root = jnp.append(jnp.ones((), bool), opens)
    middle = 0.5 * jnp.diff(start)
    length = jnp.append(middle, _W_MAX - cut[-1]) / start_scale
    span = jnp.where(root, jnp.arccosh(1.0 + length), jnp.arcsinh(length))
    order = jnp.argsort(-span)
    start, start_scale, root, span = start[order], start_scale[order], root[order], span[order]
    long, short = slice(None, _LONGEST), slice(_LONGEST, None)
    parts = (
        _above(start[long], start_scale[long], root[long], span[long], counts.long),
        _above(start[short], start_scale[short], root[short], span[short], counts.above),
        _below(cut, smooth, jnp.arcsinh(middle / smooth), counts.below),
    )
    anchor, offset, weight = (jnp.concatenate([jnp.ravel(part) for part in one]) for one in zip(*parts, strict=True))
    kinetic, distance = anchor + offset, (anchor[None, :] - pole[:, None]) + offset[None, :]
    return Nodes(kinetic, weight, Energies.of_pairs(2.0 * dark_mass, kinetic, distance, resonances.mass))


def _cuts(
    peak: Float[Array, " 2"], half_width: Float[Array, " 2"], thresholds: Thresholds
) -> tuple[Float[Array, " cut"], Bool[Array, " cut"]]:
    """Ordered cuts of the half line, and which of them are thresholds."""
    sharp = (peak > half_width) & (peak > 0.0) & (peak < _CUT_MAX)
    idle_own = _IDLE_OWN + _IDLE_OWN_STEP * np.arange(thresholds.own.shape[0])
    own, own_opens = _lowest(thresholds.own, idle_own)
    portal, portal_opens = _lowest(thresholds.portal, np.array(_IDLE_PORTAL))
    cut = jnp.concatenate([jnp.where(sharp, peak, jnp.asarray(_IDLE_POLES)), own, portal])
    opens = jnp.concatenate([jnp.zeros_like(sharp), own_opens, portal_opens])
    order = jnp.argsort(cut)
    return cut[order], opens[order]


def _lowest(
    threshold: Float[Array, " threshold"], idle: Float[np.ndarray, " cut"]
) -> tuple[Float[Array, " cut"], Bool[Array, " cut"]]:
    """The lowest thresholds above w = 0, as many as there are `idle` positions, which take the places left."""
    sharp = jnp.where((threshold > 0.0) & (threshold < _CUT_MAX), threshold, jnp.inf)
    lowest = jnp.sort(jnp.append(sharp, jnp.full(idle.size, jnp.inf)))[: idle.size]
    found = jnp.isfinite(lowest)
    return jnp.where(found, jnp.where(found, lowest, 0.0), jnp.asarray(idle)), found


# Ends of pieces, offsets of the nodes from them, and their weights.
_Offsets = tuple[Float[Array, "piece node"], Float[Array, "piece node"], Float[Array, "piece node"]]


def _above(
    start: Float[Array, " piece"],
    scale: Float[Array, " piece"],
    root: Bool[Array, " piece"],
    span: Float[Array, " piece"],
    count: int,
) -> _Offsets:
    """Nodes upwards from a square root, or from anything else, over a length `span` in t."""
    unit, weight = _unit_interval(count)
    t, weight = span[:, None] * unit, span[:, None] * weight
    scale, root = scale[:, None], root[:, None]
    half, sinh = jnp.sinh(0.5 * t), jnp.sinh(t)
    offset = scale * jnp.where(root, 2.0 * half**2, sinh)
    return jnp.broadcast_to(start[:, None], t.shape), offset, scale * jnp.where(root, sinh, jnp.cosh(t)) * weight


def _below(
    end: Float[Array, " piece"], scale: Float[Array, " piece"], span: Float[Array, " piece"], count: int
) -> _Offsets:
    """Nodes downwards from the upper end. t/span is a cubic of the nodes, even to a length of `_EVEN_BELOW`."""
    unit, weight = _unit_interval(count)
    steepness = jnp.minimum(1.0, _EVEN_BELOW / span)[:, None]
    share = 3.0 * unit**2 - 2.0 * unit**3 + steepness * (unit - 3.0 * unit**2 + 2.0 * unit**3)
    slope = 6.0 * unit - 6.0 * unit**2 + steepness * (1.0 - 6.0 * unit + 6.0 * unit**2)
    t, scale = span[:, None] * share, scale[:, None]
    weight = span[:, None] * slope * weight
    return jnp.broadcast_to(end[:, None], t.shape), -scale * jnp.sinh(t), scale * jnp.cosh(t) * weight


def _unit_interval(count: int) -> tuple[Float[Array, "1 node"], Float[Array, "1 node"]]:
    points, weights = np.polynomial.legendre.leggauss(count)
    return jnp.asarray(0.5 * (points[None, :] + 1.0)), jnp.asarray(0.5 * weights[None, :])
