"""Effective degrees of freedom h(T) (entropy), g(T) (energy) and g_*^{1/2}, in plain numpy."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

# Saikawa and Shirai, arXiv:1803.01038, Table 1: columns a, b (g_rho) and c, d (g_rho/g_s) of t = ln(T/GeV).
_SAIKAWA_SHIRAI = np.array(
    [
        [1.0, 0.0143382, 1.0, 70.7388],
        [1.11724, 0.0137559, 0.607869, 91.8011],
        [0.312672, 0.00292108, -0.154485, 33.1892],
        [-0.0468049, -0.000538533, -0.224034, -1.39779],
        [-0.0265004, -0.000162496, -0.0282147, -1.52558],
        [-0.0011976, -2.87906e-05, 0.029062, -0.0197857],
        [0.000182812, -3.84278e-06, 0.00686778, -0.160146],
        [0.000136436, 2.78776e-06, -0.00100005, 8.22615e-05],
        [8.55051e-05, 7.40342e-07, -0.000169104, 0.0202651],
        [1.2284e-05, 1.1721e-07, 1.06301e-05, -1.82134e-05],
        [3.82259e-07, 3.72499e-09, 1.69528e-06, 7.83943e-05],
        [-6.87035e-09, -6.74107e-11, -9.33311e-08, 7.13518e-05],
    ]
)
_JOIN_GEV = 0.12


class DegreesOfFreedom(NamedTuple):
    """h and g as functions of ln(T/GeV), and d ln h/d ln T."""

    entropy: Callable[[NDArray], NDArray]
    energy: Callable[[NDArray], NDArray]
    entropy_slope: Callable[[NDArray], NDArray]

    def root(self, log_temperature: NDArray) -> NDArray:
        """g_*^{1/2} = h/sqrt(g) (1 + (1/3) d ln h/d ln T)."""
        h, g = self.entropy(log_temperature), self.energy(log_temperature)
        return h / np.sqrt(g) * (1.0 + self.entropy_slope(log_temperature) / 3.0)


def tabulated(temperature_gev: NDArray, entropy: NDArray, energy: NDArray) -> DegreesOfFreedom:
    """Cubic splines through a table in ln T; constant outside."""
    order = np.argsort(temperature_gev)
    t = np.log(np.asarray(temperature_gev)[order])
    h, g = (CubicSpline(t, np.asarray(values)[order]) for values in (entropy, energy))

    def clamp(x: NDArray) -> NDArray:
        return np.clip(x, t[0], t[-1])

    def slope(x: NDArray) -> NDArray:
        return np.where((x >= t[0]) & (x <= t[-1]), h(clamp(x), 1) / h(clamp(x)), 0.0)

    return DegreesOfFreedom(lambda x: h(clamp(x)), lambda x: g(clamp(x)), slope)


def drees_hajkarim_schmitz() -> DegreesOfFreedom:
    """Drees, Hajkarim and Schmitz, arXiv:1503.03513: the package's table, with splines of our own."""
    lines = (
        resources.files("globalfit.physics.cosmology").joinpath("drees_hajkarim_schmitz.csv").read_text().splitlines()
    )
    rows = [line.split(",") for line in lines if line and not line.startswith(("#", "temperature"))]
    temperature, entropy, energy = np.array(rows, dtype=float).T
    return tabulated(temperature, entropy, energy)


def saikawa_shirai() -> DegreesOfFreedom:
    """Saikawa and Shirai, arXiv:1803.01038, Eqs. (C.1) to (C.4).

    Its two pieces meet at 0.12 GeV with a step of 1 %; they are blended by a cubic over a factor 1.2 in temperature.
    """

    def values(t: NDArray) -> tuple[NDArray, NDArray]:
        t = np.asarray(t, dtype=float)
        position = np.clip((t - np.log(_JOIN_GEV)) / (0.5 * np.log(1.2)), -1.0, 1.0)
        weight = (2.0 + 3.0 * position - position**3) / 4.0
        high_h, high_g = _high(np.maximum(t, np.log(0.1)))
        low_h, low_g = _low(np.exp(np.clip(t, np.log(1e-8), np.log(0.2))))
        return weight * high_h + (1.0 - weight) * low_h, weight * high_g + (1.0 - weight) * low_g

    def slope(t: NDArray) -> NDArray:
        step = 1e-4
        (up, _), (down, _) = values(np.asarray(t) + step), values(np.asarray(t) - step)
        return (np.log(up) - np.log(down)) / (2.0 * step)

    return DegreesOfFreedom(lambda t: values(t)[0], lambda t: values(t)[1], slope)


def _high(t: NDArray) -> tuple[NDArray, NDArray]:
    a, b, c, d = (np.polynomial.polynomial.polyval(t, column) for column in _SAIKAWA_SHIRAI.T)
    g = a / b
    return g / (1.0 + c / d), g


def _low(temperature: NDArray) -> tuple[NDArray, NDArray]:
    def shape(rate: float, *coefficients: float) -> Callable[[float], NDArray]:
        def function(mass: float) -> NDArray:
            x = mass / temperature
            return np.exp(-rate * x) * np.polynomial.polynomial.polyval(x, (1.0, *coefficients))

        return function

    f_rho = shape(1.04855, 1.03757, 0.508630, 0.0893988)
    b_rho = shape(1.03149, 1.03317, 0.398264, 0.0648056)
    f_s = shape(1.04190, 1.03400, 0.456426, 0.0595249)
    b_s = shape(1.03365, 1.03397, 0.342548, 0.0506182)
    electron, muon, pion0, pion = 511e-6, 0.1056, 0.135, 0.140
    neutrino = 1.0 + 1.75 * f_s(electron)
    g = 2.030 + 1.353 * neutrino ** (4.0 / 3.0) + 3.495 * f_rho(electron) + 3.446 * f_rho(muon) + 1.05 * b_rho(pion0)
    g = g + 2.08 * b_rho(pion) + 4.165 * b_rho(0.5) + 30.55 * b_rho(0.77) + 89.4 * b_rho(1.2) + 8209.0 * b_rho(2.0)
    h = 2.008 + 1.923 * neutrino + 3.442 * f_s(electron) + 3.468 * f_s(muon) + 1.034 * b_s(pion0) + 2.068 * b_s(pion)
    h = h + 4.16 * b_s(0.5) + 30.55 * b_s(0.77) + 90.0 * b_s(1.2) + 6209.0 * b_s(2.0)
    return h, g
