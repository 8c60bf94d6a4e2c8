"""XENON1T 2018: 1 t yr of xenon, limit on spin-independent scattering."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from globalfit.experiment.xenon_limit import HALO, LIMIT, XenonLimit, XenonOptions
from globalfit.physics.scattering.halo import Halo

Limit = Literal["observed", "median_sensitivity"]


class XENON1T2018Options(XenonOptions[Limit]):
    """Which published limit to use; the default halo is the one that XENON1T assumed."""

    limit: Limit = Field(default="observed", description=LIMIT)
    halo: Halo = Field(default=Halo(v0_km_s=220.0, v_earth_km_s=232.0), description=HALO)


class XENON1T2018(XenonLimit):
    """The last spin-independent result of XENON1T."""

    Options: ClassVar = XENON1T2018Options
    name: ClassVar[str] = "xenon1t_2018"
    title: ClassVar[str] = "XENON1T 2018"
    references: ClassVar[tuple[str, ...]] = ("arXiv:1805.12562", "arXiv:2210.07231")
    exposure_tonne_year: ClassVar[float] = 1.0
