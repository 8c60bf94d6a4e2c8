"""Axial dark photon: Dirac dark matter with an axial coupling to a hypercharge-mixed dark photon.

    L = -1/4 F'.F' + 1/2 m_A'^2 A'.A' + epsilon/(2 cos theta_W) F'.B + g_chi chibar gamma^mu gamma5 chi A'_mu

(Wang and Thomas, arXiv:2510.24114, Eq. 1). Removing the photon by A -> A + epsilon A' and normalising A' leaves the Z
and V2 = sqrt(1 - epsilon^2) A' with eta = epsilon tan theta_W / sqrt(1 - epsilon^2) and an electromagnetic current
epsilon e Q / sqrt(1 - epsilon^2) on V2. Direct detection goes through O8 with C_AV^p = g_chi e epsilon / m_A'^2 exactly
at q2 = 0, and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Self

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float
from pydantic import BaseModel, ConfigDict

from globalfit import fermions, status
from globalfit.inputs import Inputs
from globalfit.models import Parameter
from globalfit.observables import vector_words
from globalfit.portal import DarkMatter, Portal, lagrangian_masses
from globalfit.predictions import Prediction


class AxialOptions(BaseModel):
    """The axial model has no options."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Axial(eqx.Module):
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
    def build(cls, options: AxialOptions) -> Self:  # noqa: ARG003 - the protocol's signature
        return cls()

    @property
    def provides(self) -> tuple[Prediction, ...]:
        return _WORDS

    def portal(self, parameters: Mapping[str, Array], inputs: Inputs) -> Portal:
        m_chi = parameters["m_chi"]
        m_ad = parameters["mass_ratio"] * m_chi
        mass2 = jnp.stack([jnp.full_like(m_ad, inputs.m_z**2), m_ad**2])
        asked = parameters["epsilon"] * inputs.tan_theta_w / jnp.sqrt(1.0 - parameters["epsilon"] ** 2)
        masses = lagrangian_masses(mass2, asked)
        epsilon = jnp.where(masses.solvable, parameters["epsilon"], 0.0)
        norm = 1.0 / jnp.sqrt(1.0 - epsilon**2)
        return hypercharge_portal(
            names=("z", "ad"),
            mass2=mass2,
            lagrangian_mass2=masses.mass2,
            mixing=masses.mixing,
            charge_fraction=epsilon * norm,
            dark=DarkMatter(
                "dirac",
                m_chi,
                vector=jnp.zeros(2),
                axial=jnp.stack([jnp.zeros_like(m_chi), norm * dark_coupling(parameters["alpha_d"])]),
            ),
            flags=jnp.where(masses.solvable, 0, status.NO_SOLUTION.bit)
            | jnp.where(unitarity(m_chi, m_ad, parameters["alpha_d"]), 0, status.BEYOND_PERTURBATIVITY.bit),
            inputs=inputs,
        )


def hypercharge_portal(
    *,
    names: tuple[str, str],
    mass2: Float[Array, " 2"],
    lagrangian_mass2: Float[Array, " 2"],
    mixing: Float[Array, ""],
    charge_fraction: Float[Array, ""],
    dark: DarkMatter,
    flags: Array,
    inputs: Inputs,
) -> Portal:
    """Portal of the Z and a dark photon that carries `charge_fraction` of the electromagnetic current."""
    z_vector, z_axial = fermions.z_couplings(inputs)
    charge = inputs.charge * charge_fraction
    higgs_vertex = 2.0 * lagrangian_mass2[0] / inputs.higgs_vev
    zero = jnp.zeros_like(charge)
    return Portal(
        names=names,
        mass2=mass2,
        lagrangian_mass2=lagrangian_mass2,
        mixing=mixing,
        vector=jnp.stack([jnp.asarray(z_vector), charge * jnp.asarray(fermions.CHARGE)], axis=1),
        axial=jnp.stack([jnp.asarray(z_axial), jnp.zeros(len(fermions.FERMIONS))], axis=1),
        w_pair=jnp.stack([zero + inputs.charge / inputs.tan_theta_w, charge]),
        higgs=jnp.stack([jnp.stack([higgs_vertex, zero]), jnp.stack([zero, zero])]),
        dark=dark,
        status=flags,
    )


def dark_coupling(alpha_d: Float[Array, ""]) -> Float[Array, ""]:
    """g_chi = sqrt(4 pi alpha_D), with a finite derivative at zero."""
    positive = alpha_d > 0.0
    return jnp.where(positive, jnp.sqrt(4.0 * math.pi * jnp.where(positive, alpha_d, 1.0)), 0.0)


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
