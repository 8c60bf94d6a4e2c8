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

from typing import Literal, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

DarkMatterKind = Literal["dirac", "scalar"]


class DarkMatter(eqx.Module):
    """Dark-matter particle and its couplings to V1 and V2.

    `dirac`: a Dirac fermion with the vertex gamma^mu (v - a gamma5). `scalar`: a complex scalar with the vertex
    v (p + p')^mu and the V_i V_j phi* phi vertex that gauge invariance brings; its `axial` is zero.
    """

    kind: DarkMatterKind = eqx.field(static=True)
    mass: Float[Array, ""]
    vector: Float[Array, " 2"]
    axial: Float[Array, " 2"]


class Portal(eqx.Module):
    """Two vectors, their mixing and all their couplings at one parameter point.

    Masses are squared, GeV^2, in the order (V1-like, V2-like); `names` label the mass eigenstates. Couplings are those
    of the gauge-basis fields: `vector` and `axial` to `globalfit.fermions.FERMIONS`, `w_pair` to W+W- (in units of the
    Standard-Model triple-gauge vertex), `higgs` the vertex h V_i V_j (g_{mu nu} times GeV). `status` has the flags of
    `globalfit.status` that the model itself can tell.
    """

    names: tuple[str, str] = eqx.field(static=True)
    mass2: Float[Array, " 2"]
    lagrangian_mass2: Float[Array, " 2"]
    mixing: Float[Array, ""]
    vector: Float[Array, "fermion 2"]
    axial: Float[Array, "fermion 2"]
    w_pair: Float[Array, " 2"]
    higgs: Float[Array, "2 2"]
    dark: DarkMatter
    status: Int[Array, ""]

    @property
    def z(self) -> int | None:
        """Which mass eigenstate is the Z; None if the portal does not mix with it."""
        return self.names.index("z") if "z" in self.names else None

    @property
    def new(self) -> tuple[int, ...]:
        """Mass eigenstates that are not the Z."""
        return tuple(k for k in range(len(self.names)) if k != self.z)

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


class LagrangianMasses(NamedTuple):
    """Lagrangian masses squared, the mixing that they hold for, and whether it is the mixing that was asked for."""

    mass2: Float[Array, " 2"]
    mixing: Float[Array, ""]
    solvable: Bool[Array, ""]


def lagrangian_masses(mass2: Float[Array, " 2"], mixing: Float[Array, ""]) -> LagrangianMasses:
    """Lagrangian masses that give the physical masses squared `mass2` at a kinetic mixing eta.

    They are the roots of z^2 - (1-eta^2)(x+y) z + (1-eta^2) x y = 0, the larger one on the side of the larger of x
    and y. A solution exists for |eta| < |x-y|/(x+y). In the eigenmass-repulsion band beyond, the unmixed solution comes
    back and `solvable` is False, so that whatever is computed from it stays finite.
    """
    x, y = mass2[0], mass2[1]
    contrast = jnp.abs(x - y) / (x + y)
    solvable = jnp.abs(mixing) < contrast
    eta = jnp.where(solvable, mixing, 0.0)
    # (1-eta^2)^2 (x+y)^2 - 4 (1-eta^2) x y, factorised so that nothing cancels at the edge of the band
    gap2 = (1.0 - eta**2) * (contrast - jnp.abs(eta)) * (contrast + jnp.abs(eta))
    half_gap = jnp.where(gap2 > 0.0, jnp.sqrt(jnp.where(gap2 > 0.0, gap2, 1.0)), 0.0)
    larger = 0.5 * (x + y) * (1.0 - eta**2 + half_gap)
    smaller = (1.0 - eta**2) * x * y / larger
    ordered = jnp.where(x >= y, jnp.stack([larger, smaller]), jnp.stack([smaller, larger]))
    return LagrangianMasses(ordered, eta, solvable)


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
