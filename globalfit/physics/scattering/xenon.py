"""`XenonCounts`: the expected events of one exposure with one acceptance."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit.errors import DataError
from globalfit.physics.predictions import Predictions
from globalfit.physics.scattering.channels import ETA_PAIRS, PERP_PAIRS, RATE_UNIT, products
from globalfit.physics.scattering.halo import Halo, HaloMoments, halo_moments
from globalfit.physics.scattering.momentum import MEAN_MASS, MOMENTA, energy_range_kev, momentum_weights
from globalfit.physics.scattering.nreft import Coefficients, nreft_coefficients
from globalfit.tables import Table

KG_DAY_PER_TONNE_YEAR = 365.25e3


class XenonCounts(eqx.Module):
    """Counts = exposure int dE acceptance(E) dR/dE, for a portal or for given coefficients.

    The integration is described in `globalfit.physics.scattering.momentum`; the evaluation costs a few microseconds per
    point, most of it in the halo moments, which all counts with one halo share.
    """

    eta_weights: Float[Array | np.ndarray, "order eta_pair node"]
    perp_weights: Float[Array | np.ndarray, "order perp_pair node"]
    halo: Halo = eqx.field(static=True)

    def __init__(
        self,
        acceptance: Callable[[Float[np.ndarray, " e"]], Float[np.ndarray, " e"]],
        exposure_kg_day: float,
        halo: Halo,
    ) -> None:
        """`acceptance`: function of the recoil energy in keV (efficiency, times a weight if any), 0.71 to 101 keV."""
        weights = momentum_weights(acceptance)
        scale = exposure_kg_day * RATE_UNIT * halo.density_gev_cm3
        self.eta_weights = scale * weights.eta
        self.perp_weights = scale * weights.perp
        self.halo = halo

    def __call__(self, predictions: Predictions) -> Float[Array, ""]:
        """Expected count of one point, with the fraction of the dark matter that the particle makes up."""
        moments = predictions.once(
            f"halo moments at the momentum nodes of {self.halo}",
            lambda p: moments_at_nodes(p.dark_matter.mass, self.halo),
        )
        coefficients = predictions.once("NREFT coefficients at the momentum nodes", coefficients_at_nodes)
        count = self.count(predictions.dark_matter.mass, coefficients, moments)
        return predictions.dark_matter_fraction * count

    def count(
        self, mass: Float[Array, ""], coefficients: Coefficients, moments: HaloMoments | None = None
    ) -> Float[Array, ""]:
        """Expected count for a dark-matter mass in GeV and coefficients at `MOMENTA` (shape (2, node) each).

        Exactly zero where no recoil in the acceptance is kinematically possible.
        """
        eta, speed, slope = moments_at_nodes(mass, self.halo) if moments is None else moments
        minimal = _minimal_speed(mass)
        # Values at the mean nuclear mass, then derivatives in v_min: eta' = -slope, (h - v^2 eta)' = -2 v eta.
        by_node = jnp.zeros(MOMENTA.shape)
        for orders, weights, pairs in (
            ((eta, -slope), self.eta_weights, ETA_PAIRS),
            ((speed - minimal**2 * eta, -2.0 * minimal * eta), self.perp_weights, PERP_PAIRS),
        ):
            for k, product in enumerate(products(coefficients, pairs)):
                by_node += product * (weights[0, k] * orders[0] + weights[1, k] * orders[1])
        # The first-order terms can leave a tiny negative number at the kinematic edge.
        return jnp.maximum(jnp.sum(by_node), 0.0) / mass


def moments_at_nodes(mass: Float[Array, ""], halo: Halo) -> HaloMoments:
    """Halo moments at `MOMENTA` for a dark-matter mass in GeV and the mean nuclear mass."""
    return halo_moments(_minimal_speed(mass), halo)


def coefficients_at_nodes(predictions: Predictions) -> Coefficients:
    """Coefficients of a point's portal at q2 = -`MOMENTA`^2."""
    return nreft_coefficients(predictions.portal, jnp.asarray(-(MOMENTA**2)))


def efficiency(table: Table) -> Callable[[Float[np.ndarray, " e"]], Float[np.ndarray, " e"]]:
    """Tabulated efficiency (columns `recoil_energy_kev`, `efficiency`), linear in between and zero outside.

    Raises `DataError` if it accepts recoils beyond the range over which counts are integrated.
    """
    energy, values = table["recoil_energy_kev"], table["efficiency"]
    low, high = energy_range_kev()
    if np.any(values[(energy < low) | (energy > high)] > 0.0):
        raise DataError(f"{table.name} accepts recoils outside {low:.2f} to {high:.1f} keV, the range of the counts.")
    return lambda e: np.interp(e, energy, values, left=0.0, right=0.0)


def _minimal_speed(mass: Float[Array, ""]) -> Float[Array, " node"]:
    return 0.5 * jnp.asarray(MOMENTA) * (1.0 / mass + 1.0 / MEAN_MASS)
