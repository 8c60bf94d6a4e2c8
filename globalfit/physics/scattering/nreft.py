"""Non-relativistic coefficients of a portal: from the quark couplings to O1, O4, O8 and O9 of the nucleons.

With conventions of Anand, Fitzpatrick and Haxton (1308.6288), L = sum_i,N c_i^N O_i^N in GeV^-2:
O1 = 1, O4 = S_chi.S_N, O8 = S_chi.v_perp, O9 = i S_chi.(S_N x q/m_N).

Integrating out the vectors gives L = J_dark.D(q2).J_SM (D(0) = -1/M^2). For vertices gamma^mu (v - a gamma5)

    C_VV^N = v_N.D.v_chi,   C_AV^N = -v_N.D.a_chi   (axial on the dark side),   C_AA^N = a_N.D.a_chi
    c1 = C_VV,   c8 = 2 C_AV,   c4 = -4 C_AA,   c9^N = 2 C_AV with the nucleon's magnetic coupling in place of v_N

The vector current counts valence quarks, v_p = 2 v_u + v_d and v_n = v_u + 2 v_d, exactly (conserved currents). Its
magnetic coupling follows from the measured moments by isospin, mu_p v_p + mu_n v_n for the proton and with p and n
exchanged for the neutron (no strange moment, which is below 0.1: 1708.02678); for electric charges it is 2.793 and
-1.913. The axial current takes the quark spin fractions of 1707.06998 (g_A = 1.2723, Delta u + Delta d = 0.521,
Delta s = -0.031, MS-bar at 2 GeV).

Pseudo-Dirac dark matter scatters inelastically at tree level, chi1 N -> chi2 N, which needs a splitting of the masses
below mu v^2/2: with the escape velocity of the Galaxy, v < 2.7e-3, less than 3.6e-6 of the mass of the dark matter and
less than 0.5 MeV on xenon. Models keep larger ones, and the coefficients are zero.

Left out: the products of a dark vector and a nuclear axial current (O7 and O9 with 1/m_chi), suppressed by velocity
next to the coherent c1 that comes with them, and the running of the couplings below M_Z.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit.physics.fermions import INDEX
from globalfit.physics.portal import DarkMatter, Portal

# Magnetic moments in nuclear magnetons (PDG 2024).
PROTON_MOMENT, NEUTRON_MOMENT = 2.7928, -1.9130
# Spin fractions of the proton's u, d and s quarks (1707.06998, eq. A17 and below).
DELTA_U, DELTA_D, DELTA_S = 0.897, -0.376, -0.031

_QUARKS = (INDEX["u"], INDEX["d"], INDEX["s"])
# Rows: proton, neutron; columns: u, d, s.
_VALENCE = np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0]])
_SPIN = np.array([[DELTA_U, DELTA_D, DELTA_S], [DELTA_D, DELTA_U, DELTA_S]])
_MAGNETIC = np.array([[PROTON_MOMENT, NEUTRON_MOMENT], [NEUTRON_MOMENT, PROTON_MOMENT]])


class Coefficients(NamedTuple):
    """c_i of proton and neutron (first axis), GeV^-2; a trailing axis, if any, runs over momentum transfers."""

    c1: Float[Array, "nucleon ..."]
    c4: Float[Array, "nucleon ..."]
    c8: Float[Array, "nucleon ..."]
    c9: Float[Array, "nucleon ..."]


def nreft_coefficients(portal: Portal, q2: Float[Array, " q"]) -> Coefficients:
    """Coefficients at squared four-momentum transfers `q2` <= 0 in GeV^2, shape (nucleon, q)."""
    quark_vector, quark_axial = portal.vector[_QUARKS, :], portal.axial[_QUARKS, :]
    vector, axial = _product(_VALENCE, quark_vector), _product(_SPIN, quark_axial)
    dark_vector, dark_axial = _elastic(portal.dark)
    c8 = -2.0 * _couplings(vector, dark_axial)
    factors = jnp.stack(
        [
            _couplings(vector, dark_vector),
            -4.0 * _couplings(axial, dark_axial),
            c8,
            _product(_MAGNETIC, c8),
        ]
    )
    transfer = portal.transfer(q2).reshape(4, -1)
    c1, c4, c8, c9 = jnp.einsum("onk,kq->onq", factors, transfer, precision="highest")
    if portal.loop is not None:
        c1 = _in_quadrature(c1, portal.loop[:, None])
    return Coefficients(c1, c4, c8, c9)


def _in_quadrature(first: Float[Array, "nucleon q"], second: Float[Array, "nucleon 1"]) -> Float[Array, "nucleon q"]:
    total = first**2 + second**2
    positive = total > 0.0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, total, 1.0)), 0.0)


def _elastic(dark: DarkMatter) -> tuple[Float[Array, " 2"], Float[Array, " 2"]]:
    """Vector and axial couplings that leave the dark matter what it was."""
    if dark.kind == "pseudo_dirac":
        return jnp.zeros_like(dark.vector), jnp.zeros_like(dark.axial)
    return dark.vector, dark.axial


def _product(matrix: np.ndarray, columns: Float[Array, "row column"]) -> Float[Array, "nucleon column"]:
    # "highest": accelerators otherwise round the factors of a float32 product to ten bits.
    return jnp.matmul(jnp.asarray(matrix), columns, precision="highest")


def _couplings(nucleon: Float[Array, "nucleon 2"], dark: Float[Array, " 2"]) -> Float[Array, "nucleon 4"]:
    """Factors of D_11, D_12, D_21 and D_22 in sum_ij nucleon_i D_ij dark_j."""
    return (nucleon[:, :, None] * dark[None, None, :]).reshape(-1, 4)
