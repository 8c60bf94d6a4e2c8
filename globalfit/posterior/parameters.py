"""From the sampled vector to the parameters of a model: priors, fixed values and expressions of others."""

from __future__ import annotations

import graphlib
from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from globalfit.errors import ConfigurationError, PointsError, UnknownNameError
from globalfit.expression import Expression
from globalfit.posterior.prior import Prior


class Parameters(eqx.Module):
    """Sampled parameters with their prior, fixed ones, and expressions in an order in which they can be evaluated."""

    prior: Prior
    fixed: dict[str, Float[Array, ""]]
    expressions: dict[str, Expression] = eqx.field(static=True)

    @classmethod
    def of(cls, prior: Prior, fixed: Mapping[str, float], expressions: Mapping[str, Expression]) -> Parameters:
        """Order the expressions.

        Raises `UnknownNameError` for a name that is not a parameter, `ConfigurationError` for a circle.
        """
        known = {*prior.names, *fixed, *expressions}
        for name, expression in expressions.items():
            for used in sorted(expression.names - known):
                raise UnknownNameError(f"parameter in the expression of '{name}':", used, known)
        graph = {name: expression.names & set(expressions) for name, expression in expressions.items()}
        try:
            order = tuple(graphlib.TopologicalSorter(graph).static_order())
        except graphlib.CycleError as error:
            raise ConfigurationError(f"the expressions of {', '.join(error.args[1])} define each other.") from error
        arrays = {name: jnp.asarray(value, float) for name, value in fixed.items()}
        return cls(prior, arrays, {name: expressions[name] for name in order})

    def values(self, theta: Float[Array, " ndim"]) -> dict[str, Array]:
        """All parameters by name at one sampled point. Raises `PointsError` for another shape, which JAX would not."""
        if jnp.shape(theta) != (len(self.prior.names),):
            names = ", ".join(self.prior.names)
            raise PointsError(f"a point has the shape ({len(self.prior.names)},): {names}; found {jnp.shape(theta)}.")
        values = {name: theta[i] for i, name in enumerate(self.prior.names)}
        values |= self.fixed
        for name, expression in self.expressions.items():
            values[name] = expression(values)
        return values
