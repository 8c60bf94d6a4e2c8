"""The likelihood protocol and the building blocks that experiments share.

A likelihood is an `equinox.Module` that is built once from its options (tables are read then) and afterwards is a pure
function of `Predictions`. It is registered by an entry point of the group `globalfit.likelihoods`.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, runtime_checkable

from jaxtyping import Array, Float
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from globalfit.inputs import Inputs
    from globalfit.predictions import Prediction, Predictions
    from globalfit.tables import Table

# exp(-LN_10) = 0.1: a count of one in a zero-background search is the 90 % limit.
LN_10 = 2.302585092994046


class NoOptions(BaseModel):
    """Options of a likelihood that has none."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One line of the report's table: what an experiment measured, and the prediction that it is compared with.

    `central` and `sigma` are the measured value and its total error where the likelihood is Gaussian; for a limit they
    are None and `summary` says what was found.
    """

    observable: str
    summary: str
    central: float | None = None
    sigma: float | None = None


@runtime_checkable
class Likelihood(Protocol):
    """What the posterior and the report need of an experiment."""

    Options: ClassVar[type[BaseModel]]
    name: str
    title: ClassVar[str]
    references: ClassVar[tuple[str, ...]]
    requires: tuple[str, ...]

    @classmethod
    def build(cls, options: Any, inputs: Inputs) -> Self:
        """Read the tables and return the likelihood. Raises `ConfigurationError` or `DataError`."""
        ...

    @property
    def provides(self) -> tuple[Prediction, ...]:
        """Predictions that only this experiment defines, such as its event count."""
        ...

    @property
    def tables(self) -> tuple[Table, ...]:
        """Data tables with their provenance."""
        ...

    @property
    def measurement(self) -> Measurement:
        """What the experiment found."""
        ...

    def log_likelihood(self, predictions: Predictions) -> Float[Array, ""]:
        """ln L of one point."""
        ...

    def pull(self, predictions: Predictions) -> Float[Array, ""]:
        """Signed square root of -2 ln(L/L_max): how far the prediction lies from the data, in standard deviations."""
        ...

    def status(self, predictions: Predictions) -> Any:
        """Status flags of `globalfit.status` that concern this experiment, zero if none."""
        ...
