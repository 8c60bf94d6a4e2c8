"""Settings of samplers by purpose: a look at the posterior, the default, and what goes into a paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Preset = Literal["quick", "standard", "publication"]


class SamplerOptions(BaseModel):
    """Options of a sampler. `presets` are the values that differ from the defaults, which are `standard`; an option
    that is given wins over its preset."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    preset: Preset = Field("standard", description="Values of the options that are not given, by purpose.")

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, given: Any) -> Any:
        name = given.get("preset") if isinstance(given, dict) else None
        return {**cls.presets.get(name, {}), **given} if isinstance(name, str) else given
