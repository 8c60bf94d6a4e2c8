"""Scattering off one isotope, split into what multiplies each product of two coefficients.

Per kilogram of natural xenon (1308.6288; C = 1 for spin 1/2; v_min = q/(2 mu_T))

    dR/dE = (rho/m_chi)/(2 pi) sum_iso f_mass { F_M c1 c1 eta + (F_Sigma' + F_Sigma'')/16 c4 c4 eta
            + 1/4 [F_M (h - v_min^2 eta) + (q/m_N)^2 F_Delta eta] c8 c8
            + (q/m_N)^2 [F_Sigma'/16 c9 c9 - F_DeltaSigma'/4 c8 c9] eta }

The velocity in F_M (h - v_min^2 eta) is v_perp^2 = v^2 - q^2/(4 mu_T^2) with the reduced mass of dark matter and
nucleus (with the nuclear mass instead, as sometimes printed, low masses are overestimated several times).
The sum over nucleons is written as one sum over pairs of the eight coefficients c1, c4, c8, c9 (proton, neutron each).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Array, Float

from globalfit.physics.inputs import GEV_M2_TO_CM2, SPEED_OF_LIGHT_CM_S
from globalfit.physics.scattering.nreft import Coefficients
from globalfit.physics.scattering.nuclei import Isotope

NUCLEON_MASS_GEV = 0.938918754
KEV = 1e-6
# Events per kilogram, day and keV for (GeV/cm^3)/GeV * GeV^-4 / (velocity in c): (hbar c)^2 c, seconds per day, GeV/kg.
RATE_UNIT = GEV_M2_TO_CM2 * SPEED_OF_LIGHT_CM_S * 86400.0 * 5.609588603804e26 * KEV / (2.0 * np.pi)

_C1, _C4, _C8, _C9 = (slice(2 * i, 2 * i + 2) for i in range(4))
# Pairs of coefficients whose product multiplies eta, and those whose product multiplies h - v_min^2 eta.
_BLOCKS = ((0, 1), (2, 3), (4, 5, 6, 7))
ETA_PAIRS: tuple[tuple[int, int], ...] = tuple((i, j) for block in _BLOCKS for i in block for j in block if i <= j)
PERP_PAIRS: tuple[tuple[int, int], ...] = ((4, 4), (4, 5), (5, 5))


def isotope_weights(
    isotope: Isotope, momentum: Float[np.ndarray, " q"]
) -> tuple[Float[np.ndarray, "eta_pair q"], Float[np.ndarray, "perp_pair q"]]:
    """Factors of eta and of h - v_min^2 eta in the formula, times the mass fraction, per product c_i c_j."""
    ratio2 = (momentum / NUCLEON_MASS_GEV) ** 2
    eta = np.zeros((8, 8, *momentum.shape))
    perp = np.zeros_like(eta)
    eta[_C1, _C1] = isotope.response("M", momentum)
    eta[_C4, _C4] = (isotope.response("SigmaP", momentum) + isotope.response("SigmaPP", momentum)) / 16.0
    eta[_C8, _C8] = ratio2 * isotope.response("Delta", momentum) / 4.0
    eta[_C9, _C9] = ratio2 * isotope.response("SigmaP", momentum) / 16.0
    eta[_C8, _C9] = -ratio2 * isotope.response("DeltaSigmaP", momentum) / 4.0
    perp[_C8, _C8] = isotope.response("M", momentum) / 4.0
    return isotope.mass_fraction * _by_pair(eta, ETA_PAIRS), isotope.mass_fraction * _by_pair(perp, PERP_PAIRS)


def products(coefficients: Coefficients, pairs: tuple[tuple[int, int], ...]) -> list[Float[Array, "*q"]]:
    """Products c_i c_j of `pairs`, the partners of the weights of `isotope_weights`."""
    c = [value[nucleon] for value in coefficients for nucleon in range(2)]
    return [c[i] * c[j] for i, j in pairs]


def _by_pair(matrix: np.ndarray, pairs: tuple[tuple[int, int], ...]) -> np.ndarray:
    return np.stack([matrix[i, j] if i == j else matrix[i, j] + matrix[j, i] for i, j in pairs])
