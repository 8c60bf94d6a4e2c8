"""Symmetric matrices in the space of V1 and V2, as three arrays: the compiler fuses what is elementwise, but not what
is cut out of an array and put together again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

Pair = Sequence[Float[Array, "*#batch"]] | Float[Array, "2 *#batch"]


class Symmetric(NamedTuple):
    """Components (11, 12, 22), which broadcast against each other."""

    first: Float[Array, "*#batch"]
    mixed: Float[Array, "*#batch"]
    second: Float[Array, "*#batch"]

    def plus(self, other: Symmetric) -> Symmetric:
        """Sum of two matrices."""
        return Symmetric(*(a + b for a, b in zip(self, other, strict=True)))

    def times(self, factor: Float[Array, "*#batch"] | float) -> Symmetric:
        """Product with numbers."""
        return Symmetric(*(factor * part for part in self))

    def contract(self, other: Symmetric) -> Float[Array, "*#batch"]:
        """sum_ij a_ij b_ij."""
        return self.first * other.first + 2.0 * self.mixed * other.mixed + self.second * other.second

    def apply(self, vector: Pair) -> tuple[Float[Array, "*#batch"], Float[Array, "*#batch"]]:
        """Product with a vector."""
        a, b = vector[0], vector[1]
        return self.first * a + self.mixed * b, self.mixed * a + self.second * b


def square(vector: Pair) -> Symmetric:
    """Symmetric product of a vector with itself."""
    a, b = vector[0], vector[1]
    return Symmetric(a * a, a * b, b * b)


def diagonal_matrix(first: Float[Array, "*#batch"], second: Float[Array, "*#batch"]) -> Symmetric:
    """Matrix without mixing."""
    return Symmetric(first, jnp.zeros_like(first), second)
