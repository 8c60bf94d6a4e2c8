"""Random streams of a run: independent of one another, each determined by the seed and by what it is for.

A stream is NumPy's generator with the entropy (seed, index, purpose). Two purposes with the same number would draw the
same random numbers, and what is computed with them would be correlated.
"""

from __future__ import annotations

import enum

import numpy as np


@enum.unique
class Stream(enum.IntEnum):
    """What a random stream is for."""

    # What a sampler draws beside its proposals: insertion ranks, the draws that are kept, where chains begin.
    SAMPLER = 1
    BRIDGE_SAMPLING = 2
    # Tempered particles that a sampler starts from or is checked with, and draws of the regions that they lead to.
    PARTICLES = 3
    PRIOR_PROBE = 4
    FRACTION_WITHOUT_SOLUTION = 5
    CALIBRATION = 6
    # Prior draws that choose the coordinates of a sampler.
    COORDINATES = 7


def stream(seed: int, purpose: Stream, *index: int) -> np.random.Generator:
    """The generator of a purpose, one for every `index` where there are several of a kind."""
    return np.random.default_rng([seed, *index, purpose])
