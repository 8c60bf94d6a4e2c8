"""What a sampler sees of a posterior, and what the engine needs of a sampler.

A sampler is registered by an entry point of the group `globalfit.samplers`. It sees a posterior only through `Target`,
so that a toy density tests it as well as a global fit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, runtime_checkable

from jaxtyping import Array, Float

if TYPE_CHECKING:
    from pydantic import BaseModel

    from globalfit.progress import Progress
    from globalfit.samplers.draws import Draws, Optimum


# Points per call of a compiled function: long batches are cut into this shape, so that one compilation serves all.
BLOCK = 1024


@runtime_checkable
class Target(Protocol):
    """A pytree (`equinox.Module`) with a prior over the unit hypercube and a log likelihood, for one point."""

    @property
    def names(self) -> tuple[str, ...]:
        """Sampled parameters."""
        ...

    @property
    def ndim(self) -> int:
        """Number of sampled parameters."""
        ...

    def transform(self, u: Float[Array, " ndim"]) -> Float[Array, " ndim"]:
        """Unit hypercube (with the prior as its uniform measure) to parameters."""
        ...

    def inverse(self, theta: Float[Array, " ndim"]) -> Float[Array, " ndim"]:
        """Parameters to the unit hypercube."""
        ...

    def log_prior(self, theta: Float[Array, " ndim"]) -> Float[Array, ""]:
        """Log prior density in the parameters."""
        ...

    def log_likelihood(self, theta: Float[Array, " ndim"]) -> Float[Array, ""]:
        """ln L; -inf with zero gradient where the physics has no solution."""
        ...


class Sampler(ABC):
    """A sampler with its options. It may keep what it has compiled, so that it is no pytree."""

    Options: ClassVar[type[BaseModel]]
    title: ClassVar[str]
    references: ClassVar[tuple[str, ...]] = ()
    # True of one whose `run` returns an `Optimum`.
    optimises: ClassVar[bool] = False
    # True of one that needs the axes of the parameters; others may see the unit cube in other coordinates.
    along_axes: ClassVar[bool] = False

    def __init__(self, options: Any) -> None:
        self.options = options

    @classmethod
    def build(cls, options: Any) -> Self:
        """The sampler with validated options."""
        return cls(options)

    @property
    def block(self) -> int:
        """Points that it evaluates per call of `batching.evaluate_cube`."""
        return BLOCK

    def check(self, names: tuple[str, ...]) -> object:  # noqa: ARG002 - for those that override it
        """Raise `ConfigurationError` if it cannot sample these parameters."""
        return None

    @abstractmethod
    def run(self, target: Target, seed: int, progress: Progress) -> Draws | Optimum:
        """Sample, or optimise. The same seed gives the same result on the same machine."""
