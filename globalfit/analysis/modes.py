"""Separate regions of a posterior: how much of it each holds, and where it lies."""

from __future__ import annotations

import math

import numpy as np

from globalfit.analysis.standard_error import standard_error
from globalfit.analysis.stored_draws import Stored
from globalfit.posterior.posterior import Posterior
from globalfit.results.schema import ModeRecord
from globalfit.samplers.batching import inverse_cube
from globalfit.samplers.draws import Draws
from globalfit.samplers.particles.regions import SMALLEST, regions


def mode_table(posterior: Posterior, draws: Draws, stored: Stored) -> list[ModeRecord]:
    """Regions in the order of their share: the share with its error, their part of ln Z, the highest ln L among the
    draws, and the 16 %, 50 % and 84 % quantiles of every sampled parameter."""
    theta = np.stack([stored.parameters[name].ravel() for name in posterior.names], axis=1)
    log_likelihood = draws.log_likelihood[:, :: stored.step].ravel()
    labels = regions(inverse_cube(posterior, theta))
    found = [one for one in np.unique(labels) if np.mean(labels == one) >= SMALLEST]
    rows: list[ModeRecord] = []
    for one in sorted(found, key=lambda one: -np.sum(labels == one)):
        inside = labels == one
        share = float(np.mean(inside))
        quantiles = np.quantile(theta[inside], [0.16, 0.5, 0.84], axis=0).T
        rows.append(
            {
                "share": share,
                "share_error": standard_error(draws, inside, stored.step),
                "log_evidence": None if draws.evidence is None else draws.evidence.log_evidence + math.log(share),
                "best_log_likelihood": float(np.max(log_likelihood[inside])),
                "parameters": dict(zip(posterior.names, quantiles.tolist(), strict=True)),
            }
        )
    return rows
