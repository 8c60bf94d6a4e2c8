"""`Predictions`: every observable of one parameter point, each computed once and only when it is asked for.

The vocabulary is closed: a name is registered with its unit, its meaning and its source, by this package, by a model or
by the likelihood that defines it, and an unknown name is an error when the run is built, not when it is needed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Int

from globalfit.errors import ConfigurationError, UnknownNameError
from globalfit.physics.inputs import Inputs
from globalfit.physics.portal import DarkMatter, Portal


@dataclasses.dataclass(frozen=True)
class Prediction:
    """One word of the vocabulary; `compute` maps `Predictions` to a scalar array."""

    name: str
    unit: str
    meaning: str
    source: str
    compute: Callable[[Predictions], Array]


def portal_status(predictions: Predictions) -> Int[Array, ""]:
    """Status flags of a portal itself."""
    return jnp.asarray(predictions.portal.status)


@dataclasses.dataclass(frozen=True)
class Vocabulary(Mapping[str, Prediction]):
    """All words by name, and the status flags of the physics behind them, as a function of `Predictions`."""

    words: Mapping[str, Prediction] = dataclasses.field(default_factory=dict)
    flags: Callable[[Predictions], Int[Array, ""]] = portal_status

    def extended(self, *groups: Iterable[Prediction]) -> Vocabulary:
        """With groups of further words, those of a model or of likelihoods.

        Raises `ConfigurationError` when two groups define one name.
        """
        words = dict(self.words)
        for word in (word for group in groups for word in group):
            if word.name in words:
                raise ConfigurationError(f"the prediction '{word.name}' is defined twice.")
            words[word.name] = word
        return Vocabulary(words, self.flags)

    def __getitem__(self, name: str) -> Prediction:
        return self.words[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __len__(self) -> int:
        return len(self.words)

    def __hash__(self) -> int:
        return hash((tuple(self.words), self.flags))


NO_WORDS = Vocabulary()


class Predictions:
    """Lazy, memoised observables of one point. Lives inside one traced evaluation."""

    def __init__(
        self,
        portal: Portal,
        inputs: Inputs,
        parameters: Mapping[str, Array],
        vocabulary: Vocabulary = NO_WORDS,
        dark_matter_fraction: Callable[[Predictions], Array] | None = None,
    ) -> None:
        self.portal = portal
        self.inputs = inputs
        self.parameters = parameters
        self._vocabulary = vocabulary
        self._fraction = dark_matter_fraction
        self._memory: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Array:
        if name not in self._vocabulary:
            raise UnknownNameError("prediction", name, self._vocabulary)
        return self.once(name, self._vocabulary[name].compute)

    def value(self, name: str) -> Array:
        """A prediction, or else the parameter of this name.

        Raises `UnknownNameError` for neither.
        """
        if name not in self._vocabulary and name in self.parameters:
            return self.parameters[name]
        return self[name]

    def once(self, key: str, compute: Callable[[Predictions], Any]) -> Any:
        """Result of `compute(self)`, remembered under `key`: for intermediate results that several words share."""
        if key not in self._memory:
            self._memory[key] = compute(self)
        return self._memory[key]

    @property
    def flags(self) -> Int[Array, ""]:
        """Status flags of the physics, without those of experiments."""
        return self.once("flags", self._vocabulary.flags)

    @property
    def dark_matter(self) -> DarkMatter:
        """The dark-matter particle."""
        return self.portal.dark

    @property
    def dark_matter_fraction(self) -> Array:
        """Fraction of the dark matter that this particle makes up: 1, or less where it may be a component."""
        if self._fraction is None:
            return jnp.ones(())
        return self.once("dark_matter_fraction", self._fraction)
