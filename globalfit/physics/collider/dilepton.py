"""e+ e- -> mu+ mu-, tau+ tau- at tree level, by helicity: photon, Z and the two vectors of the portal.

With g_L = v + a and g_R = v - a (vertices gamma^mu (v - a gamma5)), massless leptons of charge -1 and the helicities
i, j of the electron and of the final lepton,

    A_ij(s) = e^2/s + sum_k g_i^e g_j^l / (s - M_k^2 + i W_k),   W_k^2 = (s Gamma_k/M_k)^2 + s spread^2,
    d sigma/d cos(theta) ~ (|A_LL|^2 + |A_RR|^2) (1 + cos)^2 + (|A_LR|^2 + |A_RL|^2) (1 - cos)^2.

k runs over the mass eigenstates of the portal, and over an unmixed Z beside them if the portal does not contain it. The
width grows with s, as final states well above their threshold make it do. `spread` (GeV) keeps a narrow resonance at a
collision energy finite and differentiable. It widens the amplitude, not the rate: the rate on a resonance narrower than
the spread comes out too small, and radiative return to it is left out.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit.physics import fermions
from globalfit.physics.annihilation import propagator, spectral
from globalfit.physics.annihilation.propagator import Energies
from globalfit.physics.fermions import INDEX
from globalfit.physics.inputs import Inputs
from globalfit.physics.portal import Portal

_ELECTRON = INDEX["e"]
# Final states, in the order of the axis `flavour`.
_LEPTONS = np.array([INDEX["mu"], INDEX["tau"]])
# Chirality (0 left, 1 right) of the electron and of the final lepton: LL, RR, LR, RL.
_INITIAL, _FINAL = np.array([0, 1, 0, 1]), np.array([0, 1, 1, 0])

Real = TypeVar("Real", Array, np.ndarray)


class Amplitudes(NamedTuple):
    """Real and imaginary parts of A_ij, GeV^-2; helicities LL, RR, LR, RL, then mu and tau, then the energies."""

    real: Float[Array, "4 2 energy"]
    imag: Float[Array, "4 2 energy"]


class Observables(NamedTuple):
    """Total rate in arbitrary units (sum of |A_ij|^2) and forward-backward asymmetry, for mu and tau."""

    rate: Float[Array, "2 energy"]
    asymmetry: Float[Array, "2 energy"]


def standard_model(inputs: Inputs, s: Float[np.ndarray, " energy"], spread: float) -> Amplitudes:
    """Photon and unmixed Z with its physical mass and tree-level width, as constants; s in GeV^2, spread in GeV."""
    photon = np.broadcast_to(inputs.charge**2 / s, (4, 2, s.size))
    vector, axial = fermions.z_couplings(inputs)
    couplings = _helicities(np.stack([vector + axial, vector - axial])[:, :, None])
    width = _z_width(inputs) / inputs.m_z
    real, imag = _poles(s, np.array([inputs.m_z**2]), np.array([width]), spread)
    return Amplitudes(
        jnp.asarray(photon + (couplings @ real).reshape(4, 2, -1)), jnp.asarray((couplings @ imag).reshape(4, 2, -1))
    )


def with_portal(
    portal: Portal, width: Float[Array, " 2"], inputs: Inputs, s: Float[np.ndarray, " energy"], spread: float
) -> Amplitudes:
    """Photon, Z and both vectors of the portal, whose total widths are `width` (GeV)."""
    exchange = _exchange if portal.mixing.form_factor is None else _nonlocal_exchange
    exchange_real, exchange_imag = exchange(portal, width / portal.mass, jnp.asarray(s), spread)
    if portal.z is not None:
        photon = jnp.asarray(np.broadcast_to(inputs.charge**2 / s, (4, 2, s.size)))
        return Amplitudes(photon + exchange_real, exchange_imag)
    known = standard_model(inputs, s, spread)
    return Amplitudes(known.real + exchange_real, known.imag + exchange_imag)


def observables(amplitudes: Amplitudes) -> Observables:
    """Rates and asymmetries."""
    squared = amplitudes.real**2 + amplitudes.imag**2
    same, opposite = squared[0] + squared[1], squared[2] + squared[3]
    return Observables(same + opposite, 0.75 * (same - opposite) / (same + opposite))


def _exchange(
    portal: Portal, relative_width: Float[Array, " 2"], s: Float[Array, " energy"], spread: float
) -> tuple[Float[Array, "4 2 energy"], Float[Array, "4 2 energy"]]:
    """Sum over the mass eigenstates of the portal."""
    couplings = _helicities(_chiral(portal) @ portal.eigenvectors())
    real, imag = _poles(s, portal.mass2, relative_width, spread)
    return (couplings @ real).reshape(4, 2, -1), (couplings @ imag).reshape(4, 2, -1)


def _nonlocal_exchange(
    portal: Portal, relative_width: Float[Array, " 2"], s: Float[Array, " energy"], spread: float
) -> tuple[Float[Array, "4 2 energy"], Float[Array, "4 2 energy"]]:
    """The same with couplings at the energy of the collision, which no sum over poles gives."""
    absorptive = portal.mixing.absorptive(_resonance_width(s, relative_width, spread))
    full, _ = propagator.invert(portal, Energies.at(s, portal), absorptive)
    form = portal.mixing.form(s)
    factors = jnp.stack([jnp.ones_like(form), form, form**2])
    chiral = _chiral(portal)
    initial, final = chiral[:, _ELECTRON][_INITIAL][:, None, :], chiral[:, _LEPTONS][_FINAL]
    pairs = jnp.stack(
        [
            initial[..., 0] * final[..., 0],
            initial[..., 0] * final[..., 1] + initial[..., 1] * final[..., 0],
            initial[..., 1] * final[..., 1],
        ]
    ).reshape(3, 8)
    real, imag = (pairs.T @ (factors * jnp.stack(part)) for part in (full.real, full.imag))
    return real.reshape(4, 2, -1), imag.reshape(4, 2, -1)


def _chiral(portal: Portal) -> Float[Array, "2 fermion 2"]:
    """Left- and right-handed couplings of the gauge-basis vectors."""
    return jnp.stack([portal.vector + portal.axial, portal.vector - portal.axial])


def _helicities(chiral: Float[Real, "2 fermion vector"]) -> Float[Real, "8 vector"]:
    """Products g_i^e g_j^l of every helicity and flavour, for one matrix product with the poles."""
    initial, final = chiral[:, _ELECTRON][_INITIAL], chiral[:, _LEPTONS][_FINAL]
    return (initial[:, None, :] * final).reshape(8, -1)


def _poles(
    s: Float[Real, " energy"], mass2: Float[Real, " vector"], relative_width: Float[Real, " vector"], spread: float
) -> tuple[Float[Real, "vector energy"], Float[Real, "vector energy"]]:
    """Real and imaginary part of 1/(s - M^2 + i W), GeV^-2."""
    gap = s[None, :] - mass2[:, None]
    width = _resonance_width(s, relative_width, spread)
    norm = 1.0 / (gap**2 + width**2)
    return gap * norm, -width * norm


def _resonance_width(
    s: Float[Real, " energy"], relative_width: Float[Real, " vector"], spread: float
) -> Float[Real, "vector energy"]:
    """W, GeV^2."""
    return ((s[None, :] * relative_width[:, None]) ** 2 + spread**2 * s[None, :]) ** 0.5


def _z_width(inputs: Inputs) -> float:
    """Tree-level width of the unmixed Z, GeV."""
    vector, axial = fermions.z_couplings(inputs)
    with jax.ensure_compile_time_eval():
        pair = spectral.fermion_pair(jnp.asarray([inputs.m_z**2]), jnp.asarray(fermions.masses(inputs)))
        return float(inputs.m_z * jnp.sum(fermions.COLOURS * (vector**2 * pair.vector + axial**2 * pair.axial)))
