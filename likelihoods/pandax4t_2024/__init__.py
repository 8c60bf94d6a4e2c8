"""PandaX-4T 2024: 1.54 t yr of xenon (commissioning run and first science run), spin-independent limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from globalfit.experiment.xenon_limit import LIMIT, XenonLimit, XenonOptions

Limit = Literal["observed"]


class PandaX4T2024Options(XenonOptions[Limit]):
    """Only the observed limit is tabulated."""

    limit: Limit = Field(default="observed", description=LIMIT)


class PandaX4T2024(XenonLimit):
    """Both runs of PandaX-4T, of which the first is PandaX-4T 2021."""

    Options: ClassVar = PandaX4T2024Options
    name: ClassVar[str] = "pandax4t_2024"
    title: ClassVar[str] = "PandaX-4T 2024"
    references: ClassVar[tuple[str, ...]] = ("arXiv:2408.00664",)
    exposure_tonne_year: ClassVar[float] = 1.54
    conflicts: ClassVar[Mapping[str, str]] = {
        "pandax4t_2021": "PandaX-4T 2024 contains the commissioning run, which is PandaX-4T 2021"
    }
