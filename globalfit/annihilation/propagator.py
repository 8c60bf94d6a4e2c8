"""Transverse propagator D_ij(s) for s > 0, with widths.

`running` inverts the matrix Q(s) + i s rho(s) with an energy-dependent absorptive part, off-diagonal too: right
where the poles come close to each other. `fixed` is the sum over poles U_ik U_jk / (s - M_k^2 + i M_k Gamma_k) that
other programs use. Both are written with the distances s - M_k^2 as input, which the caller knows exactly at its
quadrature nodes, so that poles of relative width 1e-12 come out with full precision.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from globalfit.annihilation.channels import Density
from globalfit.portal import Portal


class Energies(NamedTuple):
    """Energies of a collision: s, and s - M_k^2 for both poles without rounding error; GeV^2."""

    s: Float[Array, " energy"]
    gap: Float[Array, "2 energy"]

    @classmethod
    def at(cls, s: Float[Array, " energy"], portal: Portal) -> Energies:
        """Energies given by s alone."""
        return cls(s, s[None, :] - portal.mass2[:, None])


class Propagator(NamedTuple):
    """Real and imaginary part of the components (11, 12, 22), GeV^-2."""

    real: Float[Array, "3 energy"]
    imag: Float[Array, "3 energy"]


def running(portal: Portal, energies: Energies, density: Density) -> tuple[Propagator, Propagator]:
    """Inverse of Q(s) + i s rho(s) with a density rho of both vectors, and the same with the widths in the
    determinant only.

    The second is for W+ W-: the photon and the Z cancel there to order m_Z^2/s, which widths of the Z in the numerator
    would spoil.
    """
    return invert(portal, energies, energies.s[None, :] * density)


def fixed(portal: Portal, energies: Energies, width: Float[Array, " 2"]) -> Propagator:
    """Sum over the poles with constant widths, GeV; with a form factor, the inverse with the same absorptive parts."""
    if portal.mixing.form_factor is not None:
        absorptive = portal.mixing.absorptive(portal.mass * width)
        return invert(portal, energies, jnp.broadcast_to(absorptive[:, None], (3, energies.s.size)))[0]
    eigenvectors = portal.eigenvectors()
    # (component, pole)
    residues = jnp.stack([eigenvectors[0] ** 2, eigenvectors[0] * eigenvectors[1], eigenvectors[1] ** 2])
    mass_width = (portal.mass * width)[:, None]
    norm = 1.0 / (energies.gap**2 + mass_width**2)
    return Propagator(residues @ (energies.gap * norm), -residues @ (mass_width * norm))


def invert(portal: Portal, energies: Energies, absorptive: Float[Array, "3 energy"]) -> tuple[Propagator, Propagator]:
    """Inverse of Q(s) + i A with A in GeV^2, components (11, 12, 22), and the same with A in the determinant only."""
    (s, gap), mixing = energies, portal.mixing
    # s - m_1^2 = (s - x) + (x - m_1^2) and s - m_2^2 = (s - y) + (y - m_2^2), where nothing cancels at the poles
    shift, off_diagonal = mixing.shifts(), mixing.off_diagonal(s)
    from_first = gap[0] + shift[0]
    if mixing.form_factor is None:
        from_second = gap[1] + shift[1]
        real_part = (1.0 - mixing.kinetic**2) * gap[0] * gap[1]
    else:
        from_second = mixing.second(s)
        real_part = from_first * from_second - off_diagonal**2
    det_real = real_part - (absorptive[0] * absorptive[2] - absorptive[1] ** 2)
    det_imag = absorptive[2] * from_first + absorptive[0] * from_second - 2.0 * off_diagonal * absorptive[1]
    norm = 1.0 / (det_real**2 + det_imag**2)
    inverse_real, inverse_imag = (det_real * norm)[None, :], (-det_imag * norm)[None, :]
    real = jnp.stack([from_second, -off_diagonal, from_first])
    imag = jnp.stack([absorptive[2], -absorptive[1], absorptive[0]])
    narrow = Propagator(real * inverse_real, real * inverse_imag)
    full = Propagator(narrow.real - imag * inverse_imag, narrow.imag + imag * inverse_real)
    return full, narrow
