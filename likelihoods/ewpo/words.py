"""Predictions of the Z-pole and W observables at one point, and the words of the vocabulary that name them."""

from __future__ import annotations

import dataclasses

from jaxtyping import Array, Float

from globalfit.physics.electroweak.shifts import pseudo_observables, z_boson
from globalfit.physics.electroweak.standard_model import Nuisances, StandardModel, standard_model
from globalfit.physics.predictions import Prediction, Predictions

from .data import PREFIX, central_nuisances

_MEANINGS = {
    "gamma_z_gev": ("GeV", "total width of the Z"),
    "sigma_had_pb": ("pb", "hadronic cross section on the Z pole"),
    "r_e": ("", "hadronic width of the Z over that to e+ e-"),
    "r_mu": ("", "hadronic width of the Z over that to mu+ mu-"),
    "r_tau": ("", "hadronic width of the Z over that to tau+ tau-"),
    "r_b": ("", "fraction of b quarks in the hadronic width of the Z"),
    "r_c": ("", "fraction of c quarks in the hadronic width of the Z"),
    "a_e": ("", "asymmetry parameter 2 v a/(v^2 + a^2) of e on the Z pole"),
    "a_mu": ("", "asymmetry parameter of mu on the Z pole"),
    "a_tau": ("", "asymmetry parameter of tau on the Z pole"),
    "a_b": ("", "asymmetry parameter of b on the Z pole"),
    "a_c": ("", "asymmetry parameter of c on the Z pole"),
    "afb_e": ("", "forward-backward asymmetry of e+ e- on the Z pole"),
    "afb_mu": ("", "forward-backward asymmetry of mu+ mu- on the Z pole"),
    "afb_tau": ("", "forward-backward asymmetry of tau+ tau- on the Z pole"),
    "afb_b": ("", "forward-backward asymmetry of b on the Z pole"),
    "afb_c": ("", "forward-backward asymmetry of c on the Z pole"),
    "s2eff_l": ("", "leptonic effective weak mixing angle sin^2 theta_eff"),
    "m_w_gev": ("GeV", "mass of the W"),
    "gamma_w_gev": ("GeV", "total width of the W"),
}


def observables(predictions: Predictions, sampled: bool) -> dict[str, Float[Array, ""]]:
    """All observables of one point by name; `sampled` says whether the inputs are parameters of the run."""

    def compute(point: Predictions) -> dict[str, Float[Array, ""]]:
        reference = standard(point, sampled)
        return pseudo_observables(reference, z_boson(point.portal, point.inputs, reference))

    return predictions.once("electroweak_observables", compute)


def standard(predictions: Predictions, sampled: bool) -> StandardModel:
    """Standard-Model predictions of one point. A sampled input that the point does not name has its central value."""

    def compute(point: Predictions) -> StandardModel:
        values = central_nuisances()._asdict()
        if sampled:
            values = {name: point.parameters.get(PREFIX + name, value) for name, value in values.items()}
        return standard_model(Nuisances(**values))

    return predictions.once("electroweak_standard_model", compute)


@dataclasses.dataclass(frozen=True)
class _Observable:
    """Hashable, so that two vocabularies with the same words are equal and share a compilation."""

    name: str
    sampled: bool

    def __call__(self, predictions: Predictions) -> Array:
        return observables(predictions, self.sampled)[self.name]


_SOURCE = "two-loop Standard Model with tree-level mixing, arXiv:1906.08815, arXiv:hep-ph/0311148"

WORDS: dict[bool, tuple[Prediction, ...]] = {
    sampled: tuple(
        Prediction(name, unit, meaning, _SOURCE, _Observable(name, sampled))
        for name, (unit, meaning) in _MEANINGS.items()
    )
    for sampled in (False, True)
}
