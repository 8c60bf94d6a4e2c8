"""Axial dark photon: Dirac dark matter with an axial coupling to a hypercharge-mixed dark photon.

    L = -1/4 F'.F' + 1/2 m_A'^2 A'.A' + epsilon/(2 cos theta_W) F'.B + g_chi chibar gamma^mu gamma5 chi A'_mu

(Wang and Thomas, arXiv:2510.24114, Eq. 1; mixing: `globalfit.models.hypercharge`). Direct detection goes through O8
with C_AV^p = g_chi e epsilon / m_A'^2 exactly at q2 = 0, and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Self

import jax.numpy as jnp
from jaxtyping import Array, Float
from pydantic import BaseModel, ConfigDict

from globalfit.models import Model, Parameter
from globalfit.models.hypercharge import dark_coupling, hypercharge_portal
from globalfit.physics import status
from globalfit.physics.inputs import Inputs
from globalfit.physics.observables import vector_words
from globalfit.physics.portal import DarkMatter, Portal
from globalfit.physics.predictions import Prediction


class AxialOptions(BaseModel):
    """The axial model has no options."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Axial(Model):
    """Axial dark photon A_D next to the Z."""

    Options: ClassVar = AxialOptions
    name: ClassVar = "axial"
    title: ClassVar = "Axial dark photon (hypercharge mixing, Dirac dark matter with an axial coupling)"
    references: ClassVar = ("Wang and Thomas, arXiv:2510.24114", "Curtin et al., arXiv:1412.0018")
    parameters: ClassVar = (
        Parameter("m_chi", "GeV", "dark-matter mass", 1.0, 1.0e4),
        Parameter("mass_ratio", "", "physical dark-photon mass over dark-matter mass, m_AD/m_chi", 0.05, 100.0),
        Parameter("epsilon", "", "kinetic mixing with hypercharge, epsilon/(2 cos theta_W) F'.B", -0.85, 0.85),
        Parameter("alpha_d", "", "dark fine-structure constant g_chi^2/(4 pi)", 0.0, 4.0 * math.pi),
    )

    @classmethod
    def build(cls, options: AxialOptions) -> Self:  # noqa: ARG003 - the base's signature
        return cls()

    @property
    def provides(self) -> tuple[Prediction, ...]:
        return _WORDS

    def portal(self, parameters: Mapping[str, Array], inputs: Inputs) -> Portal:
        m_chi = parameters["m_chi"]
        m_ad, coupling = parameters["mass_ratio"] * m_chi, dark_coupling(parameters["alpha_d"])
        zero = jnp.zeros_like(m_chi)
        dark = DarkMatter("dirac", m_chi, vector=jnp.zeros(2), axial=jnp.stack([zero, coupling]))
        flags = jnp.where(unitarity(m_chi, m_ad, parameters["alpha_d"]), 0, status.BEYOND_PERTURBATIVITY.bit)
        return hypercharge_portal(("z", "ad"), m_ad, parameters["epsilon"], dark, flags, inputs)


def unitarity(m_chi: Float[Array, ""], m_ad: Float[Array, ""], alpha_d: Float[Array, ""]) -> Array:
    """Perturbative unitarity of chi chibar -> A_D A_D and chi chibar scattering: m_chi < sqrt(pi/2) m_AD / g_chi.

    Longitudinal dark photons couple like m_chi g_chi / m_AD (Kahlhoefer et al., arXiv:1510.02110).
    """
    bound = math.sqrt(math.pi / 2.0) * m_ad
    return m_chi * dark_coupling(alpha_d) <= bound * (1.0 + 1e-9)


def log10_y(parameters: Mapping[str, Array]) -> Float[Array, ""]:
    """log10 y; -inf where epsilon or alpha_d vanishes."""
    y = parameters["epsilon"] ** 2 * parameters["alpha_d"] / parameters["mass_ratio"] ** 4
    return jnp.where(y > 0.0, jnp.log10(jnp.where(y > 0.0, y, 1.0)), -jnp.inf)


_WORDS = (
    *vector_words(("z", "ad")),
    Prediction(
        "log10_y",
        "",
        "log10 of y = epsilon^2 alpha_D (m_chi/m_AD)^4",
        "Wang and Thomas, arXiv:2510.24114, Eq. 7",
        lambda predictions: log10_y(predictions.parameters),
    ),
)
