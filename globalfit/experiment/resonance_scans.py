"""Scans of ln L over simple resonances, for the pictures of collider experiments."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit.models.axial import Axial
from globalfit.models.bl_x import BLX, BLXOptions
from globalfit.physics.inputs import Inputs
from globalfit.physics.portal import Portal
from globalfit.physics.predictions import Predictions

LogLikelihood = Callable[[Predictions], Float[Array, ""]]
PortalOf = Callable[[Float[Array, ""], Float[Array, ""]], Portal]
_INPUTS = Inputs()


def hypercharge_scan(
    log_likelihood: LogLikelihood,
    masses: Float[np.ndarray, " mass"],
    epsilon: Float[np.ndarray, "mass scan"],
) -> Float[np.ndarray, "mass scan"]:
    """ln L of a hypercharge-mixed dark photon without a coupling to dark matter; one scan for each mass in GeV."""
    return _scan(log_likelihood, hypercharge_portal, masses, epsilon)


def b_minus_l_scan(
    log_likelihood: LogLikelihood,
    masses: Float[np.ndarray, " mass"],
    coupling: Float[np.ndarray, "mass scan"],
) -> Float[np.ndarray, "mass scan"]:
    """ln L of a boson that couples to B - L and to nothing dark; one scan for each mass in GeV."""
    return _scan(log_likelihood, b_minus_l_portal, masses, coupling)


def hypercharge_portal(mass: Float[Array, ""], epsilon: Float[Array, ""]) -> Portal:
    """Dark photon `ad` that mixes with hypercharge and does not couple to dark matter."""
    one = jnp.ones(())
    return Axial().portal({"m_chi": one, "mass_ratio": mass, "epsilon": epsilon, "alpha_d": 0.0 * one}, _INPUTS)


def b_minus_l_portal(mass: Float[Array, ""], coupling: Float[Array, ""]) -> Portal:
    """B - L boson `c` with left-handed neutrinos only, beside an X of nearly its mass that couples to nothing."""
    zero = jnp.zeros_like(mass)
    values = {"m_chi": mass, "m_c": mass, "m_x": 1.01 * mass, "epsilon": zero, "g_bl": coupling, "g_x": zero}
    return BLX.build(BLXOptions()).portal(values, _INPUTS)


def _scan(
    log_likelihood: LogLikelihood,
    portal: PortalOf,
    masses: Float[np.ndarray, " mass"],
    coupling: Float[np.ndarray, "mass scan"],
) -> Float[np.ndarray, "mass scan"]:
    flat = jnp.asarray(np.repeat(masses, coupling.shape[1]))
    values = _evaluate(log_likelihood, portal, flat, jnp.asarray(coupling.ravel()))
    return np.asarray(values).reshape(coupling.shape)


@eqx.filter_jit
def _evaluate(
    log_likelihood: LogLikelihood, portal: PortalOf, masses: Float[Array, " point"], coupling: Float[Array, " point"]
) -> Float[Array, " point"]:
    def one(mass: Float[Array, ""], strength: Float[Array, ""]) -> Float[Array, ""]:
        return log_likelihood(Predictions(portal(mass, strength), _INPUTS, {}))

    return jax.vmap(one)(masses, coupling)
