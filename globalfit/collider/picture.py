"""Scans of ln L over simple resonances, for the pictures of collider searches."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit import fermions
from globalfit.inputs import Inputs
from globalfit.models.axial import Axial
from globalfit.portal import DarkMatter, Portal
from globalfit.predictions import Predictions

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
    """B - L boson `x` with left-handed neutrinos only; the vector in the place of the Z couples to nothing."""
    neutrino = np.array([fermion.name.startswith("nu") for fermion in fermions.FERMIONS])
    quark = fermions.COLOURS == 3.0
    vector = np.where(quark, 1.0 / 3.0, np.where(neutrino, -0.5, -1.0))
    axial = np.where(neutrino, -0.5, 0.0)
    none = jnp.zeros(len(fermions.FERMIONS))
    mass2 = jnp.stack([4.0 * mass**2, mass**2])
    return Portal(
        names=("z", "x"),
        mass2=mass2,
        lagrangian_mass2=mass2,
        mixing=jnp.zeros(()),
        vector=jnp.stack([none, coupling * jnp.asarray(vector)], axis=1),
        axial=jnp.stack([none, coupling * jnp.asarray(axial)], axis=1),
        w_pair=jnp.zeros(2),
        higgs=jnp.zeros((2, 2)),
        dark=DarkMatter("dirac", mass, vector=jnp.zeros(2), axial=jnp.zeros(2)),
        status=jnp.zeros((), dtype=jnp.int32),
    )


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
        return log_likelihood(Predictions(portal(mass, strength), _INPUTS, {}, {}))

    return jax.vmap(one)(masses, coupling)
