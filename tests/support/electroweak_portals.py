"""Portals whose electroweak shifts are tested: hypercharge mixing, and kinetic mixing of the Z with a Z'."""

import jax.numpy as jnp

from globalfit.models.axial import Axial
from globalfit.physics import fermions
from globalfit.physics.inputs import PRESETS
from globalfit.physics.mixing import mix
from globalfit.physics.portal import DarkMatter, Portal

INPUTS = PRESETS["default"]


def hypercharge(epsilon, mass, alpha_d=0.0, m_chi=1e4):
    """Axial dark photon of this mass; without dark matter by default."""
    values = {"m_chi": m_chi, "mass_ratio": mass / m_chi, "epsilon": epsilon, "alpha_d": alpha_d}
    return Axial().portal({name: jnp.asarray(value, float) for name, value in values.items()}, INPUTS)


def kinetic(epsilon, mass, vector=None, order=1):
    """V1 = Z of the Standard Model, V2 with no couplings (or the given vector couplings) and F1.F2 epsilon/2.

    With `order` -1 the Z is the second vector.
    """
    epsilon, mass = jnp.asarray(epsilon, float), jnp.asarray(mass, float)
    mass2 = jnp.stack([jnp.full_like(mass, INPUTS.m_z**2), mass**2])
    z_vector, z_axial = (jnp.asarray(coupling) for coupling in fermions.z_couplings(INPUTS))
    other = jnp.zeros(12) if vector is None else vector
    names = ("z", "zp")
    return Portal(
        names=names[::order],
        mixing=mix(mass2[::order], epsilon).mixing,
        vector=jnp.stack([z_vector, other][::order], axis=1),
        axial=jnp.stack([z_axial, jnp.zeros(12)][::order], axis=1),
        w_pair=jnp.zeros(2),
        higgs=jnp.zeros((2, 2)),
        dark=DarkMatter("dirac", jnp.asarray(1e4), jnp.zeros(2), jnp.zeros(2)),
        status=jnp.zeros((), int),
    )
