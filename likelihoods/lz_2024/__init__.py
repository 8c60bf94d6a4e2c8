"""LZ 2024: 4.2 t yr of xenon, limit on spin-independent scattering."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from globalfit.experiment.xenon_limit import LIMIT, XenonLimit, XenonOptions

Limit = Literal["observed_power_constrained", "observed_unconstrained", "median_sensitivity"]


class LZ2024Options(XenonOptions[Limit]):
    """Which published limit to use; `observed_unconstrained` is reproduced to 14 % only, the others to 2 %."""

    limit: Limit = Field(default="observed_power_constrained", description=LIMIT)


class LZ2024(XenonLimit):
    """LUX-ZEPLIN with 280 live days, which contain those of LZ 2022."""

    Options: ClassVar = LZ2024Options
    name: ClassVar[str] = "lz_2024"
    title: ClassVar[str] = "LZ 2024"
    references: ClassVar[tuple[str, ...]] = ("arXiv:2410.17036",)
    exposure_tonne_year: ClassVar[float] = 4.2
    conflicts: ClassVar[Mapping[str, str]] = {"lz_2022": "LZ 2024 contains the 60 live days of LZ 2022"}
