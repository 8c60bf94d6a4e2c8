"""The limit on hypercharge mixing that the data imply, as a function of the dark-photon mass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit.experiment.limit_curves import TWO_SIDED_95, Curve, LimitCurves
from globalfit.models.axial import Axial
from globalfit.physics.inputs import PRESETS
from globalfit.physics.predictions import Predictions

from .data import published_limit

if TYPE_CHECKING:
    from . import Ewpo

_MASSES = np.concatenate([np.geomspace(1.0, 82.0, 40), np.geomspace(100.0, 5000.0, 40)])
_POINTS = 300


def limit_curves(likelihood: Ewpo) -> LimitCurves:
    """95 % upper limit on epsilon of a dark photon without dark matter, outside three widths of the Z."""
    other = published_limit()
    above = _MASSES > PRESETS["default"].m_z  # noqa: SIM300 - an array
    limits = limit_curve(likelihood, _MASSES)
    label = f"this likelihood, m_w: {likelihood.m_w}"
    return LimitCurves(
        "Electroweak precision data: hypercharge mixing, 95 %",
        "dark-photon mass [GeV]",
        "epsilon",
        (
            Curve(label, _MASSES[~above], limits[~above]),
            Curve(f"{label}, above the Z", _MASSES[above], limits[above]),
            Curve(
                "Curtin et al. 2014, quoted for light dark photons",
                other["mediator_mass_gev"],
                other["epsilon"],
                "published",
            ),
        ),
    )


def limit_curve(likelihood: Ewpo, masses: Float[np.ndarray, " mass"]) -> Float[np.ndarray, " mass"]:
    """Largest epsilon at which -2 ln L is 3.84 above its minimum over epsilon >= 0; NaN if mixing is never excluded."""
    inputs = PRESETS["default"]
    # eigenmass repulsion: epsilon tan(theta_W)/sqrt(1 - epsilon^2) stays below |M_Z^2 - M^2|/(M_Z^2 + M^2)
    contrast = np.abs(inputs.m_z**2 - masses**2) / (inputs.m_z**2 + masses**2) / inputs.tan_theta_w
    largest = np.minimum(0.999 * contrast / np.sqrt(1.0 + contrast**2), 0.85)
    epsilon = largest[:, None] * np.geomspace(1e-3, 1.0, _POINTS)
    values = np.asarray(_scan(likelihood, jnp.asarray(masses), jnp.asarray(epsilon)))
    excess = values - np.minimum(np.min(values, axis=1), -2.0 * float(likelihood.no_signal))[:, None] - TWO_SIDED_95
    return np.array([_crossing(np.log(row), rise) for row, rise in zip(epsilon, excess, strict=True)])


def _crossing(log_epsilon: Float[np.ndarray, " point"], excess: Float[np.ndarray, " point"]) -> float:
    above = np.flatnonzero((excess[:-1] <= 0.0) & (excess[1:] > 0.0))
    if not above.size:
        return float("nan")
    i = above[-1]
    return float(np.exp(np.interp(0.0, excess[i : i + 2], log_epsilon[i : i + 2])))


@eqx.filter_jit
def _scan(
    likelihood: Ewpo, masses: Float[Array, " mass"], epsilon: Float[Array, "mass point"]
) -> Float[Array, "mass point"]:
    """-2 ln L."""

    def at(mass: Float[Array, ""], mixing: Float[Array, ""]) -> Float[Array, ""]:
        # Too heavy to be a decay product; alpha_d = 0 decouples it.
        parameters = {"m_chi": 10.0 * mass, "mass_ratio": jnp.asarray(0.1), "epsilon": mixing, "alpha_d": jnp.zeros(())}
        portal = Axial().portal(parameters, PRESETS["default"])
        return -2.0 * likelihood.log_likelihood(Predictions(portal, PRESETS["default"], parameters))

    return jax.vmap(jax.vmap(at, (None, 0)))(masses, epsilon)
