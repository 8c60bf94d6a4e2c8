"""Annihilation cross section of Dirac (spin averaged), complex scalar or pseudo-Dirac dark matter.

All functions return sigma times beta_chi (the velocity of either particle in the centre-of-mass frame), which is finite
at threshold; the relative velocity is 2 beta_chi, so sigma v_rel = 2 sigma beta_chi there.

With A^V_i = sum_j g^V_j D_ji and A^A_i likewise for the dark vector and axial current, the s channel is

    sigma beta = s sum_ij [ (1 + 2 m_chi^2/s) A^V_i* A^V_j + beta_chi^2 A^A_i* A^A_j ] rho_ij(s)
                 + N_c beta_f m_chi^2 m_f^2 / (pi s) (sum_i a_chi,i a_f,i / m_i^2)^2

for a Dirac fermion, where the last line is the longitudinal exchange, free of widths because a width there would break
the identity that makes hypercharge-mixed axial dark matter annihilate in the p wave. For a complex scalar the weight of
A^V* A^V is beta_chi^2, and there is nothing else.

Pseudo-Dirac dark matter, chi1 and chi2 with the vector current between them only, has the s channel in chi1 chi2 and
pairs of vectors in chi1 chi1 and chi2 chi2. For chi1 chi2 beta_chi is 2 p/sqrt(s) with p the momentum in the
centre-of-mass frame, and with S = (m1 + m2)^2, D = (m2 - m1)^2

    sigma beta = s (1 - D/s)(1 + S/(2 s)) sum_ij A^V_i* A^V_j rho_ij(s) + longitudinal exchange as above with
    (D/4)(1 - S/s) in place of m_chi^2 and the vector coupling of the dark matter in place of the axial one.

For equal masses chi1 chi2 and chi chibar have the same s channel, and chi1 chi1, chi2 chi2 and chi chibar the same
pairs of vectors.

Dark matter that is a doublet of a dark SU(2) (`doublet`) annihilates through its W' as well.

All of that is at tree level; `cross_sections` and `total_cross_section` multiply it with the Sommerfeld factors of
`globalfit.physics.sommerfeld`, which are 1 without light vectors.
"""

from __future__ import annotations

import functools
import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit.physics import fermions
from globalfit.physics.annihilation import channels, doublet, propagator, spectral
from globalfit.physics.annihilation.propagator import Energies, Propagator, Resonances
from globalfit.physics.annihilation.vector_pairs import (
    majorana_vector_pair_cross_section,
    scalar_vector_pair_cross_section,
    vector_pair_cross_section,
)
from globalfit.physics.annihilation.widths import boson_width_density, widths
from globalfit.physics.inputs import Inputs
from globalfit.physics.portal import Portal
from globalfit.physics.sommerfeld.enhancement import Waves, bounded, enhances, sommerfeld
from globalfit.physics.symmetric import Symmetric, square


def cross_sections(portal: Portal, inputs: Inputs, energies: Energies) -> dict[str, Float[Array, " energy"]]:
    """sigma beta_chi by final state, GeV^-2: of chi chibar, or of chi1 chi1, which is all that is left today."""
    sections, p_wave = _tree(portal, inputs, energies)
    if not enhances(portal, inputs):
        return sections
    factor = _factors(portal, energies, _sum(sections), _sum(p_wave))
    return {
        name: factor.s * section + (factor.p - factor.s) * p_wave[name] if name in p_wave else factor.s * section
        for name, section in sections.items()
    }


def total_cross_section(portal: Portal, inputs: Inputs, energies: Energies) -> Float[Array, " energy"]:
    """sigma beta_chi summed over final states, GeV^-2: the sum of `cross_sections`, with less work."""
    pairs = vector_pairs(portal, energies.s)
    total, p_wave = sum(pairs.values(), start=jnp.zeros_like(energies.s)), jnp.zeros_like(energies.s)
    if portal.dark.kind != "pseudo_dirac":
        current, p_wave = _s_channel_totals(portal, inputs, energies)
        total += current
    if portal.doublet is not None:
        charged = doublet.charged_cross_section(portal, portal.doublet, inputs, energies, pairs)
        return doublet.NEUTRAL * total + charged
    if not enhances(portal, inputs):
        return total
    factor = _factors(portal, energies, total, p_wave)
    return factor.s * total + (factor.p - factor.s) * p_wave


def tree_cross_sections(portal: Portal, inputs: Inputs, energies: Energies) -> dict[str, Float[Array, " energy"]]:
    """`cross_sections` without Sommerfeld factors."""
    return _tree(portal, inputs, energies)[0]


def s_channel(portal: Portal, inputs: Inputs, energies: Energies) -> dict[str, Float[Array, " energy"]]:
    """sigma beta_chi of chi chibar or of chi1 chi2 through a vector in the s channel, by final state, GeV^-2."""
    return _s_channel(portal, inputs, energies)[0]


def s_channel_total(portal: Portal, inputs: Inputs, energies: Energies) -> Float[Array, " energy"]:
    """Sum of `s_channel`, with less work."""
    return _s_channel_totals(portal, inputs, energies)[0]


_Sections = dict[str, Float[Array, " energy"]]


def _sum(sections: _Sections) -> Float[Array, " energy"]:
    return sum(sections.values(), start=jnp.zeros(()))


def _tree(portal: Portal, inputs: Inputs, energies: Energies) -> tuple[_Sections, _Sections]:
    """`tree_cross_sections`, and the p-wave part of the s channel."""
    current, p_wave = _s_channel(portal, inputs, energies)
    if portal.dark.kind == "pseudo_dirac":
        current = {name: jnp.zeros_like(section) for name, section in current.items()}
    sections = current | vector_pairs(portal, energies.s)
    if portal.doublet is not None:
        sections = doublet.all_components(portal, portal.doublet, inputs, energies, sections)
    return sections, p_wave


def _factors(
    portal: Portal, energies: Energies, total: Float[Array, " energy"], p_wave: Float[Array, " energy"]
) -> Waves:
    """Sommerfeld factors at these energies, where sigma beta_chi is `total` without them."""
    velocity = spectral.pair_velocity(energies.s, energies.excess)
    return bounded(sommerfeld(portal, velocity), Waves(total - p_wave, p_wave), energies.s, velocity)


def _s_channel(portal: Portal, inputs: Inputs, energies: Energies) -> tuple[_Sections, _Sections]:
    """`s_channel`, and its p-wave part."""
    fermion = channels.fermion_densities(portal, inputs, energies.s)
    boson = channels.boson_densities(portal, inputs, energies.s)
    total = channels.fermion_total(portal, inputs, energies.s)
    current, w_current = _propagators(portal, inputs, energies, total)

    waves, w_waves = (dark_current_waves(portal, energies, d) for d in (current, w_current))
    s_wave, p_wave = (
        {
            name: (w_pair if name == channels.W_PAIR else others).contract(density)
            for name, density in (fermion | boson).items()
        }
        for others, w_pair in zip(waves, w_waves, strict=True)
    )
    result = {name: s_wave[name] + p_wave[name] for name in s_wave}
    longitudinal = longitudinal_exchange(portal, inputs, energies.s)
    for name, index in fermions.INDEX.items():
        result[name] += longitudinal[index]
    return result, p_wave


def _s_channel_totals(
    portal: Portal, inputs: Inputs, energies: Energies
) -> tuple[Float[Array, " energy"], Float[Array, " energy"]]:
    """Sums of `_s_channel`, with less work."""
    boson = channels.boson_densities(portal, inputs, energies.s)
    w_pair = boson.pop(channels.W_PAIR)
    total = channels.fermion_total(portal, inputs, energies.s)
    current, w_current = _propagators(portal, inputs, energies, total)
    others = functools.reduce(Symmetric.plus, boson.values(), total)

    waves, w_waves = (dark_current_waves(portal, energies, d) for d in (current, w_current))
    s_wave, p_wave = (a.contract(others) + b.contract(w_pair) for a, b in zip(waves, w_waves, strict=True))
    longitudinal = jnp.sum(longitudinal_exchange(portal, inputs, energies.s), axis=0)
    return s_wave + p_wave + longitudinal, p_wave


def resonances(portal: Portal, inputs: Inputs) -> Resonances:
    """Where the propagator of the s channel has its poles."""
    decays = widths(portal, inputs)
    if inputs.width == "fixed":
        return Resonances(portal.mass, jnp.zeros(2), 0.5 * decays.total)
    density = channels.fermion_total(portal, inputs, portal.mass2)
    density = density.plus(channels.dark_density(portal, portal.mass2, portal.pole_excess))
    return propagator.resonances(portal, density.plus(boson_width_density(portal, decays)))


def portal_thresholds(portal: Portal, inputs: Inputs) -> Float[Array, " threshold"]:
    """Energies sqrt(s) at which massive final states open that take the portal to reach, GeV."""
    masses = fermions.masses(inputs)
    constant = [2.0 * float(m) for m in np.unique(masses[masses > 0.0])] + [2.0 * inputs.m_w]
    return jnp.concatenate([jnp.asarray(constant), portal.mass + inputs.m_h])


def own_thresholds(portal: Portal) -> Float[Array, " threshold"]:
    """The same of final states that the dark matter reaches by itself: pairs of vectors and of hidden fermions."""
    first, second = portal.mass
    pairs = jnp.stack([2.0 * first, first + second, 2.0 * second])
    return pairs if portal.hidden is None else jnp.concatenate([pairs, channels.hidden_thresholds(portal.hidden)])


def dark_current_waves(portal: Portal, energies: Energies, d: Propagator) -> tuple[Symmetric, Symmetric]:
    """s times the spin-averaged product of dark currents with propagators, for an initial state of orbital angular
    momentum zero, and of one."""
    dark, s = portal.dark, energies.s
    from_vector, zero = _squared(dark.vector, d), jnp.zeros_like(s)
    nothing = Symmetric(zero, zero, zero)
    if dark.kind == "pseudo_dirac":
        threshold, difference = spectral.pseudo_dirac_thresholds(s, dark.mass, dark.splitting)
        return from_vector.times(s * (1.0 - difference) * (1.0 + 0.5 * threshold)), nothing
    if dark.kind == "scalar":
        return nothing, from_vector.times(energies.excess)
    return from_vector.times(s + 2.0 * dark.mass**2), _squared(dark.axial, d).times(energies.excess)


def vector_pairs(portal: Portal, s: Float[Array, " energy"]) -> dict[str, Float[Array, " energy"]]:
    """sigma beta_chi of pairs of mediators through t- and u-channel exchange of the dark matter: of chi chibar, or of
    chi1 chi1 by exchange of chi2."""
    if portal.dark.kind == "pseudo_dirac":
        return _majorana_pairs(portal, s, portal.dark.mass, portal.dark.splitting * portal.dark.mass)
    eigenvectors = portal.eigenvectors()
    first, second = portal.names
    root_s, dark = jnp.sqrt(s), portal.dark
    vector, axial = dark.vector @ eigenvectors, dark.axial @ eigenvectors
    if dark.kind == "scalar":
        pairs = scalar_vector_pair_cross_section(root_s, dark.mass, portal.mass, vector)
    else:
        pairs = vector_pair_cross_section(root_s, dark.mass, portal.mass, vector, axial)
    return dict(zip((f"{first}_{first}", f"{first}_{second}", f"{second}_{second}"), pairs, strict=True))


def excited_vector_pairs(portal: Portal, s: Float[Array, " energy"]) -> dict[str, Float[Array, " energy"]]:
    """The same for chi2 chi2 of pseudo-Dirac dark matter, by exchange of chi1."""
    difference = portal.dark.splitting * portal.dark.mass
    return _majorana_pairs(portal, s, portal.dark.mass + difference, -difference)


def _majorana_pairs(
    portal: Portal, s: Float[Array, " energy"], mass: Float[Array, ""], difference: Float[Array, ""]
) -> dict[str, Float[Array, " energy"]]:
    first, second = portal.names
    vector = portal.dark.vector @ portal.eigenvectors()
    pairs = majorana_vector_pair_cross_section(jnp.sqrt(s), mass, difference, portal.mass, vector)
    return dict(zip((f"{first}_{first}", f"{first}_{second}", f"{second}_{second}"), pairs, strict=True))


def _propagators(
    portal: Portal, inputs: Inputs, energies: Energies, fermions_total: Symmetric
) -> tuple[Propagator, Propagator]:
    """For every final state but W+ W-, and for W+ W-."""
    decays = widths(portal, inputs)
    if inputs.width == "fixed":
        poles = propagator.fixed(portal, energies, decays.total)
        return poles, poles
    density = fermions_total.plus(channels.dark_density(portal, energies.s, energies.excess))
    return propagator.running(portal, energies, density.plus(boson_width_density(portal, decays)))


def _squared(coupling: Float[Array, " 2"], d: Propagator) -> Symmetric:
    return square(d.real.apply(coupling)).plus(square(d.imag.apply(coupling)))


def longitudinal_exchange(portal: Portal, inputs: Inputs, s: Float[Array, " energy"]) -> Float[Array, "fermion energy"]:
    """What the longitudinal parts of the vectors add to sigma beta_chi of `FERMIONS`; nothing for massless ones."""
    dark, masses = portal.dark, jnp.asarray(fermions.masses(inputs))[:, None]
    coupling, mass2 = dark.axial, jnp.broadcast_to(dark.mass**2, s.shape)
    if dark.kind == "pseudo_dirac":
        threshold, difference = spectral.pseudo_dirac_thresholds(s, dark.mass, dark.splitting)
        coupling, mass2 = dark.vector, 0.25 * s * difference * jnp.maximum(1.0 - threshold, 0.0)
    strength = (portal.axial @ (portal.mixing.mass_inverse() @ coupling)) ** 2
    scale = (jnp.asarray(fermions.COLOURS) * strength)[:, None] * masses**2 / math.pi
    return scale * spectral.velocity(s[None, :], masses) * (mass2 / s)[None, :]
