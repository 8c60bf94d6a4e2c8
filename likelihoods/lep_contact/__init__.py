"""LEP-2 dileptons: cross-sections and forward-backward asymmetries of mu+ mu- and tau+ tau- at 130 to 207 GeV.

    sigma = sigma_SM x tree/tree_SM,   A_FB = A_FB,SM + (tree - tree_SM),   ln L = -sum(data - prediction)^2/(2 error^2)

with the Standard Model of ZFITTER and, for what the portal adds, tree-level amplitudes with its exact propagator
(`globalfit.physics.collider.dilepton`), so that one likelihood serves resonances below, near and far above the
collision energy and both signs of the interference. The 48 numbers count as uncorrelated. alpha and sin^2 theta_W are
those of the inputs at every point: that mixing with the Z shifts sin^2 theta_W at fixed G_F is left to electroweak
precision data.

Between 130 and 209 GeV the result is indicative: radiative return to a resonance is left out, its amplitude is widened
by 1 GeV, and the status says `outside_table`. The true constraint is stronger there. Bhabha scattering is not used. A
heavy vector with equal charges of the leptons interferes destructively, which the data like: its limits are weaker than
those of the other sign.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import ClassVar, NamedTuple, Self

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from globalfit.experiment.gaussian_data import GaussianData
from globalfit.experiment.limit_curves import LimitCurves
from globalfit.experiment.protocol import Measurement, NoOptions
from globalfit.physics import status
from globalfit.physics.collider import dilepton
from globalfit.physics.inputs import Inputs
from globalfit.physics.observables import decay_widths
from globalfit.physics.portal import Portal
from globalfit.physics.predictions import Prediction, Predictions
from globalfit.tables import Table, read_table

from .limits import b_minus_l_limits

_PACKAGE = "globalfit.likelihoods.lep_contact"
# Where a resonance can be met at a collision energy, GeV.
RESONANCES = (130.0, 209.0)
# A choice: of the order of the range of collision energies that one entry of the table averages over, GeV.
ENERGY_SPREAD_GEV = 1.0


class _Observable(NamedTuple):
    """Column of the table without its unit, unit, and the same in words."""

    column: str
    unit: str
    meaning: str

    def named(self, what: str) -> str:
        return "_".join(part for part in (self.column, what, self.unit) if part)


_OBSERVABLES = (
    _Observable("sigma_mumu", "pb", "cross-section of e+ e- -> mu+ mu-"),
    _Observable("sigma_tautau", "pb", "cross-section of e+ e- -> tau+ tau-"),
    _Observable("a_fb_mumu", "", "forward-backward asymmetry of e+ e- -> mu+ mu-"),
    _Observable("a_fb_tautau", "", "forward-backward asymmetry of e+ e- -> tau+ tau-"),
)


class LepContact(GaussianData):
    """LEP-2 dileptons; data and errors in the order of `_OBSERVABLES`, 12 energies each (pb, or 1)."""

    title: ClassVar[str] = "LEP-2 dileptons"
    references: ClassVar[tuple[str, ...]] = (
        "LEP Electroweak Working Group, arXiv:hep-ex/0312023",
        "ZFITTER, Arbuzov et al., arXiv:hep-ph/0507146",
        "HEPfit, De Blas et al., arXiv:1910.14012",
    )
    conflicts: ClassVar[Mapping[str, str]] = {"lep_zprime": "both judge the LEP-2 dilepton data"}
    exclusion: ClassVar = "two_sided"

    @classmethod
    def build(cls, options: NoOptions, inputs: Inputs) -> Self:  # noqa: ARG003 - the base's signature
        data = read_table(_PACKAGE, "lep2_combination.csv")
        return cls(
            jnp.asarray(np.concatenate([data[item.named("")] for item in _OBSERVABLES])),
            jnp.asarray(np.concatenate([data[item.named("error")] for item in _OBSERVABLES])),
        )

    @property
    def provides(self) -> tuple[Prediction, ...]:
        return _WORDS

    @property
    def tables(self) -> tuple[Table, ...]:
        return read_table(_PACKAGE, "lep2_combination.csv"), read_table(_PACKAGE, "standard_model.csv")

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        energies = _energies()
        words = {word.compute.row: word.name for word in _WORDS if isinstance(word.compute, _Expected)}
        found = []
        for row, (central, error) in enumerate(zip(self.observed.tolist(), self.sigma.tolist(), strict=True)):
            item, energy = _OBSERVABLES[row // len(energies)], energies[row % len(energies)]
            summary = f"{central:g} +- {error:g} {item.unit}".strip()
            found.append(Measurement(f"{item.column} at {energy:g} GeV", summary, words.get(row), central, error))
        return tuple(found)

    @property
    def no_signal(self) -> Float[Array, ""]:
        return self.log_density(jnp.asarray(_standard_model().reshape(-1)))

    def predicted(self, predictions: Predictions) -> Float[Array, " 48"]:
        return expected(predictions)

    def limit_curves(self) -> LimitCurves:
        """Limit on the coupling of a B-L boson against its mass."""

        def log_likelihood(portal: Portal, width: Float[Array, " 2"]) -> Float[Array, ""]:
            return self.log_density(_expected(portal, width, Inputs()))

        return b_minus_l_limits(log_likelihood)

    def status(self, predictions: Predictions) -> Int[Array, ""]:
        """`outside_table` where a new resonance lies among the collision energies."""
        portal = predictions.portal
        mass = portal.mass[jnp.asarray(portal.new)]
        met = (mass > RESONANCES[0]) & (mass < RESONANCES[1])
        return jnp.where(jnp.any(met), status.OUTSIDE_TABLE.bit, 0)


def expected(predictions: Predictions) -> Float[Array, " 48"]:
    """Predictions of one point in the order of the data."""
    return predictions.once("lep_contact", lambda p: _expected(p.portal, decay_widths(p).total, p.inputs))


def _expected(portal: Portal, width: Float[Array, " 2"], inputs: Inputs) -> Float[Array, " 48"]:
    s = _energies() ** 2
    new = dilepton.observables(dilepton.with_portal(portal, width, inputs, s, ENERGY_SPREAD_GEV))
    known = dilepton.observables(dilepton.standard_model(inputs, s, ENERGY_SPREAD_GEV))
    full = jnp.asarray(_standard_model())
    rate = full[:2] * (new.rate / known.rate)
    return jnp.concatenate([rate, full[2:] + (new.asymmetry - known.asymmetry)]).reshape(-1)


@functools.cache
def _energies() -> Float[np.ndarray, " 12"]:
    """Collision energies, GeV."""
    return read_table(_PACKAGE, "lep2_combination.csv")["sqrt_s_gev"]


@functools.cache
def _standard_model() -> Float[np.ndarray, "4 12"]:
    table = read_table(_PACKAGE, "standard_model.csv")
    return np.stack([table[item.named("")] for item in _OBSERVABLES])


@dataclasses.dataclass(frozen=True)
class _Expected:
    """One row of `expected`; hashable, so that equal vocabularies share a compilation."""

    row: int

    def __call__(self, predictions: Predictions) -> Float[Array, ""]:
        return expected(predictions)[self.row]


# One word for each observable, at the highest energy.
_WORDS = tuple(
    Prediction(
        "_".join(part for part in ("lep2", item.column, "207", item.unit) if part),
        item.unit,
        f"{item.meaning} at 206.7 GeV with sqrt(s'/s) > 0.85",
        "ZFITTER times the ratio of tree-level amplitudes with and without the portal",
        _Expected(12 * i + 11),
    )
    for i, item in enumerate(_OBSERVABLES)
)
