"""Samplers on real posteriors with three parameters, against brute force: relic sheets, resonances, a secluded region.

The theory error makes a relic sheet 2 to 5 % thick in a coupling; the mesh of that coupling resolves it, so that the
sums over the others are over smooth functions. Where these jump (a mass ratio of 2, below which the mediator decays to
no dark matter; m_chi at the resonance and where pairs of Z' open) cells have an edge.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from globalfit import runfile
from globalfit.analysis.standard_error import standard_error
from globalfit.build.built import build
from globalfit.progress import silent
from globalfit.samplers.batching import inverse_cube
from globalfit.samplers.draws import Draws

LIKELIHOODS = ["planck_relic", "lz_2024"]
RUNS = {
    # Both sides of the A' resonance at a mass ratio of 2, with the Z pole at m_chi = 45 GeV.
    "axial": {
        "model": "axial",
        "parameters": {
            "m_chi": {"log_uniform": [20.0, 200.0]},
            "mass_ratio": {"uniform": [1.9, 2.6]},
            "epsilon": {"log_uniform": [1e-3, 0.3]},
            "alpha_d": 0.05,
        },
        "likelihoods": LIKELIHOODS,
        "sampler": {"grid": {"points": {"m_chi": 60, "mass_ratio": 105, "epsilon": 250}}},
    },
    # The Z' resonance at 250 GeV and, beyond 500 GeV, annihilation into pairs of Z' whatever the mixing.
    "dpdm": {
        "model": "dpdm",
        "parameters": {
            "m_chi": {"log_uniform": [100.0, 1000.0]},
            "m_zp": 500.0,
            "epsilon": {"log_uniform": [1e-3, 0.1]},
            "g_chi": {"log_uniform": [0.11, 1.1]},
        },
        "likelihoods": LIKELIHOODS,
        "sampler": {"grid": {"points": {"m_chi": 186, "epsilon": 60, "g_chi": 360}}},
    },
}
# One of two regions: its share of the posterior.
REGION = {"axial": ("mass_ratio", 2.0), "dpdm": ("m_chi", 500.0)}
SAMPLERS = {"dynesty": {}, "nautilus": {}, "emcee": {"preset": "quick"}}


def posterior_of(name):
    return build(runfile.parse(RUNS[name]))[1:]


def moments_of(u, inside, weight):
    """Means and standard deviations of weighted points, and the share of those inside a region."""
    mean = weight @ u
    return np.concatenate([mean, np.sqrt(weight @ (u - mean) ** 2), [weight @ inside]])


def placed(posterior, name: str, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Prior quantiles of points, and whether they lie in the region."""
    parameter, bound = REGION[name]
    return inverse_cube(posterior, theta), theta[:, posterior.names.index(parameter)] > bound


def truth(posterior, name: str, grid: Draws) -> np.ndarray:
    """Moments of the cells of brute force."""
    return moments_of(*placed(posterior, name, grid.weighted.theta), np.exp(grid.weighted.log_weight))


def moments(posterior, name: str, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations in prior quantiles and the share of a region, each with its standard error, which
    is that of the mean of its influence function."""
    theta = draws.theta.reshape(-1, posterior.ndim)
    u, inside = placed(posterior, name, theta)
    values = moments_of(u, inside, np.full(len(u), 1.0 / len(u)))
    mean, deviation = values[: posterior.ndim], values[posterior.ndim : -1]
    influence = np.column_stack([u, 0.5 * (u - mean) ** 2 / deviation, inside])
    return values, np.array([standard_error(draws, column) for column in influence.T])


@pytest.fixture(scope="module", params=RUNS)
def brute_force(request):
    posterior, grid = posterior_of(request.param)
    draws = grid.run(posterior, 1, silent)
    assert draws.converged, [check.message for check in draws.diagnostics]
    return request.param, posterior, draws


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_samplers_agree_with_brute_force(brute_force, sampler, seed):
    name, posterior, grid = brute_force
    *_, built = build(runfile.parse(RUNS[name] | {"sampler": {sampler: SAMPLERS[sampler]}}))
    draws = built.run(posterior, seed, silent)
    assert draws.converged, [check.message for check in draws.diagnostics if not check.passed]
    known, (found, error) = truth(posterior, name, grid), moments(posterior, name, draws)
    pulls = (found - known) / error
    assert np.max(np.abs(pulls)) < 3.0
    if draws.evidence is not None:
        difference = draws.evidence.log_evidence - grid.evidence.log_evidence
        assert abs(difference) < 3.0 * math.hypot(draws.evidence.log_evidence_error, grid.evidence.log_evidence_error)
        assert abs(difference) < max(0.1, 2.0 * draws.evidence.log_evidence_error)
