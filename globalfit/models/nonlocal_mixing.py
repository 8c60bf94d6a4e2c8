"""Dark photon that mixes with hypercharge through a nonlocal form factor.

    L = epsilon/(2 cos theta_W) F'.B  ->  F'.epsilon(-d^2) B/(2 cos theta_W),
    epsilon(q2) = (q2/Lambda^2) exp(-q2^2/Lambda^4)                            (arXiv:2405.03325, Eqs. 4 and 5)

Every process sees the mixing at its own momentum transfer: s in annihilation, m_A'^2 in production and decay of the A',
M_Z^2 on the Z pole, the collision energy at LEP, and t in scattering, where it nearly vanishes: the amplitude is
e_D e epsilon(t)/m_A'^2. The largest mixing there can be is epsilon = 0.4289, at q2 = Lambda^2/sqrt(2).

`dark_photon: absent` is the variant without a dark photon (Eq. 9), where matter and dark currents interact directly:
A' with the propagator -1/Lambda^2. Its mass means nothing then: fix `mass_ratio`.

`loop_floor: true` adds the size of elastic scattering at one loop, where the paper estimates (after its Eq. 8) the
cross section of a dark photon with constant mixing epsilon(m_A'^2) times epsilon^2(m_A'^2) alpha alpha_D/(8 pi^2): an
order of magnitude, taken for protons as in its Eq. 3, incoherent with the tree level.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float
from pydantic import BaseModel, ConfigDict, Field

from globalfit.models import Model, Parameter
from globalfit.models.hypercharge import dark_coupling
from globalfit.physics import fermions, status
from globalfit.physics.inputs import Inputs
from globalfit.physics.mixing import FormFactor, contact, mix_nonlocal
from globalfit.physics.observables import vector_words
from globalfit.physics.portal import DarkMatter, DarkMatterKind, Portal
from globalfit.physics.predictions import Prediction, Predictions

NAMES = ("z", "ap")


class NonlocalOptions(BaseModel):
    """Options of the model `nonlocal`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dm: DarkMatterKind = Field(default="dirac", description="Dirac, complex scalar or pseudo-Dirac dark matter")
    splitting: float = Field(
        default=0.1, ge=2e-3, le=1.0, description="(m_2 - m_1)/m_1 of pseudo-Dirac dark matter; not used for others"
    )
    dark_photon: Literal["present", "absent"] = Field(
        default="present", description="a dark photon that propagates, or a nonlocal contact interaction of currents"
    )
    loop_floor: bool = Field(default=False, description="add the order of magnitude of one-loop elastic scattering")


class Nonlocal(Model):
    """Z and dark photon A' with a mixing that depends on the momentum transfer."""

    Options: ClassVar = NonlocalOptions
    name: ClassVar = "nonlocal"
    title: ClassVar = "Dark photon with nonlocal hypercharge mixing"
    references: ClassVar = ("Krasnikov, arXiv:2405.03325",)
    parameters: ClassVar = (
        Parameter("m_chi", "GeV", "dark-matter mass", 1.0, 1.0e4),
        Parameter("mass_ratio", "", "physical dark-photon mass over dark-matter mass, m_A'/m_chi", 0.05, 100.0),
        Parameter("nonlocal_scale", "GeV", "nonlocal scale Lambda", 1.0, 1.0e6),
        Parameter("alpha_d", "", "dark fine-structure constant e_D^2/(4 pi)", 0.0, 4.0 * math.pi),
    )

    options: NonlocalOptions = eqx.field(static=True, default=NonlocalOptions())

    @classmethod
    def build(cls, options: NonlocalOptions) -> Self:
        return cls(options)

    @property
    def provides(self) -> tuple[Prediction, ...]:
        return (*vector_words(NAMES), *_WORDS)

    def portal(self, parameters: Mapping[str, Array], inputs: Inputs) -> Portal:
        m_chi, scale = parameters["m_chi"], parameters["nonlocal_scale"]
        coupling = dark_coupling(parameters["alpha_d"])
        z2, ap2 = jnp.full_like(m_chi, inputs.m_z**2), (parameters["mass_ratio"] * m_chi) ** 2
        present = self.options.dark_photon == "present"
        tangent = jnp.full_like(m_chi, inputs.tan_theta_w)
        if present:
            mixing, solvable = mix_nonlocal(jnp.stack([z2, ap2]), tangent, FormFactor(scale))
        else:
            mixing, solvable = contact(z2, scale**2, tangent, FormFactor(scale, propagates=False))
        z_vector, z_axial = (jnp.asarray(part) for part in fermions.z_couplings(inputs))
        zero = jnp.zeros_like(m_chi)
        charge = zero + inputs.charge
        higgs_vertex = 2.0 * mixing.lagrangian_mass2[0] / inputs.higgs_vev
        loop = loop_amplitude(scale, ap2 if present else scale**2, coupling, inputs)
        with_floor = self.options.loop_floor and self.options.dm != "pseudo_dirac"
        return Portal(
            names=NAMES,
            mixing=mixing,
            vector=jnp.stack([z_vector, charge * jnp.asarray(fermions.CHARGE)], axis=1),
            axial=jnp.stack([z_axial, jnp.zeros(len(fermions.FERMIONS))], axis=1),
            w_pair=jnp.stack([zero + inputs.charge / inputs.tan_theta_w, charge]),
            higgs=jnp.stack([jnp.stack([higgs_vertex, zero]), jnp.stack([zero, zero])]),
            dark=DarkMatter(
                self.options.dm,
                m_chi,
                vector=jnp.stack([zero, coupling]),
                axial=jnp.zeros(2),
                splitting=self.options.splitting,
            ),
            status=jnp.where(solvable, 0, status.NO_SOLUTION.bit),
            loop=jnp.stack([loop, zero]) if with_floor else None,
        )


def loop_amplitude(
    scale: Float[Array, ""], ap2: Float[Array, ""], coupling: Float[Array, ""], inputs: Inputs
) -> Float[Array, ""]:
    """|c1| of the proton at one loop, GeV^-2: that of constant mixing, e e_D epsilon/m_A'^2, times the suppression."""
    epsilon = jnp.abs(FormFactor(scale)(ap2))
    suppression = epsilon * inputs.charge * coupling / (4.0 * math.pi * math.sqrt(8.0) * math.pi)
    return suppression * inputs.charge * coupling * epsilon / ap2


def _epsilon(q2_name: str):
    def compute(predictions: Predictions) -> Array:
        portal = predictions.portal
        q2 = portal.mass2[1] if q2_name == "ap" else 4.0 * portal.dark.mass**2
        return portal.mixing.form(q2)

    return compute


_SOURCE = "arXiv:2405.03325, Eq. 5"
_WORDS = (
    Prediction("epsilon_production", "", "mixing epsilon(m_A'^2) of production and decay", _SOURCE, _epsilon("ap")),
    Prediction(
        "epsilon_annihilation", "", "mixing epsilon(4 m_chi^2) of annihilation at rest", _SOURCE, _epsilon("dm")
    ),
)
