"""Couplings of the physical vectors of the axial dark photon, from the generalised eigenproblem of (A, Z, A').

Gauge fields (A, Z, A') with L = -1/4 K_ij V_i.V_j + 1/2 (M2)_ij V_i.V_j and

    K = [[1, 0, -e], [0, 1, e t_W], [-e, e t_W, 1]],    M2 = diag(0, m_Z^2, m_A'^2),

from + epsilon/(2 c_W) F'.B with B = c_W A - s_W Z. M2 U = K U diag(M^2), U^T K U = 1: a current that couples with
strengths g_i to the gauge fields couples with sum_i g_i U_ik to the mass eigenstate k.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from globalfit.physics.inputs import Inputs

# Name, charge, isospin of the left-handed part, colours.
FERMIONS = [
    *((f"nu_{name}", 0.0, 0.5, 1) for name in ("e", "mu", "tau")),
    *((name, -1.0, -0.5, 1) for name in ("e", "mu", "tau")),
    *((name, 2.0 / 3.0, 0.5, 3) for name in ("u", "c", "t")),
    *((name, -1.0 / 3.0, -0.5, 3) for name in ("d", "s", "b")),
]


@dataclasses.dataclass(frozen=True)
class Fermion:
    """Standard-Model fermion with its couplings to both eigenstates (vertex gamma^mu (v - a gamma5))."""

    name: str
    mass: float
    colours: int
    vector: NDArray
    axial: NDArray


@dataclasses.dataclass(frozen=True)
class Model:
    """Masses and couplings of the Z-like (0) and the dark-photon-like (1) eigenstate, GeV."""

    m_chi: float
    mass: NDArray
    fermions: tuple[Fermion, ...]
    dark_axial: NDArray
    w_pair: NDArray
    higgs: NDArray  # symmetric matrix of the vertices h V_k V_l, GeV
    m_w: float
    m_h: float


def lagrangian_masses(m_z: float, m_ad: float, epsilon: float, inputs: Inputs) -> tuple[float, float]:
    """Masses of Z and A' in the Lagrangian that give the physical ones (Curtin et al., arXiv:1412.0018, inverted)."""
    x, y = m_z**2, m_ad**2
    kinetic = np.sqrt(1.0 - epsilon**2 / (1.0 - inputs.sin2_theta_w))
    mixing = epsilon * inputs.tan_theta_w / kinetic
    root = (x - y) ** 2 - 4.0 * mixing**2 * x * y
    if root < 0.0:
        raise ValueError(f"no Lagrangian masses for M_AD = {m_ad} GeV and epsilon = {epsilon}")
    z2 = (x + y + np.sign(x - y) * np.sqrt(root)) / (2.0 * (1.0 + mixing**2))
    return float(np.sqrt(z2)), float(m_z * m_ad / np.sqrt(z2) * kinetic)


def build(m_chi: float, mass_ratio: float, epsilon: float, alpha_d: float, inputs: Inputs) -> Model:
    """Model at one parameter point; raises ValueError inside the eigenmass-repulsion band."""
    m_z, m_ad = inputs.m_z, mass_ratio * m_chi
    z, dark = lagrangian_masses(m_z, m_ad, epsilon, inputs)
    tangent = epsilon * inputs.tan_theta_w
    kinetic = np.array([[1.0, 0.0, -epsilon], [0.0, 1.0, tangent], [-epsilon, tangent, 1.0]])
    values, vectors = linalg.eigh(np.diag([0.0, z**2, dark**2]), kinetic)
    order = [1, 2] if m_z < m_ad else [2, 1]
    mass, u = np.sqrt(values[order]), vectors[:, order]
    np.testing.assert_allclose(mass, [m_z, m_ad], rtol=1e-9)

    charge, sin2 = inputs.charge, inputs.sin2_theta_w
    z_unit = charge / (2.0 * inputs.sin_theta_w * inputs.cos_theta_w)
    fermions = []
    for name, q, isospin, colours in FERMIONS:
        vector = charge * q * u[0] + z_unit * (isospin - 2.0 * q * sin2) * u[1]
        axial = z_unit * isospin * u[1]
        fermion_mass = 0.0 if name.startswith("nu") else getattr(inputs, f"m_{name}")
        fermions.append(Fermion(name, fermion_mass, colours, vector, axial))
    return Model(
        m_chi=m_chi,
        # the physical masses are what was asked for; the eigenvalues agree to rounding
        mass=np.array([m_z, m_ad]),
        fermions=tuple(fermions),
        dark_axial=np.sqrt(4.0 * np.pi * alpha_d) * u[2],
        w_pair=charge * u[0] + charge / inputs.tan_theta_w * u[1],
        higgs=2.0 * z**2 / inputs.higgs_vev * np.outer(u[1], u[1]),
        m_w=inputs.m_w,
        m_h=inputs.m_h,
    )
