"""Xenon: isotopes and their shell-model responses (Anand, Fitzpatrick and Haxton, 1308.6288).

F_X^{NN'}(y) = exp(-2y) sum_k a_k y^k with y = (q b/2)^2 and the oscillator length
b^2 = 41.467/(45 A^(-1/3) - 25 A^(-2/3)) fm^2, normalised such that F_M^pp(0) = Z^2. The isotopes 124 and 126 (0.17 % of
the mass) have no published response: the fractions of the other seven are normalised to one.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from globalfit.tables import read_table

PACKAGE = "globalfit.physics.scattering"
HBAR_C_GEV_FM = 0.1973269804
# First response of each pair of nucleons: proton, neutron.
RESPONSES = ("M", "SigmaP", "SigmaPP", "Delta", "DeltaSigmaP")
_PAIRS = ("pp", "pn", "np", "nn")


@dataclasses.dataclass(frozen=True, eq=False)
class Isotope:
    """One isotope: mass number, nuclear mass in GeV, its fraction of the mass of natural xenon, responses.

    `responses` maps a name of `RESPONSES` to the coefficients a_k, shape (nucleon, nucleon, power); names that are
    missing vanish (no spin). In DeltaSigmaP the first index belongs to Delta.
    """

    mass_number: int
    mass: float
    mass_fraction: float
    responses: Mapping[str, NDArray[np.float64]]

    def response(self, name: str, momentum: Float[np.ndarray, " q"]) -> Float[np.ndarray, "nucleon nucleon q"]:
        """F_X^{NN'} (nucleon, nucleon, q) at momentum transfers in GeV."""
        a = float(self.mass_number)
        b2 = 41.467 / (45.0 * a ** (-1.0 / 3.0) - 25.0 * a ** (-2.0 / 3.0)) / HBAR_C_GEV_FM**2
        y = 0.25 * b2 * momentum**2
        if name not in self.responses:
            return np.zeros((2, 2, *y.shape))
        powers = y ** np.arange(self.responses[name].shape[-1])[:, None]
        return np.exp(-2.0 * y) * (self.responses[name] @ powers)


@functools.cache
def xenon() -> tuple[Isotope, ...]:
    """Isotopes of natural xenon that have responses, lightest first. Raises `DataError` if the tables are unusable."""
    isotopes = read_table(PACKAGE, "xenon_isotopes.csv")
    responses = read_table(PACKAGE, "xenon_responses.csv")
    powers = [name for name in responses.columns if name.startswith("a")]
    coefficients: dict[int, dict[str, NDArray[np.float64]]] = {}
    for row, (number, name, pair) in enumerate(
        zip(responses["mass_number"], responses["response"], responses["nucleons"], strict=True)
    ):
        block = coefficients.setdefault(int(number), {}).setdefault(str(name), np.zeros((2, 2, len(powers))))
        block[divmod(_PAIRS.index(str(pair)), 2)] = [responses[power][row] for power in powers]
    fractions = isotopes["mass_fraction"] / isotopes["mass_fraction"].sum()
    return tuple(
        Isotope(int(number), float(mass), float(fraction), coefficients[int(number)])
        for number, mass, fraction in zip(isotopes["mass_number"], isotopes["nuclear_mass_gev"], fractions, strict=True)
    )
