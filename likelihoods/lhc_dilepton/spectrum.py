"""Expected dielectron and dimuon events of resonances, by bin of the measured dilepton mass.

    N_l = exposure x efficiency_l(M) [sum_q c_lq(M) (g_V^2 + g_A^2)_q] (g_V^2 + g_A^2)_l M/Gamma

spread over the bins by a Gaussian resolution and a Breit-Wigner of the total width. Their convolution is taken as the
pseudo-Voigt sum of a Gaussian and a Lorentzian of one width (Thompson, Cox and Hastings, J. Appl. Cryst. 20 (1987) 79);
bins come out right to 0.6 % of the signal. Interference with the Drell-Yan process is neglected.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.interpolate import PchipInterpolator

from globalfit.physics import fermions
from globalfit.physics.collider.mass_table import MassTable, in_logarithms, mass_table, smooth_step
from globalfit.physics.collider.production import QUARK_INDEX, QUARKS, inverse, log_luminosities, squared_couplings
from globalfit.physics.observables import decay_widths
from globalfit.physics.predictions import Predictions
from globalfit.tables import Table, read_table

PACKAGE = "globalfit.likelihoods.lhc_dilepton"
CHANNELS = ("ee", "mumu")
EXPOSURE_PER_FB = 139.0
# Resonance masses with a signal, GeV; it sets in and fades within the margins.
MASS_RANGE = (250.0, 6000.0)
MARGINS = (256.0, 5806.0)
_KNOTS = 129
_LEPTON_INDEX = np.array([fermions.INDEX["e"], fermions.INDEX["mu"]])
_UP_TYPE = np.array([quark in ("u", "c") for quark in QUARKS])
# Full width at half maximum of a Gaussian in units of its standard deviation.
_FWHM = 2.0 * math.sqrt(2.0 * math.log(2.0))


class Signal(eqx.Module):
    """Events by channel (`CHANNELS`) and bin.

    `rates` holds, by mass, the events per unit (g_V^2 + g_A^2)_q (g_V^2 + g_A^2)_l M/Gamma for ee and then mumu in the
    order of `globalfit.physics.collider.production.QUARKS`, and then the mass resolutions of ee and mumu in GeV.
    """

    rates: MassTable
    edges: Float[Array | np.ndarray, " edge"]

    def __call__(self, predictions: Predictions) -> Float[Array, "2 bin"]:
        """Sum over all resonances."""
        bins = [self._resonance(predictions, k) for k in predictions.portal.new]
        return jnp.sum(jnp.stack(bins), axis=0)

    def _resonance(self, predictions: Predictions, k: int) -> Float[Array, "2 bin"]:
        mass = predictions.portal.mass[k]
        width = decay_widths(predictions).total[k]
        table = self.rates(mass)
        couplings = squared_couplings(predictions)[:, k]
        production = table[:10].reshape(2, 5) @ couplings[QUARK_INDEX]
        inside = jnp.clip(mass, *MASS_RANGE)
        events = production * couplings[_LEPTON_INDEX] * inside * inverse(width) * _acceptance(mass)
        shape = pseudo_voigt(table[10:], width)
        # one matrix product: otherwise the compiler works out the physics above anew for every bin
        shared = jnp.concatenate([events, *shape, mass[None]]) @ jnp.eye(7)
        at = Shape(shared[2:4], shared[4:6])
        return shared[:2, None] * jnp.diff(at.below(jnp.asarray(self.edges) - shared[6]))


class Shape(NamedTuple):
    """Pseudo-Voigt line: full width at half maximum, GeV, and share of the Lorentzian, by channel."""

    width: Float[Array, " channel"]
    share: Float[Array, " channel"]

    def below(self, distance: Float[Array, " edge"]) -> Float[Array, "channel edge"]:
        """Probability to measure less than `distance` above the mass of the resonance, GeV."""
        x, share = distance[None, :] / self.width[:, None], self.share[:, None]
        wide = 0.5 + jnp.arctan(2.0 * x) / math.pi
        narrow = 0.5 + 0.5 * jax.lax.erf(_FWHM / math.sqrt(2.0) * x)
        return share * wide + (1.0 - share) * narrow


def pseudo_voigt(resolution: Float[Array, " channel"], width: Float[Array, ""]) -> Shape:
    """Line of a total width seen with a Gaussian resolution (standard deviation), both in GeV."""
    gauss, lorentz = _FWHM * resolution, width
    together = (
        gauss**5
        + 2.69269 * gauss**4 * lorentz
        + 2.42843 * gauss**3 * lorentz**2
        + 4.47163 * gauss**2 * lorentz**3
        + 0.07842 * gauss * lorentz**4
        + lorentz**5
    ) ** 0.2
    ratio = lorentz / together
    return Shape(together, ratio * (1.36603 - ratio * (0.47719 - 0.11116 * ratio)))


@functools.cache
def signal(exposure: float = 1.0) -> Signal:
    """Signal in `exposure` times the luminosity of the search."""
    table, bins = production_table(), bins_table()
    mass = table["mass_gev"]

    def log_rates(mesh: Float[np.ndarray, " mesh"]) -> Float[np.ndarray, "column mesh"]:
        weights = np.exp(log_luminosities(mesh))
        columns = []
        for channel in CHANNELS:
            scale = EXPOSURE_PER_FB * exposure * table[f"efficiency_{channel}"]
            for i, up in enumerate(_UP_TYPE):
                of_type = np.log(weights[i] / np.sum(weights[up == _UP_TYPE], axis=0))
                rate = scale * table[f"{channel}_{'up' if up else 'down'}_fb"]
                columns.append(of_type + in_logarithms(mass, rate)(mesh))
        return np.stack(columns + [_log_resolution(channel, mesh) for channel in CHANNELS])

    edges = np.append(bins["mass_low_gev"], bins["mass_high_gev"][-1])
    return Signal(mass_table(log_rates, *MASS_RANGE, _KNOTS), edges)


def signal_events(predictions: Predictions) -> Float[Array, ""]:
    """Signal events of both channels in the bins of the search."""
    return jnp.sum(signal()(predictions))


def bins_table() -> Table:
    """Observed events and background."""
    return read_table(PACKAGE, "bins.csv")


def production_table() -> Table:
    """Efficiencies and cross sections within the cuts."""
    return read_table(PACKAGE, "production.csv")


def resolution_table() -> Table:
    """Mass resolutions."""
    return read_table(PACKAGE, "resolution.csv")


def _acceptance(mass: Float[Array, ""]) -> Float[Array, ""]:
    """1 between the margins, 0 outside the range of masses, twice differentiable."""
    (low, high), (first, last) = MASS_RANGE, MARGINS
    rise, fall = jnp.log(mass / low) / math.log(first / low), jnp.log(high / mass) / math.log(high / last)
    return smooth_step(rise) * smooth_step(fall)


def _log_resolution(channel: str, mesh: Float[np.ndarray, " mesh"]) -> Float[np.ndarray, " mesh"]:
    table = resolution_table()
    chosen = table["channel"] == channel
    mass, resolution = table["mass_gev"][chosen], table["resolution_gev"][chosen]
    return PchipInterpolator(np.log(mass), np.log(resolution))(np.log(mesh))
