"""XENONnT 2023: 1.09 t yr of xenon, limit on spin-independent scattering."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from globalfit.experiment.xenon_limit import LIMIT, XenonLimit, XenonOptions

Limit = Literal["observed_power_constrained", "observed_unconstrained"]


class XENONnT2023Options(XenonOptions[Limit]):
    """Which published limit to use."""

    limit: Limit = Field(default="observed_power_constrained", description=LIMIT)


class XENONnT2023(XenonLimit):
    """The first science run of XENONnT."""

    Options: ClassVar = XENONnT2023Options
    name: ClassVar[str] = "xenonnt_2023"
    title: ClassVar[str] = "XENONnT 2023"
    references: ClassVar[tuple[str, ...]] = ("arXiv:2303.14729",)
    exposure_tonne_year: ClassVar[float] = 1.09
