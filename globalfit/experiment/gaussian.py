"""`Gaussian`: a quantity that was measured, with an error of its own and one of the theory.

sigma^2 = error^2 + (theory_error x)^2,   ln L = -(x - mean)^2/(2 sigma^2) - ln(2 pi sigma^2)/2
"""

from __future__ import annotations

import math
from typing import Any, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from globalfit.errors import ConfigurationError
from globalfit.experiment.limit_curves import Curve, LimitCurves
from globalfit.experiment.protocol import Likelihood, Measurement
from globalfit.expression import Expression
from globalfit.physics.predictions import Predictions

# Digits after the point beyond which numbers have exponents.
_MOST_DIGITS = 6
# Half of the width of the picture, in standard deviations.
_SHOWN = 6.5


class Gaussian(Likelihood):
    """Measured value of a prediction, or of an expression of predictions and parameters.

    With `upper` only values above the mean count: below it ln L keeps its value there.
    """

    quantity: Expression = eqx.field(static=True)
    mean: Float[Array, ""]
    sigma: Float[Array, ""]
    theory_error: Float[Array, ""]
    upper: bool = eqx.field(static=True, default=False)

    @classmethod
    def of(cls, quantity: str, mean: float, sigma: float, theory_error: float = 0.0, **more: Any) -> Self:
        """The likelihood of a prediction or an expression; `theory_error` is relative, `more` are fields of a subclass.

        Raises `ConfigurationError` for a text that is no expression, and for an error whose square is zero.
        """
        if sigma**2 == 0.0:
            raise ConfigurationError(f"sigma = {sigma:g} is too small: its square is zero in double precision.")
        numbers = {"mean": mean, "sigma": sigma, "theory_error": theory_error}
        return cls(Expression(quantity), **{name: jnp.asarray(x) for name, x in numbers.items()}, **more)

    @property
    def requires(self) -> frozenset[str]:
        return self.quantity.names

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        mean, sigma, theory_error = float(self.mean), float(self.sigma), float(self.theory_error)
        # Both with the two digits of the error that count.
        digits = 1 - math.floor(math.log10(sigma))
        form = f".{digits}f" if 0 <= digits <= _MOST_DIGITS else "g"
        summary = f"{'at most ' if self.upper else ''}{mean:{form}} +- {sigma:{form}}"
        summary += f" (+ {100.0 * theory_error:g} % theory)" if theory_error else ""
        return (Measurement(self.quantity.text, summary, None, mean, math.hypot(sigma, theory_error * mean)),)

    @property
    def maximum(self) -> Float[Array, ""]:
        """ln L at its peak, which a theory error that grows with the prediction moves below the mean."""
        return self.density(self._peak())

    def log_likelihood(self, predictions: Predictions) -> Float[Array, ""]:
        return self.density(self._counted(predictions))

    def predicted(self, predictions: Predictions) -> Float[Array, " 1"]:
        return self._value(predictions)[None]

    def pulls(self, predictions: Predictions) -> Float[Array, " 1"]:
        value, peak = self._counted(predictions), self._peak()
        square = 2.0 * (self.maximum - self.density(value))
        positive = square > 0.0
        size = jnp.where(positive, jnp.sqrt(jnp.where(positive, square, 1.0)), 0.0)
        return jnp.where(value > peak, -size, size)[None]

    def simulate(self, predictions: Predictions, key: PRNGKeyArray) -> Self:
        """The measured value scatters by its own error and by that of the theory."""
        value = self._counted(predictions)
        drawn = value + jnp.sqrt(self._variance(value)) * jax.random.normal(key)
        return eqx.tree_at(lambda item: item.mean, self, drawn)

    def limit_curves(self) -> LimitCurves:
        """ln L against the quantity."""
        (measured,) = self.measurements
        half = _SHOWN * float(jnp.sqrt(self._variance(self.mean)))
        x = np.linspace(float(self.mean) - half, float(self.mean) + half, 161)
        shown = jnp.maximum(jnp.asarray(x), self.mean) if self.upper else jnp.asarray(x)
        curve = Curve("this likelihood", x, np.asarray(self.density(shown) - self.maximum))
        title = f"{self.title}: {measured.summary}"
        return LimitCurves(title, self.quantity.text, "ln L - its maximum", (curve,), (False, False))

    def density(self, value: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        """ln L of values of the quantity."""
        variance = self._variance(value)
        return -0.5 * (value - self.mean) ** 2 / variance - 0.5 * jnp.log(2.0 * math.pi * variance)

    def _value(self, predictions: Predictions) -> Float[Array, ""]:
        return self.quantity({name: predictions.value(name) for name in self.quantity.names})

    def _counted(self, predictions: Predictions) -> Float[Array, ""]:
        value = self._value(predictions)
        return jnp.maximum(value, self.mean) if self.upper else value

    def _peak(self) -> Float[Array, ""]:
        """Value of the highest ln L, by Newton's method from the mean (ample to 1e-12)."""
        if self.upper:
            return self.mean
        slope = jax.grad(self.density)
        bend = jax.grad(slope)
        return jax.lax.fori_loop(0, 6, lambda _, value: value - slope(value) / bend(value), self.mean)

    def _variance(self, value: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        return self.sigma**2 + (self.theory_error * value) ** 2
