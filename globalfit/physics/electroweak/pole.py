"""Near the Z pole, where two overlapping resonances are not described by one shifted Z.

For |M - M_Z| < 3 Gamma_Z electroweak fits of a single Z do not apply. The other vector then counts as if it were at
M_Z - 3 Gamma_Z or M_Z + 3 Gamma_Z, on its own side, with the same kinetic mixing: the value at the edge is held. The
two sides never meet at nonzero mixing, since eigenmass repulsion keeps the masses apart. Within the next quarter of a
width outside, the mass runs from the edge to its own value, so that the derivative is continuous as well.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from globalfit.physics.portal import Portal

_EDGE, _TRANSITION = 3.0, 0.25


def near_pole(portal: Portal, k: int, width: Float[Array, ""]) -> Bool[Array, ""]:
    """Whether the other vector is closer than three widths of the Z, mass eigenstate `k`."""
    return jnp.abs(portal.mass[1 - k] - portal.mass[k]) < _EDGE * width


def held(portal: Portal, k: int, width: Float[Array, ""]) -> Portal:
    """The portal with the other vector at least three widths from the Z, mass eigenstate `k`.

    Its masses, Lagrangian masses and mixing are consistent; couplings are those of the gauge basis and stay.
    """
    z, other = portal.mass[k], portal.mass[1 - k]
    heavier = other >= z
    distance = jnp.where(heavier, other - z, z - other)
    edge, step = _EDGE * width, _TRANSITION * width
    # cubic from (0, 0) with slope 0 to (1, 1) with slope 1
    u = jnp.clip((distance - edge) / step, 0.0, 1.0)
    moved = edge + step * u**2 * (2.0 - u)
    mass2 = portal.mass2.at[1 - k].set((z + jnp.where(heavier, moved, -moved)) ** 2)
    far = distance >= edge + step
    mixing = jax.tree.map(
        lambda unchanged, held: jnp.where(far, unchanged, held), portal.mixing, portal.mixing.moved(mass2)
    )
    return dataclasses.replace(portal, mixing=mixing)
