"""PandaX-4T 2021: 0.63 t yr of xenon (commissioning run), limit on spin-independent scattering."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from globalfit.experiment.xenon_limit import LIMIT, XenonLimit, XenonOptions


class PandaX4T2021Options(XenonOptions[Literal["observed"]]):
    """Only the observed limit is tabulated."""

    limit: Literal["observed"] = Field(default="observed", description=LIMIT)


class PandaX4T2021(XenonLimit):
    """The commissioning run of PandaX-4T."""

    Options: ClassVar = PandaX4T2021Options
    name: ClassVar[str] = "pandax4t_2021"
    title: ClassVar[str] = "PandaX-4T 2021"
    references: ClassVar[tuple[str, ...]] = ("arXiv:2107.13438",)
    exposure_tonne_year: ClassVar[float] = 0.63
