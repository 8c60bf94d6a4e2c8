"""What samplers return: draws or a best fit, the evidence, and the checks of convergence."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class Evidence:
    """ln Z with its error, the method that gave it, and the information gain (Kullback-Leibler, nats) if known."""

    log_evidence: float
    log_evidence_error: float
    method: str
    information: float | None = None


@dataclasses.dataclass(frozen=True)
class CrossCheck:
    """ln Z by a second method on the same posterior, and whether it agrees with that of the sampler.

    `difference_sigma` is the sampler's ln Z minus this one in standard deviations. What cannot be computed is None.
    """

    method: str
    log_evidence: float | None
    log_evidence_error: float | None
    verdict: Literal["agree", "disagree", "not computable"]
    difference_sigma: float | None
    reason: str


@dataclasses.dataclass(frozen=True)
class Diagnostic:
    """One convergence check: its value, the bound it must keep, the outcome, and one sentence for the report."""

    name: str
    value: float
    bound: float
    passed: bool
    message: str


def failures(diagnostics: Iterable[Diagnostic]) -> tuple[str, ...]:
    """A sentence for each check that failed."""
    return tuple(
        f"{one.message.rstrip('.')}: {one.value:.4g}, bound {one.bound:g}" for one in diagnostics if not one.passed
    )


@dataclasses.dataclass(frozen=True)
class Weighted:
    """Weighted points of a nested run or a grid; `log_weight` is normalised (logsumexp = 0).

    Of a nested run that replaces its worst point, they are in the order of their deaths, with the number of `live`
    points at each.
    """

    theta: Float[np.ndarray, "point ndim"]
    log_weight: Float[np.ndarray, " point"]
    log_likelihood: Float[np.ndarray, " point"]
    live: Int[np.ndarray, " point"] | None = None


@dataclasses.dataclass(frozen=True)
class Mesh:
    """Cells of the plane of two parameters `names` = (x, y), midpoints in prior quantiles between `low` and `high`."""

    names: tuple[str, str]
    low: tuple[float, float]
    high: tuple[float, float]
    theta: Float[np.ndarray, "y x 2"]


@dataclasses.dataclass(frozen=True)
class Draws:
    """What a sampler returns.

    `theta` are equally weighted draws (chain, draw, ndim); samplers without chains return one chain. `stats` holds
    per-draw arrays (chain, draw), e.g. `diverging`; `numbers` holds scalars, e.g. `likelihood_calls`. `mesh` is
    there if a plane was asked for. `log_ratios` are ln of weights that the draws could have as well, over theirs: in
    other histories of the volumes of a nested run, with other shares of separate regions. `lineages`,
    of a nested run, are numbers, the same for draws that come from one another by walks which may not have forgotten
    where they began.
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
    mesh: Mesh | None = None
    cross_check: CrossCheck | None = None
    log_ratios: Float[np.ndarray, "chance draw"] | None = None
    lineages: Int[np.ndarray, " draw"] | None = None

    @property
    def is_sample(self) -> bool:
        """False for a plane whose cells are too coarse for the posterior: a picture, of which nothing can converge."""
        return self.mesh is None or self.evidence is not None

    @property
    def converged(self) -> bool | None:
        """Whether every diagnostic passed; None where there is no sample that could converge."""
        return not self.failed if self.is_sample else None

    @property
    def failed(self) -> tuple[str, ...]:
        """What each failed diagnostic says, with its value and bound."""
        return failures(self.diagnostics)


@dataclasses.dataclass(frozen=True)
class Profile:
    """ln L at given values of one or two parameters `axes`, maximised over all others.

    `theta` are the conditional maxima, in the order of the parameter; of a plane row-major on a square mesh.
    """

    axes: tuple[str, ...]
    theta: Float[np.ndarray, "node ndim"]
    log_likelihood: Float[np.ndarray, " node"]


@dataclasses.dataclass(frozen=True)
class Optimum:
    """What an optimiser returns in place of `Draws`: the point of the highest ln L and profile likelihoods.

    It holds no draws of the posterior, no weights and no evidence. `at_bound` says of every parameter whether the best
    fit lies at the "low" or the "high" end of its prior.
    """

    names: tuple[str, ...]
    theta: Float[np.ndarray, " ndim"]
    log_likelihood: float
    at_bound: tuple[str, ...]
    profiles: tuple[Profile, ...]
    planes: tuple[Profile, ...]
    diagnostics: tuple[Diagnostic, ...]
    numbers: dict[str, float] = dataclasses.field(default_factory=dict)

    @property
    def converged(self) -> bool:
        """Whether every diagnostic passed."""
        return not self.failed

    @property
    def failed(self) -> tuple[str, ...]:
        """What each failed diagnostic says, with its value and bound."""
        return failures(self.diagnostics)
