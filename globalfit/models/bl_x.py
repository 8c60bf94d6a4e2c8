"""U(1)_{B-L} x U(1)_X with kinetic mixing (renormalisable Z'-A' model): dark matter under X, matter under B-L.

    L = -1/4 C.C - 1/4 X.X - (epsilon/2) C.X + 1/2 m_C^2 C^2 + 1/2 m_X^2 X^2 + g_BL C.J_{B-L} + g_X X.J_chi

Scattering carries the factor q2 of the derivative portal, D_CX(q2) = -epsilon q2 / [(1 - epsilon^2)(q2 - M_C^2)
(q2 - M_X^2)]. The model appears twice in the literature: as the first ultraviolet completion of the derivative portal
(X and Z' there) and as the renormalisable Z'-A' model of nonlocal mixing. The Z takes no part in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from pydantic import BaseModel, ConfigDict, Field

from globalfit.models import Model, Parameter
from globalfit.physics import fermions, status
from globalfit.physics.inputs import Inputs
from globalfit.physics.mixing import mix
from globalfit.physics.observables import vector_words
from globalfit.physics.portal import DarkMatter, DarkMatterKind, Portal
from globalfit.physics.predictions import Prediction

NAMES = ("c", "x")
_NEUTRINO = np.array([fermion.name.startswith("nu") for fermion in fermions.FERMIONS])
_B_MINUS_L = np.where(fermions.COLOURS > 1.0, 1.0 / 3.0, -1.0)
# Couplings above this are not perturbative.
_LARGEST_COUPLING = math.sqrt(4.0 * math.pi)


class BLXOptions(BaseModel):
    """Options of the model `bl_x`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dm: DarkMatterKind = Field(default="dirac", description="Dirac, complex scalar or pseudo-Dirac dark matter")
    # With m_chi >= 1 GeV the lower bound lets chi2 decay to chi1 e+ e-, and no nucleus excites chi1.
    splitting: float = Field(
        default=0.1, ge=2e-3, le=1.0, description="(m_2 - m_1)/m_1 of pseudo-Dirac dark matter; not used for others"
    )
    neutrinos: Literal["left_handed", "dirac"] = Field(
        default="left_handed", description="C decays to left-handed neutrinos only, or to light right-handed ones too"
    )


class BLX(Model):
    """B-L boson C and dark boson X with kinetic mixing."""

    Options: ClassVar = BLXOptions
    name: ClassVar = "bl_x"
    title: ClassVar = "U(1)_{B-L} x U(1)_X with kinetic mixing, also known as the renormalisable Z'-A' model"
    references: ClassVar = ("Zeng, arXiv:2203.09462", "Krasnikov, arXiv:2405.03325")
    parameters: ClassVar = (
        Parameter("m_chi", "GeV", "dark-matter mass", 1.0, 1.0e4),
        Parameter("m_c", "GeV", "physical mass of the B-L boson", 0.05, 1.0e5),
        Parameter("m_x", "GeV", "physical mass of the dark boson", 0.05, 1.0e5),
        Parameter("epsilon", "", "kinetic mixing -(epsilon/2) C.X", -0.99, 0.99),
        Parameter("g_bl", "", "B-L gauge coupling", 0.0, _LARGEST_COUPLING),
        Parameter("g_x", "", "dark gauge coupling times the charge of the dark matter", 0.0, _LARGEST_COUPLING),
    )

    options: BLXOptions = eqx.field(static=True)

    @classmethod
    def build(cls, options: BLXOptions) -> Self:
        return cls(options)

    @property
    def provides(self) -> tuple[Prediction, ...]:
        return vector_words(NAMES)

    def portal(self, parameters: Mapping[str, Array], inputs: Inputs) -> Portal:  # noqa: ARG002 - the protocol's
        mass2 = jnp.stack([parameters["m_c"] ** 2, parameters["m_x"] ** 2])
        mixing, solvable = mix(mass2, parameters["epsilon"])
        g_bl, g_x = parameters["g_bl"], parameters["g_x"]
        zero = jnp.zeros_like(g_bl)
        left = _NEUTRINO if self.options.neutrinos == "left_handed" else np.zeros_like(_NEUTRINO)
        # A left-handed neutrino has the vertex (B-L) gamma^mu (1 - gamma5)/2.
        vector, axial = _B_MINUS_L * np.where(left, 0.5, 1.0), _B_MINUS_L * np.where(left, 0.5, 0.0)
        no_current = jnp.zeros(len(fermions.FERMIONS))
        return Portal(
            names=NAMES,
            mixing=mixing,
            vector=jnp.stack([g_bl * jnp.asarray(vector), no_current], axis=1),
            axial=jnp.stack([g_bl * jnp.asarray(axial), no_current], axis=1),
            w_pair=jnp.zeros(2),
            higgs=jnp.zeros((2, 2)),
            dark=DarkMatter(
                self.options.dm,
                parameters["m_chi"],
                vector=jnp.stack([zero, g_x]),
                axial=jnp.stack([zero, zero]),
                splitting=self.options.splitting,
            ),
            status=jnp.where(solvable, 0, status.NO_SOLUTION.bit),
        )
