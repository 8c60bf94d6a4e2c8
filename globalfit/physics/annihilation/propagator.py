"""Transverse propagator D_ij(s) for s > 0, with widths.

`running` inverts the matrix Q(s) + i s rho(s) with an energy-dependent absorptive part, off-diagonal too: right
where the poles come close to each other. `fixed` is the sum over poles U_ik U_jk / (s - M_k^2 + i M_k Gamma_k) that
other programs use. Both are written with the distances s - M_k^2 as input, and the cross section with the distance
from the threshold: the caller knows them exactly at its quadrature nodes, so that poles of relative width 1e-12 come
out with full precision, also where a pole and the threshold coincide.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from globalfit.physics.portal import Portal, pole_distance
from globalfit.physics.symmetric import Symmetric, square


class Energies(NamedTuple):
    """Energies of a collision, GeV^2: s, its `excess` over the squared sum of the masses of the two particles, and the
    `gap` s - M_k^2 to both poles, the last two without rounding error."""

    s: Float[Array, " energy"]
    excess: Float[Array, " energy"]
    gap: Float[Array, "2 energy"]

    @classmethod
    def at(cls, s: Float[Array, " energy"], portal: Portal) -> Energies:
        """Energies given by s alone, far from the threshold as far as rounding goes."""
        threshold = portal.dark.threshold
        return cls(s, jnp.maximum(s - threshold**2, 0.0), s[None, :] - portal.mass2[:, None])

    @classmethod
    def of_slow_pairs(cls, kinetic: Float[Array, " energy"], portal: Portal) -> Energies:
        """Energies of two equal dark-matter particles from sqrt(s)/m - 2, which may be zero."""
        mass = portal.dark.mass
        distance = kinetic[None, :] - pole_distance(portal.mass, mass)[:, None]
        return cls.of_pairs(2.0 * mass, kinetic, distance, portal.mass)

    @classmethod
    def of_pairs(
        cls,
        threshold: Float[Array, ""],
        kinetic: Float[Array, " energy"],
        distance: Float[Array, "2 energy"],
        mass: Float[Array, " 2"],
    ) -> Energies:
        """Energies of pairs of total mass `threshold` (GeV) from sqrt(s) - threshold = `kinetic`*threshold/2 and
        sqrt(s) - M_k = `distance`*threshold/2, where the poles lie at `mass` (GeV)."""
        half = 0.5 * threshold
        root_s = half * (2.0 + kinetic)
        gap = half * distance * (root_s[None, :] + mass[:, None])
        return cls(root_s**2, half**2 * kinetic * (4.0 + kinetic), gap)


class Resonances(NamedTuple):
    """Poles of the propagator in the complex plane of sqrt(s), GeV: sqrt(s) = M_k + shift_k - i half_width_k."""

    mass: Float[Array, " 2"]
    shift: Float[Array, " 2"]
    half_width: Float[Array, " 2"]


class Propagator(NamedTuple):
    """Real and imaginary part, GeV^-2."""

    real: Symmetric
    imag: Symmetric


def running(portal: Portal, energies: Energies, density: Symmetric) -> tuple[Propagator, Propagator]:
    """Inverse of Q(s) + i s rho(s) with a density rho of both vectors, and the same with the widths in the
    determinant only.

    The second is for W+ W-: the photon and the Z cancel there to order m_Z^2/s, which widths of the Z in the numerator
    would spoil.
    """
    return invert(portal, energies, density.times(energies.s))


def fixed(portal: Portal, energies: Energies, width: Float[Array, " 2"]) -> Propagator:
    """Sum over the poles with constant widths, GeV; with a form factor, the inverse with the same absorptive parts."""
    if portal.mixing.form_factor is not None:
        return invert(portal, energies, portal.mixing.absorptive(portal.mass * width))[0]
    # (component, pole)
    residues = jnp.stack(square(portal.eigenvectors()))
    mass_width = (portal.mass * width)[:, None]
    norm = 1.0 / (energies.gap**2 + mass_width**2)
    return Propagator(Symmetric(*(residues @ (energies.gap * norm))), Symmetric(*(-residues @ (mass_width * norm))))


def invert(portal: Portal, energies: Energies, absorptive: Symmetric) -> tuple[Propagator, Propagator]:
    """Inverse of Q(s) + i A with A in GeV^2, and the same with A in the determinant only."""
    s, (to_first, to_second), mixing = energies.s, energies.gap, portal.mixing
    # s - m_1^2 = (s - x) + (x - m_1^2) and s - m_2^2 = (s - y) + (y - m_2^2), where nothing cancels at the poles
    shift, off_diagonal = mixing.shifts(), mixing.off_diagonal(s)
    from_first = to_first + shift[0]
    if mixing.form_factor is None:
        from_second = to_second + shift[1]
        real_part = (1.0 - mixing.kinetic**2) * to_first * to_second
    else:
        from_second = mixing.second(s)
        real_part = from_first * from_second - off_diagonal**2
    det_real = real_part - (absorptive.first * absorptive.second - absorptive.mixed**2)
    det_imag = absorptive.second * from_first + absorptive.first * from_second - 2.0 * off_diagonal * absorptive.mixed
    norm = 1.0 / (det_real**2 + det_imag**2)
    inverse_real, inverse_imag = det_real * norm, -det_imag * norm
    real = Symmetric(from_second, -off_diagonal, from_first)
    imag = Symmetric(absorptive.second, -absorptive.mixed, absorptive.first)
    narrow = Propagator(real.times(inverse_real), real.times(inverse_imag))
    return (
        Propagator(narrow.real.plus(imag.times(-inverse_imag)), narrow.imag.plus(imag.times(inverse_real))),
        narrow,
    )


def resonances(portal: Portal, density: Symmetric) -> Resonances:
    """Poles of `running` for a density whose values at M_1^2 and M_2^2 are given.

    The determinant a u^2 + b u + c, u = s - M_k^2, has a root next to u = 0. Two vectors that are closer to each other
    than their widths push each other away and share their widths: the root is then far from -i M_k Gamma_k.
    """
    mixing, s = portal.mixing, portal.mass2
    first = jnp.stack([mixing.shifts()[0], s[1] - mixing.lagrangian_mass2[0]])
    second = jnp.stack([mixing.second(s[0]), mixing.shifts()[1]])
    off_diagonal, (slope_12, slope_22) = mixing.off_diagonal(s), mixing.slopes(s)
    absorptive = density.times(s)
    a = slope_22 - slope_12**2
    b_real = second + first * slope_22 - 2.0 * off_diagonal * slope_12
    b_imag = absorptive.second + absorptive.first * slope_22 - 2.0 * absorptive.mixed * slope_12
    c_real = absorptive.mixed**2 - absorptive.first * absorptive.second
    c_imag = absorptive.second * first + absorptive.first * second - 2.0 * off_diagonal * absorptive.mixed
    b, c = jax.lax.complex(b_real, b_imag), jax.lax.complex(c_real, c_imag)
    root = jnp.sqrt(b**2 - 4.0 * a * c)
    larger = jnp.where(jnp.real(jnp.conj(b) * root) >= 0.0, b + root, b - root)
    u = -2.0 * c / jnp.where(larger == 0.0, 1.0, larger)
    return Resonances(portal.mass, 0.5 * jnp.real(u) / portal.mass, 0.5 * jnp.abs(jnp.imag(u)) / portal.mass)
