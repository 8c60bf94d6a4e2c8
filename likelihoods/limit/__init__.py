"""A published limit on any prediction, from a table of one's own: `limit: {table: my.csv, x: m_chi, y: epsilon}`."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from globalfit.experiment.limit_curve import LimitCurve
from globalfit.experiment.own_table import read_own_table
from globalfit.experiment.protocol import NAME
from globalfit.physics.inputs import Inputs


class LimitOptions(BaseModel):
    """Options of `limit`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = Field(None, pattern=NAME, description="what it is called, if a run has several")
    table: str = Field(min_length=1, description="CSV file of x and the limit, relative to the run file")
    x: str = Field(description="a parameter, a prediction, or an expression of them")
    y: str = Field(description="what is limited, in the same way")
    confidence: float = Field(gt=0.5, lt=1.0, description="confidence level of the limit, such as 0.9")
    kind: Literal["upper", "lower"] = Field("upper", description="whether y must lie below or above the limit")
    power: float = Field(1.0, ge=1.0, description="the signal goes with this power of y: 2 for a coupling")
    fraction_power: Literal[0, 1, 2] = Field(
        0, description="and with this power of the fraction of the dark matter: 1 in direct, 2 in indirect detection"
    )
    source: str = Field("stated in the run file", min_length=1, description="arXiv number or DOI of the limit")


class StatedLimit(LimitCurve):
    """A limit of the run file."""

    Options: ClassVar[type[BaseModel]] = LimitOptions
    title: ClassVar[str] = "published limit"

    @classmethod
    def build(cls, options: LimitOptions, inputs: Inputs) -> Self:  # noqa: ARG003 - the base's signature
        about = (options.x, options.y, options.kind, options.confidence, options.source)
        table = read_own_table(Path(options.table), options.name or "limit", *about)
        return cls.of(options.x, options.y, table, options.kind == "lower", options.power, options.fraction_power)
