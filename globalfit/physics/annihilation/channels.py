"""Final states of the s channel and their spectral densities in the basis of V1 and V2.

A density is a symmetric matrix rho_ij(s), kept as its components (11, 12, 22). Contracted with the product of dark
currents it gives a cross section, with the eigenvectors a width, and summed it is the running width.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit.physics import fermions
from globalfit.physics.annihilation import spectral
from globalfit.physics.inputs import Inputs
from globalfit.physics.portal import Hidden, Portal

Density = Float[Array, "3 *energy"]
DARK, W_PAIR, HIDDEN = "dark", "ww", "hidden"


def products(first: Float[Array, "2 *batch"], second: Float[Array, "2 *batch"]) -> Float[Array, "3 *batch"]:
    """Components (11, 12, 22) of the symmetric product of two vectors of couplings."""
    return jnp.stack([first[0] * second[0], 0.5 * (first[0] * second[1] + first[1] * second[0]), first[1] * second[1]])


def fermion_densities(portal: Portal, inputs: Inputs, s: Float[Array, " energy"]) -> dict[str, Density]:
    """Standard-Model fermion pairs by name, and all pairs of hidden fermions, where the portal has them."""
    pairs = fermion_pairs(portal, inputs, s)
    densities = {fermion.name: pairs[:, i] for i, fermion in enumerate(fermions.FERMIONS)}
    if portal.hidden is not None:
        densities[HIDDEN] = hidden_density(portal.hidden, s)
    return densities


def fermion_pairs(portal: Portal, inputs: Inputs, s: Float[Array, " energy"]) -> Float[Array, "3 fermion energy"]:
    """Densities of all Standard-Model fermions, in the order of `FERMIONS`."""
    vector, axial, pair = _couplings_and_pairs(portal, inputs, s)
    density = vector[:, :, None] * pair.vector[None] + axial[:, :, None] * pair.axial[None]
    form = _matter(portal, s, jnp.ones((3, s.size)))
    return density * form[:, None, :]


def fermion_total(portal: Portal, inputs: Inputs, s: Float[Array, " energy"]) -> Density:
    """Sum of `fermion_densities` as one matrix product, which the compiler can neither fuse nor repeat."""
    vector, axial, pair = _couplings_and_pairs(portal, inputs, s)
    total = jnp.concatenate([vector, axial], axis=1) @ jnp.concatenate([pair.vector, pair.axial], axis=0)
    matter = _matter(portal, s, total)
    return matter if portal.hidden is None else matter + hidden_density(portal.hidden, s)


def _couplings_and_pairs(
    portal: Portal, inputs: Inputs, s: Float[Array, " energy"]
) -> tuple[Float[Array, "3 fermion"], Float[Array, "3 fermion"], spectral.FermionDensity]:
    pair = spectral.fermion_pair(s[None, :], jnp.asarray(fermions.masses(inputs))[:, None])
    colours = jnp.asarray(fermions.COLOURS)[None, :]
    vector, axial = (colours * products(coupling.T, coupling.T) for coupling in (portal.vector, portal.axial))
    return vector, axial, pair


def boson_densities(portal: Portal, inputs: Inputs, s: Float[Array, " energy"]) -> dict[str, Density]:
    """W+ W- (`ww`) and each mass eigenstate with a Higgs boson (`z_h`, ...)."""
    densities = {W_PAIR: _matter(portal, s, _w_pair(portal, inputs, s))}
    eigenvectors = portal.eigenvectors()
    vertices = portal.higgs @ eigenvectors
    for k, name in enumerate(portal.names):
        if portal.higgs_contact is None:
            density = spectral.vector_higgs(s, portal.mass[k], inputs.m_h)
            densities[f"{name}_h"] = _outer(products(vertices[:, k], vertices[:, k]), density)
        else:
            contact = portal.higgs_contact @ eigenvectors[:, k]
            densities[f"{name}_h"] = _summed(
                spectral.vector_higgs_helicities(s, portal.mass[k], inputs.m_h, vertices[:, k], contact)
            )
    return densities


def _w_pair(portal: Portal, inputs: Inputs, s: Float[Array, " energy"]) -> Density:
    if portal.w_contact is None:
        return _outer(products(portal.w_pair, portal.w_pair), spectral.w_pair(s, inputs.m_w))
    return _summed(spectral.w_pair_helicities(s, inputs.m_w, portal.w_pair, portal.w_pair + portal.w_contact))


def dark_density(portal: Portal, s: Float[Array, " energy"], excess: Float[Array, " energy"]) -> Density:
    """Pair of dark-matter particles that the current makes: chi chibar, also of both components of a doublet, or
    chi1 chi2 of pseudo-Dirac dark matter. `excess` is s over the square of their total mass, GeV^2."""
    components = 1.0 if portal.doublet is None else 2.0
    vector = components * products(portal.dark.vector, portal.dark.vector)
    axial = components * products(portal.dark.axial, portal.dark.axial)
    if portal.dark.kind == "scalar":
        return _outer(vector, spectral.scalar_pair(s, excess))
    if portal.dark.kind == "pseudo_dirac":
        return _outer(vector, spectral.pseudo_dirac_pair(s, excess, portal.dark.splitting * portal.dark.mass))
    pair = spectral.fermion_pair_above(s, excess)
    return _outer(vector, pair.vector) + _outer(axial, pair.axial)


def hidden_density(hidden: Hidden, s: Float[Array, " energy"]) -> Density:
    """All pairs of hidden fermions, which V2 alone makes."""
    first, second = np.triu_indices(hidden.mass.shape[0])
    orders = jnp.asarray(np.where(first == second, 1.0, 2.0))
    pairs = spectral.majorana_pair(s[None, :], hidden.mass[first][:, None], hidden.mass[second][:, None])
    second_vector = (orders * hidden.coupling2[first, second]) @ pairs
    return jnp.stack([jnp.zeros_like(s), jnp.zeros_like(s), second_vector])


def hidden_thresholds(hidden: Hidden) -> Float[Array, " pair"]:
    """Energies sqrt(s) at which pairs of hidden fermions open, GeV."""
    first, second = np.triu_indices(hidden.mass.shape[0])
    return jnp.abs(hidden.mass[first]) + jnp.abs(hidden.mass[second])


def visible_densities(portal: Portal, inputs: Inputs, s: Float[Array, " energy"]) -> dict[str, Density]:
    """Every final state of the s channel but the dark matter itself."""
    return fermion_densities(portal, inputs, s) | boson_densities(portal, inputs, s)


def contract(matrix: Float[Array, "3 *#energy"], density: Float[Array, "3 *#energy"]) -> Float[Array, "*energy"]:
    """sum_ij matrix_ij rho_ij of two symmetric matrices."""
    return matrix[0] * density[0] + 2.0 * matrix[1] * density[1] + matrix[2] * density[2]


def _summed(helicities: spectral.Helicities) -> Density:
    parts = zip(*helicities, strict=True)
    return sum((scale[None, :] * products(a, a) for a, scale in parts), start=jnp.zeros((3, 1)))


def _matter(portal: Portal, s: Float[Array, " energy"], density: Density) -> Density:
    """The density with the form factor on the matter current of V2."""
    if portal.mixing.form_factor is None:
        return density
    form = portal.mixing.form_factor(s)
    return density * jnp.stack([jnp.ones_like(form), form, form**2])


def _outer(coupling: Float[Array, " 3"], density: Float[Array, " energy"]) -> Density:
    return coupling[:, None] * density[None, :]
