"""Two massive vectors that mix: Lagrangian and physical masses, mass eigenstates, propagator.

The quadratic form of the gauge-basis fields V1 and V2 between conserved currents is Q(q2) = q2 K(q2) - M2 with

    Q_11 = q2 - m1^2,   Q_12 = eta q2 - delta,   Q_22 = q2 - m2^2,

from L = -1/4 F1.F1 - 1/4 F2.F2 - (eta/2) F1.F2 + 1/2 m1^2 V1.V1 + 1/2 m2^2 V2.V2 + delta V1.V2, and D = Q^-1. With a
nonlocal form factor F(q2) (`FormFactor`), V2 mixes with V1 and with the photon through F; the photon is removed by the
shift A -> A + F A', which leaves

    Q_12 = eta F(q2) q2,   Q_22 = (1 - F(q2)^2) q2 - m2^2,   and a factor F(q2) on the matter current of V2.

The physical masses, which users give, are the zeros x (of V1) and y (of V2) of det Q. det Q(x) = det Q(y) = 0 gives
the Lagrangian masses in closed form, the null vectors of Q(x) and Q(y) the mass eigenstates, normalised by
u^T Q'(M^2) u = 1 (the residue of D is u u^T). Nothing is singular at x = y or eta = 0, no mixing angle appears, and
D_12 of kinetic mixing alone carries the factor q2 of the derivative portal explicitly.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from globalfit.physics.symmetric import Symmetric, diagonal_matrix, square


class FormFactor(eqx.Module):
    """F(q2) = (q2/Lambda^2) exp(-q2^2/Lambda^4), an entire function: arXiv:2405.03325, Eq. 5.

    `propagates` is False for a V2 that is no particle but a contact interaction, Q_22 = -F^2 q2 - m2^2.
    """

    scale: Float[Array, ""]
    propagates: bool = eqx.field(static=True, default=True)

    def __call__(self, q2: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        z = q2 / self.scale**2
        return z * jnp.exp(-(z**2))

    def slope(self, q2: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        """dF/dq2, GeV^-2."""
        z = q2 / self.scale**2
        return (1.0 - 2.0 * z**2) * jnp.exp(-(z**2)) / self.scale**2


class Mixing(eqx.Module):
    """Masses squared (GeV^2, V1 first) and mixing of two vectors; see the module for the symbols.

    `mass2` are the physical ones, `kinetic` is eta, `mass_mixing` delta (GeV^2). Consistent when built by `mix`,
    `mix_nonlocal` or `contact`.
    """

    mass2: Float[Array, " 2"]
    lagrangian_mass2: Float[Array, " 2"]
    kinetic: Float[Array, ""]
    mass_mixing: Float[Array, ""]
    form_factor: FormFactor | None = None

    def off_diagonal(self, q2: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        """Q_12."""
        kinetic = self.kinetic if self.form_factor is None else self.kinetic * self.form_factor(q2)
        return kinetic * q2 - self.mass_mixing

    def second(self, q2: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        """Q_22."""
        return _second_kinetic(self.form_factor, q2) - self.lagrangian_mass2[1]

    def form(self, q2: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        """Factor on the matter current of V2: F(q2), or 1."""
        return jnp.ones_like(q2) if self.form_factor is None else self.form_factor(q2)

    def propagator(self, q2: Float[Array, "*batch"]) -> Float[Array, "2 2 *batch"]:
        """Transverse propagator D_ij(q2) without widths, GeV^-2, for q2 <= 0."""
        first, second, off_diagonal = q2 - self.lagrangian_mass2[0], self.second(q2), self.off_diagonal(q2)
        if self.form_factor is None:
            x, y = self.mass2
            determinant = (1.0 - self.kinetic**2) * (q2 - x) * (q2 - y)
        else:
            determinant = first * second - off_diagonal**2
        first, second, off_diagonal = (part / determinant for part in (first, second, -off_diagonal))
        return jnp.stack([jnp.stack([second, off_diagonal]), jnp.stack([off_diagonal, first])])

    def mass_inverse(self) -> Float[Array, "2 2"]:
        """(M2)^-1, GeV^-2: the longitudinal exchange, free of widths."""
        first, second = self.lagrangian_mass2
        rows = jnp.stack([jnp.stack([second, -self.mass_mixing]), jnp.stack([-self.mass_mixing, first])])
        return rows / (first * second - self.mass_mixing**2)

    def eigenvectors(self) -> Float[Array, "2 2"]:
        """U_ik with V_i = sum_k U_ik (mass eigenstate k)."""
        x, y = self.mass2
        # Null vectors (1, -C/B) of Q(x) and (-C/A, 1) of Q(y); B = Q_22(x) and A = Q_11(y) are well separated from 0.
        lower = _ratio(self.off_diagonal(x), self.second(x))
        upper = _ratio(self.off_diagonal(y), y - self.lagrangian_mass2[0])
        (slope_12, slope_22), (slope_12_y, slope_22_y) = self.slopes(x), self.slopes(y)
        first = 1.0 / _root(1.0 - 2.0 * lower * slope_12 + lower**2 * slope_22)
        second = 1.0 / _root(upper**2 - 2.0 * upper * slope_12_y + slope_22_y)
        if self.form_factor is not None and not self.form_factor.propagates:
            second = jnp.zeros_like(second)
        return jnp.stack([jnp.stack([first, -upper * second]), jnp.stack([-lower * first, second])])

    def absorptive(self, strength: Float[Array, "2 *batch"]) -> Symmetric:
        """Absorptive parts of the mass eigenstates in the gauge basis.

        K U diagonalises them: sum_k (K U)_ik (K U)_jk strength_k. With a form factor K depends on the energy, and no
        constant matrix does this; its diagonal part, right at the poles and to first order in the mixing, is taken.
        """
        eigenvectors = self.eigenvectors()
        if self.form_factor is not None:
            share = jnp.diagonal(eigenvectors) ** 2
            weight = jnp.where(share > 0.0, 1.0 / jnp.where(share > 0.0, share, 1.0), 0.0)
            return diagonal_matrix(weight[0] * strength[0], weight[1] * strength[1])
        first, second = eigenvectors + self.kinetic * eigenvectors[::-1]
        one, other = (square((first[k], second[k])).times(strength[k]) for k in range(2))
        return one.plus(other)

    def matter_eigenvectors(self, q2: Float[Array, " 2"] | None = None) -> Float[Array, "2 2"]:
        """U with the form factor at `q2`, by default each physical mass squared: couplings of ordinary matter are
        g_k = sum_i g_i U_ik."""
        eigenvectors = self.eigenvectors()
        return jnp.stack([eigenvectors[0], self.form(self.mass2 if q2 is None else q2) * eigenvectors[1]])

    def shifts(self) -> Float[Array, " 2"]:
        """x - m1^2, and Q_22(y), without cancellation: C(x)^2/Q_22(x) and C(y)^2/Q_11(y)."""
        x, y = self.mass2
        return jnp.stack(
            [
                self.off_diagonal(x) * _ratio(self.off_diagonal(x), self.second(x)),
                self.off_diagonal(y) * _ratio(self.off_diagonal(y), y - self.lagrangian_mass2[0]),
            ]
        )

    def moved(self, mass2: Float[Array, " 2"]) -> Mixing:
        """The same mixing with other physical masses."""
        if self.form_factor is None:
            return mix(mass2, self.kinetic, self.mass_mixing).mixing
        if not self.form_factor.propagates:
            return contact(mass2[0], self.lagrangian_mass2[1], self.kinetic, self.form_factor).mixing
        return mix_nonlocal(mass2, self.kinetic, self.form_factor).mixing

    def slopes(self, q2: Float[Array, "*batch"]) -> tuple[Float[Array, "*batch"], Float[Array, "*batch"]]:
        """dQ_12/dq2 and dQ_22/dq2."""
        if self.form_factor is None:
            return jnp.broadcast_to(self.kinetic, q2.shape), jnp.ones_like(q2)
        form, slope = self.form_factor(q2), self.form_factor.slope(q2)
        return self.kinetic * (form + q2 * slope), float(
            self.form_factor.propagates
        ) - form**2 - 2.0 * q2 * form * slope


class Solution(NamedTuple):
    """A consistent `Mixing`, and whether it is the one that was asked for (if not, it is the unmixed one)."""

    mixing: Mixing
    solvable: Bool[Array, ""]


def mix(mass2: Float[Array, " 2"], kinetic: Float[Array, ""], mass_mixing: Float[Array, ""] | float = 0.0) -> Solution:
    """Kinetic and mass mixing of two vectors of physical masses squared `mass2`.

    The Lagrangian masses are the roots of z^2 - S z + P = 0, S = (1 - eta^2)(x + y) + 2 eta delta and
    P = (1 - eta^2) x y + delta^2, the larger one on the side of the larger of x and y. They exist for
    |eta - 2 delta/(x + y)| < |x - y|/(x + y). In the eigenmass-repulsion band beyond, the unmixed solution comes back.
    """
    x, y = mass2[0], mass2[1]
    contrast = jnp.abs(x - y) / (x + y)
    delta = jnp.broadcast_to(jnp.asarray(mass_mixing, mass2.dtype), kinetic.shape)
    repulsion = jnp.abs(kinetic - 2.0 * delta / (x + y))
    solvable = (repulsion < contrast) & (jnp.abs(kinetic) < 1.0)
    eta, delta, repulsion = (jnp.where(solvable, value, 0.0) for value in (kinetic, delta, repulsion))
    # (S^2 - 4 P)/(x + y)^2, factorised so that nothing cancels at the edge of the band
    gap2 = (1.0 - eta**2) * (contrast - repulsion) * (contrast + repulsion)
    half_gap = jnp.where(gap2 > 0.0, jnp.sqrt(jnp.where(gap2 > 0.0, gap2, 1.0)), 0.0)
    larger = 0.5 * ((x + y) * (1.0 - eta**2 + half_gap) + 2.0 * eta * delta)
    smaller = ((1.0 - eta**2) * x * y + delta**2) / larger
    ordered = jnp.where(x >= y, jnp.stack([larger, smaller]), jnp.stack([smaller, larger]))
    return Solution(Mixing(mass2, ordered, eta, delta), solvable)


def mix_nonlocal(mass2: Float[Array, " 2"], kinetic: Float[Array, ""], form_factor: FormFactor) -> Solution:
    """Mixing through a form factor of two vectors of physical masses squared `mass2`.

    With C = Q_12, k(q2) = q2 (1 - F^2), L = k(y) - k(x) and d = x - m1^2, eliminating m2^2 leaves
    L d^2 + [C(x)^2 - C(y)^2 + L (y - x)] d + (y - x) C(x)^2 = 0; the root that vanishes with the mixing is taken. No
    solution: complex roots, or a Lagrangian mass squared that is not positive.
    """
    x, y = mass2[0], mass2[1]
    at_x, at_y = kinetic * form_factor(x) * x, kinetic * form_factor(y) * y
    second_x, second_y = _second_kinetic(form_factor, x), _second_kinetic(form_factor, y)
    difference = second_y - second_x
    linear = at_x**2 - at_y**2 + difference * (y - x)
    discriminant = linear**2 - 4.0 * difference * (y - x) * at_x**2
    solvable = (discriminant > 0.0) & (linear > 0.0)
    root = jnp.sqrt(jnp.where(solvable, discriminant, 1.0))
    shift = -2.0 * (y - x) * at_x**2 / jnp.where(solvable, linear + root, 1.0)
    first = x - shift
    second = second_y - at_y * _ratio(at_y, y - first)
    solvable &= (first > 0.0) & (second > 0.0)
    # Without mixing F must vanish too: a scale at which it is nothing at both masses.
    scale = jnp.where(solvable, form_factor.scale, 1e6 * jnp.sqrt(x + y))
    unmixed = dataclasses.replace(form_factor, scale=scale)
    lagrangian = jnp.where(solvable, jnp.stack([first, second]), mass2)
    return Solution(Mixing(mass2, lagrangian, jnp.where(solvable, kinetic, 0.0), jnp.zeros_like(x), unmixed), solvable)


def contact(
    mass2: Float[Array, ""], second: Float[Array, ""], kinetic: Float[Array, ""], form_factor: FormFactor
) -> Solution:
    """V1 of physical mass squared `mass2` and a contact interaction of strength 1/`second` in the place of V2.

    There is no second pole; the place of its mass is taken by 10^8 times that of V1, out of reach.
    """
    at_pole = kinetic * form_factor(mass2) * mass2
    first = mass2 - at_pole**2 / (_second_kinetic(form_factor, mass2) - second)
    pair = jnp.stack([mass2, 1e8 * mass2])
    return Solution(
        Mixing(pair, jnp.stack([first, second]), kinetic, jnp.zeros_like(mass2), form_factor), jnp.array(True)
    )


def _second_kinetic(form_factor: FormFactor | None, q2: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """q2 K_22."""
    if form_factor is None:
        return q2
    return q2 * (float(form_factor.propagates) - form_factor(q2) ** 2)


def _ratio(numerator: Float[Array, "*batch"], denominator: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """Ratio that is 0 where the masses are equal and nothing mixes."""
    regular = denominator != 0.0
    return jnp.where(regular, numerator / jnp.where(regular, denominator, 1.0), 0.0)


def _root(value: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    positive = value > 0.0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, value, 1.0)), 1.0)
