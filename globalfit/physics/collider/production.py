"""Production of resonances in proton collisions at 13 TeV and their decay into lepton pairs, at leading order.

    sigma(p p -> V_k) = sum_q w_q(M_k) (g_V^2 + g_A^2)_qk,   BR_k(l l) = Gamma_k(l l)/Gamma_k

with couplings g_k of the mass eigenstate k (vertex gamma^mu (g_V - g_A gamma5)) and the parton luminosities w_q.
"""

from __future__ import annotations

import functools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit.physics import fermions
from globalfit.physics.collider.mass_table import in_logarithms
from globalfit.physics.observables import decay_widths
from globalfit.physics.portal import Portal
from globalfit.physics.predictions import Predictions
from globalfit.tables import Table, read_table

# Quarks in the proton, in the order of the columns of the luminosity table.
QUARKS = ("u", "d", "s", "c", "b")
QUARK_INDEX = np.array([fermions.INDEX[quark] for quark in QUARKS])


def luminosity_table() -> Table:
    """w_q(M) in fb from 10 GeV to 7 TeV."""
    return read_table("globalfit.physics.collider", "parton_luminosities.csv")


def log_luminosities(mass: Float[np.ndarray, " mesh"]) -> Float[np.ndarray, "quark mesh"]:
    """ln w_q at masses in GeV, in the order of `QUARKS`."""
    return np.stack([spline(mass) for spline in _splines()])


def squared_couplings(predictions: Predictions) -> Float[Array, "fermion 2"]:
    """g_V^2 + g_A^2 of both mass eigenstates to `globalfit.physics.fermions.FERMIONS`."""
    return predictions.once("squared_couplings", lambda p: _squared_couplings(p.portal))


def branching_fraction(predictions: Predictions, channel: str, k: int) -> Float[Array, ""]:
    """Branching fraction of the mass eigenstate k; 0 where it has no width."""
    decays = decay_widths(predictions)
    return decays.partial[channel][k] * inverse(decays.total[k])


def inverse(width: Float[Array, ""]) -> Float[Array, ""]:
    """1/width, 0 for width = 0."""
    positive = width > 0.0
    return jnp.where(positive, 1.0 / jnp.where(positive, width, 1.0), 0.0)


def _squared_couplings(portal: Portal) -> Float[Array, "fermion 2"]:
    eigenvectors = portal.matter_eigenvectors()
    return (portal.vector @ eigenvectors) ** 2 + (portal.axial @ eigenvectors) ** 2


@functools.cache
def _splines():
    table = luminosity_table()
    return tuple(in_logarithms(table["mass_gev"], table[quark]) for quark in QUARKS)
