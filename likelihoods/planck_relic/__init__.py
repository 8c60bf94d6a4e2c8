"""Planck 2018 relic density: Omega h^2 = 0.1200 +- 0.0012 with a theory error on the prediction.

    sigma^2 = 0.0012^2 + (theory_error Omega)^2,   ln L = -(Omega - 0.12)^2 / (2 sigma^2) - ln(2 pi sigma^2) / 2

`mode: all_of_dm` is this Gaussian. `mode: component` lets the particle be a part of the dark matter: below 0.12 ln L
keeps its value at 0.12, and direct and indirect detection then see the fraction f = Omega/0.12.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Literal, Self

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float
from pydantic import BaseModel, ConfigDict, Field

from globalfit.inputs import Inputs
from globalfit.likelihood import Measurement
from globalfit.observables import relic_flags
from globalfit.predictions import Prediction, Predictions
from globalfit.tables import Table, read_table


class PlanckRelicOptions(BaseModel):
    """Options of `planck_relic`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["all_of_dm", "component"] = Field(
        default="all_of_dm", description="the particle is all of the dark matter, or at most all of it"
    )
    theory_error: float = Field(
        default=0.05, ge=0.0, le=1.0, description="relative error of the predicted relic density"
    )


class PlanckRelic(eqx.Module):
    """Planck relic density."""

    Options: ClassVar = PlanckRelicOptions
    title: ClassVar = "Planck 2018 relic density"
    references: ClassVar = ("Planck Collaboration, arXiv:1807.06209",)
    supersedes: ClassVar[tuple[str, ...]] = ()

    central: Float[Array, ""]
    sigma: Float[Array, ""]
    theory_error: Float[Array, ""]
    component: bool = eqx.field(static=True)
    table: Table = eqx.field(static=True)
    name: str = eqx.field(static=True, default="planck_relic")
    requires: tuple[str, ...] = eqx.field(static=True, default=("omega_h2",))

    @classmethod
    def build(cls, options: PlanckRelicOptions, inputs: Inputs) -> Self:  # noqa: ARG003 - the protocol's signature
        table = read_table("globalfit.likelihoods.planck_relic", "planck_2018.csv")
        return cls(
            central=jnp.asarray(table["omega_h2"][0]),
            sigma=jnp.asarray(table["sigma"][0]),
            theory_error=jnp.asarray(options.theory_error),
            component=options.mode == "component",
            table=table,
        )

    @property
    def provides(self) -> tuple[Prediction, ...]:
        return ()

    @property
    def tables(self) -> tuple[Table, ...]:
        return (self.table,)

    @property
    def measurement(self) -> Measurement:
        central, sigma, theory_error = float(self.central), float(self.sigma), float(self.theory_error)
        bound = "at most " if self.component else ""
        summary = f"{bound}{central:.4f} +- {sigma:.4f} (+ {100.0 * theory_error:g} % theory)"
        return Measurement("omega_h2", summary, central, math.hypot(sigma, theory_error * central))

    @property
    def dark_matter_fraction(self) -> Callable[[Predictions], Float[Array, ""]] | None:
        """f = Omega/0.12, at most 1, in the mode `component`; None otherwise."""
        if not self.component:
            return None
        return lambda predictions: jnp.minimum(predictions["omega_h2"] / self.central, 1.0)

    def log_likelihood(self, predictions: Predictions) -> Float[Array, ""]:
        omega = self._omega(predictions)
        variance = self._variance(omega)
        return -0.5 * (omega - self.central) ** 2 / variance - 0.5 * jnp.log(2.0 * math.pi * variance)

    def pull(self, predictions: Predictions) -> Float[Array, ""]:
        omega = self._omega(predictions)
        return (omega - self.central) / jnp.sqrt(self._variance(omega))

    def status(self, predictions: Predictions) -> Array:
        return relic_flags(predictions)

    def _omega(self, predictions: Predictions) -> Float[Array, ""]:
        omega = predictions["omega_h2"]
        return jnp.maximum(omega, self.central) if self.component else omega

    def _variance(self, omega: Float[Array, ""]) -> Float[Array, ""]:
        return self.sigma**2 + (self.theory_error * omega) ** 2
