"""Samplers on real posteriors with three parameters, against brute force: relic sheets, resonances, a secluded region.

The theory error makes a relic sheet 2 to 5 % thick in a coupling; the mesh of that coupling resolves it, so that the
sums over the others are over smooth functions.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import logsumexp

from globalfit import runfile
from globalfit.build import build
from globalfit.progress import silent
from globalfit.samplers import Draws
from globalfit.samplers.batching import inverse_cube
from globalfit.samplers.diagnostics import effective_sizes
from globalfit.samplers.nested import live_counts, log_weights

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
        "sampler": {"grid": {"points": {"m_chi": 60, "mass_ratio": 100, "epsilon": 250}}},
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
        "sampler": {"grid": {"points": {"m_chi": 120, "epsilon": 40, "g_chi": 300}}},
    },
}
# One of two regions: its share of the posterior.
REGION = {"axial": ("mass_ratio", 2.0), "dpdm": ("m_chi", 500.0)}
NLIVE = 1000
SAMPLERS = {"dynesty": {"nlive": NLIVE}, "nautilus": {}, "emcee": {"preset": "quick"}}


def posterior_of(name):
    return build(runfile.parse(RUNS[name]))


def moments_of(u, inside, weight):
    """Means and standard deviations of weighted points, and the share of those inside a region."""
    mean = weight @ u
    return np.concatenate([mean, np.sqrt(weight @ (u - mean) ** 2), [weight @ inside]])


def volume_errors(u, inside, log_likelihood: np.ndarray) -> np.ndarray:
    """Scatter of the moments over shrinkage histories of a nested run, whose volumes are only known on average."""
    random = np.random.default_rng(1)
    counts = live_counts(log_likelihood, NLIVE)
    found = []
    for _ in range(100):
        volume = np.cumsum(np.log(random.random(len(counts))) / counts)
        log_weight = log_weights(log_likelihood, volume, np.zeros(()))
        found.append(moments_of(u, inside, np.exp(log_weight - logsumexp(log_weight))))
    return np.std(found, axis=0)


def moments(posterior, name: str, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations in prior quantiles and the share of a region, each with its standard error.

    The error of a quantity with the influence function f is that of the mean of f: sum(w^2 f^2) of weighted points.
    """
    parameter, bound = REGION[name]
    column = posterior.names.index(parameter)
    theta = draws.theta.reshape(-1, posterior.ndim) if draws.weighted is None else draws.weighted.theta
    weight = np.full(len(theta), 1.0 / len(theta)) if draws.weighted is None else np.exp(draws.weighted.log_weight)
    u, inside = inverse_cube(posterior, theta), theta[:, column] > bound
    values = moments_of(u, inside, weight)
    mean, deviation, share = values[: posterior.ndim], values[posterior.ndim : -1], values[-1]
    influence = np.column_stack([u - mean, 0.5 * ((u - mean) ** 2 / deviation - deviation), inside - share])
    if draws.weighted is None:
        size = np.min(effective_sizes(u.reshape(draws.theta.shape), "bulk"))
        errors = np.sqrt(weight @ influence**2 / size)
    else:
        errors = np.sqrt(weight**2 @ influence**2)
    if draws.evidence is not None and draws.evidence.method == "nested sampling":
        errors = np.hypot(errors, volume_errors(u, inside, draws.weighted.log_likelihood))
    return values, errors


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
    _, built = build(runfile.parse(RUNS[name] | {"sampler": {sampler: SAMPLERS[sampler]}}))
    draws = built.run(posterior, seed, silent)
    assert draws.converged, [check.message for check in draws.diagnostics if not check.passed]
    known, (found, error) = moments(posterior, name, grid)[0], moments(posterior, name, draws)
    pulls = (found - known) / error
    assert np.max(np.abs(pulls)) < 3.0
    if draws.evidence is not None:
        difference = draws.evidence.log_evidence - grid.evidence.log_evidence
        assert abs(difference) < 3.0 * math.hypot(draws.evidence.log_evidence_error, grid.evidence.log_evidence_error)
        assert abs(difference) < max(0.1, 2.0 * draws.evidence.log_evidence_error)
