"""A hint to the compiler."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float


def materialised(values: Float[Array, "row column"]) -> Float[Array, "row column"]:
    """The same numbers, after a matrix product with 1.

    XLA computes what leads to a few small numbers again for each element of a large array that they enter, and the same
    for derivatives. It does not do that across a matrix product.
    """
    return values @ jnp.eye(values.shape[1])
