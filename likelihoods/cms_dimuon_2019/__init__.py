"""CMS 2019: narrow dimuon resonances, 11.5-75 and 110-200 GeV.

The published 90 % limit on the kinetic mixing epsilon of a dark photon becomes, at each tabulated mass M_i, a Gaussian
measurement m_i +- sigma_i of the signal strength mu = epsilon^2
(`globalfit.experiment.statistics.gaussian_from_limit`). A point of any model is judged by the production and the dimuon
branching fraction of its own resonances,

    mu_k = sigma_k BR_k(mu mu) / [sigma BR(mu mu)/epsilon^2 of the dark photon of the same mass],

and with a cell phi_i(M) around each tabulated mass

    ln L = -1/2 sum_i (m_i - sum_k mu_k phi_i(M_k))^2/sigma_i^2.

Neighbours share a resonance such that sum_i phi_i^2 = 1: the search is equally sensitive all over its two ranges, and
at a tabulated mass exactly as published. From the outermost tabulated masses to the ends of the ranges (0.5 to 2 %,
about the mass resolution) the last cells fall to zero: beyond, ln L does not depend on the resonance.

The limit was condensed to the medians of bins of 5 %, wider than the resolution; a resonance of large width is judged
by its branching fraction as if it were narrow.
"""

from __future__ import annotations

from typing import ClassVar, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from globalfit.experiment.gaussian_data import GaussianData
from globalfit.experiment.limit_curves import Curve, LimitCurves
from globalfit.experiment.protocol import Measurement, NoOptions
from globalfit.experiment.resonance_scans import hypercharge_scan
from globalfit.experiment.statistics import flat_prior_limit, gaussian_from_limit
from globalfit.physics import status
from globalfit.physics.collider.mass_table import MassTable
from globalfit.physics.collider.production import luminosity_table
from globalfit.physics.inputs import Inputs
from globalfit.physics.predictions import Prediction, Predictions
from globalfit.tables import Table

from . import strength

# Tabulated masses on either side whose median limit stands in for the expected one.
_HALF_WINDOW = 4


class CMSDimuon2019(GaussianData):
    """CMS search for narrow dimuon resonances; the data are best fits of the strength by cell."""

    title: ClassVar[str] = "CMS dimuon resonances 11.5-200 GeV"
    references: ClassVar[tuple[str, ...]] = ("arXiv:1912.04776",)
    exclusion: ClassVar = "cls"

    cells: strength.Cells
    quark_weights: MassTable

    @classmethod
    def build(cls, options: NoOptions, inputs: Inputs) -> Self:  # noqa: ARG003 - the base's signature
        table = strength.limit_table()
        observed = table["epsilon"] ** 2
        best, sigma = gaussian_from_limit(observed, _expected(table), table.provenance.confidence_level or 0.9)
        return cls(
            jnp.asarray(best),
            jnp.asarray(sigma),
            jax.tree.map(jnp.asarray, strength.cells()),
            jax.tree.map(jnp.asarray, strength.quark_weights(inputs)),
        )

    @property
    def provides(self) -> tuple[Prediction, ...]:
        return (_STRENGTH,)

    @property
    def tables(self) -> tuple[Table, ...]:
        return (strength.limit_table(), luminosity_table())

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        numbers = zip(*(np.asarray(x) for x in (self.cells.centre, self.observed, self.sigma)), strict=True)
        return tuple(
            Measurement(
                observable=f"dimuon signal strength at {mass:.4g} GeV",
                summary=f"({1e6 * best:.2f} +- {1e6 * sigma:.2f}) 1e-6 in units of epsilon^2",
                central=float(best),
                sigma=float(sigma),
            )
            for mass, best, sigma in numbers
        )

    @property
    def no_signal(self) -> Float[Array, ""]:
        return -0.5 * jnp.sum((self.observed / self.sigma) ** 2)

    def without_signal(self) -> Self:
        """The same search with no strength found at any mass."""
        return eqx.tree_at(lambda experiment: experiment.observed, self, jnp.zeros_like(self.observed))

    def limit_curves(self) -> LimitCurves:
        table = strength.limit_table()
        masses, published = table["mass_gev"], table["epsilon"]
        sigma = np.asarray(self.sigma)
        mixing2 = np.linspace(0.0, 12.0, 601)  # in units of sigma
        values = hypercharge_scan(self.log_likelihood, masses, np.sqrt(sigma[:, None] * mixing2))
        implied = np.sqrt(sigma * flat_prior_limit(mixing2, values, 0.9))
        curves = (
            Curve("published, 90 % CL", *_with_gap(masses, published), "published"),
            Curve("implied, hypercharge mixing without invisible decays", *_with_gap(masses, implied)),
        )
        return LimitCurves(self.title, "mass of the dark photon [GeV]", "epsilon", curves)

    def status(self, predictions: Predictions) -> Int[Array, ""]:
        """`not_covered` when a resonance lies outside both ranges."""
        mass = predictions.portal.mass[jnp.asarray(predictions.portal.new)]
        inside = jnp.zeros(mass.shape, dtype=bool)
        for low, high in strength.RANGES:
            inside = inside | ((mass >= low) & (mass <= high))
        return jnp.where(jnp.all(inside), 0, status.NOT_COVERED.bit)

    def predicted(self, predictions: Predictions) -> Float[Array, " cell"]:
        values = strength.strengths(predictions, self.quark_weights)
        responses = [self.cells(predictions.portal.mass[k]) for k in predictions.portal.new]
        return values @ jnp.stack(responses)


def _expected(table: Table) -> Float[np.ndarray, " mass"]:
    """Running median of the observed limit on epsilon^2 within each range: no expected one was published as a table."""
    masses, observed = table["mass_gev"], table["epsilon"] ** 2
    expected = np.empty_like(observed)
    for low, high in strength.RANGES:
        inside = np.flatnonzero((masses > low) & (masses < high))
        for i in inside:
            window = inside[np.abs(inside - i) <= _HALF_WINDOW]
            expected[i] = np.median(observed[window])
    return expected


def _with_gap(
    masses: Float[np.ndarray, " mass"], values: Float[np.ndarray, " mass"]
) -> tuple[Float[np.ndarray, " point"], Float[np.ndarray, " point"]]:
    """A curve with no value between the two ranges."""
    (_, low), (high, _) = strength.RANGES
    gap = int(np.searchsorted(masses, low))
    return np.insert(masses, gap, np.sqrt(low * high)), np.insert(values, gap, np.nan)


_STRENGTH = Prediction(
    name="dimuon_strength",
    unit="",
    meaning="epsilon^2 of a dark photon with the same dimuon signal as the resonances at 11.5-75 and 110-200 GeV",
    source="leading order, parton luminosities of CT14",
    compute=strength.dimuon_strength,
)
