"""The likelihood protocol and the building blocks that experiments share.

A likelihood is an `equinox.Module` that is built once from its options (tables are read then) and afterwards is a pure
function of `Predictions`. It is registered by an entry point of the group `globalfit.likelihoods`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, runtime_checkable

from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from globalfit.experiment.limit_curves import Picture
    from globalfit.physics.inputs import Inputs
    from globalfit.physics.predictions import Prediction, Predictions
    from globalfit.tables import Table

# exp(-LN_10) = 0.1: a count of one in a zero-background search is the 90 % limit.
LN_10 = 2.302585092994046


class NoOptions(BaseModel):
    """Options of a likelihood that has none."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One number that an experiment found: a line of the report's table of pulls.

    `summary` says what was found; `central` and `sigma` are the value and its total error where it is Gaussian.
    `prediction` is the word of the vocabulary that predicts it, None if there is no such word.
    """

    observable: str
    summary: str
    prediction: str | None = None
    central: float | None = None
    sigma: float | None = None


@runtime_checkable
class Likelihood(Protocol):
    """What the posterior and the report need of an experiment.

    It may also have `parameters`, `globalfit.models.Parameter` with a default prior: nuisances that the run samples;
    and `exclusion`, the rule of `globalfit.experiment.exclusion` by which it excludes points of a plane.
    """

    Options: ClassVar[type[BaseModel]]
    name: str
    title: ClassVar[str]
    references: ClassVar[tuple[str, ...]]
    # Words of the vocabulary without which there is no likelihood.
    requires: tuple[str, ...]
    # Experiments that must not stand in one fit with this one, by name, with the reason as a clause.
    conflicts: Mapping[str, str]

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
    def measurements(self) -> tuple[Measurement, ...]:
        """What the experiment found, one for each of the `pulls`."""
        ...

    @property
    def maximum(self) -> Float[Array, ""]:
        """ln L of the best conceivable agreement with the data."""
        ...

    @property
    def no_signal(self) -> Float[Array, ""] | None:
        """ln L of the Standard Model without the particles of the portal; None where that predicts nothing."""
        ...

    def log_likelihood(self, predictions: Predictions) -> Float[Array, ""]:
        """ln L of one point."""
        ...

    def predicted(self, predictions: Predictions) -> Float[Array, " measurement"]:
        """What this point predicts for each of the `measurements`, in their units."""
        ...

    def pulls(self, predictions: Predictions) -> Float[Array, " measurement"]:
        """Uncorrelated pulls, positive where the data exceed the prediction: ln L = maximum - sum(pulls^2)/2.

        Where data are correlated, each pull is the one given the data before it.
        """
        ...

    def simulate(self, predictions: Predictions, key: PRNGKeyArray) -> Self:
        """The same experiment with data drawn at random as this point predicts them."""
        ...

    def picture(self) -> Picture:
        """What the likelihood implies: its limit in the plane in which such results are published."""
        ...

    def status(self, predictions: Predictions) -> Any:
        """Status flags of `globalfit.physics.status` that concern this experiment, zero if none."""
        ...
