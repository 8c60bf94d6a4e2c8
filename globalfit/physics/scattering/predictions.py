"""Predictions of direct detection that belong to no experiment: the dimensionless NREFT coefficients, and the cross
sections on a nucleon at zero momentum transfer in which limits are published,

    sigma_SI^N = mu^2 c1^2/pi,   sigma_SD^N = 3 mu^2 c4^2/(16 pi),

mu the reduced mass of dark matter and nucleon (Anand, Fitzpatrick and Haxton, arXiv:1308.6288).
"""

from __future__ import annotations

import dataclasses
import math

import jax.numpy as jnp
from jaxtyping import Array

from globalfit.physics.inputs import GEV_M2_TO_CM2, WEAK_SCALE_GEV
from globalfit.physics.predictions import Prediction, Predictions
from globalfit.physics.scattering.channels import NUCLEON_MASS_GEV
from globalfit.physics.scattering.nreft import nreft_coefficients

# Momentum transfer at which coefficients are quoted, typical of xenon recoils of 10 keV.
REFERENCE_MOMENTUM_GEV = 0.05
_NUCLEONS = {"p": "proton", "n": "neutron"}
_OPERATORS = {"c1": "O1 = 1", "c4": "O4 = S_chi.S_N", "c8": "O8 = S_chi.v_perp"}
# Word, and sigma pi/(mu c)^2.
_CROSS_SECTIONS = {"c1": ("si", 1.0), "c4": ("sd", 3.0 / 16.0)}
_DEPENDENCE = {"si": "spin-independent", "sd": "spin-dependent"}


@dataclasses.dataclass(frozen=True)
class _Coefficient:
    operator: str
    nucleon: int

    def __call__(self, predictions: Predictions) -> Array:
        coefficients = predictions.once(
            "NREFT coefficients at the reference momentum",
            lambda p: nreft_coefficients(p.portal, jnp.full((1,), -(REFERENCE_MOMENTUM_GEV**2))),
        )
        return WEAK_SCALE_GEV**2 * getattr(coefficients, self.operator)[self.nucleon, 0]


@dataclasses.dataclass(frozen=True)
class _CrossSection:
    operator: str
    nucleon: int

    def __call__(self, predictions: Predictions) -> Array:
        coefficients = predictions.once(
            "NREFT coefficients at rest", lambda p: nreft_coefficients(p.portal, jnp.zeros(1))
        )
        mass = predictions.dark_matter.mass
        reduced = mass * NUCLEON_MASS_GEV / (mass + NUCLEON_MASS_GEV)
        factor = _CROSS_SECTIONS[self.operator][1] / math.pi * GEV_M2_TO_CM2
        return factor * (reduced * getattr(coefficients, self.operator)[self.nucleon, 0]) ** 2


_COEFFICIENTS: tuple[Prediction, ...] = tuple(
    Prediction(
        name=f"{operator}_{letter}",
        unit="1/m_weak^2",
        meaning=f"coefficient of {formula} for the {nucleon} at q2 = -(50 MeV)^2, m_weak = {WEAK_SCALE_GEV} GeV",
        source="arXiv:1308.6288",
        compute=_Coefficient(operator, index),
    )
    for operator, formula in _OPERATORS.items()
    for index, (letter, nucleon) in enumerate(_NUCLEONS.items())
)

_SECTIONS: tuple[Prediction, ...] = tuple(
    Prediction(
        name=f"sigma_{word}_{letter}_cm2",
        unit="cm^2",
        meaning=f"{_DEPENDENCE[word]} cross section on the {nucleon} at zero momentum transfer, of {operator} alone",
        source="arXiv:1308.6288",
        compute=_CrossSection(operator, index),
    )
    for operator, (word, _) in _CROSS_SECTIONS.items()
    for index, (letter, nucleon) in enumerate(_NUCLEONS.items())
)

PREDICTIONS = (*_COEFFICIENTS, *_SECTIONS)
