"""Points of the derivative portal with mixing from loops."""

import math

import jax
import jax.numpy as jnp

from globalfit.models.dpdm import DPDM, DPDMOptions
from globalfit.physics.inputs import PRESETS
from globalfit.physics.observables import VOCABULARY
from globalfit.physics.predictions import Predictions

# what the tests compare with is tree level, in kinetic equilibrium
INPUTS = PRESETS["default"].model_copy(update={"m_z": 91.188, "kinetic": "equilibrium", "sommerfeld": "off"})
MODEL, DOUBLET = (DPDM.build(DPDMOptions(uv=uv)) for uv in ("su2xu1", "su2xsu2"))
WORDS = VOCABULARY.extended(MODEL.provides)
# Large mixing, epsilon = 1.5e-3 and delta_m2 = -38 GeV^2; m_1 = 163 GeV.
MIXED = {"m_chi": 100.0, "m_zp": 300.0, "g_chi": 2.0, "m_n": 300.0, "y_nu": 1.0, "y_psi": 2.0}


def arrays(point):
    return {name: jnp.asarray(value) for name, value in point.items()}


@jax.jit
def portal_of(point):
    return MODEL.portal(point, INPUTS)


def portal(**changed):
    return portal_of(arrays(MIXED | changed))


def words(point):
    return Predictions(point, INPUTS, {}, WORDS)


def of_masses(row, m_zp=400.0, g_chi=0.5):
    """Parameters that give the entries a and b of the mass matrix."""
    return {
        "m_zp": m_zp,
        "g_chi": g_chi,
        "m_n": row["m_n"],
        "y_nu": row["a"] * math.sqrt(2.0) / INPUTS.higgs_vev,
        "y_psi": row["b"] * math.sqrt(2.0) * g_chi / m_zp,
    }
