"""Where annihilation with Sommerfeld factors is not the whole answer."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Int

from globalfit.physics import status
from globalfit.physics.inputs import Inputs
from globalfit.physics.portal import Portal
from globalfit.physics.sommerfeld.enhancement import couplings, has_one_potential, sommerfeld

# Capture into the ground state with emission of the vector, of energy alpha^2 m/4, is 3.13 times as fast as
# annihilation for v << alpha (von Harling and Petraki, arXiv:1407.7874), but dissociation undoes it until T falls below
# that energy. Annihilation afterwards is a share of about 55 alpha^2 of all (<S> = 2 sqrt(pi x) alpha, freeze-out at
# x = 25, Omega lower by 1.6 than at tree level), so that capture would change Omega by 10 % from alpha of 0.025 on, and
# somewhat later as dissociation goes on below the binding energy.
_BOUND = 0.03
_STRONG = 0.3
_MUCH = 1.1
# Relative velocity that stands for all of freeze-out.
VELOCITY_FREEZE_OUT = 0.2


def bound_states(portal: Portal, inputs: Inputs) -> Int[Array, ""]:
    """`bound_states` where capture into a bound state could change the relic density by more than 10 %."""
    alpha, mass = couplings(portal), portal.mass[jnp.asarray(portal.new)]
    binds = jnp.any((alpha > _BOUND) & (mass < 0.25 * alpha**2 * portal.dark.mass))
    return jnp.where(binds & (inputs.sommerfeld == "on"), status.BOUND_STATES.bit, 0)


def limits_of_validity(portal: Portal, inputs: Inputs, relative_velocity: float) -> Int[Array, ""]:
    """`no_enhancement` where it would exceed 10 % at this velocity, and `strong_coupling`."""
    if inputs.sommerfeld == "off":
        return jnp.zeros((), int)
    strong = jnp.where(jnp.any(couplings(portal) > _STRONG), status.STRONG_COUPLING.bit, 0)
    if has_one_potential(portal):
        return strong
    missing = sommerfeld(portal, jnp.full(1, 0.5 * relative_velocity)).s[0] > _MUCH
    return strong | jnp.where(missing, status.NO_ENHANCEMENT.bit, 0)
