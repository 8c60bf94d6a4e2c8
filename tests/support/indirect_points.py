"""Points of the axial dark photon for the tests of indirect detection."""

import jax.numpy as jnp
import numpy as np

from globalfit.models.axial import Axial
from globalfit.physics.inputs import PRESETS
from globalfit.physics.predictions import NO_WORDS, Predictions

INPUTS = PRESETS["default"]
NAMES = ("m_chi", "mass_ratio", "epsilon", "alpha_d")


def predictions(point, fraction=None):
    """`Predictions` of (m_chi, mass_ratio, epsilon, alpha_d)."""
    values = (jnp.asarray(value, dtype=float) for value in point)
    portal = Axial().portal(dict(zip(NAMES, values, strict=True)), INPUTS)
    return Predictions(portal, INPUTS, {}, NO_WORDS, fraction)


def sample(number, seed):
    """Points over the whole prior, with the corners: no coupling, no mixing, thresholds."""
    rng = np.random.default_rng(seed)
    points = np.stack(
        [
            10.0 ** rng.uniform(0.0, 4.0, number),
            10.0 ** rng.uniform(np.log10(0.05), 2.0, number),
            10.0 ** rng.uniform(-8.0, np.log10(0.85), number) * rng.choice([-1.0, 1.0], number),
            10.0 ** rng.uniform(-6.0, 1.0, number),
        ],
        axis=1,
    )
    corners = [
        [100.0, 0.5, 0.0, 0.1],
        [100.0, 0.5, 0.01, 0.0],
        [100.0, 1.0, 0.01, 0.1],
        [100.0, 2.0, 0.01, 0.1],
        [80.3692, 0.3, 0.01, 0.1],
        [1.0, 0.05, 1e-6, 0.01],
        [1e4, 100.0, 0.1, 1.0],
        [1e4, 0.05, 1e-4, 0.1],
        [45.594, 0.3, 0.1, 0.1],
        [62.6, 0.3, 0.1, 0.1],
    ]
    return jnp.asarray(np.concatenate([points, corners]))
