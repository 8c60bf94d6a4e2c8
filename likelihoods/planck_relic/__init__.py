"""Planck 2018 relic density: Omega h^2 = 0.1200 +- 0.0012 with a theory error on the prediction.

A Gaussian (`globalfit.experiment.gaussian`). With `dark_matter: component` in the run file the particle is at most all
of the dark matter: below 0.12 ln L keeps its value at 0.12.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Self

import equinox as eqx
from jaxtyping import Array, Int
from pydantic import BaseModel, ConfigDict, Field

from globalfit.experiment.gaussian import Gaussian
from globalfit.experiment.protocol import Measurement
from globalfit.physics.dark_matter_fraction import OMEGA_H2
from globalfit.physics.inputs import Inputs
from globalfit.physics.observables import relic_flags
from globalfit.physics.predictions import Predictions
from globalfit.tables import Table, read_table


class PlanckRelicOptions(BaseModel):
    """Options of `planck_relic`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    theory_error: float = Field(
        default=0.05, ge=0.0, le=1.0, description="relative error of the predicted relic density"
    )


class PlanckRelic(Gaussian):
    """Planck relic density."""

    Options: ClassVar[type[BaseModel]] = PlanckRelicOptions
    title: ClassVar[str] = "Planck 2018 relic density"
    references: ClassVar[tuple[str, ...]] = ("Planck Collaboration, arXiv:1807.06209",)

    table: Table = eqx.field(static=True, kw_only=True)

    @classmethod
    def build(cls, options: PlanckRelicOptions, inputs: Inputs) -> Self:  # noqa: ARG003 - the base's signature
        table = read_table("globalfit.likelihoods.planck_relic", "planck_2018.csv")
        return cls.of(OMEGA_H2, table["omega_h2"][0], table["sigma"][0], options.theory_error, table=table)

    @property
    def tables(self) -> tuple[Table, ...]:
        return (self.table,)

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        return tuple(
            dataclasses.replace(one, observable="relic density", prediction=OMEGA_H2) for one in super().measurements
        )

    def status(self, predictions: Predictions) -> Int[Array, ""]:
        return relic_flags(predictions)

    def for_component(self) -> Self:
        return dataclasses.replace(self, upper=True)
