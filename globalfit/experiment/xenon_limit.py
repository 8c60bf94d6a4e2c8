"""`XenonLimit`: the likelihood of a xenon search of which only the spin-independent limit is public.

An energy-weighted count s = exposure int dE efficiency(E) w(E) dR/dE with ln L = -2.303 s: s = 1 is the 90 % limit. The
weight w(E) is linear in ln E between its knots, zero below the first and constant above the last. It was fitted to the
published limit curve for 9 GeV to 10 TeV, so it knows at which recoil energies the search was how sensitive, and with
it other recoil spectra can be judged. Above 30 keV a spin-independent limit says nothing: hard spectra are judged
conservatively, by up to a factor 4 in rate.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, ClassVar, Generic, Self, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from pydantic import BaseModel, ConfigDict, Field

from globalfit.experiment.counting import Counting
from globalfit.experiment.limit_curves import Curve, LimitCurves
from globalfit.experiment.protocol import LN_10, Measurement
from globalfit.physics import status
from globalfit.physics.inputs import GEV_M2_TO_CM2, Inputs
from globalfit.physics.predictions import Prediction, Predictions
from globalfit.physics.scattering.channels import NUCLEON_MASS_GEV
from globalfit.physics.scattering.halo import Halo
from globalfit.physics.scattering.momentum import MOMENTA
from globalfit.physics.scattering.nreft import Coefficients
from globalfit.physics.scattering.xenon import KG_DAY_PER_TONNE_YEAR, XenonCounts, efficiency
from globalfit.tables import Table, read_table

# Dark-matter masses for which the weights were fitted, GeV.
MASS_DOMAIN = (9.0, 1e4)
_FILES = ("efficiency.csv", "limit_weights.csv", "limits.csv")


# Descriptions of the options.
LIMIT = "which published limit the energy-weighted count reproduces"
HALO = "another halo than that of the fitted weights is a what-if, not an analysis of the data"

LimitT = TypeVar("LimitT", bound=str)


class XenonOptions(BaseModel, Generic[LimitT]):
    """Options that every xenon search has; `limit` names a column of the table of weights.

    The weights were fitted with the default halo: another one is a what-if, not a new analysis of the data.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: LimitT = Field(description=LIMIT)
    halo: Halo = Field(default=Halo(), description=HALO)


class XenonLimit(Counting):
    """Base of the xenon searches. A subclass states the class variables and stands in the package of its tables."""

    name: ClassVar[str]
    exclusion: ClassVar = "no_events"
    exposure_tonne_year: ClassVar[float]

    weighted: XenonCounts
    options: XenonOptions[Any] = eqx.field(static=True)

    @classmethod
    def build(cls, options: Any, inputs: Inputs) -> Self:  # noqa: ARG003
        """Read the tables. Raises `DataError` if one is unusable."""
        counts = _counts(cls, options.halo, options.limit)
        return cls(jnp.zeros(()), jnp.zeros(()), jax.tree.map(jnp.asarray, counts), options)

    @property
    def provides(self) -> tuple[Prediction, ...]:
        """The expected number of signal events with the published efficiency."""
        return (
            Prediction(
                name=f"events_{self.name}",
                unit="events",
                meaning=f"expected signal events of {self.title} ({self.exposure_tonne_year:.3g} t yr, all cuts)",
                source=self.references[0],
                compute=_Events(type(self), self.options.halo),
            ),
        )

    @property
    def tables(self) -> tuple[Table, ...]:
        """Efficiency, weights and the published limits."""
        return tuple(read_table(type(self).__module__, filename) for filename in _FILES)

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """The strongest limit of the chosen curve."""
        mass, cross_section = self._published()
        best = int(np.argmin(cross_section))
        return (
            Measurement(
                observable="spin-independent cross section on nucleons",
                summary=(
                    f"{self.options.limit.replace('_', ' ')}: below {cross_section[best]:.2e} cm2 "
                    f"at {mass[best]:g} GeV (90 % CL, its lowest point)"
                ),
                prediction=f"events_{self.name}",
            ),
        )

    def expected_signal(self, predictions: Predictions) -> Float[Array, ""]:
        """mu = ln(10) s: the published limit stands for nothing seen and no background."""
        return LN_10 * self.weighted(predictions)

    def predicted(self, predictions: Predictions) -> Float[Array, " 1"]:
        return _Events(type(self), self.options.halo)(predictions)[None]

    def limit_curves(self) -> LimitCurves:
        """Limit on the spin-independent cross section against the mass."""
        mass, published = self._published()
        scan = np.geomspace(*MASS_DOMAIN, 60)
        implied = limit_of_counts(self.weighted, jnp.asarray(scan))
        return LimitCurves(
            title=f"{self.title}: spin-independent scattering, 90 % CL ({self.options.limit.replace('_', ' ')})",
            x_label="dark-matter mass [GeV]",
            y_label="cross section per nucleon [cm2]",
            curves=(
                Curve("this likelihood", scan, np.asarray(implied)),
                Curve("published", mass, published, "published"),
            ),
        )

    def _published(self) -> tuple[Float[np.ndarray, " mass"], Float[np.ndarray, " mass"]]:
        """Masses in GeV and the published limits of the chosen kind in cm^2."""
        limits = read_table(type(self).__module__, "limits.csv")
        chosen = limits["limit"] == self.options.limit
        return limits["dark_matter_mass_gev"][chosen], limits["cross_section_cm2"][chosen]

    def status(self, predictions: Predictions) -> Int[Array, ""]:
        """`outside_table` for masses outside the domain of the weights."""
        mass = predictions.dark_matter.mass
        outside = (mass < MASS_DOMAIN[0]) | (mass > MASS_DOMAIN[1])
        return jnp.where(outside, status.OUTSIDE_TABLE.bit, 0)


@dataclasses.dataclass(frozen=True)
class _Events:
    """Unweighted count of an experiment."""

    experiment: type[XenonLimit]
    halo: Halo

    def __call__(self, predictions: Predictions) -> Array:
        return _counts(self.experiment, self.halo, None)(predictions)


def weighted_counts(
    experiment: type[XenonLimit], halo: Halo, weight: Callable[[Float[np.ndarray, " e"]], Float[np.ndarray, " e"]]
) -> XenonCounts:
    """Count of an experiment's exposure with its efficiency times a weight, a function of the recoil energy in keV."""
    accept = efficiency(read_table(experiment.__module__, "efficiency.csv"))
    exposure = KG_DAY_PER_TONNE_YEAR * experiment.exposure_tonne_year
    return XenonCounts(lambda energy: accept(energy) * weight(energy), exposure, halo)


@eqx.filter_jit
def limit_of_counts(counts: XenonCounts, mass: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """Spin-independent cross section on a nucleon, cm^2, that gives a count of one."""
    unit = jnp.ones((2, len(MOMENTA)))
    zero = jnp.zeros_like(unit)

    def one(mass: Float[Array, ""]) -> Float[Array, ""]:
        reduced = mass * NUCLEON_MASS_GEV / (mass + NUCLEON_MASS_GEV)
        per_count = reduced**2 / math.pi * GEV_M2_TO_CM2
        return per_count / counts.count(mass, Coefficients(unit, zero, zero, zero))

    return jnp.vectorize(one)(mass)


@functools.cache
def _counts(experiment: type[XenonLimit], halo: Halo, limit: str | None) -> XenonCounts:
    """Count of an experiment's exposure: of events, or of events weighted for the limit of that name."""
    if limit is None:
        return weighted_counts(experiment, halo, np.ones_like)
    return weighted_counts(experiment, halo, _weight(read_table(experiment.__module__, "limit_weights.csv"), limit))


def _weight(table: Table, limit: str) -> Callable[[Float[np.ndarray, " e"]], Float[np.ndarray, " e"]]:
    knots, values = table["recoil_energy_kev"], table[limit]
    return lambda energy: np.interp(np.log(energy), np.log(knots), values, left=0.0)
