"""Planck 2018 relic density: Omega h^2 = 0.1200 +- 0.0012 with a theory error on the prediction.

    sigma^2 = 0.0012^2 + (theory_error Omega)^2,   ln L = -(Omega - 0.12)^2 / (2 sigma^2) - ln(2 pi sigma^2) / 2

`mode: all_of_dm` is this Gaussian. `mode: component` lets the particle be a part of the dark matter: below 0.12 ln L
keeps its value at 0.12, and direct and indirect detection then see the fraction f = Omega/0.12.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import ClassVar, Literal, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import BaseModel, ConfigDict, Field

from globalfit.experiment.limit_curves import Curve, Picture
from globalfit.experiment.protocol import Measurement
from globalfit.physics.inputs import Inputs
from globalfit.physics.observables import relic_flags
from globalfit.physics.predictions import Prediction, Predictions
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
    conflicts: ClassVar[Mapping[str, str]] = {}

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
    def measurements(self) -> tuple[Measurement, ...]:
        central, sigma, theory_error = float(self.central), float(self.sigma), float(self.theory_error)
        bound = "at most " if self.component else ""
        summary = f"{bound}{central:.4f} +- {sigma:.4f} (+ {100.0 * theory_error:g} % theory)"
        error = math.hypot(sigma, theory_error * central)
        return (Measurement("relic density", summary, "omega_h2", central, error),)

    @property
    def maximum(self) -> Float[Array, ""]:
        """ln L at its peak, which lies below the measured value because the theory error grows with the prediction."""
        return self._density(self.central if self.component else self._peak())

    @property
    def no_signal(self) -> None:
        """The Standard Model has no dark matter to predict."""
        return None

    @property
    def dark_matter_fraction(self) -> Callable[[Predictions], Float[Array, ""]] | None:
        """f = Omega/0.12, at most 1, in the mode `component`; None otherwise."""
        if not self.component:
            return None
        return lambda predictions: jnp.minimum(predictions["omega_h2"] / self.central, 1.0)

    def log_likelihood(self, predictions: Predictions) -> Float[Array, ""]:
        return self._density(self._omega(predictions))

    def predicted(self, predictions: Predictions) -> Float[Array, " 1"]:
        return predictions["omega_h2"][None]

    def pulls(self, predictions: Predictions) -> Float[Array, " 1"]:
        omega, peak = self._omega(predictions), self.central if self.component else self._peak()
        square = 2.0 * (self.maximum - self._density(omega))
        positive = square > 0.0
        size = jnp.where(positive, jnp.sqrt(jnp.where(positive, square, 1.0)), 0.0)
        return jnp.where(omega > peak, -size, size)[None]

    def simulate(self, predictions: Predictions, key: PRNGKeyArray) -> Self:
        """The measured value scatters by its own error and by that of the theory."""
        omega = self._omega(predictions)
        drawn = omega + jnp.sqrt(self._variance(omega)) * jax.random.normal(key)
        return eqx.tree_at(lambda item: item.central, self, drawn)

    def picture(self) -> Picture:
        """ln L against the relic density."""
        omega = np.linspace(0.08, 0.16, 161)
        shown = jnp.maximum(jnp.asarray(omega), self.central) if self.component else jnp.asarray(omega)
        return Picture(
            title=f"{self.title} with a theory error of {100.0 * float(self.theory_error):g} %",
            x_label="relic density Omega h2",
            y_label="ln L - its maximum",
            curves=(Curve("this likelihood", omega, np.asarray(self._density(shown) - self.maximum)),),
            logarithmic=(False, False),
        )

    def status(self, predictions: Predictions) -> Array:
        return relic_flags(predictions)

    def _omega(self, predictions: Predictions) -> Float[Array, ""]:
        omega = predictions["omega_h2"]
        return jnp.maximum(omega, self.central) if self.component else omega

    def _density(self, omega: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        variance = self._variance(omega)
        return -0.5 * (omega - self.central) ** 2 / variance - 0.5 * jnp.log(2.0 * math.pi * variance)

    def _peak(self) -> Float[Array, ""]:
        """Relic density of the highest ln L, by Newton's method from the measured value (ample to 1e-12)."""
        slope = jax.grad(self._density)
        bend = jax.grad(slope)
        return jax.lax.fori_loop(0, 6, lambda _, omega: omega - slope(omega) / bend(omega), self.central)

    def _variance(self, omega: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        return self.sigma**2 + (self.theory_error * omega) ** 2
