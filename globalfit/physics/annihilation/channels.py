"""Final states of the s channel and their spectral densities in the basis of V1 and V2.

A density is a symmetric matrix rho_ij(s). Contracted with the product of dark currents it gives a cross section, with
the eigenvectors a width, and summed it is the running width.
"""

from __future__ import annotations

import functools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit.physics import fermions
from globalfit.physics.annihilation import spectral
from globalfit.physics.inputs import Inputs
from globalfit.physics.portal import Hidden, Portal
from globalfit.physics.symmetric import Symmetric, diagonal_matrix, square

DARK, W_PAIR, HIDDEN = "dark", "ww", "hidden"


def fermion_densities(portal: Portal, inputs: Inputs, s: Float[Array, " energy"]) -> dict[str, Symmetric]:
    """Standard-Model fermion pairs by name, and all pairs of hidden fermions, where the portal has them."""
    pairs = fermion_pairs(portal, inputs, s)
    densities = {fermion.name: Symmetric(*(part[i] for part in pairs)) for i, fermion in enumerate(fermions.FERMIONS)}
    if portal.hidden is not None:
        densities[HIDDEN] = hidden_density(portal.hidden, s)
    return densities


def fermion_pairs(portal: Portal, inputs: Inputs, s: Float[Array, " energy"]) -> Symmetric:
    """Densities of all Standard-Model fermions, in the order of `FERMIONS`: (fermion, energy)."""
    vector, axial, pair = _couplings_and_pairs(portal, inputs, s)
    parts = zip(vector, axial, strict=True)
    density = Symmetric(*(v[:, None] * pair.vector + a[:, None] * pair.axial for v, a in parts))
    return _matter(portal, s[None, :], density)


def fermion_total(portal: Portal, inputs: Inputs, s: Float[Array, " energy"]) -> Symmetric:
    """Sum of `fermion_densities` as matrix products, which the compiler can neither fuse nor repeat."""
    vector, axial, pair = _couplings_and_pairs(portal, inputs, s)
    total = jnp.stack(vector) @ pair.vector + jnp.stack(axial) @ pair.axial
    matter = _matter(portal, s, Symmetric(*total))
    return matter if portal.hidden is None else matter.plus(hidden_density(portal.hidden, s))


def _couplings_and_pairs(
    portal: Portal, inputs: Inputs, s: Float[Array, " energy"]
) -> tuple[Symmetric, Symmetric, spectral.FermionDensity]:
    """Squared couplings of all fermions, vector and axial, and what they multiply."""
    pair = spectral.fermion_pair(s[None, :], jnp.asarray(fermions.masses(inputs))[:, None])
    colours = jnp.asarray(fermions.COLOURS)
    vector, axial = (square(coupling.T).times(colours) for coupling in (portal.vector, portal.axial))
    return vector, axial, pair


def boson_densities(portal: Portal, inputs: Inputs, s: Float[Array, " energy"]) -> dict[str, Symmetric]:
    """W+ W- (`ww`) and each mass eigenstate with a Higgs boson (`z_h`, ...)."""
    densities = {W_PAIR: _matter(portal, s, _w_pair(portal, inputs, s))}
    eigenvectors = portal.eigenvectors()
    vertices = portal.higgs @ eigenvectors
    for k, name in enumerate(portal.names):
        if portal.higgs_contact is None:
            density = spectral.vector_higgs(s, portal.mass[k], inputs.m_h)
            densities[f"{name}_h"] = square(vertices[:, k]).times(density)
        else:
            contact = portal.higgs_contact @ eigenvectors[:, k]
            densities[f"{name}_h"] = _summed(
                spectral.vector_higgs_helicities(s, portal.mass[k], inputs.m_h, vertices[:, k], contact)
            )
    return densities


def _w_pair(portal: Portal, inputs: Inputs, s: Float[Array, " energy"]) -> Symmetric:
    if portal.w_contact is None:
        return square(portal.w_pair).times(spectral.w_pair(s, inputs.m_w))
    return _summed(spectral.w_pair_helicities(s, inputs.m_w, portal.w_pair, portal.w_pair + portal.w_contact))


def dark_density(portal: Portal, s: Float[Array, " energy"], excess: Float[Array, " energy"]) -> Symmetric:
    """Pair of dark-matter particles that the current makes: chi chibar, also of both components of a doublet, or
    chi1 chi2 of pseudo-Dirac dark matter. `excess` is s over the square of their total mass, GeV^2."""
    components = 1.0 if portal.doublet is None else 2.0
    vector = square(portal.dark.vector).times(components)
    if portal.dark.kind == "scalar":
        return vector.times(spectral.scalar_pair(s, excess))
    if portal.dark.kind == "pseudo_dirac":
        return vector.times(spectral.pseudo_dirac_pair(s, excess, portal.dark.splitting * portal.dark.mass))
    pair, axial = spectral.fermion_pair_above(s, excess), square(portal.dark.axial).times(components)
    return vector.times(pair.vector).plus(axial.times(pair.axial))


def hidden_density(hidden: Hidden, s: Float[Array, " energy"]) -> Symmetric:
    """All pairs of hidden fermions, which V2 alone makes."""
    first, second = np.triu_indices(hidden.mass.shape[0])
    orders = jnp.asarray(np.where(first == second, 1.0, 2.0))
    pairs = spectral.majorana_pair(s[None, :], hidden.mass[first][:, None], hidden.mass[second][:, None])
    second_vector = (orders * hidden.coupling2[first, second]) @ pairs
    return diagonal_matrix(jnp.zeros_like(s), second_vector)


def hidden_thresholds(hidden: Hidden) -> Float[Array, " pair"]:
    """Energies sqrt(s) at which pairs of hidden fermions open, GeV."""
    first, second = np.triu_indices(hidden.mass.shape[0])
    return jnp.abs(hidden.mass[first]) + jnp.abs(hidden.mass[second])


def _summed(helicities: spectral.Helicities) -> Symmetric:
    first, *others = (square(a).times(scale) for a, scale in zip(*helicities, strict=True))
    return functools.reduce(Symmetric.plus, others, first)


def _matter(portal: Portal, s: Float[Array, "*#energy"], density: Symmetric) -> Symmetric:
    """The density with the form factor on the matter current of V2."""
    if portal.mixing.form_factor is None:
        return density
    form = portal.mixing.form_factor(s)
    return Symmetric(density.first, form * density.mixed, form**2 * density.second)
