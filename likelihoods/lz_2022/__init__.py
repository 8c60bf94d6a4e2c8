"""LZ 2022: 5.5 t x 60 days of xenon, first limit on spin-independent scattering."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from globalfit.experiment.xenon_limit import LIMIT, XenonLimit, XenonOptions

Limit = Literal["observed_power_constrained", "observed_constrained_at_median", "median_sensitivity"]


class LZ2022Options(XenonOptions[Limit]):
    """Which published limit to use.

    The power-constrained one is that of the abstract. No positive weight follows its downward fluctuation: around
    36 GeV the implied limit is up to 1.5 times weaker. The one that is constrained at the median comes back to 3 %.
    """

    limit: Limit = Field(default="observed_power_constrained", description=LIMIT)


class LZ2022(XenonLimit):
    """The first result of LUX-ZEPLIN."""

    Options: ClassVar = LZ2022Options
    name: ClassVar[str] = "lz_2022"
    title: ClassVar[str] = "LZ 2022"
    references: ClassVar[tuple[str, ...]] = ("arXiv:2207.03764",)
    exposure_tonne_year: ClassVar[float] = 330.0 / 365.25
