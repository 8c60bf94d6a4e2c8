"""The limit on a B-L boson that the LEP-2 dileptons imply, for `globalfit show likelihood lep_contact`."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit import fermions
from globalfit.picture import TWO_SIDED_95, Curve, Picture, upper_limit
from globalfit.portal import DarkMatter, Portal

# B-L charges: -1 for leptons, 1/3 for quarks.
_CHARGE = np.where(fermions.COLOURS > 1.0, 1.0 / 3.0, -1.0)
# Width of a heavy B-L boson in units of g^2 M/(12 pi): three charged leptons, three neutrinos and six quarks.
_WIDTH = 3.0 + 3.0 / 2.0 + 6.0 * 3.0 / 9.0
_MASSES = np.concatenate([np.geomspace(10.0, 120.0, 5), [145.0, 165.0, 180.0], np.geomspace(215.0, 3000.0, 8)])
# Rule of thumb g_V < 0.12 M/TeV, arXiv:2203.09462 Eq. 13.
_RULE_PER_GEV = 0.12e-3


def b_minus_l_portal(mass: Float[Array, ""], coupling: Float[Array, ""]) -> Portal:
    """A B-L boson of a given mass (GeV) and coupling beside an idle vector; the Z is none of them."""
    mass2 = jnp.stack([mass**2, 4.0 * mass**2])
    zero = jnp.zeros(2)
    return Portal(
        names=("b_minus_l", "idle"),
        mass2=mass2,
        lagrangian_mass2=mass2,
        mixing=jnp.zeros(()),
        vector=jnp.stack([coupling * jnp.asarray(_CHARGE), jnp.zeros(len(_CHARGE))], axis=1),
        axial=jnp.zeros((len(_CHARGE), 2)),
        w_pair=zero,
        higgs=jnp.zeros((2, 2)),
        dark=DarkMatter("dirac", jnp.ones(()), zero, zero),
        status=jnp.zeros((), int),
    )


def b_minus_l_limits(log_likelihood: Callable[[Portal, Float[Array, " 2"]], Float[Array, ""]]) -> Picture:
    """95 % limits on g_{B-L} from a function of portal and total widths (GeV)."""

    @jax.jit
    def of_point(mass: Float[Array, ""], coupling: Float[Array, ""]) -> Float[Array, ""]:
        width = _WIDTH * coupling**2 * mass / (12.0 * math.pi)
        return log_likelihood(b_minus_l_portal(mass, coupling), jnp.stack([width, jnp.zeros_like(width)]))

    def limit(mass: float) -> float:
        # a contact interaction of 4 TeV, or the photon-like exchange of a light vector
        guess = math.sqrt(abs(mass**2 - 195.0**2)) / 4000.0
        return upper_limit(
            jax.vmap(lambda coupling: of_point(jnp.asarray(mass), coupling)),
            guess * np.geomspace(0.05, 2.5, 80),
            TWO_SIDED_95,
        )

    heavy = _MASSES[_MASSES > 209.0]
    return Picture(
        title="LEP-2 dileptons: B-L boson, 95 % CL",
        x_label="mass [GeV]",
        y_label="g_BL",
        curves=(
            Curve("this likelihood", _MASSES, np.array([limit(mass) for mass in _MASSES])),
            Curve("rule of thumb g_V < 0.12 M/TeV", heavy, _RULE_PER_GEV * heavy, "published"),
        ),
    )
