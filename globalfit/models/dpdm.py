"""Derivative portal dark matter: kinetic mixing of the Z, not of the photon, with a Z' that couples to dark matter.

    L = -(epsilon/2) Z.Z' + 1/2 m_Z'^2 Z'.Z' + g_chi Z'.J_chi,   J_chi = chibar gamma^mu chi

Scattering, D_ZZ'(q2) = -epsilon q2/[(1 - epsilon^2)(q2 - M_Z^2)(q2 - M_Z'^2)] times the Z charges, vanishes with q2.

Mixing of the Z alone is not gauge invariant. At dimension six it comes from

    (epsilon c_W/v^2) (H^dag sigma^a H) W^a.Z' + (epsilon s_W/v^2) (H^dag H) B.Z'

with D = d - i g W^a sigma^a/2 - i g' B/2, for which the photon part cancels. In unitary gauge they are
-(epsilon/2) (1 + h/v)^2 (Z.Z' + c_W W3'.Z') with W3' the W+ W- part of the field strength of W3, which adds two contact
terms to the unmixed couplings of the Z:

    W+ W- Z':  kappa = +epsilon g c_W     takes the magnetic part from the vertex of the mixed Z'
    h Z Z':    -(epsilon/v) h Z.Z'        as `Portal.higgs_contact`, -2 epsilon/v

so that sigma(chi chibar -> W W, Z h) grows no faster than a dimension-six operator's must, epsilon^2 s/v^2 relative to
the fermions (one vector transverse). Far above the masses Gamma(W_L W_L)/Gamma(Z_L h) is ((2 c_W^2 + 1)/3)^2, not
cos^2(2 theta_W), since the operators also join Goldstone bosons to W and h to Z.

With `ww: abelian` the Z mixes as an abelian field: no contact terms, and the cross section into W W grows like
s^2/m_W^4. With `ww: none` the W couples to neither: the literal Lagrangian of arXiv:2203.09462, Eq. 11.

With `uv: su2xu1` or `su2xsu2` epsilon is no parameter: it comes from loops of neutral fermions, with mass mixing and
with fermions that the Z' decays to (`completion`). The loop makes a combination of operators of its own; `ww` still
says which W W part goes with its epsilon. Where the loop is no constant any more the status is that of an effective
theory out of range.
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
from globalfit.models.completion import completed, loop_parameters, words
from globalfit.models.loop_mixing import LoopMixing
from globalfit.physics import fermions, status
from globalfit.physics.inputs import Inputs
from globalfit.physics.mixing import mix
from globalfit.physics.observables import vector_words
from globalfit.physics.portal import DarkMatter, Portal
from globalfit.physics.predictions import Prediction

NAMES = ("z", "zp")
# Couplings above this are not perturbative.
_LARGEST_COUPLING = math.sqrt(4.0 * math.pi)

_M_CHI = Parameter("m_chi", "GeV", "dark-matter mass", 1.0, 1.0e4)
_M_ZP = Parameter("m_zp", "GeV", "physical mass of the Z'", 0.05, 1.0e4)
_EPSILON = Parameter("epsilon", "", "kinetic mixing -(epsilon/2) Z.Z'", -0.99, 0.99)
_G_CHI = Parameter("g_chi", "", "coupling of the Z' to the dark matter", 0.0, _LARGEST_COUPLING)


class DPDMOptions(BaseModel):
    """Options of the model `dpdm`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ww: Literal["operator", "abelian", "none"] = Field(
        default="operator",
        description="coupling to W+ W-: gauge-invariant operators, an abelian Z field that mixes, or none",
    )
    uv: Literal["none", "su2xu1", "su2xsu2"] = Field(
        default="none",
        description="origin of the mixing: none, epsilon is a parameter; or loops of neutral fermions with the gauge "
        "group of the Z' next to SU(2)",
    )


class DPDM(Model):
    """Z and Z' with kinetic mixing."""

    Options: ClassVar = DPDMOptions
    name: ClassVar = "dpdm"
    title: ClassVar = "Derivative portal dark matter (Z-Z' kinetic mixing)"
    references: ClassVar = ("Zeng, arXiv:2203.09462",)

    options: DPDMOptions = eqx.field(static=True, default=DPDMOptions())

    @classmethod
    def build(cls, options: DPDMOptions) -> Self:
        return cls(options)

    @property
    def parameters(self) -> tuple[Parameter, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """With mixing from loops they are those of the loops."""
        if self.options.uv == "none":
            return (_M_CHI, _M_ZP, _EPSILON, _G_CHI)
        return (_M_CHI, _M_ZP, _G_CHI, *loop_parameters(_LARGEST_COUPLING))

    @property
    def provides(self) -> tuple[Prediction, ...]:
        uv = self.options.uv
        return vector_words(NAMES) if uv == "none" else vector_words(NAMES, "hidden") + words(uv)

    def portal(self, parameters: Mapping[str, Array], inputs: Inputs) -> Portal:
        m_chi, m_zp, coupling = parameters["m_chi"], parameters["m_zp"], parameters["g_chi"]
        mass2 = jnp.stack([jnp.full_like(m_zp, inputs.m_z**2), m_zp**2])
        zero = jnp.zeros_like(m_chi)
        if self.options.uv == "none":
            loops, hidden, doublet = LoopMixing(parameters["epsilon"], zero, zero + jnp.inf), None, None
        else:
            loops, hidden, doublet, coupling = completed(self.options.uv, parameters, inputs)
        mixing, solvable = mix(mass2, loops.epsilon, loops.delta_m2)
        epsilon = mixing.kinetic
        z_vector, z_axial = (jnp.asarray(part) for part in fermions.z_couplings(inputs))
        no_current = jnp.zeros(len(fermions.FERMIONS))
        z_charge = inputs.charge / inputs.tan_theta_w
        w_charge = zero if self.options.ww == "none" else zero + z_charge
        operator = self.options.ww == "operator"
        flags = jnp.where(solvable, 0, status.NO_SOLUTION.bit)
        validity = jnp.minimum(highest_energy(epsilon, inputs), loops.threshold)
        beyond = jnp.maximum(2.0 * m_chi, m_zp) > validity
        return Portal(
            names=NAMES,
            mixing=mixing,
            vector=jnp.stack([z_vector, no_current], axis=1),
            axial=jnp.stack([z_axial, no_current], axis=1),
            w_pair=jnp.stack([w_charge, zero]),
            higgs=_symmetric(2.0 * mixing.lagrangian_mass2[0], 2.0 * mixing.mass_mixing) / inputs.higgs_vev,
            dark=DarkMatter("dirac", m_chi, vector=jnp.stack([zero, coupling]), axial=jnp.zeros(2)),
            status=flags | jnp.where(beyond, status.BEYOND_EFFECTIVE_THEORY.bit, 0),
            w_contact=jnp.stack([zero, epsilon * z_charge]) if operator else None,
            higgs_contact=_symmetric(zero, -2.0 * epsilon / inputs.higgs_vev) if operator else None,
            hidden=hidden,
            doublet=doublet,
        )


def highest_energy(epsilon: Float[Array, ""], inputs: Inputs) -> Float[Array, ""]:
    """v/sqrt|epsilon|, GeV: the scale Lambda of operators epsilon/v^2 = 1/Lambda^2; infinite without mixing."""
    size = jnp.abs(epsilon)
    return jnp.where(size > 0.0, inputs.higgs_vev / jnp.sqrt(jnp.where(size > 0.0, size, 1.0)), jnp.inf)


def _symmetric(diagonal: Float[Array, ""], off_diagonal: Float[Array, ""]) -> Float[Array, "2 2"]:
    """First diagonal element and the two off-diagonal ones."""
    zero = jnp.zeros_like(diagonal)
    return jnp.stack([jnp.stack([diagonal, off_diagonal]), jnp.stack([off_diagonal, zero])])
