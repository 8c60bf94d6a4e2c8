"""Tree-level shifts of the Z-pole and W observables by a portal that mixes with the Z.

Physical M_Z, alpha and G_F are fixed. Mixing moves the Lagrangian mass m_Zbar of the Z of the Standard Model away from
M_Z, and the Z that is produced is the mass eigenstate Z = sum_i U_iZ V_i:

    n = m_Zbar^2/M_Z^2,   s^2 c^2 = s0^2 c0^2/n,   M_W = M_W^SM sqrt(n c^2/c0^2),
    v_f = U_ZZ (T3 - 2 Q (s_eff,f^2 + s^2 - s0^2)) + U_VZ v_f^V,   a_f = U_ZZ T3 + U_VZ a_f^V   in units of e/(2 s c),
    Gamma_f = Gamma_f^SM n (v_f^2 + a_f^2)/(same of the Standard Model),

with s0^2 the leptonic effective angle of the Standard Model, and v^V, a^V the couplings of the other vector. Radiative
corrections are those of the Standard Model. For hypercharge mixing U_ZZ = cos(alpha) - epsilon_W sin(alpha), and
U_VZ v^V = 2 c^2 epsilon_W sin(alpha) Q: Curtin et al., arXiv:1412.0018. Nothing is expanded in the mixing.

The Z also decays to dark matter. Its decay to the other vector and a Higgs boson is closed (m_h > M_Z), and exchange of
the other vector does not interfere on the pole.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit.physics import fermions
from globalfit.physics.annihilation import channels
from globalfit.physics.electroweak.pole import held
from globalfit.physics.electroweak.standard_model import DECAYS, StandardModel
from globalfit.physics.inputs import Inputs
from globalfit.physics.portal import Portal
from globalfit.physics.symmetric import square

_CHARGE = fermions.CHARGE[: len(DECAYS)]
_ISOSPIN = fermions.ISOSPIN[: len(DECAYS)]
_INDEX = {name: i for i, name in enumerate(DECAYS)}
_QUARKS = fermions.COLOURS[: len(DECAYS)] > 1.0
# (1 - 2 s^2)^2 at which the weak angle stops following the mass: far beyond what data allow, and reached at s^2 = 0.45
_SMALLEST_ROOT = 0.01


class ZBoson(NamedTuple):
    """The Z of one point: couplings to `DECAYS` in units of e/(2 s c), m_Zbar^2/M_Z^2, and its dark width in GeV."""

    vector: Float[Array, " decay"]
    axial: Float[Array, " decay"]
    mass2_ratio: Float[Array, ""]
    dark_width: Float[Array, ""]


def unmixed(standard: StandardModel) -> ZBoson:
    """The Z of the Standard Model."""
    vector = jnp.asarray(_ISOSPIN) - 2.0 * jnp.asarray(_CHARGE) * standard.sin2_eff
    return ZBoson(vector, jnp.asarray(_ISOSPIN), jnp.ones(()), jnp.zeros(()))


def z_boson(portal: Portal, inputs: Inputs, standard: StandardModel) -> ZBoson:
    """The Z-like mass eigenstate of a portal; that of the Standard Model if no eigenstate is named `z`.

    Closer than three widths to the Z, the other vector counts as if it were three widths away: `pole.held`.
    """
    if portal.z is None:
        return unmixed(standard)
    return mixed(held(portal, portal.z, standard.gamma_z), portal.z, inputs, standard)


def mixed(portal: Portal, k: int, inputs: Inputs, standard: StandardModel) -> ZBoson:
    """Mass eigenstate `k` of a portal as the Z, however close the other vector is."""
    ratio = portal.mixing.lagrangian_mass2[k] / portal.mass2[k]
    eigenvectors = portal.eigenvectors()
    scale = inputs.charge / (2.0 * inputs.sin_theta_w * inputs.cos_theta_w)
    # The portal's V_k couples with the tree-level angle of `inputs`; the effective one takes its place.
    angle = standard.sin2_eff - inputs.sin2_theta_w + angle_shift(ratio, standard)
    matter = portal.matter_eigenvectors()[:, k]
    vector = portal.vector[: len(DECAYS)] @ matter / scale
    axial = portal.axial[: len(DECAYS)] @ matter / scale
    vector -= 2.0 * eigenvectors[k, k] * jnp.asarray(_CHARGE) * angle
    # Of all the widths of the portal only this one: it is also needed for a vector that is held away from the pole.
    density = channels.dark_density(portal, portal.mass2, portal.pole_excess)
    dark = portal.mass * square(eigenvectors).contract(density)
    return ZBoson(vector, axial, ratio, dark[k])


def angle_shift(mass2_ratio: Float[Array, ""], standard: StandardModel) -> Float[Array, ""]:
    """s^2 - s0^2. Where no angle fits, at n < 0.72, s^2 bends towards 1/2 so that it stays smooth and finite."""
    sin2 = standard.sin2_eff[_INDEX["e"]]
    root2 = 1.0 - 4.0 * sin2 * (1.0 - sin2) / mass2_ratio
    inside = root2 > _SMALLEST_ROOT
    exact = jnp.sqrt(jnp.where(inside, root2, 1.0))
    excess = jnp.where(inside, 0.0, root2 - _SMALLEST_ROOT)
    bent = np.sqrt(_SMALLEST_ROOT) * jnp.exp(excess / (2.0 * _SMALLEST_ROOT))
    return 0.5 * (1.0 - jnp.where(inside, exact, bent)) - sin2


def pseudo_observables(standard: StandardModel, z: ZBoson) -> dict[str, Float[Array, ""]]:
    """Z-pole and W observables by name; widths and masses in GeV, the cross section in pb."""
    reference = unmixed(standard)
    ratio = z.mass2_ratio * (z.vector**2 + z.axial**2) / (reference.vector**2 + reference.axial**2)
    partial = standard.width * ratio
    gamma_z = standard.gamma_z + jnp.sum(partial - standard.width) + z.dark_width
    hadrons = jnp.sum(partial[_QUARKS]) / jnp.sum(standard.width[_QUARKS])
    leptons = {name: _INDEX[name] for name in ("e", "mu", "tau")}
    mean = sum(standard.width[i] for i in leptons.values()) / 3.0
    asymmetry = 2.0 * z.vector * z.axial / (z.vector**2 + z.axial**2)
    a = {name: asymmetry[_INDEX[name]] for name in (*leptons, "b", "c")}
    sin2 = standard.sin2_eff[_INDEX["e"]]
    cos2_ratio = (1.0 - sin2 - angle_shift(z.mass2_ratio, standard)) / (1.0 - sin2)
    m_w = standard.m_w * jnp.sqrt(z.mass2_ratio * cos2_ratio)
    result = {
        "gamma_z_gev": gamma_z,
        "sigma_had_pb": standard.sigma_had * ratio[_INDEX["e"]] * hadrons * (standard.gamma_z / gamma_z) ** 2,
    }
    result |= {f"r_{name}": standard.r_l * mean * hadrons / partial[i] for name, i in leptons.items()}
    result |= {"r_b": standard.r_b * ratio[_INDEX["b"]] / hadrons, "r_c": standard.r_c * ratio[_INDEX["c"]] / hadrons}
    result |= {f"a_{name}": value for name, value in a.items()}
    result |= {f"afb_{name}": 0.75 * a["e"] * value for name, value in a.items()}
    # What a fit of leptonic asymmetries calls the effective angle
    result["s2eff_l"] = 0.25 * (1.0 - z.vector[_INDEX["e"]] / z.axial[_INDEX["e"]])
    return result | {"m_w_gev": m_w, "gamma_w_gev": standard.gamma_w_over_m_w3 * m_w**3}
