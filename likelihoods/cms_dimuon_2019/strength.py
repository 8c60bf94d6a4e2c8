"""Signal strength of dimuon resonances in units of that of a dark photon, and the cells of mass that measure it.

The dark photon of the published limit mixes with hypercharge and decays to the Standard Model only. To first order in
epsilon, with r = M^2/M_Z^2, its couplings are

    g_f = epsilon [e Q_f (1 - r) + tan theta_W r g_f^Z]/(1 - r),    g_WW = epsilon e/(1 - r).

The brackets are regular at the Z, and so is sum_q w_q g_q^2 BR(mu mu) once it is multiplied by (1 - r)^2.
"""

from __future__ import annotations

import functools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit.physics import fermions
from globalfit.physics.annihilation import spectral
from globalfit.physics.collider.mass_table import MassTable, mass_table, smooth_step
from globalfit.physics.collider.production import (
    QUARK_INDEX,
    branching_fraction,
    log_luminosities,
    squared_couplings,
)
from globalfit.physics.inputs import Inputs
from globalfit.physics.predictions import Predictions
from globalfit.tables import Table, read_table

# Masses that the search covers, GeV.
RANGES = ((11.5, 75.0), (110.0, 200.0))
_MESH = (11.0, 205.0, 257)


class Cells(eqx.Module):
    """Partition of the two ranges: a cell is centred on a tabulated mass and ends at its neighbours, GeV."""

    left: Float[Array | np.ndarray, " cell"]
    centre: Float[Array | np.ndarray, " cell"]
    right: Float[Array | np.ndarray, " cell"]

    def __call__(self, mass: Float[Array, ""]) -> Float[Array, " cell"]:
        """Response phi_i of the cells to a resonance; the squares add up to 1 between the outermost centres."""
        rise = jnp.log(mass / self.left) / jnp.log(self.centre / self.left)
        fall = jnp.log(self.right / mass) / jnp.log(self.right / self.centre)
        return jnp.sin(0.5 * math.pi * smooth_step(rise)) * jnp.sin(0.5 * math.pi * smooth_step(fall))


def limit_table() -> Table:
    """The published limit."""
    return read_table("globalfit.likelihoods.cms_dimuon_2019", "limit.csv")


@functools.cache
def cells() -> Cells:
    """Cells around the tabulated masses."""
    masses = limit_table()["mass_gev"]
    left, right = np.empty_like(masses), np.empty_like(masses)
    for low, high in RANGES:
        inside = np.flatnonzero((masses > low) & (masses < high))
        bounds = np.concatenate([[low], masses[inside], [high]])
        left[inside], right[inside] = bounds[:-2], bounds[2:]
    return Cells(left, masses, right)


def quark_weights(inputs: Inputs) -> MassTable:
    """w_q (1 - r)^-2 over sum_q w_q g_q^2 BR(mu mu)/epsilon^2 of the dark photon, by mass and quark."""
    with jax.ensure_compile_time_eval():  # numbers even where the word `dimuon_strength` is being traced
        return mass_table(lambda mass: _log_quark_weights(mass, inputs), *_MESH)


def strengths(predictions: Predictions, weights: MassTable) -> Float[Array, " resonance"]:
    """Strength mu_k of every resonance in units of epsilon^2; `weights` are those of `quark_weights`.

    Resonances outside the ranges have one, too, of no meaning.
    """
    couplings = squared_couplings(predictions)[QUARK_INDEX]
    values = []
    for k in predictions.portal.new:
        mass = jnp.clip(predictions.portal.mass[k], weights.low, weights.high)
        off_the_z = (1.0 - (mass / predictions.inputs.m_z) ** 2) ** 2
        production = jnp.sum(weights(mass) * couplings[:, k])
        values.append(off_the_z * production * branching_fraction(predictions, "mu", k))
    return jnp.stack(values)


def dimuon_strength(predictions: Predictions) -> Float[Array, ""]:
    """Strength that the cells see in total: sum_k mu_k sum_i phi_i(M_k)^2."""
    seen = [jnp.sum(cells()(predictions.portal.mass[k]) ** 2) for k in predictions.portal.new]
    return jnp.sum(jnp.stack(seen) * strengths(predictions, quark_weights(predictions.inputs)))


def _log_quark_weights(mass: Float[np.ndarray, " mesh"], inputs: Inputs) -> Float[np.ndarray, "quark mesh"]:
    r = (mass / inputs.m_z) ** 2
    z_vector, z_axial = (inputs.tan_theta_w * coupling[:, None] * r for coupling in fermions.z_couplings(inputs))
    vector2 = (inputs.charge * fermions.CHARGE[:, None] * (1.0 - r) + z_vector) ** 2
    axial2 = z_axial**2
    pair = spectral.fermion_pair(jnp.asarray(mass**2)[None, :], jnp.asarray(fermions.masses(inputs))[:, None])
    widths = fermions.COLOURS[:, None] * (vector2 * np.asarray(pair.vector) + axial2 * np.asarray(pair.axial))
    w_pair = inputs.charge**2 * np.asarray(spectral.w_pair(jnp.asarray(mass**2), inputs.m_w))
    muons = widths[fermions.INDEX["mu"]] / (np.sum(widths, axis=0) + w_pair)
    luminosities = log_luminosities(mass)
    production = np.sum(np.exp(luminosities) * (vector2 + axial2)[QUARK_INDEX], axis=0)
    return luminosities - np.log(production * muons)
