"""Unbounded coordinates for gradient-based sampling."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from globalfit.samplers.protocol import Target


@runtime_checkable
class Coordinates(Protocol):
    """Coordinates z in R^ndim, a pytree.

    A target may offer its own as an attribute `straighten`, e.g. a triangular map that flattens a thin curved sheet
    of the posterior; without it `Logit` is used. `globalfit.samplers.nuts.triangular_map` learns further maps from
    particles.
    """

    def to_theta(self, z: Float[Array, " ndim"]) -> tuple[Float[Array, " ndim"], Float[Array, ""]]:
        """Parameters of one point, and the log of the prior density in z (Jacobian included), -inf outside."""
        ...

    def from_cube(self, u: Float[Array, " ndim"]) -> Float[Array, " ndim"]:
        """Coordinates of one point of the open unit cube."""
        ...


class Logit(eqx.Module):
    """z = logit(u) in every direction of the unit cube; the prior density in z is the product of u (1 - u)."""

    target: Target

    def to_theta(self, z: Float[Array, " ndim"]) -> tuple[Float[Array, " ndim"], Float[Array, ""]]:
        """Parameters and log prior density in z."""
        return self.target.transform(jax.nn.sigmoid(z)), jnp.sum(jax.nn.log_sigmoid(z) + jax.nn.log_sigmoid(-z))

    def from_cube(self, u: Float[Array, " ndim"]) -> Float[Array, " ndim"]:
        """Logit of the coordinates."""
        return jnp.log(u) - jnp.log1p(-u)


def coordinates(target: Target) -> Coordinates:
    """The target's own coordinates if it offers any, else `Logit`."""
    return getattr(target, "straighten", None) or Logit(target)
