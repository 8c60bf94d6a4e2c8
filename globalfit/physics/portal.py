"""The portal: two massive vectors V1 and V2 that connect the dark current to the Standard Model.

Every model reduces to currents of the gauge-basis vectors, V1.J1 + V2.J2, and to their `Mixing`, with the massless
photon, where it mixes, removed exactly (its charge current then sits in J2). Between currents i and j the amplitude is
D_ij(q2) (g - q q/q2) - (M2^-1)_ij q q/q2. Without mass mixing the longitudinal part does not connect different vectors,
whatever the kinetic mixing.

Vertices are gamma^mu (v - a gamma5) for fermions on both sides.
"""

from __future__ import annotations

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from globalfit.physics.mixing import Mixing

DarkMatterKind = Literal["dirac", "scalar", "pseudo_dirac"]

# Closer than this to twice a mass, in units of it, a vector counts as right there: that is a few roundings of what the
# user wrote, and which side of the threshold they fall on must not matter.
_ROUNDING = 1e-14


class DarkMatter(eqx.Module):
    """Dark-matter particle and its couplings to V1 and V2.

    `dirac`: a Dirac fermion with the vertex gamma^mu (v - a gamma5). `scalar`: a complex scalar with the vertex
    v (p + p')^mu and the V_i V_j phi* phi vertex that gauge invariance brings; its `axial` is zero.
    `pseudo_dirac`: a Dirac fermion whose Majorana mass term splits it into two Majorana fermions chi1 and chi2 of
    masses m and (1 + splitting) m, with the vertex v gamma^mu between chi1 and chi2 only; its `axial` is zero.
    """

    kind: DarkMatterKind = eqx.field(static=True)
    mass: Float[Array, ""]
    vector: Float[Array, " 2"]
    axial: Float[Array, " 2"]
    splitting: Float[Array, ""] = eqx.field(default=0.0, converter=jnp.asarray)

    @property
    def threshold(self) -> Float[Array, ""]:
        """Smallest sqrt(s) at which the dark current makes a pair, GeV: chi chibar, or chi1 chi2."""
        return (2.0 + self.splitting) * self.mass if self.kind == "pseudo_dirac" else 2.0 * self.mass


class Hidden(eqx.Module):
    """Neutral Majorana fermions of the dark sector that couple to V2 and that no experiment sees.

    `mass` are the eigenvalues of their mass matrix, with signs, GeV; `coupling2` the squared couplings to each ordered
    pair of them, for the vertex that a left-handed fermion has.
    """

    mass: Float[Array, " state"]
    coupling2: Float[Array, "state state"]


class Doublet(eqx.Module):
    """V2 as the neutral vector of a dark SU(2), with charged W' of the same mass, and dark matter as its doublet.

    The two components of dark matter have the same mass and couple to V2 with +-`DarkMatter.vector`. `coupling` is the
    gauge coupling, twice that. The W' makes pairs of a massless left-handed fermion and the Majorana fermions of `mass`
    (GeV), with the squared couplings `coupling2`.
    """

    coupling: Float[Array, ""]
    mass: Float[Array, " state"]
    coupling2: Float[Array, " state"]


class Portal(eqx.Module):
    """Two vectors, their mixing and all their couplings at one parameter point.

    `names` label the mass eigenstates, V1-like first. Couplings are those of the gauge-basis fields:

    - `vector` and `axial` to `globalfit.physics.fermions.FERMIONS`;
    - `w_pair` to W+W-, in units of the Standard-Model triple-gauge vertex (g1 = kappa), and `w_contact`, a magnetic
      coupling (kappa alone) beside it;
    - `higgs` the vertex h V_i V_j (g_{mu nu} times GeV), and `higgs_contact` the one of field strengths,
      (q.k g_{mu nu} - k_mu q_nu)/GeV for V_i(q) -> V_j(k) h.

    `loop` is an amplitude of O1 (proton, neutron; GeV^-2) that adds to scattering incoherently. `hidden` are further
    fermions that V2 couples to, `doublet` makes V2 one of three vectors. `status` has the flags of
    `globalfit.physics.status` that the model itself can tell.
    """

    names: tuple[str, str] = eqx.field(static=True)
    mixing: Mixing
    vector: Float[Array, "fermion 2"]
    axial: Float[Array, "fermion 2"]
    w_pair: Float[Array, " 2"]
    higgs: Float[Array, "2 2"]
    dark: DarkMatter
    status: Int[Array, ""]
    w_contact: Float[Array, " 2"] | None = None
    higgs_contact: Float[Array, "2 2"] | None = None
    loop: Float[Array, " 2"] | None = None
    hidden: Hidden | None = None
    doublet: Doublet | None = None

    @property
    def z(self) -> int | None:
        """Which mass eigenstate is the Z; None if the portal does not mix with it."""
        return self.names.index("z") if "z" in self.names else None

    @property
    def new(self) -> tuple[int, ...]:
        """Mass eigenstates that are not the Z."""
        return tuple(k for k in range(len(self.names)) if k != self.z)

    @property
    def mass2(self) -> Float[Array, " 2"]:
        """Physical masses squared, GeV^2."""
        return self.mixing.mass2

    @property
    def mass(self) -> Float[Array, " 2"]:
        """Physical masses of the V1-like and the V2-like eigenstate, GeV."""
        return jnp.sqrt(self.mixing.mass2)

    @property
    def pole_excess(self) -> Float[Array, " 2"]:
        """M_k^2 less the squared mass of a pair of dark-matter particles, GeV^2."""
        half = 0.5 * self.dark.threshold
        distance = pole_distance(self.mass, half)
        return half**2 * distance * (4.0 + distance)

    def transfer(self, q2: Float[Array, "*batch"]) -> Float[Array, "2 2 *batch"]:
        """D_ij(q2) between the matter current i, with its form factor, and the dark current j, for q2 <= 0; GeV^-2."""
        first, second = self.mixing.propagator(q2)
        return jnp.stack([first, self.mixing.form(q2)[None] * second])

    def eigenvectors(self) -> Float[Array, "2 2"]:
        """U_ik with V_i = sum_k U_ik (mass eigenstate k): dark couplings of eigenstates are g_k = sum_i g_i U_ik."""
        return self.mixing.eigenvectors()

    def matter_eigenvectors(self) -> Float[Array, "2 2"]:
        """The same for the couplings of ordinary matter, which carry the form factor of V2, if it has one."""
        return self.mixing.matter_eigenvectors()


def pole_distance(mass: Float[Array, "*vector"], half_threshold: Float[Array, ""]) -> Float[Array, "*vector"]:
    """mass/`half_threshold` - 2: how far poles lie above a pair of particles of mean mass `half_threshold`."""
    distance = mass / half_threshold - 2.0
    rounded = jnp.abs(distance) < _ROUNDING
    return distance - jnp.where(rounded, jax.lax.stop_gradient(distance), 0.0)
