"""`Likelihood`, the base of every experiment.

A likelihood is an `equinox.Module` that is built once from its options (tables are read then) and afterwards is a pure
function of `Predictions`. It is registered by an entry point of the group `globalfit.likelihoods`.
"""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, get_args

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray
from pydantic import BaseModel, ConfigDict

from globalfit.errors import ConfigurationError

if TYPE_CHECKING:
    from globalfit.experiment.limit_curves import LimitCurves
    from globalfit.models import Model, Parameter
    from globalfit.physics.inputs import Inputs
    from globalfit.physics.predictions import Prediction, Predictions
    from globalfit.tables import Table

# exp(-LN_10) = 0.1: a count of one in a zero-background search is the 90 % limit.
LN_10 = 2.302585092994046

# What a likelihood of a run file may be called.
NAME = "^[A-Za-z][A-Za-z0-9_]*$"

Rule = Literal["one_sided", "two_sided", "no_events", "cls"]


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


class Likelihood(eqx.Module):
    """What the posterior and the report need of an experiment; a subclass overrides what differs from these defaults.

    If its options have a `name`, that is what it is called in a run that has several of its kind.
    """

    Options: ClassVar[type[BaseModel]] = NoOptions
    title: ClassVar[str]
    references: ClassVar[tuple[str, ...]] = ()
    # Experiments that must not stand in one fit with this one, by name, with the reason as a clause.
    conflicts: ClassVar[Mapping[str, str]] = {}
    # How it excludes points of a plane: see `globalfit.experiment.exclusion`.
    exclusion: ClassVar[Rule] = "one_sided"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.exclusion not in get_args(Rule):
            rules = ", ".join(get_args(Rule))
            raise ConfigurationError(f"{cls.__name__}: the rule of exclusion '{cls.exclusion}' is none of {rules}.")
        if cls.exclusion == "cls" and cls.without_signal is Likelihood.without_signal:
            raise ConfigurationError(f"{cls.__name__}: the rule `cls` needs the method `without_signal`.")

    @classmethod
    @abstractmethod
    def build(cls, options: Any, inputs: Inputs) -> Self:
        """Read the tables and return the likelihood. Raises `ConfigurationError` or `DataError`."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Nuisances that the run samples, each with a default prior."""
        return ()

    @property
    def requires(self) -> Collection[str]:
        """Predictions and parameters without which there is no likelihood."""
        return ()

    @property
    def provides(self) -> tuple[Prediction, ...]:
        """Predictions that only this experiment defines, such as its event count."""
        return ()

    @property
    def tables(self) -> tuple[Table, ...]:
        """Data tables with their provenance."""
        return ()

    @property
    @abstractmethod
    def measurements(self) -> tuple[Measurement, ...]:
        """What the experiment found, one for each of the `pulls`."""

    @property
    def maximum(self) -> Float[Array, ""]:
        """ln L of the best conceivable agreement with the data."""
        return jnp.zeros(())

    @property
    def no_signal(self) -> Float[Array, ""] | None:
        """ln L of the Standard Model without the particles of the portal; None where that predicts nothing."""
        return None

    @abstractmethod
    def log_likelihood(self, predictions: Predictions) -> Float[Array, ""]:
        """ln L of one point: one real number, finite or -inf."""

    @abstractmethod
    def predicted(self, predictions: Predictions) -> Float[Array, " measurement"]:
        """What this point predicts for each of the `measurements`, in their units."""

    @abstractmethod
    def pulls(self, predictions: Predictions) -> Float[Array, " measurement"]:
        """Uncorrelated pulls, positive where the data exceed the prediction: ln L = maximum - sum(pulls^2)/2.

        Where data are correlated, each pull is the one given the data before it.
        """

    @abstractmethod
    def simulate(self, predictions: Predictions, key: PRNGKeyArray) -> Self:
        """The same experiment with data drawn at random as this point predicts them."""

    @abstractmethod
    def limit_curves(self) -> LimitCurves:
        """What the likelihood implies: its limit in the plane in which such results are published."""

    def status(self, predictions: Predictions) -> Int[Array, ""]:  # noqa: ARG002 - for those that override it
        """Status flags of `globalfit.physics.status` that concern this experiment, zero if none."""
        return jnp.zeros((), int)

    def without_signal(self) -> Self:
        """The same experiment with data as expected without a signal; the rule `cls` asks for it, and only that."""
        return self

    def for_component(self) -> Self:
        """The same experiment where the particle may be a part of the dark matter: `dark_matter: component`."""
        return self


def every_parameter(model: Model, likelihoods: Iterable[Likelihood]) -> tuple[Parameter, ...]:
    """Parameters of a model, then those that likelihoods bring.

    Raises `ConfigurationError` when two of them have one name and are not the same.
    """
    result = {parameter.name: parameter for parameter in model.parameters}
    for parameter in (parameter for item in likelihoods for parameter in item.parameters):
        if result.setdefault(parameter.name, parameter) != parameter:
            raise ConfigurationError(f"the parameter '{parameter.name}' is defined twice.")
    return tuple(result.values())
