"""Recoil spectrum of natural xenon, isotope by isotope."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit.physics.scattering.channels import ETA_PAIRS, KEV, PERP_PAIRS, RATE_UNIT, isotope_weights, products
from globalfit.physics.scattering.halo import Halo, halo_moments
from globalfit.physics.scattering.nreft import Coefficients
from globalfit.physics.scattering.nuclei import xenon


def recoil_rate(
    energy_kev: Float[np.ndarray, " energy"],
    dark_matter_mass: Float[Array, ""] | float,
    coefficients: Coefficients | Callable[[Float[Array, " energy"]], Coefficients],
    halo: Halo,
) -> Float[Array, " energy"]:
    """dR/dE in events/(kg day keV) at recoil energies in keV (> 0) for spin-1/2 dark matter of the given mass in GeV.

    `coefficients` are constants (shape (2,) each) or a function of q2 = -2 m_T E in GeV^2, such as
    `functools.partial(nreft_coefficients, portal)`. Differentiable in the mass and the coefficients. The formula and
    its source are those of `globalfit.physics.scattering.channels`.
    """
    total = jnp.zeros(energy_kev.shape)
    for isotope in xenon():
        momentum = np.sqrt(2.0 * isotope.mass * energy_kev * KEV)
        speed = 0.5 * momentum * (1.0 / dark_matter_mass + 1.0 / isotope.mass)
        moments = halo_moments(jnp.asarray(speed), halo)
        perp_speed = moments.speed - speed**2 * moments.inverse_speed
        eta_weights, perp_weights = isotope_weights(isotope, momentum)
        values = coefficients(jnp.asarray(-(momentum**2))) if callable(coefficients) else _spread(coefficients)
        for weight, product in zip(eta_weights, products(values, ETA_PAIRS), strict=True):
            total += weight * product * moments.inverse_speed
        for weight, product in zip(perp_weights, products(values, PERP_PAIRS), strict=True):
            total += weight * product * perp_speed
    return RATE_UNIT * halo.density_gev_cm3 / dark_matter_mass * total


def _spread(constant: Coefficients) -> Coefficients:
    return Coefficients(*(jnp.asarray(value)[:, None] for value in constant))
