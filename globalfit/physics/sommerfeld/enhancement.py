"""Which part of the annihilation cross section the Sommerfeld factor multiplies, and where it must stop.

Dark-matter particle and antiparticle attract each other by exchange of the new vectors, V = -alpha_k exp(-M_k r)/r with
alpha_k = (vector coupling to eigenstate k)^2/(4 pi), whatever their spins. S_0 of that potential multiplies

    vector current (3S1) and longitudinal exchange (1S0) of a Dirac fermion, pairs of vectors (1S0 for vector couplings)

and S_1 the axial current (3P1) of a Dirac fermion and the vector current (spin 0, l = 1) of a complex scalar. The terms
of order beta^2 of an s-wave cross section get S_0 as well. Left out:

- axial couplings in the potential: at leading order they give spin-spin and tensor terms, the latter singular at r = 0
  for longitudinal vectors, which no potential of this kind describes;
- chi1 chi1 <-> chi2 chi2 of pseudo-Dirac dark matter and the coupled species of a dark SU(2) doublet: no enhancement,
  and the status `no_enhancement` where it would matter;
- capture into bound states: the status `bound_states`.

Of two new vectors the effects add, S = 1 + sum_k (S(alpha_k) - 1): that is exact to first order in alpha, where one
of them is alone, and deep in the Coulomb regime of both. The Z couples to dark matter through mixing alone and is left
out.

At a resonance S grows beyond what unitarity allows. Absorption at the origin, which S assumes to be small, damps the
wave there, as in Blum, Sato and Slatyer (arXiv:1603.01383) without the shift of the resonance:

    sigma_l = S sigma_l0/(1 + kappa)^2,     kappa = k^2 (S - 1) sigma_l0/[4 pi (2l + 1)] ,

so that sigma_l <= (2l + 1) pi/k^2 + sigma_l0, whatever S, and sigma v is constant for v -> 0.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from globalfit.physics.inputs import Inputs
from globalfit.physics.portal import Portal
from globalfit.physics.sommerfeld.yukawa import factors


class Waves(NamedTuple):
    """What multiplies the s-wave and the p-wave part."""

    s: Float[Array, " velocity"]
    p: Float[Array, " velocity"]


def enhances(portal: Portal, inputs: Inputs) -> bool:
    """Whether annihilation of this kind of dark matter has Sommerfeld factors."""
    return inputs.sommerfeld == "on" and has_one_potential(portal)


def has_one_potential(portal: Portal) -> bool:
    """Whether the state that annihilates does not turn into others on the way."""
    return portal.dark.kind != "pseudo_dirac" and portal.doublet is None


def couplings(portal: Portal) -> Float[Array, " new"]:
    """alpha_k of the new vectors, in the order of `Portal.new`."""
    vector = portal.dark.vector @ portal.eigenvectors()
    return vector[jnp.asarray(portal.new)] ** 2 / (4.0 * math.pi)


def sommerfeld(portal: Portal, velocity: Float[Array, " velocity"]) -> Waves:
    """S_0 and S_1 at velocities of either particle in the centre-of-mass frame, without the bound of unitarity."""
    total = jnp.ones((2, velocity.size))
    for k, alpha in zip(portal.new, couplings(portal), strict=True):
        scale = portal.dark.mass / portal.mass[k]
        total += factors(alpha * scale, scale * velocity) - 1.0
    return Waves(total[0], total[1])


def bounded(
    waves: Waves,
    sections: Waves,
    s: Float[Array, " velocity"],
    velocity: Float[Array, " velocity"],
) -> Waves:
    """The factors with the bound of unitarity; `sections` are sigma times the velocity of both waves without them."""
    kappa = [
        s * velocity * section * (factor - 1.0) / (16.0 * math.pi * (2 * wave + 1))
        for wave, (factor, section) in enumerate(zip(waves, sections, strict=True))
    ]
    return Waves(*(factor / (1.0 + one) ** 2 for factor, one in zip(waves, kappa, strict=True)))
