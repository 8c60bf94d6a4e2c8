"""The limit on a B-L boson that the LEP-2 dileptons imply, for `globalfit show likelihood lep_contact`."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit.experiment.limit_curves import TWO_SIDED_95, Curve, LimitCurves, upper_limit
from globalfit.experiment.resonance_scans import b_minus_l_portal
from globalfit.physics.annihilation.widths import widths
from globalfit.physics.inputs import Inputs
from globalfit.physics.portal import Portal

_MASSES = np.concatenate([np.geomspace(10.0, 120.0, 5), [145.0, 165.0, 180.0], np.geomspace(215.0, 3000.0, 8)])
# Rule of thumb g_V < 0.12 M/TeV, arXiv:2203.09462 Eq. 13.
_RULE_PER_GEV = 0.12e-3


def b_minus_l_limits(log_likelihood: Callable[[Portal, Float[Array, " 2"]], Float[Array, ""]]) -> LimitCurves:
    """95 % limits on g_{B-L} from a function of portal and total widths (GeV)."""

    @jax.jit
    def of_point(mass: Float[Array, ""], coupling: Float[Array, ""]) -> Float[Array, ""]:
        portal = b_minus_l_portal(mass, coupling)
        return log_likelihood(portal, widths(portal, Inputs()).total)

    def limit(mass: float) -> float:
        # a contact interaction of 4 TeV, or the photon-like exchange of a light vector
        guess = math.sqrt(abs(mass**2 - 195.0**2)) / 4000.0
        return upper_limit(
            jax.vmap(lambda coupling: of_point(jnp.asarray(mass), coupling)),
            guess * np.geomspace(0.05, 2.5, 80),
            TWO_SIDED_95,
        )

    heavy = _MASSES[_MASSES > 209.0]
    return LimitCurves(
        title="LEP-2 dileptons: B-L boson, 95 % CL",
        x_label="mass [GeV]",
        y_label="g_BL",
        curves=(
            Curve("this likelihood", _MASSES, np.array([limit(mass) for mass in _MASSES])),
            Curve("rule of thumb g_V < 0.12 M/TeV", heavy, _RULE_PER_GEV * heavy, "published"),
        ),
    )
