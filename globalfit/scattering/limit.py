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
from collections.abc import Callable
from typing import Any, ClassVar, Generic, Self, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from pydantic import BaseModel, ConfigDict

from globalfit import status
from globalfit.inputs import Inputs
from globalfit.likelihood import LN_10, Measurement
from globalfit.predictions import Prediction, Predictions
from globalfit.scattering.halo import Halo
from globalfit.scattering.xenon import KG_DAY_PER_TONNE_YEAR, XenonCounts, efficiency
from globalfit.tables import Table, read_table

# Dark-matter masses for which the weights were fitted, GeV.
MASS_DOMAIN = (9.0, 1e4)
_FILES = ("efficiency.csv", "limit_weights.csv", "limits.csv")


LimitT = TypeVar("LimitT", bound=str)


class XenonOptions(BaseModel, Generic[LimitT]):
    """Options that every xenon search has; `limit` names a column of the table of weights.

    The weights were fitted with the default halo: another one is a what-if, not a new analysis of the data.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: LimitT
    halo: Halo = Halo()


class XenonLimit(eqx.Module):
    """Base of the xenon searches. A subclass states the class variables and stands in the package of its tables."""

    Options: ClassVar[type[BaseModel]]
    name: ClassVar[str]
    title: ClassVar[str]
    references: ClassVar[tuple[str, ...]]
    requires: ClassVar[tuple[str, ...]] = ()
    supersedes: ClassVar[tuple[str, ...]] = ()
    exposure_tonne_year: ClassVar[float]

    weighted: XenonCounts
    options: XenonOptions[Any] = eqx.field(static=True)

    @classmethod
    def build(cls, options: Any, inputs: Inputs) -> Self:  # noqa: ARG003
        """Read the tables. Raises `DataError` if one is unusable."""
        return cls(jax.tree.map(jnp.asarray, _counts(cls, options.halo, options.limit)), options)

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
    def measurement(self) -> Measurement:
        """The strongest limit of the chosen curve."""
        limits = read_table(type(self).__module__, "limits.csv")
        chosen = limits["limit"] == self.options.limit
        cross_section, mass = limits["cross_section_cm2"][chosen], limits["dark_matter_mass_gev"][chosen]
        best = int(np.argmin(cross_section))
        return Measurement(
            observable="spin-independent cross section on nucleons",
            summary=(
                f"{self.options.limit.replace('_', ' ')}: below {cross_section[best]:.2e} cm2 at {mass[best]:g} GeV "
                "(90 % CL, its lowest point)"
            ),
        )

    def log_likelihood(self, predictions: Predictions) -> Float[Array, ""]:
        """-ln(10) s, zero without a signal."""
        return -LN_10 * self.weighted(predictions)

    def pull(self, predictions: Predictions) -> Float[Array, ""]:
        """sqrt(2 ln(10) s)."""
        square = 2.0 * LN_10 * self.weighted(predictions)
        return jnp.where(square > 0.0, jnp.sqrt(jnp.where(square > 0.0, square, 1.0)), 0.0)

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


@functools.cache
def _counts(experiment: type[XenonLimit], halo: Halo, limit: str | None) -> XenonCounts:
    """Count of an experiment's exposure: of events, or of events weighted for the limit of that name."""
    package = experiment.__module__
    accept = efficiency(read_table(package, "efficiency.csv"))
    weight = _weight(read_table(package, "limit_weights.csv"), limit) if limit else np.ones_like
    exposure = KG_DAY_PER_TONNE_YEAR * experiment.exposure_tonne_year
    return XenonCounts(lambda energy: accept(energy) * weight(energy), exposure, halo)


def _weight(table: Table, limit: str) -> Callable[[Float[np.ndarray, " e"]], Float[np.ndarray, " e"]]:
    knots, values = table["recoil_energy_kev"], table[limit]
    return lambda energy: np.interp(np.log(energy), np.log(knots), values, left=0.0)
