"""Samplers: thin adapters from the log density to `Draws`.

A sampler is registered by an entry point of the group `globalfit.samplers`. It sees a posterior only through `Target`,
so that a toy density tests it as well as a global fit.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pydantic import BaseModel

    from globalfit.progress import Progress


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

    def log_prior(self, theta: Float[Array, " ndim"]) -> Float[Array, ""]:
        """Log prior density in the parameters."""
        ...

    def log_likelihood(self, theta: Float[Array, " ndim"]) -> Float[Array, ""]:
        """ln L; -inf with zero gradient where the physics has no solution."""
        ...


@dataclasses.dataclass(frozen=True)
class Evidence:
    """ln Z with its error, the method that gave it, and the information gain (Kullback-Leibler, nats) if known."""

    log_evidence: float
    log_evidence_error: float
    method: str
    information: float | None = None


@dataclasses.dataclass(frozen=True)
class Diagnostic:
    """One convergence check: its value, the bound it must keep, the outcome, and one sentence for the report."""

    name: str
    value: float
    bound: float
    passed: bool
    message: str


@dataclasses.dataclass(frozen=True)
class Weighted:
    """Weighted points of a nested run or a grid; `log_weight` is normalised (logsumexp = 0)."""

    theta: Float[np.ndarray, "point ndim"]
    log_weight: Float[np.ndarray, " point"]
    log_likelihood: Float[np.ndarray, " point"]


@dataclasses.dataclass(frozen=True)
class Draws:
    """What a sampler returns.

    `theta` are equally weighted draws (chain, draw, ndim); samplers without chains return one chain. `stats` holds
    per-draw arrays (chain, draw), e.g. `diverging`; `numbers` holds scalars, e.g. `likelihood_calls`.
    """

    names: tuple[str, ...]
    theta: Float[np.ndarray, "chain draw ndim"]
    log_likelihood: Float[np.ndarray, "chain draw"]
    log_prior: Float[np.ndarray, "chain draw"]
    diagnostics: tuple[Diagnostic, ...]
    evidence: Evidence | None = None
    weighted: Weighted | None = None
    stats: dict[str, NDArray[Any]] = dataclasses.field(default_factory=dict)
    numbers: dict[str, float] = dataclasses.field(default_factory=dict)

    @property
    def converged(self) -> bool:
        """Whether every diagnostic passed."""
        return all(diagnostic.passed for diagnostic in self.diagnostics)


@runtime_checkable
class Sampler(Protocol):
    """A sampler with its options."""

    Options: ClassVar[type[BaseModel]]
    title: ClassVar[str]
    references: ClassVar[tuple[str, ...]]

    @classmethod
    def build(cls, options: Any) -> Sampler:
        """The sampler with validated options."""
        ...

    def run(self, target: Target, seed: int, progress: Progress) -> Draws:
        """Sample. The same seed gives the same draws on the same machine."""
        ...
