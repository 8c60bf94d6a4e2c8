"""Coupled Boltzmann equations for Y and y = m T_chi/s^(2/3), with an adaptive implicit solver.

Binder et al., arXiv:1706.07433, Eqs. 2.9 and 2.10, in their variables, for Y of chi + chibar (hence <sigma v>/2):

    Y'/Y = s Y/(2 x H~) [Yeq^2/Y^2 <sv>_T - <sv>_T_chi]
    y'/y = gamma/(x H~) [yeq/y - 1] + s Y/(2 x H~) {[<sv> - <sv>_2]_T_chi + Yeq^2/Y^2 [yeq/y <sv>_2 - <sv>]_T}
           + H/(x H~) <p^4/E^3>/(3 T_chi)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import integrate
from scipy.interpolate import CubicSpline

from globalfit.physics.inputs import Inputs
from tests.reference import relic


def omega_h2(
    m_chi: float,
    log_x: NDArray,
    sigma_v: NDArray,
    sigma_v2: NDArray,
    gamma: NDArray,
    inputs: Inputs,
    spins: float = 4.0,
) -> float:
    """Omega h^2 from both averages (GeV^-2) and gamma (GeV) at ln(m/T) = `log_x`."""
    bath = relic.degrees_of_freedom(inputs.g_star)
    log_m, end = np.log(m_chi), log_x[-1]
    first = CubicSpline(log_x, np.log(sigma_v))
    ratio = CubicSpline(log_x, np.log(sigma_v2 / sigma_v))
    log_gamma = CubicSpline(log_x, np.log(gamma + 1e-200))
    entropy = CubicSpline(log_x, [np.log(float(bath.entropy(log_m - u))) for u in log_x])
    root = CubicSpline(log_x, [np.log(float(bath.root(log_m - u))) for u in log_x])
    p4 = CubicSpline(log_x, np.log([_redshift(np.exp(u)) for u in log_x]))

    def equations(u: float, state: NDArray) -> list[float]:
        log_yield, log_y = state
        x, h = np.exp(u), np.exp(entropy(u))
        temperature = m_chi / x
        s = 2.0 * np.pi**2 / 45.0 * h * temperature**3
        lam = np.sqrt(np.pi / 45.0) * inputs.planck_mass * m_chi * np.exp(root(u)) / (2.0 * x)
        # d ln s/d ln x = -3 H/H~
        hubble = 1.0 - entropy(u, 1) / 3.0
        t_chi = np.exp(log_y) * s ** (2.0 / 3.0) / m_chi
        xi = np.clip(np.log(m_chi / t_chi), log_x[0], end)
        yeq = m_chi * temperature / s ** (2.0 / 3.0)
        log_yeq = np.log(45.0 * spins * x**2 * relic._scaled_bessel(2, x) / (4.0 * np.pi**4 * h)) - x
        here, moment = np.exp(first(u)), np.exp(ratio(u))
        there, moment_there = np.exp(first(xi)), np.exp(ratio(xi))
        gain = lam * here * np.exp(min(2.0 * log_yeq - log_yield, 600.0))
        loss = lam * there * np.exp(log_yield)
        cooler = yeq / np.exp(log_y)
        rate = 2.0 * lam / s * np.exp(log_gamma(u))
        slope = rate * (cooler - 1.0) + loss * (1.0 - moment_there) + gain * (cooler * moment - 1.0)
        return [gain - loss, slope + hubble * np.exp(p4(xi))]

    def y_of(u: float) -> float:
        s = 2.0 * np.pi**2 / 45.0 * np.exp(entropy(u)) * (m_chi * np.exp(-u)) ** 3
        return np.log(m_chi**2 * np.exp(-u) / s ** (2.0 / 3.0))

    x0 = np.exp(log_x[0])
    start = np.log(45.0 * spins * x0**2 * relic._scaled_bessel(2, x0) / (4.0 * np.pi**4)) - entropy(log_x[0]) - x0
    solution = integrate.solve_ivp(
        equations, (log_x[0], end), [start, y_of(log_x[0])], method="Radau", rtol=1e-6, atol=1e-8
    )
    if not solution.success:
        raise RuntimeError(solution.message)
    return float(inputs.density_per_yield * m_chi * np.exp(solution.y[0, -1]))


def _redshift(x: float) -> float:
    """<p^4/E^3>/(3 T) of a thermal distribution."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    p = 10.0 * (nodes + 1.0) * (1.0 / np.sqrt(x) + 1.0 / x)
    energy = np.sqrt(1.0 + p**2)
    density = weights * p**2 * np.exp(-x * p**2 / (energy + 1.0))
    return float(np.sum(density * p**4 / energy**3) / np.sum(density) * x / 3.0)
