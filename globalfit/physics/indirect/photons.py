"""Gamma rays of one parameter point: pairs of Standard-Model particles and vectors that decay in flight.

Neutrinos give none. Decays in flight are isotropic and know nothing of the polarisation of the vector. Electroweak
emission from the vectors themselves, and from the pair as seen in flight, is left out: the shower sees the energy of
the decay. The Higgs boson at rest is half of a pair of them at threshold.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from globalfit.physics import status
from globalfit.physics.indirect.annihilation import Moving, decays, final_states, sigma_v_at_rest
from globalfit.physics.indirect.spectra import CHANNELS, PhotonSpectra, boosted_kernel, in_bins
from globalfit.physics.predictions import Predictions

# Annihilation products of fewer than this do not matter.
_MINOR = 0.01


def photon_energies(predictions: Predictions, spectra: PhotonSpectra) -> Float[Array, " bin"]:
    """sum over final states of sigma v times the energy in each bin per annihilation, GeV^-1."""
    states = final_states(predictions)
    energies = spectra.energies(predictions.dark_matter.mass, _weights(states.pairs))
    for particle in states.moving:
        energies += _in_flight(predictions, spectra, particle)
    return energies


def spectra_status(predictions: Predictions, spectra: PhotonSpectra) -> Int[Array, ""]:
    """`outside_table` where the spectra are held at the edge of their table.

    For dark matter outside 1 GeV to 10 TeV, and for vectors below 2 GeV if they carry more than 1 % of the energy.
    """
    mass, lowest = predictions.dark_matter.mass, jnp.exp(spectra.log_mass[0])
    outside = (mass < lowest * (1.0 - 1e-9)) | (mass > jnp.exp(spectra.log_mass[-1]) * (1.0 + 1e-9))
    for particle in final_states(predictions).moving:
        share = jnp.sum(particle.number) > 2.0 * _MINOR * sigma_v_at_rest(predictions)
        outside |= share & (particle.mass < 2.0 * lowest)
    return jnp.where(outside, status.OUTSIDE_TABLE.bit, 0)


def _in_flight(predictions: Predictions, spectra: PhotonSpectra, particle: Moving) -> Float[Array, " bin"]:
    if particle.vector is None:
        at_rest, scale = spectra.higgs_at_rest, particle.mass
    else:
        scale = 0.5 * particle.mass
        at_rest = spectra.mixture(scale, _weights(decays(predictions, particle.vector)))
    return in_bins(at_rest, boosted_kernel(scale, particle.energy / particle.mass, particle.number))


def _weights(pairs: Mapping[str, Float[Array, ""]]) -> Float[Array, " channel"]:
    return jnp.stack([pairs.get(name, jnp.zeros(())) for name in CHANNELS])
