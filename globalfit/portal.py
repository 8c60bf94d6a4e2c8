"""The portal: two massive vectors V1 and V2 that connect the dark current to the Standard Model.

Every model reduces to the gauge-basis Lagrangian (field strengths F1, F2)

    L = -1/4 F1.F1 - 1/4 F2.F2 - (eta/2) F1.F2 + 1/2 m1^2 V1.V1 + 1/2 m2^2 V2.V2 + V1.J1 + V2.J2

with the massless photon, where it mixes, removed exactly by the shift A -> A + epsilon A' (its charge current then sits
in J2). Between currents i and j the amplitude is D_ij(q2) (g - q q/q2) plus -(1/m_i^2) delta_ij q q/q2:

    D(q2) = [q2 K - M2]^-1,   K = [[1, eta], [eta, 1]],   M2 = diag(m1^2, m2^2).

The poles of D are the physical masses. With x, y their squares (x belongs to V1) the determinant is
(1 - eta^2)(q2 - x)(q2 - y), hence the closed forms below; nothing is singular at x = y or eta = 0, no mixing angle
appears, and D_12 carries the factor q2 of the derivative portal explicitly. The longitudinal part does not connect
different vectors, whatever eta.

Vertices are gamma^mu (v - a gamma5) for fermions on both sides.
"""

from __future__ import annotations

from typing import Literal

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Int

from globalfit import status

DarkMatterKind = Literal["dirac"]


class DarkMatter(eqx.Module):
    """Dark-matter particle and its couplings to V1 and V2 (vertex gamma^mu (v - a gamma5))."""

    kind: DarkMatterKind = eqx.field(static=True)
    mass: Float[Array, ""]
    vector: Float[Array, " 2"]
    axial: Float[Array, " 2"]


class Portal(eqx.Module):
    """Two vectors, their mixing and all their couplings at one parameter point; the order of fermions is
    `globalfit.fermions.FERMIONS`."""

    names: tuple[str, str] = eqx.field(static=True)
    mass2: Float[Array, " 2"]
    lagrangian_mass2: Float[Array, " 2"]
    mixing: Float[Array, ""]
    vector: Float[Array, "fermion 2"]
    axial: Float[Array, "fermion 2"]
    w_pair: Float[Array, " 2"]
    higgs: Float[Array, " 2"]
    dark: DarkMatter
    status: Int[Array, ""]

    @property
    def mass(self) -> Float[Array, " 2"]:
        """Physical masses of the V1-like and the V2-like eigenstate, GeV."""
        return jnp.sqrt(self.mass2)

    def propagator(self, q2: Float[Array, "*batch"]) -> Float[Array, "2 2 *batch"]:
        """Transverse propagator D_ij(q2) without widths, GeV^-2, for q2 <= 0."""
        x, y = self.mass2
        scale = 1.0 / ((1.0 - self.mixing**2) * (q2 - x) * (q2 - y))
        first, second = self.lagrangian_mass2
        off_diagonal = -self.mixing * q2 * scale
        return jnp.stack(
            [
                jnp.stack([(q2 - second) * scale, off_diagonal]),
                jnp.stack([off_diagonal, (q2 - first) * scale]),
            ]
        )

    def eigenvectors(self) -> Float[Array, "2 2"]:
        """U_ik with V_i = sum_k U_ik (mass eigenstate k): couplings of the eigenstates are g_k = sum_i g_i U_ik.

        From the residues of D: U_11^2 = (x - b)/((1-eta^2)(x-y)) and so on, written without cancellation.
        """
        return mass_eigenvectors(self.mass2, self.lagrangian_mass2, self.mixing)


def lagrangian_masses(
    mass2: Float[Array, " 2"], mixing: Float[Array, ""]
) -> tuple[Float[Array, " 2"], Float[Array, ""]]:
    """Lagrangian masses squared that give the physical ones, and the mixing at which they do.

    The masses are the roots of z^2 - (1-eta^2)(x+y) z + (1-eta^2) x y = 0, the larger one on the side of the larger of
    x and y. A solution exists for |eta| <= |x-y|/(x+y): outside this eigenmass-repulsion domain the mixing comes back
    as zero (and the masses unmixed) so that whatever is computed from it stays finite; compare it with the one asked
    for to see which.
    """
    x, y = mass2[0], mass2[1]
    contrast = (x - y) / (x + y)
    # (x+y)^2 (1-eta^2)^2 - 4 (1-eta^2) x y = (x+y)^2 (1-eta^2) (contrast^2 - eta^2)
    solvable = (mixing**2 < contrast**2) & (mixing**2 < 1.0)
    eta = jnp.where(solvable, mixing, 0.0)
    half_sum = 0.5 * (1.0 - eta**2) * (x + y)
    gap2 = (1.0 - eta**2) * (jnp.abs(contrast) - jnp.abs(eta)) * (jnp.abs(contrast) + jnp.abs(eta))
    positive = gap2 > 0.0
    half_gap = 0.5 * (x + y) * jnp.where(positive, jnp.sqrt(jnp.where(positive, gap2, 1.0)), 0.0)
    larger = half_sum + half_gap
    smaller = (1.0 - eta**2) * x * y / larger
    first = jnp.where(x >= y, larger, smaller)
    second = jnp.where(x >= y, smaller, larger)
    return jnp.stack([first, second]), eta


def mass_eigenvectors(
    mass2: Float[Array, " 2"], lagrangian_mass2: Float[Array, " 2"], mixing: Float[Array, ""]
) -> Float[Array, "2 2"]:
    """Matrix U of `Portal.eigenvectors` from masses and mixing alone."""
    x, y = mass2[0], mass2[1]
    first, second = lagrangian_mass2[0], lagrangian_mass2[1]
    degenerate = x == y
    norm = (1.0 - mixing**2) * jnp.where(degenerate, 1.0, x - y)
    # x - b and a - y: differences of the well separated pair; x - a and b - y follow from the product identities.
    diagonal_1 = jnp.sqrt(jnp.where(degenerate, 1.0, (x - second) / norm))
    diagonal_2 = jnp.sqrt(jnp.where(degenerate, 1.0, (first - y) / norm))
    lower = jnp.where(degenerate, 0.0, -mixing * x / (norm * diagonal_1))
    upper = jnp.where(degenerate, 0.0, mixing * y / (norm * diagonal_2))
    return jnp.stack([jnp.stack([diagonal_1, upper]), jnp.stack([lower, diagonal_2])])
