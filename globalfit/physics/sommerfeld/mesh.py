"""Where the Sommerfeld factor of a Yukawa potential is tabulated.

L = alpha m/m_V is the strength of the potential and q = k/m_V the momentum of either particle. Rows are even steps of
sqrt(1 + L), in which resonances come at equal distances. Below `SPLIT` the nodes are Chebyshev's in asinh(2 q)^2 (the
wave function is analytic in q^2 but for a cut below -1/4), above `JOIN` in 1/q up to `HIGHEST`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

ROWS, STEP, NODES = 401, 0.08, 14
JOIN, SPLIT, HIGHEST = 1.2, 1.5, 40.0


def strengths() -> Float[np.ndarray, " row"]:
    """L of each row, from 0 to about 1000."""
    return (1.0 + STEP * np.arange(ROWS)) ** 2 - 1.0


def chebyshev() -> Float[np.ndarray, " node"]:
    """Chebyshev's points in [-1, 1]."""
    return np.cos(np.pi * (np.arange(NODES) + 0.5) / NODES)


def momenta_below() -> Float[np.ndarray, " node"]:
    """q of the nodes below `SPLIT`."""
    return 0.5 * np.sinh(np.sqrt(0.5 * (1.0 + chebyshev())) * np.arcsinh(2.0 * SPLIT))


def momenta_above() -> Float[np.ndarray, " node"]:
    """q of the nodes above `JOIN`."""
    low = JOIN / HIGHEST
    return JOIN / (0.5 * (1.0 + low) + 0.5 * (1.0 - low) * chebyshev())
