"""`LimitCurve`: a published limit on y as a function of x, as a Gaussian in the signal strength.

    mu = (y/limit(x))^power     (limit(x)/y for a lower limit),   ln L = -(mu - best)^2/(2 sigma^2),   mu >= 0

From the observed limit alone best = 0 and sigma = 1/Phi^-1(1 - (1 - CL)/2), so that mu = 1 is the limit at its
confidence level (`globalfit.experiment.statistics.gaussian_from_limit`). Between its points ln limit is linear in ln x.
Within 2 % beyond the ends the strength fades to zero; there is no limit where nothing was published.
"""

from __future__ import annotations

from typing import ClassVar, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray
from scipy.special import ndtri

from globalfit.errors import DataError
from globalfit.experiment.limit_curves import Curve, LimitCurves
from globalfit.experiment.protocol import Likelihood, Measurement, Rule
from globalfit.experiment.statistics import flat_prior_limit
from globalfit.expression import Expression
from globalfit.physics import status
from globalfit.physics.collider.mass_table import smooth_step
from globalfit.physics.predictions import Predictions
from globalfit.tables import Table

# Range of ln x beyond the table in which the limit fades.
_FADE = 0.02
# A lower limit on what is not positive is broken by this strength.
_STRONGEST = 1e6


class LimitCurve(Likelihood):
    """Limit on an expression of predictions and parameters; `table` has x in its first column, the limit in its second.

    The signal goes with `fraction_power` of the fraction of the dark matter: 1 in direct, 2 in indirect detection.
    """

    # The published confidence level comes out as that of a Gaussian about zero.
    exclusion: ClassVar[Rule] = "two_sided"

    x: Expression = eqx.field(static=True)
    y: Expression = eqx.field(static=True)
    table: Table = eqx.field(static=True)
    log_x: Float[Array, " row"]
    log_limit: Float[Array, " row"]
    best_fit: Float[Array, ""]
    sigma: Float[Array, ""]
    lower: bool = eqx.field(static=True, default=False)
    power: float = eqx.field(static=True, default=1.0)
    fraction_power: int = eqx.field(static=True, default=0)

    @classmethod
    def of(cls, x: str, y: str, table: Table, lower: bool = False, power: float = 1.0, fraction_power: int = 0) -> Self:
        """The likelihood of a table. Raises `ConfigurationError` for a text that is no expression."""
        sigma = 1.0 / ndtri(1.0 - 0.5 * (1.0 - _confidence(table)))
        log_x, log_limit = (jnp.log(jnp.asarray(column)) for column in table.columns.values())
        numbers = jnp.zeros(()), jnp.asarray(sigma)
        return cls(Expression(x), Expression(y), table, log_x, log_limit, *numbers, lower, power, fraction_power)

    @property
    def requires(self) -> frozenset[str]:
        return self.x.names | self.y.names

    @property
    def tables(self) -> tuple[Table, ...]:
        return (self.table,)

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        kind = "lower" if self.lower else "upper"
        summary = f"{kind} limit against {self.x.text} ({100.0 * _confidence(self.table):g} % CL) is a strength of 1"
        observable = f"signal strength of {self.y.text}"
        return (Measurement(observable, summary, None, float(self.best_fit), float(self.sigma)),)

    @property
    def no_signal(self) -> Float[Array, ""]:
        return self._log_density(jnp.zeros(()))

    def log_likelihood(self, predictions: Predictions) -> Float[Array, ""]:
        return self._log_density(self.strength(predictions))

    def predicted(self, predictions: Predictions) -> Float[Array, " 1"]:
        return self.strength(predictions)[None]

    def pulls(self, predictions: Predictions) -> Float[Array, " 1"]:
        return ((self.best_fit - self.strength(predictions)) / self.sigma)[None]

    def simulate(self, predictions: Predictions, key: PRNGKeyArray) -> Self:
        drawn = self.strength(predictions) + self.sigma * jax.random.normal(key)
        return eqx.tree_at(lambda item: item.best_fit, self, drawn)

    def limit_curves(self) -> LimitCurves:
        """The limit that the likelihood implies, and the table."""
        x, published = (np.asarray(column) for column in self.table.columns.values())
        scan = np.linspace(0.0, 12.0, 1201) * float(self.sigma)
        values = np.asarray(self._log_density(jnp.asarray(scan)))
        strength = float(flat_prior_limit(scan, values, _confidence(self.table)))
        implied = published * strength ** ((-1.0 if self.lower else 1.0) / self.power)
        curves = (Curve("this likelihood", x, implied), Curve("table", x, published, "published"))
        return LimitCurves(f"{self.title}, {100.0 * _confidence(self.table):g} % CL", self.x.text, self.y.text, curves)

    def status(self, predictions: Predictions) -> Int[Array, ""]:
        """`outside_table` where x lies outside the table."""
        return jnp.where(self._beyond(self._log_of_x(predictions)) > 0.0, status.OUTSIDE_TABLE.bit, 0)

    def strength(self, predictions: Predictions) -> Float[Array, ""]:
        """Signal strength of a point: 1 at the limit."""
        log_x, y = self._log_of_x(predictions), self._value(self.y, predictions)
        limit = jnp.exp(jnp.interp(log_x, self.log_x, self.log_limit))
        ratio = limit / jnp.maximum(y, limit / _STRONGEST) if self.lower else jnp.maximum(y, 0.0) / limit
        fraction = predictions.dark_matter_fraction**self.fraction_power
        return smooth_step(1.0 - self._beyond(log_x) / _FADE) * fraction * ratio**self.power

    def _log_density(self, strength: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        return -0.5 * ((self.best_fit - strength) / self.sigma) ** 2

    def _log_of_x(self, predictions: Predictions) -> Float[Array, ""]:
        x = self._value(self.x, predictions)
        return jnp.log(jnp.where(x > 0.0, x, jnp.exp(self.log_x[0] - 1.0)))

    def _beyond(self, log_x: Float[Array, ""]) -> Float[Array, ""]:
        """Distance from the range of the table in ln x."""
        return jnp.maximum(jnp.maximum(self.log_x[0] - log_x, log_x - self.log_x[-1]), 0.0)

    def _value(self, expression: Expression, predictions: Predictions) -> Float[Array, ""]:
        return expression({name: predictions.value(name) for name in expression.names})


def _confidence(table: Table) -> float:
    """Confidence level of the limits, which a table of limits must state."""
    level = table.provenance.confidence_level
    if level is None:
        raise DataError(f"{table.name} has no confidence level, without which its limits mean nothing.")
    return level
