"""A measured value of any prediction: `gaussian: {prediction: omega_h2, mean: 0.12, sigma: 0.001}` in a run file."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from globalfit.experiment.gaussian import Gaussian
from globalfit.experiment.protocol import NAME
from globalfit.physics.inputs import Inputs


class GaussianOptions(BaseModel):
    """Options of `gaussian`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = Field(None, pattern=NAME, description="what it is called, if a run has several")
    prediction: str = Field(description="a prediction, or an expression of predictions and parameters")
    mean: float = Field(description="measured value")
    sigma: float = Field(gt=0.0, description="its error")
    theory_error: float = Field(0.0, ge=0.0, le=1.0, description="relative error of the prediction")


class StatedGaussian(Gaussian):
    """A Gaussian of the run file."""

    Options: ClassVar[type[BaseModel]] = GaussianOptions
    title: ClassVar[str] = "measured value"

    @classmethod
    def build(cls, options: GaussianOptions, inputs: Inputs) -> Self:  # noqa: ARG003 - the base's signature
        return cls.of(options.prediction, options.mean, options.sigma, options.theory_error)
