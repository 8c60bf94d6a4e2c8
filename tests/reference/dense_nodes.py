"""Nodes in energy without any knowledge of what is sharp where: panels that halve towards every cut, down to 1e-21.

They take the place of those of `globalfit.physics.cosmology.quadrature`, with a hundred times as many, and share
nothing with them but the exact distances from threshold and poles.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit.physics.annihilation.propagator import Energies, Resonances
from globalfit.physics.cosmology.quadrature import Nodes, Thresholds
from globalfit.physics.portal import pole_distance

_W_MAX, _OCTAVES, _ORDER = 120.0, 72, 8


def dense_nodes(dark_mass: Float[Array, ""], resonances: Resonances, thresholds: Thresholds) -> Nodes:
    """The same arguments and the same kind of result as `quadrature.nodes`."""
    pole, width = pole_distance(resonances.mass, dark_mass), resonances.half_width / dark_mass
    peak = pole + resonances.shift / dark_mass
    cuts = jnp.concatenate([pole, peak, peak + width, peak - width, jnp.concatenate(thresholds) / dark_mass - 2.0])
    cuts = jnp.sort(jnp.where((cuts > 0.0) & (cuts < 0.9 * _W_MAX), cuts, 0.95 * _W_MAX))
    position, weights = _halving()
    pieces = []
    for start, end in zip([jnp.zeros(()), *cuts], [*cuts, None], strict=True):
        length = _W_MAX - start if end is None else 0.5 * (end - start)
        for anchor, sign in ((start, 1.0), (end, -1.0)):
            if anchor is not None:
                offset = sign * length * position
                pieces.append((anchor + offset, length * weights, (anchor - pole)[:, None] + offset[None, :]))
    kinetic, weight, distance = (jnp.concatenate(parts, axis=-1) for parts in zip(*pieces, strict=True))
    return Nodes(kinetic, weight, Energies.of_pairs(2.0 * dark_mass, kinetic, distance, resonances.mass))


def _halving() -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes of the unit interval in panels that halve towards 0."""
    points, weights = np.polynomial.legendre.leggauss(_ORDER)
    edges = np.append(2.0 ** -np.arange(float(_OCTAVES)), 0.0)
    low, high = edges[1:, None], edges[:-1, None]
    return (low + (high - low) * 0.5 * (points + 1.0)).ravel(), ((high - low) * 0.5 * weights).ravel()
