"""What a posterior owes to its prior: parameters that the end of the prior cuts off, and those without any information.

The coordinate is the prior quantile u, in which a parameter that the data say nothing about is uniform. A marginal is
cut off if its density next to an end, within a tenth of its own width, is above half of its largest one; it is not
constrained if its density in no tenth of the prior is below half of the largest.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from globalfit.analysis.stored_draws import Stored
from globalfit.posterior.posterior import Posterior
from globalfit.samplers.batching import inverse_cube
from globalfit.samplers.draws import Draws

# Bins of the width of a marginal, and the part of the largest density that counts as much.
BINS, MUCH = 10, 0.5


def prior_notes(posterior: Posterior, draws: Draws, stored: Stored) -> list[str]:
    """A sentence for each parameter with a bounded prior that is cut off or not constrained; none for a picture."""
    if not draws.is_sample or not posterior.likelihoods:
        return []
    theta = np.stack([stored.parameters[name].ravel() for name in posterior.names], axis=1)
    priors, u = posterior.parameters.prior.distributions, inverse_cube(posterior, theta)
    units = {parameter.name: f" {parameter.unit}".rstrip() for parameter in posterior.every_parameter}
    notes = []
    for name, prior, column in zip(posterior.names, priors, u.T, strict=True):
        if not all(math.isfinite(end) for end in prior.support):
            continue
        if not_constrained(column):
            notes.append(f"{name} is not constrained: its posterior is its prior, to within a factor of two.")
            continue
        for side, end in zip(("lower", "upper"), prior.support, strict=True):
            if cut_off(column if side == "lower" else 1.0 - column):
                place = f"{end:g}{units.get(name, '')}"
                notes.append(f"{name} is cut off by the {side} end of its prior, {place}: its posterior depends on it.")
    return notes


def not_constrained(u: Float[np.ndarray, " draw"]) -> bool:
    """Whether draws of a prior quantile are uniform to within a factor of two."""
    counts = np.histogram(u, BINS, (0.0, 1.0))[0]
    return bool(np.min(counts) > MUCH * np.max(counts))


def cut_off(u: Float[np.ndarray, " draw"]) -> bool:
    """Whether draws of a prior quantile are dense at zero."""
    low, high = np.quantile(u, (0.05, 0.95))
    width = max((high - low) / BINS, np.finfo(float).tiny)
    bins, counts = np.unique(np.floor(u / width), return_counts=True)
    return bool(np.sum(counts[bins == 0]) > MUCH * np.max(counts))
