"""Effective degrees of freedom of energy and entropy, g(T) and h(T), as smooth functions.

`saikawa_shirai`: Saikawa and Shirai, arXiv:1803.01038, Eq. C.1 and Table 1 for T >= 0.12 GeV, Eqs. C.3 and C.4 below.
`drees_hajkarim_schmitz`: the table of arXiv:1503.03513 as other programs ship it.

Either becomes a cubic spline of ln g and ln h in ln T on a uniform mesh, so that g_*^(1/2) = h/sqrt(g) (1 + h'/3) with
h' = d ln h/d ln T is the derivative of the same function. The two pieces of Saikawa and Shirai differ by about 1 %
where they meet; they are blended over a factor 1.2 in temperature.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from globalfit.tables import read_table

_LOG_T_MIN, _LOG_T_MAX, _KNOTS = float(np.log(1.0e-6)), float(np.log(2.0e4)), 513
_JOIN_GEV, _BLEND = 0.12, 0.5 * np.log(1.2)


class DegreesOfFreedom(NamedTuple):
    """Values at given temperatures: g of the energy density, h of the entropy density, and g_*^(1/2)."""

    energy: Float[Array, "*temperature"]
    entropy: Float[Array, "*temperature"]
    root: Float[Array, "*temperature"]


def degrees_of_freedom(temperature: Float[Array, "*temperature"], table: str) -> DegreesOfFreedom:
    """g, h and g_*^(1/2) at temperatures in GeV; constant below 1 keV and above 20 TeV.

    `table` is `saikawa_shirai` or `drees_hajkarim_schmitz`.
    """
    coefficients = jnp.asarray(_spline(table))
    step = (_LOG_T_MAX - _LOG_T_MIN) / (_KNOTS - 1)
    position = jnp.clip((jnp.log(temperature) - _LOG_T_MIN) / step, 0.0, _KNOTS - 1 - 1e-9)
    cell = jnp.floor(position).astype(jnp.int32)
    t = (position - cell)[..., None]
    c = coefficients[cell]  # (*temperature, power, quantity)
    value = ((c[..., 0, :] * t + c[..., 1, :]) * t + c[..., 2, :]) * t + c[..., 3, :]
    slope = (3.0 * c[..., 0, 1] * t[..., 0] + 2.0 * c[..., 1, 1]) * t[..., 0] + c[..., 2, 1]
    energy, entropy = jnp.exp(value[..., 0]), jnp.exp(value[..., 1])
    return DegreesOfFreedom(energy, entropy, entropy / jnp.sqrt(energy) * (1.0 + slope / (3.0 * step)))


@functools.cache
def _spline(table: str) -> NDArray[np.float64]:
    """Coefficients (cell, power, quantity) of ln g and ln h in units of the mesh width."""
    mesh = np.linspace(_LOG_T_MIN, _LOG_T_MAX, _KNOTS)
    logs = np.log(_TABLES[table](np.exp(mesh)))
    step = mesh[1] - mesh[0]
    spline = CubicSpline(mesh, logs.T, bc_type="clamped")
    return np.transpose(spline.c, (1, 0, 2)) * step ** np.array([3, 2, 1, 0])[None, :, None]


def _drees_hajkarim_schmitz(temperature: NDArray[np.float64]) -> NDArray[np.float64]:
    table = read_table("globalfit.physics.cosmology", "drees_hajkarim_schmitz.csv")
    log_t = np.log(table["temperature_gev"])[::-1]
    inside = np.clip(np.log(temperature), log_t[0], log_t[-1])
    return np.stack([CubicSpline(log_t, table[name][::-1])(inside) for name in ("g_eff", "h_eff")])


def _saikawa_shirai(temperature: NDArray[np.float64]) -> NDArray[np.float64]:
    # smooth step in ln T between the two pieces
    position = np.clip(np.log(temperature / _JOIN_GEV) / _BLEND, -1.0, 1.0)
    weight = 0.25 * (position + 1.0) ** 2 * (2.0 - position)
    high = _saikawa_shirai_high(np.maximum(temperature, _JOIN_GEV * np.exp(-_BLEND)))
    return weight * high + (1.0 - weight) * _saikawa_shirai_low(temperature)


def _saikawa_shirai_high(temperature: NDArray[np.float64]) -> NDArray[np.float64]:
    table = read_table("globalfit.physics.cosmology", "saikawa_shirai.csv")
    t = np.log(temperature)
    a, b, c, d = (np.polynomial.polynomial.polyval(t, table[name]) for name in "abcd")
    energy = a / b
    return np.stack([energy, energy / (1.0 + c / d)])


def _saikawa_shirai_low(temperature: NDArray[np.float64]) -> NDArray[np.float64]:
    def decay(exponent: float, *powers: float):
        return lambda mass: (
            np.exp(-exponent * mass / temperature)
            * np.polynomial.polynomial.polyval(mass / temperature, np.array([1.0, *powers]))
        )

    fermion_rho = decay(1.04855, 1.03757, 0.508630, 0.0893988)
    boson_rho = decay(1.03149, 1.03317, 0.398264, 0.0648056)
    fermion_s = decay(1.04190, 1.03400, 0.456426, 0.0595249)
    boson_s = decay(1.03365, 1.03397, 0.342548, 0.0506182)
    electron, muon, pion0, pion = 0.000511, 0.1056, 0.135, 0.140
    heavy = (0.5, 0.77, 1.2, 2.0)
    neutrinos = 1.0 + 7.0 / 4.0 * fermion_s(electron)
    energy = 2.030 + 1.353 * neutrinos ** (4.0 / 3.0) + 3.495 * fermion_rho(electron) + 3.446 * fermion_rho(muon)
    energy += 1.05 * boson_rho(pion0) + 2.08 * boson_rho(pion)
    energy += sum(n * boson_rho(mass) for n, mass in zip((4.165, 30.55, 89.4, 8209.0), heavy, strict=True))
    entropy = 2.008 + 1.923 * neutrinos + 3.442 * fermion_s(electron) + 3.468 * fermion_s(muon)
    entropy += 1.034 * boson_s(pion0) + 2.068 * boson_s(pion)
    entropy += sum(n * boson_s(mass) for n, mass in zip((4.16, 30.55, 90.0, 6209.0), heavy, strict=True))
    return np.stack([energy, entropy])


_TABLES = {"saikawa_shirai": _saikawa_shirai, "drees_hajkarim_schmitz": _drees_hajkarim_schmitz}
