"""Dark photon with constant hypercharge mixing: the baseline that models with suppressed scattering are compared with.

    L = -1/4 F'.F' + 1/2 m_A'^2 A'.A' + epsilon/(2 cos theta_W) F'.B + e_D A'.J_chi

with a vector current of Dirac, complex scalar or pseudo-Dirac dark matter (mixing: `globalfit.models.hypercharge`).
Scattering on protons is spin-independent and unsuppressed, c1^p = e_D e epsilon/m_A'^2 at q2 = 0 up to the sign, and
c1^n = 0 there; pseudo-Dirac dark matter does not scatter (`globalfit.physics.scattering.nreft`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Self

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array
from pydantic import BaseModel, ConfigDict, Field

from globalfit.models import Model, Parameter
from globalfit.models.hypercharge import dark_coupling, hypercharge_portal
from globalfit.physics.inputs import Inputs
from globalfit.physics.observables import vector_words
from globalfit.physics.portal import DarkMatter, DarkMatterKind, Portal
from globalfit.physics.predictions import Prediction

NAMES = ("z", "ap")


class DarkPhotonOptions(BaseModel):
    """Options of the model `dark_photon`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dm: DarkMatterKind = Field(default="dirac", description="Dirac, complex scalar or pseudo-Dirac dark matter")
    # With m_chi >= 1 GeV the lower bound lets chi2 decay to chi1 e+ e-, and no nucleus excites chi1.
    splitting: float = Field(
        default=0.1, ge=2e-3, le=1.0, description="(m_2 - m_1)/m_1 of pseudo-Dirac dark matter; not used for others"
    )


class DarkPhoton(Model):
    """Dark photon A' next to the Z."""

    Options: ClassVar = DarkPhotonOptions
    name: ClassVar = "dark_photon"
    title: ClassVar = "Dark photon (hypercharge mixing, dark matter with a vector coupling)"
    references: ClassVar = ("Holdom, Phys. Lett. B 166 (1986) 196", "Curtin et al., arXiv:1412.0018")
    parameters: ClassVar = (
        Parameter("m_chi", "GeV", "dark-matter mass", 1.0, 1.0e4),
        Parameter("mass_ratio", "", "physical dark-photon mass over dark-matter mass, m_A'/m_chi", 0.05, 100.0),
        Parameter("epsilon", "", "kinetic mixing with hypercharge, epsilon/(2 cos theta_W) F'.B", -0.85, 0.85),
        Parameter("alpha_d", "", "dark fine-structure constant e_D^2/(4 pi)", 0.0, 4.0 * math.pi),
    )

    options: DarkPhotonOptions = eqx.field(static=True)

    @classmethod
    def build(cls, options: DarkPhotonOptions) -> Self:
        return cls(options)

    @property
    def provides(self) -> tuple[Prediction, ...]:
        return vector_words(NAMES)

    def portal(self, parameters: Mapping[str, Array], inputs: Inputs) -> Portal:
        m_chi = parameters["m_chi"]
        vector = jnp.stack([jnp.zeros_like(m_chi), dark_coupling(parameters["alpha_d"])])
        dark = DarkMatter(self.options.dm, m_chi, vector, jnp.zeros(2), self.options.splitting)
        mass = parameters["mass_ratio"] * m_chi
        return hypercharge_portal(NAMES, mass, parameters["epsilon"], dark, jnp.zeros((), int), inputs)
