"""The portal of every dark photon that mixes with hypercharge.

    L = -1/4 F'.F' + 1/2 m_A'^2 A'.A' + epsilon/(2 cos theta_W) F'.B + A'.J_dark

Removing the photon by A -> A + epsilon A' and normalising A' leaves the Z and V2 = sqrt(1 - epsilon^2) A' with
eta = epsilon tan theta_W / sqrt(1 - epsilon^2), an electromagnetic current epsilon e Q / sqrt(1 - epsilon^2) and a dark
current 1/sqrt(1 - epsilon^2) on V2.
"""

from __future__ import annotations

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from globalfit.physics import fermions, status
from globalfit.physics.inputs import Inputs
from globalfit.physics.mixing import mix
from globalfit.physics.portal import DarkMatter, Portal


def hypercharge_portal(
    names: tuple[str, str],
    mass: Float[Array, ""],
    epsilon: Float[Array, ""],
    dark: DarkMatter,
    flags: Array,
    inputs: Inputs,
) -> Portal:
    """Portal of the Z and a dark photon of physical mass `mass` (GeV); `names` are theirs.

    `dark` has the couplings of A' as the Lagrangian above has them, in the second place. Where the masses have no
    solution, the unmixed portal comes back with the flag `no_solution`.
    """
    mass2 = jnp.stack([jnp.full_like(mass, inputs.m_z**2), mass**2])
    mixing, solvable = mix(mass2, epsilon * inputs.tan_theta_w / jnp.sqrt(1.0 - epsilon**2))
    epsilon = jnp.where(solvable, epsilon, 0.0)
    norm = 1.0 / jnp.sqrt(1.0 - epsilon**2)
    z_vector, z_axial = fermions.z_couplings(inputs)
    charge = inputs.charge * epsilon * norm
    higgs_vertex = 2.0 * mixing.lagrangian_mass2[0] / inputs.higgs_vev
    zero = jnp.zeros_like(charge)
    return Portal(
        names=names,
        mixing=mixing,
        vector=jnp.stack([jnp.asarray(z_vector), charge * jnp.asarray(fermions.CHARGE)], axis=1),
        axial=jnp.stack([jnp.asarray(z_axial), jnp.zeros(len(fermions.FERMIONS))], axis=1),
        w_pair=jnp.stack([zero + inputs.charge / inputs.tan_theta_w, charge]),
        higgs=jnp.stack([jnp.stack([higgs_vertex, zero]), jnp.stack([zero, zero])]),
        dark=DarkMatter(dark.kind, dark.mass, norm * dark.vector, norm * dark.axial, dark.splitting),
        status=flags | jnp.where(solvable, 0, status.NO_SOLUTION.bit),
    )


def dark_coupling(alpha_d: Float[Array, ""]) -> Float[Array, ""]:
    """g_chi = sqrt(4 pi alpha_D), with a finite derivative at zero."""
    positive = alpha_d > 0.0
    return jnp.where(positive, jnp.sqrt(4.0 * math.pi * jnp.where(positive, alpha_d, 1.0)), 0.0)
