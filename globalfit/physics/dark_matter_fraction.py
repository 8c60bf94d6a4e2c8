"""The fraction of the dark matter that a particle makes up, if it may be a part of it."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from globalfit.physics.predictions import Predictions

# Planck 2018, arXiv:1807.06209.
OBSERVED_OMEGA_H2 = 0.12
OMEGA_H2 = "omega_h2"


def component_fraction(predictions: Predictions) -> Float[Array, ""]:
    """f = Omega/0.12, at most 1: direct detection sees f of what all of it would give, annihilation f^2."""
    return jnp.minimum(predictions[OMEGA_H2] / OBSERVED_OMEGA_H2, 1.0)
