"""The twelve Standard-Model fermions: order, charges, colours, masses and Z couplings."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from globalfit.physics.inputs import Inputs


class Fermion(NamedTuple):
    """Name, electric charge, weak isospin of the left-handed part, number of colours."""

    name: str
    charge: float
    isospin: float
    colours: int


FERMIONS: tuple[Fermion, ...] = (
    Fermion("nu_e", 0.0, 0.5, 1),
    Fermion("nu_mu", 0.0, 0.5, 1),
    Fermion("nu_tau", 0.0, 0.5, 1),
    Fermion("e", -1.0, -0.5, 1),
    Fermion("mu", -1.0, -0.5, 1),
    Fermion("tau", -1.0, -0.5, 1),
    Fermion("u", 2.0 / 3.0, 0.5, 3),
    Fermion("d", -1.0 / 3.0, -0.5, 3),
    Fermion("s", -1.0 / 3.0, -0.5, 3),
    Fermion("c", 2.0 / 3.0, 0.5, 3),
    Fermion("b", -1.0 / 3.0, -0.5, 3),
    Fermion("t", 2.0 / 3.0, 0.5, 3),
)
INDEX: dict[str, int] = {fermion.name: i for i, fermion in enumerate(FERMIONS)}
CHARGE: NDArray[np.float64] = np.array([fermion.charge for fermion in FERMIONS])
ISOSPIN: NDArray[np.float64] = np.array([fermion.isospin for fermion in FERMIONS])
COLOURS: NDArray[np.float64] = np.array([float(fermion.colours) for fermion in FERMIONS])


def masses(inputs: Inputs) -> NDArray[np.float64]:
    """Masses in GeV, in the order of `FERMIONS`; neutrinos are massless."""
    return np.array([0.0 if f.name.startswith("nu") else getattr(inputs, f"m_{f.name}") for f in FERMIONS])


def z_couplings(inputs: Inputs) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Vector and axial couplings of the unmixed Z: e/(2 s_W c_W) (T3 - 2 Q s_W^2) and e/(2 s_W c_W) T3."""
    scale = inputs.charge / (2.0 * inputs.sin_theta_w * inputs.cos_theta_w)
    return scale * (ISOSPIN - 2.0 * CHARGE * inputs.sin2_theta_w), scale * ISOSPIN
