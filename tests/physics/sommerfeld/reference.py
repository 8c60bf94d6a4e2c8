"""S_l of a Yukawa potential by adaptive integration of the radial equation, one energy at a time."""

from __future__ import annotations

import math

import numpy as np
from scipy.integrate import solve_ivp
from scipy.special import spherical_jn, spherical_yn


def sommerfeld_factor(strength: float, q: float, wave: int) -> float:
    """S from the amplitude of the regular solution far outside, from 1e-6/L to where L exp(-rho) is 1e-13."""
    begin, end = 1e-6 / max(strength, q, 1.0), math.log(max(strength, 1.0) / 1e-13)

    def slope(rho, y):
        return [y[1], -2.0 * (wave + 1) / rho * y[1] - (q**2 + strength * math.exp(-rho) / rho) * y[0]]

    # phi = rho^(l+1)/(2l+1)!! chi
    first = -strength / (2.0 * (wave + 1))
    found = solve_ivp(slope, (begin, end), [1.0 + first * begin, first], method="DOP853", rtol=1e-9, atol=1e-14)
    chi, chi_slope = found.y[:, -1]
    norm = (1.0, 3.0)[wave]
    phi = end ** (wave + 1) * chi / norm
    phi_slope = ((wave + 1) * end**wave * chi + end ** (wave + 1) * chi_slope) / norm
    # free solutions z j(z) and z y(z), of Wronskian 1
    z = q * end
    j, y = z * spherical_jn(wave, z), z * spherical_yn(wave, z)
    j_slope = spherical_jn(wave, z) + z * spherical_jn(wave, z, derivative=True)
    y_slope = spherical_yn(wave, z) + z * spherical_yn(wave, z, derivative=True)
    along = phi * y_slope - phi_slope / q * y
    across = phi_slope / q * j - phi * j_slope
    return float(1.0 / (q ** (2 * wave + 2) * np.hypot(along, across) ** 2))
