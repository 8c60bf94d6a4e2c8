"""Models: parameters to `Portal`. A model is registered by an entry point of the group `globalfit.models`."""

from __future__ import annotations

import dataclasses
import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, get_args

import equinox as eqx

if TYPE_CHECKING:
    from jaxtyping import Array
    from pydantic import BaseModel

    from globalfit.physics.inputs import Inputs
    from globalfit.physics.portal import Portal
    from globalfit.physics.predictions import Prediction


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A parameter of a model: its meaning, unit and domain (bounds included).

    `prior` (kind and numbers) is the default of a parameter without a file of default priors: a nuisance.
    """

    name: str
    unit: str
    meaning: str
    low: float = -math.inf
    high: float = math.inf
    prior: tuple[str, tuple[float, ...]] | None = None

    @property
    def domain_text(self) -> str:
        """`m_chi must lie in [0.1, inf] GeV`."""
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.name} must lie in [{self.low:g}, {self.high:g}]{unit}"


class Model(eqx.Module):
    """What the engine needs of a model; it has no numerics of its own.

    A model whose parameters depend on its options has them as a property.
    """

    Options: ClassVar[type[BaseModel]]
    name: ClassVar[str]
    title: ClassVar[str]
    references: ClassVar[tuple[str, ...]] = ()
    # In the order of the point.
    parameters: ClassVar[tuple[Parameter, ...]]

    @classmethod
    @abstractmethod
    def build(cls, options: Any) -> Self:
        """The model with its options."""

    @property
    def provides(self) -> tuple[Prediction, ...]:
        """Predictions that this model adds to the common ones."""
        return ()

    @abstractmethod
    def portal(self, parameters: Mapping[str, Array], inputs: Inputs) -> Portal:
        """Portal of one point. Pure JAX; a point without a solution carries its status and stays finite."""


def variants(cls: type[Model]) -> dict[str, Model]:
    """A model with its default options, under an empty name, and with each other choice of one option, `uv: su2xu1`."""
    result = {"": cls.build(cls.Options())}
    for option, field in cls.Options.model_fields.items():
        choices = [choice for choice in get_args(field.annotation) if isinstance(choice, str)]
        others = [choice for choice in choices if choice != field.default]
        result |= {f"{option}: {choice}": cls.build(cls.Options(**{option: choice})) for choice in others}
    return result
