"""Standard-Model predictions at the Z pole and of the W mass in closed form, with two-loop electroweak corrections.

Parametrisations of full calculations in powers of ln m_H and of the inputs' deviations from reference values:

- Z widths, hadronic pole cross section and ratios: Dubovyk et al., arXiv:1906.08815, Eq. 2.9, Table 1;
- effective angles of leptons and b: the same, Eq. 3.6, Table 3;
- effective angles of u, d and nu: Awramik, Czakon, Freitas, arXiv:hep-ph/0608099;
- M_W: Awramik et al., arXiv:hep-ph/0311148 (version 2), for 100 GeV <= m_H <= 1 TeV;
- W width: Cho et al., arXiv:1104.1769.

Coefficients and references of the variables stand in the tables beside this module.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit.physics import fermions
from globalfit.tables import Table, read_table

# The Z decays to all fermions but the top quark, which stands last.
DECAYS: tuple[str, ...] = tuple(fermion.name for fermion in fermions.FERMIONS[:-1])
# G_F in GeV^-2 (Review of Particle Physics 2024)
FERMI_CONSTANT = 1.1663788e-5
_ROW = {"mu": "e", "s": "d", "nu_e": "nu", "nu_mu": "nu", "nu_tau": "nu"}
_ANGLE = {
    "e": "lepton",
    "mu": "lepton",
    "tau": "lepton",
    "s": "d",
    "c": "u",
    "nu_e": "nu",
    "nu_mu": "nu",
    "nu_tau": "nu",
}


class Nuisances(NamedTuple):
    """Inputs of the predictions, masses in GeV: pole masses, alpha_s(M_Z), and Delta alpha (leptons + five quarks)."""

    m_z: Any
    m_t: Any
    m_h: Any
    alpha_s: Any
    delta_alpha: Any


class StandardModel(NamedTuple):
    """Predictions of the Standard Model. Widths in GeV, the cross section in pb; fermions in the order of `DECAYS`.

    `r_l` is the hadronic width over the mean leptonic one.
    """

    width: Float[Array, " decay"]
    sin2_eff: Float[Array, " decay"]
    gamma_z: Float[Array, ""]
    sigma_had: Float[Array, ""]
    r_l: Float[Array, ""]
    r_b: Float[Array, ""]
    r_c: Float[Array, ""]
    m_w: Float[Array, ""]
    # Gamma_W/M_W^3, which does not depend on how a portal shifts M_W
    gamma_w_over_m_w3: Float[Array, ""]


def standard_model(nuisances: Nuisances) -> StandardModel:
    """Predictions for given inputs. Pure JAX."""
    m_z, m_t, m_h, alpha_s, delta_alpha = (jnp.asarray(value, float) for value in nuisances)
    pole = dict(zip(*_z_pole(m_z, m_t, m_h, alpha_s, delta_alpha), strict=True))
    angle = dict(zip(*_angles(m_z, m_t, m_h, alpha_s, delta_alpha), strict=True))
    return StandardModel(
        width=jnp.stack([pole[f"width_{_ROW.get(name, name)}"] for name in DECAYS]),
        sin2_eff=jnp.stack([angle[f"sin2_{_ANGLE.get(name, name)}"] for name in DECAYS]),
        gamma_z=pole["gamma_z"],
        sigma_had=pole["sigma_had"],
        r_l=pole["r_l"],
        r_b=pole["r_b"],
        r_c=pole["r_c"],
        m_w=_w_mass(m_z, m_t, m_h, alpha_s, delta_alpha),
        gamma_w_over_m_w3=_w_width(m_h, alpha_s),
    )


def tables() -> tuple[Table, ...]:
    """The tables of coefficients with their provenance."""
    names = ("z_widths.csv", "effective_angles.csv", "light_quark_angles.csv", "w_mass.csv")
    return tuple(read_table("globalfit.physics.electroweak", name) for name in names)


def _z_pole(m_z: Array, m_t: Array, m_h: Array, alpha_s: Array, delta_alpha: Array) -> tuple[list[str], Array]:
    """Widths, ratios and the cross section of arXiv:1906.08815, and the quantities' names."""
    lh, h, t, a, d, z = _deviations_2019(m_z, m_t, m_h, alpha_s, delta_alpha)
    terms = {"constant": jnp.ones(()), "lh": lh, "lh2": lh**2, "lh4": lh**4, "dh": h, "dt": t, "dt2": t**2}
    terms |= {"dt_lh": t * lh, "dt_lh2": t * lh**2, "das": a, "das2": a**2, "das_dh": a * h, "das_dt": a * t}
    terms |= {"dal": d, "dal_dh": d * h, "dal_dt": d * t, "dz": z}
    return _evaluate(tables()[0], terms)


def _angles(m_z: Array, m_t: Array, m_h: Array, alpha_s: Array, delta_alpha: Array) -> tuple[list[str], Array]:
    """sin^2 theta_eff of leptons and b (arXiv:1906.08815), u, d and nu (arXiv:hep-ph/0608099)."""
    lh, _, t, a, d, z = _deviations_2019(m_z, m_t, m_h, alpha_s, delta_alpha)
    terms = {"constant": jnp.ones(()), "lh": lh, "lh2": lh**2, "lh4": lh**4, "dal": d, "dt": t, "dt2": t**2}
    names, values = _evaluate(tables()[1], terms | {"dt_lh": t * lh, "das": a, "das_dt": a * t, "dz": z})
    lh, h, t = jnp.log(m_h / 100.0), m_h / 100.0, (m_t / 178.0) ** 2 - 1.0
    terms = {"constant": jnp.ones(()), "lh": lh, "lh2": lh**2, "lh4": lh**4, "rh2_minus_1": h**2 - 1.0}
    terms |= {"dal": delta_alpha / 0.05907 - 1.0, "dt": t, "dt2": t**2, "dt_rh_minus_1": t * (h - 1.0)}
    light, more = _evaluate(tables()[2], terms | {"das": alpha_s / 0.117 - 1.0, "dz": m_z / 91.1876 - 1.0})
    return names + light, jnp.concatenate([values, more])


def _w_mass(m_z: Array, m_t: Array, m_h: Array, alpha_s: Array, delta_alpha: Array) -> Float[Array, ""]:
    """M_W of arXiv:hep-ph/0311148, Eq. 6, GeV."""
    lh, h2, t = jnp.log(m_h / 100.0), (m_h / 100.0) ** 2, (m_t / 174.3) ** 2 - 1.0
    terms = {"constant": jnp.ones(()), "minus_lh": -lh, "minus_lh2": -(lh**2), "lh4": lh**4, "rh2_minus_1": h2 - 1.0}
    terms |= {"minus_dal": 1.0 - delta_alpha / 0.05907, "dt": t, "minus_dt2": -(t**2), "minus_lh_dt": -lh * t}
    terms |= {"rh2_dt": h2 * t, "minus_das": 1.0 - alpha_s / 0.119, "dz": m_z / 91.1875 - 1.0}
    return _evaluate(tables()[3], terms)[1][0]


def _w_width(m_h: Array, alpha_s: Array) -> Float[Array, ""]:
    """Gamma_W/M_W^3 = 0.33904 G_F (1 + 8.478e-3 R_W + 6.5e-4 x_s), GeV^-2 (arXiv:1104.1769)."""
    ratio = 2.1940 - 0.16 * (jnp.log(1.0 + (23.0 / m_h) ** 2) - math.log(1.0 + 0.23**2))
    return 0.33904 * FERMI_CONSTANT * (1.0 + 8.478e-3 * ratio + 6.5e-4 * (alpha_s - 0.118) / 0.003)


def _deviations_2019(m_z: Array, m_t: Array, m_h: Array, alpha_s: Array, delta_alpha: Array) -> tuple[Array, ...]:
    """L_H, Delta_H, Delta_t, Delta_alpha_s, Delta_alpha, Delta_Z of arXiv:1906.08815."""
    return (
        jnp.log(m_h / 125.7),
        m_h / 125.7 - 1.0,
        (m_t / 173.2) ** 2 - 1.0,
        alpha_s / 0.1184 - 1.0,
        delta_alpha / 0.059 - 1.0,
        m_z / 91.1876 - 1.0,
    )


def _evaluate(table: Table, terms: dict[str, Array]) -> tuple[list[str], Float[Array, " quantity"]]:
    """Sums of the terms with the table's coefficients, in GeV, pb or 1, and the quantities' names."""
    coefficients = np.stack([table[name] for name in terms], axis=1)
    factor = table["factor"] if "factor" in table.columns else 1.0
    return list(table["quantity"]), jnp.asarray(coefficients) @ jnp.stack(list(terms.values())) * factor
