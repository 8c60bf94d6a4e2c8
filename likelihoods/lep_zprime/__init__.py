"""LEP rule of thumb for a heavy Z': g_V < 0.12 M/TeV and g_A < 0.19 M/TeV at 95 % (arXiv:2203.09462, Eq. 13).

For comparison with papers that use the rule; `lep_contact` judges the data themselves. What the data constrain in a
heavy vector is its interference with the photon and the Z, linear in

    x_V = sum_k g_V^e g_V^l / M_k^2,   x_A = sum_k g_A^e g_A^l / M_k^2,

with k over the mass eigenstates but the Z, and the product averaged over mu and tau. The rule becomes a Gaussian about
zero in each, 1.96 standard deviations wide at the limit: ln L = -(3.84/2) (x_V^2/x_V,95^2 + x_A^2/x_A,95^2) with
x_95 = (0.12 or 0.19)^2 TeV^-2. For a coupling squared, which is not negative, this is the 95 % limit in the sense of
Bayes with a flat prior too.

Below the LEP energies the exchange no longer grows as 1/M^2, and M is held smoothly at 209 GeV; the status says
`outside_table`. The rule itself is not a fit to the LEP-2 dileptons: `lep_contact` gives g_V < 0.23 and g_A < 0.26
M/TeV for equal charges of all leptons, and less for the other sign of the interference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from globalfit.experiment.gaussian_data import GaussianData
from globalfit.experiment.limit_curves import TWO_SIDED_95, Curve, LimitCurves, upper_limit
from globalfit.experiment.protocol import Measurement, NoOptions
from globalfit.physics import status
from globalfit.physics.fermions import INDEX
from globalfit.physics.inputs import Inputs
from globalfit.physics.predictions import Prediction, Predictions
from globalfit.tables import Table, read_table

_PACKAGE = "globalfit.likelihoods.lep_zprime"
# Highest collision energy of LEP, GeV; the exchange saturates around it over `_SOFTNESS` in M^2.
HIGHEST_ENERGY_GEV = 209.0
_SOFTNESS = 0.1 * HIGHEST_ENERGY_GEV**2
_TEV2 = 1.0e6
_COUPLINGS = ("vector", "axial")


class LepZprime(GaussianData):
    """Rule of thumb for a heavy Z': observed x_V, x_A (zero; toys differ) and their errors, TeV^-2."""

    title: ClassVar[str] = "LEP rule of thumb for a Z'"
    references: ClassVar[tuple[str, ...]] = ("Zeng, arXiv:2203.09462, Eq. 13",)
    conflicts: ClassVar[Mapping[str, str]] = {"lep_contact": "both judge the LEP-2 dilepton data"}
    exclusion: ClassVar = "two_sided"

    @classmethod
    def build(cls, options: NoOptions, inputs: Inputs) -> Self:  # noqa: ARG003 - the base's signature
        return cls(jnp.zeros(2), jnp.asarray(_limits() ** 2 / np.sqrt(TWO_SIDED_95)))

    @property
    def provides(self) -> tuple[Prediction, ...]:
        return _WORDS

    @property
    def tables(self) -> tuple[Table, ...]:
        return (read_table(_PACKAGE, "rule.csv"),)

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        limits = _limits()
        return tuple(
            Measurement(
                observable=f"{kind} coupling of a heavy Z' to charged leptons",
                summary=f"g < {limits[i]:g} M/TeV (95 % CL)",
                prediction=_WORDS[i].name,
                central=float(self.observed[i]),
                sigma=float(self.sigma[i]),
            )
            for i, kind in enumerate(_COUPLINGS)
        )

    @property
    def no_signal(self) -> Float[Array, ""]:
        return self.log_density(jnp.zeros(2))

    def predicted(self, predictions: Predictions) -> Float[Array, " 2"]:
        return contact_terms(predictions)

    def limit_curves(self) -> LimitCurves:
        """Limits on both couplings against the mass, and the rule."""
        masses, limits, curves = np.geomspace(HIGHEST_ENERGY_GEV, 5000.0, 12), _limits(), []
        for i, kind in enumerate(_COUPLINGS):

            def log_likelihood(ratio: Float[Array, " batch"], i: int = i) -> Float[Array, " batch"]:
                return jax.vmap(lambda g: self.log_density(jnp.zeros(2).at[i].set(g**2)))(ratio)

            per_tev = upper_limit(log_likelihood, np.geomspace(0.01, 1.0, 60), TWO_SIDED_95)
            held = np.sqrt(np.asarray(_held(jnp.asarray(masses**2))) / _TEV2)
            curves.append(Curve(f"{kind}, this likelihood", masses, per_tev * held))
            curves.append(Curve(f"{kind}, rule of thumb", masses, limits[i] * masses / 1000.0, "published"))
        return LimitCurves(
            title=f"{self.title}, 95 % CL",
            x_label="mass [GeV]",
            y_label="coupling to charged leptons",
            curves=tuple(curves),
        )

    def status(self, predictions: Predictions) -> Int[Array, ""]:
        """`outside_table` for a new vector below the highest energy of LEP."""
        light = predictions.portal.mass[jnp.asarray(predictions.portal.new)] < HIGHEST_ENERGY_GEV
        return jnp.where(jnp.any(light), status.OUTSIDE_TABLE.bit, 0)


def contact_terms(predictions: Predictions) -> Float[Array, " 2"]:
    """x_V and x_A, TeV^-2."""
    return predictions.once("lep_zprime", _contact_terms)


def _contact_terms(predictions: Predictions) -> Float[Array, " 2"]:
    portal = predictions.portal
    new = jnp.asarray(portal.new)
    eigenvectors = portal.mixing.matter_eigenvectors(jnp.full(2, HIGHEST_ENERGY_GEV**2))[:, new]
    strength = _TEV2 / _held(portal.mass2[new])
    terms = []
    for couplings in (portal.vector, portal.axial):
        electron, muon, tau = couplings[np.array([INDEX["e"], INDEX["mu"], INDEX["tau"]])] @ eigenvectors
        terms.append(jnp.sum(electron * 0.5 * (muon + tau) * strength))
    return jnp.stack(terms)


def _held(mass2: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """M^2, and smoothly no less than the square of the highest energy: GeV^2."""
    distance = mass2 - HIGHEST_ENERGY_GEV**2
    return HIGHEST_ENERGY_GEV**2 + 0.5 * (distance + jnp.sqrt(distance**2 + _SOFTNESS**2))


def _limits() -> Float[np.ndarray, " 2"]:
    """Upper limits on the vector and the axial coupling at 1 TeV."""
    table = read_table(_PACKAGE, "rule.csv")
    return np.array([table["limit_per_tev"][table["coupling"] == kind][0] for kind in _COUPLINGS])


def _vector(predictions: Predictions) -> Float[Array, ""]:
    return contact_terms(predictions)[0]


def _axial(predictions: Predictions) -> Float[Array, ""]:
    return contact_terms(predictions)[1]


_WORDS = tuple(
    Prediction(
        f"lep_{kind}_contact_tev2",
        "TeV^-2",
        f"{kind} couplings of electron and charged lepton over M^2, summed over the vectors but the Z",
        "tree level; M^2 held at (209 GeV)^2 below",
        compute,
    )
    for kind, compute in zip(_COUPLINGS, (_vector, _axial), strict=True)
)
