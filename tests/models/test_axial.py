"""The axial dark photon: couplings against 40-digit arithmetic, and the identities of direct detection."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from globalfit.models.axial import Axial
from globalfit.physics import fermions, status
from globalfit.physics.inputs import PRESETS
from tests.support.table import numbers

# mpmath, 40 digits; couplings in units of e, vertex gamma^mu (v - a gamma5).
MIXING = numbers(__file__, "hypercharge_mixing.csv")


def point(m_chi, mass_ratio, epsilon, alpha_d, inputs=PRESETS["micromegas6"]):
    values = {"m_chi": m_chi, "mass_ratio": mass_ratio, "epsilon": epsilon, "alpha_d": alpha_d}
    return Axial().portal({name: jnp.asarray(value) for name, value in values.items()}, inputs)


@pytest.mark.parametrize("row", MIXING, ids=lambda row: f"{row['MAD']:g}-{row['eps']:g}")
def test_couplings_against_forty_digits(row):
    inputs = PRESETS["micromegas6"].model_copy(update={"m_z": row["MZ"]})
    portal = point(row["MAD"] / 2.0, 2.0, row["eps"], row["gchi"] ** 2 / (4.0 * math.pi), inputs)
    assert portal.status & status.NO_SOLUTION.bit == 0
    u = portal.eigenvectors()
    vector, axial = portal.vector @ u / inputs.charge, portal.axial @ u / inputs.charge
    dark = portal.dark.axial @ u
    index = fermions.INDEX
    found = {
        "mZbar": jnp.sqrt(portal.mixing.lagrangian_mass2[0]),
        "mAprime": jnp.sqrt(portal.mixing.lagrangian_mass2[1] * (1.0 - row["eps"] ** 2)),
        "Ca_ADchi": dark[1],
        "Ca_Zchi": dark[0],
        "CvAD_e": vector[index["e"], 1],
        "CaAD_e": axial[index["e"], 1],
        "CvZ_e": vector[index["e"], 0],
        "CaZ_e": axial[index["e"], 0],
        "CvAD_u": vector[index["u"], 1],
        "CvZ_u": vector[index["u"], 0],
        "CvAD_nu": vector[index["nu_e"], 1],
    }
    for name, value in found.items():
        np.testing.assert_allclose(value, row[name], rtol=1e-9, err_msg=name)
    # amplitude on the proton at q2 = 0: only the charge is left
    proton = 2.0 * portal.vector[index["u"]] + portal.vector[index["d"]]
    amplitude = -portal.dark.axial @ portal.mixing.propagator(jnp.asarray(0.0)) @ proton / inputs.charge
    np.testing.assert_allclose(amplitude, row["CAVp_over_e"], rtol=1e-9)


def test_neutron_and_axial_amplitudes_vanish_identically_at_zero_momentum():
    portal = point(40.0, 3.0, 0.3, 0.05)
    exchange = portal.dark.axial @ portal.mixing.propagator(jnp.asarray(0.0))
    up, down = fermions.INDEX["u"], fermions.INDEX["d"]
    proton, neutron = 2.0 * portal.vector[up] + portal.vector[down], portal.vector[up] + 2.0 * portal.vector[down]
    assert abs(exchange @ neutron) < 1e-16 * abs(exchange @ proton)
    assert jnp.all(portal.axial @ exchange == 0.0)


@pytest.mark.parametrize(
    ("m_chi", "mass_ratio", "alpha_d", "epsilon", "solvable"),
    [
        # edges of the band without a solution for Omega h2 = 0.12, R = 3 (arXiv:2510.24114, Fig. 1; micrOMEGAs)
        (28.35, 3.0, 0.05, 0.125, True),
        (28.35, 3.0, 0.05, 0.127, False),
        (32.18, 3.0, 0.05, 0.102, True),
        (32.18, 3.0, 0.05, 0.105, False),
        (24.05, 3.0, 0.005, 0.385, True),
        (24.05, 3.0, 0.005, 0.388, False),
    ],
)
def test_repulsion_band(m_chi, mass_ratio, alpha_d, epsilon, solvable):
    portal = point(m_chi, mass_ratio, epsilon, alpha_d)
    assert (int(portal.status) & status.NO_SOLUTION.bit == 0) is solvable


def test_perturbativity_flag():
    # m_chi < sqrt(pi/2) m_AD / g_chi, which alpha_d = 0.5 meets exactly at mass_ratio = 2
    assert int(point(100.0, 2.0, 0.01, 0.5).status) == 0
    assert int(point(100.0, 1.99, 0.01, 0.5).status) == status.BEYOND_PERTURBATIVITY.bit
