"""Predictions of direct detection that belong to no experiment: the dimensionless NREFT coefficients."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
from jaxtyping import Array

from globalfit.physics.inputs import WEAK_SCALE_GEV
from globalfit.physics.predictions import Prediction, Predictions
from globalfit.physics.scattering.nreft import nreft_coefficients

# Momentum transfer at which coefficients are quoted, typical of xenon recoils of 10 keV.
REFERENCE_MOMENTUM_GEV = 0.05
_NUCLEONS = {"p": "proton", "n": "neutron"}
_OPERATORS = {"c1": "O1 = 1", "c4": "O4 = S_chi.S_N", "c8": "O8 = S_chi.v_perp"}


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


PREDICTIONS: tuple[Prediction, ...] = tuple(
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
