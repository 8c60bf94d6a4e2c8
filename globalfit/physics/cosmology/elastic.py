"""Momentum-transfer rate of dark matter that scatters on the bath.

gamma(T) is the rate at which the temperature of slow dark matter relaxes to that of the bath, dT_chi/dt = gamma (T -
T_chi) (Bringmann and Hofmann, hep-ph/0612238; Binder et al., arXiv:1706.07433, Eqs. 2.5 and 2.6):

    gamma = sum_f (f and fbar) N_c/(24 pi^3 m T) int domega n (1 - n) int_0^{4 k^2} dtau tau A(omega, tau),

tau = -t, n the Fermi-Dirac occupation at energy omega and momentum k, and 8 m^2 A the squared amplitude, summed over
spins of f and averaged over those of the dark matter. For dark matter at rest, with C_AB the propagators between its
current A and the current B of the fermion, and L those of (M2)^-1 between both axial currents,

    A = C_VV^2 (4 omega^2 - tau) + C_VA^2 (4 k^2 - tau) + (C_AV^2 + C_AA^2)(4 k^2 + tau) + 4 m_f^2 (2 C_AA^2 + L^2);

a scalar has the same A with its vector current alone. Leptons are always there, quarks above the transition of quantum
chromodynamics only: hadrons below are left out.

New vectors of the bath scatter as light on a free charge. Dark matter of coupling g follows the electric field of the
vector, omega for transverse and M for longitudinal polarisation, so that with r = M^2/omega^2 the sum over both
polarisations is |M|^2 ~ Tr[(P + r Q)(P' + r Q')], P and Q the projectors across and along the momentum, and

    gamma = 2 alpha^2/(9 pi m^3 T) int domega k^4 n (1 + n) (2 + r)^2,

which is Thomson scattering where M = 0. Axial currents, scattering that turns one vector into the other, and vectors
that are not in equilibrium with the bath are left out.
"""

from __future__ import annotations

import functools
import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray
from scipy.special import roots_genlaguerre, roots_laguerre

from globalfit.physics import fermions
from globalfit.physics.inputs import Inputs
from globalfit.physics.portal import Portal

# Temperature below which quarks are confined, and the width in ln T over which they are switched off (a smooth step
# keeps gradients meaningful).
QCD_TRANSITION_GEV, _TRANSITION_WIDTH = 0.154, 0.05
# Gauss-Laguerre nodes in k/T, with weight (k/T)^5 exp(-k/T), Gauss-Legendre nodes in ln(1 + tau/M^2), and
# Gauss-Laguerre nodes in (omega - M)/T of vectors.
_MOMENTA, _TRANSFERS, _ENERGIES = 8, 4, 12
_QUARK = fermions.COLOURS > 1.0


def momentum_transfer_rate(
    portal: Portal, inputs: Inputs, temperature: Float[Array, " temperature"]
) -> Float[Array, " temperature"]:
    """gamma at temperatures of the bath, GeV."""
    return total_rate(portal, smooth_rates(portal, inputs, temperature), temperature)


def smooth_rates(
    portal: Portal, inputs: Inputs, temperature: Float[Array, " temperature"]
) -> Float[Array, "4 temperature"]:
    """gamma without what changes fast with temperature: of leptons; of quarks as if they were free at every
    temperature; and of both mass eigenstates without exp(-M/T). GeV."""
    return jnp.concatenate([_fermions(portal, inputs, temperature), _vectors(portal, temperature)])


def total_rate(
    portal: Portal, rates: Float[Array, "4 temperature"], temperature: Float[Array, " temperature"]
) -> Float[Array, " temperature"]:
    """Sum of `smooth_rates` with what they leave out, GeV."""
    leptons, quarks, first, second = rates
    suppression = jnp.exp(-portal.mass[:, None] / temperature[None, :])
    return leptons + free_quarks(temperature) * quarks + suppression[0] * first + suppression[1] * second


def free_quarks(temperature: Float[Array, " temperature"]) -> Float[Array, " temperature"]:
    """Smooth step from 0 to 1 at the transition."""
    return 0.5 * (1.0 + jnp.tanh(jnp.log(temperature / QCD_TRANSITION_GEV) / _TRANSITION_WIDTH))


def _vectors(portal: Portal, temperature: Float[Array, " temperature"]) -> Float[Array, "2 temperature"]:
    nodes, weights = roots_laguerre(_ENERGIES)
    mass, t = portal.mass[:, None, None], temperature[None, :, None]
    kinetic = t * jnp.asarray(nodes)[None, None, :]
    energy = mass + kinetic
    k2 = kinetic * (mass + energy)
    # n (1 + n) without exp(-omega/T), which is in the weights and in `total_rate`
    shape = k2**2 * (2.0 + (mass / energy) ** 2) ** 2 / jnp.expm1(-energy / t) ** 2
    coupling = (portal.dark.vector @ portal.eigenvectors()) ** 2 / (4.0 * math.pi)
    strength = 2.0 * coupling**2 / (9.0 * math.pi * portal.dark.mass**3)
    return strength[:, None] * (shape @ jnp.asarray(weights))


def _fermions(
    portal: Portal, inputs: Inputs, temperature: Float[Array, " temperature"]
) -> Float[Array, "2 temperature"]:
    ratio, weight = _momenta()
    k = temperature[:, None] * jnp.asarray(ratio)[None, :]
    mass2 = jnp.asarray(fermions.masses(inputs) ** 2)
    energy = jnp.sqrt(mass2[None, None, :] + (k**2)[..., None])
    occupied = jnp.exp(-energy / temperature[:, None, None])
    # domega = k dk/omega with the weight of the Gauss-Laguerre rule taken out
    measure = occupied / (energy * (1.0 + occupied) ** 2)
    in_bath = (measure.reshape(-1, mass2.size) @ _couplings(portal, mass2)).reshape(*k.shape, 2, -1)
    phase_space = k * jnp.asarray(weight)[None, :] / (24.0 * math.pi**3 * portal.dark.mass)
    kernels = _kernels(portal, k) * phase_space[None]
    return jnp.sum(in_bath * jnp.moveaxis(kernels, 0, -1)[:, :, None, :], axis=(1, 3)).T


def _couplings(portal: Portal, mass2: Float[Array, " fermion"]) -> Float[Array, "fermion 20"]:
    """What multiplies `_kernels` for every fermion: ten columns for leptons and ten for quarks."""
    vector, axial = _squared(portal.vector.T), _squared(portal.axial.T)
    strength = portal.axial @ (portal.mixing.mass_inverse() @ portal.dark.axial)
    rows = (vector + axial, 4.0 * mass2[None, :] * vector, 8.0 * mass2[None, :] * axial)
    columns = jnp.concatenate([*rows, (4.0 * mass2 * strength**2)[None, :]]).T * jnp.asarray(fermions.COLOURS)[:, None]
    quark = jnp.asarray(_QUARK.astype(float))[:, None]
    return jnp.concatenate([columns * (1.0 - quark), columns * quark], axis=1)


def _kernels(portal: Portal, k: Float[Array, "temperature momentum"]) -> Float[Array, "10 temperature momentum"]:
    """Integrals over tau of tau times: what every current has in A, with propagators of matter currents (11, 12, 22);
    C^2 of the vector and of the axial dark current, likewise; and 1."""
    four_k2 = 4.0 * k**2
    unit, weight = np.polynomial.legendre.leggauss(_TRANSFERS)
    mass2 = jnp.min(portal.mass2)
    span = jnp.log1p(four_k2 / mass2)[..., None]
    tau = mass2 * jnp.expm1(span * jnp.asarray(0.5 * (unit + 1.0))[None, None, :])
    measure = tau * (tau + mass2) * span * jnp.asarray(0.5 * weight)[None, None, :]
    propagator = portal.transfer(-tau)
    # sums of few terms written out: small products of tensors are slow
    vector, axial = (
        _squared(propagator[:, 0] * coupling[0] + propagator[:, 1] * coupling[1])
        for coupling in (portal.dark.vector, portal.dark.axial)
    )
    four_k2 = four_k2[None, ..., None]
    common = vector * (four_k2 - tau[None]) + axial * (four_k2 + tau[None])
    sums = jnp.sum(jnp.concatenate([common, vector, axial]) * measure[None], axis=-1)
    return jnp.concatenate([sums, 8.0 * (k**4)[None]])


def _squared(coupling: Float[Array, "2 *batch"]) -> Float[Array, "3 *batch"]:
    """Products (11, 12, 22), the second times sqrt(2): (a.b)^2 is the scalar product of those of a and of b."""
    return jnp.stack([coupling[0] ** 2, coupling[0] * coupling[1] * math.sqrt(2.0), coupling[1] ** 2])


@functools.cache
def _momenta() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """k/T, and weights of d(k/T) for integrands like (k/T)^5 exp(-k/T)."""
    ratio, weight = roots_genlaguerre(_MOMENTA, 5.0)
    return ratio, weight * np.exp(ratio) / ratio**5
