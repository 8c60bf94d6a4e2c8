"""Electroweak precision data: 22 Z-pole and W observables of LEP, SLD, the Tevatron and the LHC.

    ln L = -(d - p)^T C^-1 (d - p) / 2

with the LEP/SLD correlations, the errors of missing higher orders, and, with `nuisances: marginalised`, the errors of
the inputs M_Z, m_t, m_H, alpha_s and Delta alpha in C. That is the integral over them, since the predictions p are
linear within their errors. With `nuisances: sampled` the inputs are parameters of the run, with their measurements as
priors. Predictions: `globalfit.physics.electroweak`.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import BaseModel, ConfigDict, Field

from globalfit.experiment.limit_curves import LimitCurves
from globalfit.experiment.protocol import Likelihood, Measurement
from globalfit.models import Parameter
from globalfit.physics import status
from globalfit.physics.electroweak import standard_model
from globalfit.physics.electroweak.pole import near_pole
from globalfit.physics.inputs import Inputs
from globalfit.physics.predictions import Prediction, Predictions
from globalfit.tables import Table

from .data import (
    PREFIX,
    Average,
    covariance,
    data_tables,
    measured,
    nuisance_parameters,
    published_limit,
    standard_values,
)
from .limit import limit_curves
from .words import WORDS, observables, standard


class EwpoOptions(BaseModel):
    """Options of `ewpo`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    nuisances: Literal["marginalised", "sampled"] = Field(
        default="marginalised",
        description="inputs of the Standard-Model predictions: in the covariance, or parameters of the run "
        f"({', '.join(PREFIX + name for name in standard_model.Nuisances._fields)})",
    )
    m_w: Average = Field(
        default="without_cdf", description="average of the W mass: without CDF 2022, with it, CDF alone"
    )


class Ewpo(Likelihood):
    """Electroweak precision observables."""

    Options: ClassVar = EwpoOptions
    title: ClassVar = "Electroweak precision data (Z pole and W)"
    references: ClassVar = (
        "ALEPH, DELPHI, L3, OPAL, SLD, arXiv:hep-ex/0509008",
        "Janot and Jadach, arXiv:1912.02067",
        "LHC-TeV MW Working Group, arXiv:2308.09417",
        "Dubovyk, Freitas, Gluza, Riemann and Usovitsch, arXiv:1906.08815",
        "Awramik, Czakon, Freitas and Weiglein, arXiv:hep-ph/0311148",
        "Awramik, Czakon and Freitas, arXiv:hep-ph/0608099",
        "Cho, Hagiwara, Matsumoto and Nomura, arXiv:1104.1769",
        "Curtin, Essig, Gori and Shelton, arXiv:1412.0018",
    )
    exclusion: ClassVar = "two_sided"

    data: Float[Array, " observable"]
    # Lower Cholesky factor of the covariance, and its inverse
    spread: Float[Array, "observable observable"]
    whitening: Float[Array, "observable observable"]
    # The Standard Model at the central values of its inputs
    standard_values: Float[Array, " observable"]
    sampled: bool = eqx.field(static=True)
    m_w: Average = eqx.field(static=True)

    @classmethod
    def build(cls, options: EwpoOptions, inputs: Inputs) -> Self:  # noqa: ARG003 - the base's signature
        """Read the tables and invert the covariance."""
        sampled = options.nuisances == "sampled"
        matrix = covariance(options.m_w, parametric=not sampled)
        spread = np.linalg.cholesky(matrix)
        return cls(
            data=jnp.asarray(measured(options.m_w).value),
            spread=jnp.asarray(spread),
            whitening=jnp.asarray(np.linalg.inv(spread)),
            standard_values=jnp.asarray(standard_values()),
            sampled=sampled,
            m_w=options.m_w,
        )

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The sampled inputs of the predictions, with their measurements as default priors."""
        return nuisance_parameters() if self.sampled else ()

    @property
    def provides(self) -> tuple[Prediction, ...]:
        return WORDS[self.sampled]

    @property
    def tables(self) -> tuple[Table, ...]:
        return (*data_tables(), published_limit(), *standard_model.tables())

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        found = measured(self.m_w)
        total = np.sqrt(np.sum(np.asarray(self.spread) ** 2, axis=1))
        return tuple(
            Measurement(name, f"{central:g} +- {error:g}{_unit(word)}", word, float(central), float(sigma))
            for name, word, central, error, sigma in zip(
                found.name, found.prediction, np.asarray(self.data), found.error, total, strict=True
            )
        )

    @property
    def no_signal(self) -> Float[Array, ""]:
        return self._log_likelihood(self.standard_values)

    def log_likelihood(self, predictions: Predictions) -> Float[Array, ""]:
        return self._log_likelihood(self.predicted(predictions))

    def predicted(self, predictions: Predictions) -> Float[Array, " observable"]:
        words = observables(predictions, self.sampled)
        return jnp.stack([words[name] for name in measured(self.m_w).prediction])

    def pulls(self, predictions: Predictions) -> Float[Array, " observable"]:
        return self.whitening @ (self.data - self.predicted(predictions))

    def simulate(self, predictions: Predictions, key: PRNGKeyArray) -> Self:
        noise = self.spread @ jax.random.normal(key, self.data.shape)
        return eqx.tree_at(lambda item: item.data, self, self.predicted(predictions) + noise)

    def limit_curves(self) -> LimitCurves:
        return limit_curves(self)

    def status(self, predictions: Predictions) -> Array:
        """`outside_table` where the other vector is within three widths of the Z and the value at the edge is held."""
        portal = predictions.portal
        if portal.z is None:
            return jnp.zeros((), int)
        near = near_pole(portal, portal.z, standard(predictions, self.sampled).gamma_z)
        return jnp.where(near, status.OUTSIDE_TABLE.bit, 0)

    def _log_likelihood(self, predicted: Float[Array, " observable"]) -> Float[Array, ""]:
        return -0.5 * jnp.sum((self.whitening @ (self.data - predicted)) ** 2)


def _unit(word: str) -> str:
    """Unit of a measurement, from the name of its prediction."""
    return {"gev": " GeV", "pb": " pb"}.get(word.rpartition("_")[2], "")
