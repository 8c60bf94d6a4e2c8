"""Bridge sampling on exact draws of densities whose ln Z is known, in closed form or by an integral."""

from __future__ import annotations

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from globalfit.progress import silent
from globalfit.samplers.draws import Draws, Evidence, Mesh, Weighted
from globalfit.samplers.evidence.bridge import METHOD, bridge, cross_checked
from globalfit.samplers.evidence.mixture import Mixture, fit_mixture
from tests.support.targets import Box, Funnel, Gaussian, Hole, Rosenbrock, TwoModes


class Edge(Box):
    """Exponentials that begin at the lower ends of the prior, where they are highest."""

    def log_likelihood(self, theta):
        return jnp.sum(-(theta + self.half) / 0.02 - jnp.log(0.02))

    @property
    def log_evidence(self):
        return -self.ndim * math.log(2.0 * self.half)

    def draws(self, random, count):
        return -self.half + random.exponential(0.02, size=(count, self.ndim))


def gaussian_draws(target, random, count):
    return random.normal(size=(count, target.ndim)) @ np.linalg.cholesky(np.linalg.inv(target.precision)).T


def mode_draws(target, random, count):
    normal, first = random.normal(size=(count, target.ndim)), random.random((count, 1)) < target.share
    return np.where(first, -2.0 + target.sd[0] * normal, 2.0 + target.sd[1] * normal)


def hole_draws(target, random, count):
    points = gaussian_draws(target, random, count)
    return points[points[:, 0] >= target.bound]


def chains(target, theta, count=1):
    """The draws of `count` chains of a sampler."""
    theta = theta[: len(theta) // count * count].reshape(count, -1, target.ndim)
    log_likelihood = np.asarray(jax.vmap(jax.vmap(target.log_likelihood))(jnp.asarray(theta)))
    return Draws(target.names, theta, log_likelihood, np.zeros_like(log_likelihood), ())


def pulls(target, exact, seeds, count=2000):
    """Distances from the known ln Z in standard errors, and the errors, where there is a value."""
    found = []
    for seed in range(seeds):
        result = bridge(target, chains(target, exact(np.random.default_rng(seed), count)), seed)
        if not result.reason:
            error = result.log_evidence_error
            found.append(((result.log_evidence - target.log_evidence) / error, error))
    return np.array(found).reshape(-1, 2).T


GAUSSIAN = Gaussian.of(2)


@pytest.mark.slow
def test_pulls_of_a_gaussian_have_unit_width():
    pull, error = pulls(GAUSSIAN, lambda *a: gaussian_draws(GAUSSIAN, *a), 20)
    assert len(pull) == 20
    assert np.all(np.abs(pull) < 4.0)
    assert np.std(pull) == pytest.approx(1.0, abs=0.5)
    assert np.all(error < 0.01)


@pytest.mark.parametrize(
    ("target", "exact", "error"),
    [
        (Gaussian.of(5), gaussian_draws, 0.01),
        (TwoModes.of(), mode_draws, 0.01),
        (Rosenbrock.of(), Rosenbrock.draws, 0.02),
        (Edge(("a", "b", "c"), 1.0), Edge.draws, 0.02),
        (Hole(GAUSSIAN.names, 6.0, GAUSSIAN.precision, GAUSSIAN.log_norm, bound=0.5), hole_draws, 0.03),
    ],
    ids=["gaussian", "modes", "rosenbrock", "edge", "hole"],
)
def test_known_evidence(target, exact, error):
    pull, errors = pulls(target, lambda *a: exact(target, *a), 3)
    assert len(pull) == 3
    assert np.all(np.abs(pull) < 4.0)
    assert np.all(errors < error)


def test_a_funnel_has_no_wrong_value():
    target = Funnel.of()
    pull, _ = pulls(target, target.draws, 5)
    assert np.all(np.abs(pull) < 4.0)


def autoregressive(random, rho, shape):
    """Stationary AR(1) chains of unit variance, (chain, draw, ndim)."""
    noise = random.normal(size=shape)
    noise[:, 1:] *= math.sqrt(1.0 - rho**2)
    for i in range(1, shape[1]):
        noise[:, i] += rho * noise[:, i - 1]
    return noise


def test_correlated_chains_have_a_larger_error():
    """The integrated autocorrelation time of AR(1) is (1 + rho) / (1 - rho): 39 for 0.95."""
    target = Edge(("a", "b"), 1.0)
    errors, correlated = [], []
    for rho, kept in ((0.0, errors), (0.95, correlated)):
        for seed in range(2):
            z = autoregressive(np.random.default_rng(seed), rho, (4, 2000, 2))
            # Exponentials with the correlation of the chains.
            theta = -1.0 + 0.02 * -np.log(norm.sf(z))
            result = bridge(target, chains(target, theta.reshape(-1, 2), 4), seed)
            assert abs(result.log_evidence - target.log_evidence) < 4.0 * result.log_evidence_error
            kept.append(result.log_evidence_error)
    assert np.mean(correlated) > 1.5 * np.mean(errors)


def test_copies_are_not_counted_as_draws():
    random = np.random.default_rng(1)
    theta = np.repeat(gaussian_draws(GAUSSIAN, random, 100), 20, axis=0)
    assert "effective draws, 100 are needed" in bridge(GAUSSIAN, chains(GAUSSIAN, random.permutation(theta)), 1).reason


def test_halves_in_different_modes_give_no_value():
    target = TwoModes.of()
    theta = mode_draws(target, np.random.default_rng(1), 4000)
    ordered = theta[np.argsort(theta[:, 0] > 0.0, kind="stable")]
    draws = cross_checked(target, chains(target, ordered), 1, silent)
    assert draws.evidence is None
    assert draws.converged
    check = draws.cross_check
    assert (check.verdict, check.log_evidence, check.difference_sigma) == ("not computable", None, None)


def test_halves_that_are_far_apart_give_no_value():
    """40 standard deviations: every draw says the same."""
    random = np.random.default_rng(1)
    centres = np.repeat([[-2.0, 0.0], [2.0, 0.0]], 1000, axis=0)
    draws = chains(GAUSSIAN, centres + 0.1 * random.normal(size=(2000, 2)))
    assert "hardly overlaps" in bridge(GAUSSIAN, draws, 1).reason


def test_too_few_draws_give_no_value():
    draws = chains(GAUSSIAN, gaussian_draws(GAUSSIAN, np.random.default_rng(1), 20))
    assert bridge(GAUSSIAN, draws, 1).reason == "there are too few draws to fit a proposal"


def test_weighted_points_as_of_a_nested_run():
    """Prior draws with their likelihoods as weights."""
    target = Gaussian.of(2, half=3.0)
    random = np.random.default_rng(4)
    theta = random.uniform(-3.0, 3.0, (20_000, 2))
    log_likelihood = np.asarray(jax.vmap(target.log_likelihood)(jnp.asarray(theta)))
    log_weight = log_likelihood - np.logaddexp.reduce(log_likelihood)
    draws = dataclasses.replace(chains(target, theta[:4]), weighted=Weighted(theta, log_weight, log_likelihood))
    found = bridge(target, draws, 1)
    # What the box cuts off the Gaussian, by an integral of its density over the box.
    inside = quad(lambda x: norm.pdf(x) * _between(x), -3.0, 3.0)[0]
    assert found.log_evidence == pytest.approx(target.log_evidence + math.log(inside), abs=4.0 * found[1])
    assert found.log_evidence_error < 0.02


def _between(x, rho=0.6, half=3.0):
    """Probability of the second coordinate of the Gaussian within the box, given the first."""
    ends = (np.array([-half, half]) - rho * x) / math.sqrt(1.0 - rho**2)
    return norm.cdf(ends[1]) - norm.cdf(ends[0])


@pytest.mark.parametrize(("shift", "verdict"), [(0.0, "agree"), (0.5, "disagree")])
def test_verdict_on_the_evidence_of_a_sampler(shift, verdict):
    draws = chains(GAUSSIAN, gaussian_draws(GAUSSIAN, np.random.default_rng(1), 2000), 4)
    own = Evidence(GAUSSIAN.log_evidence + shift, 0.1, "nested sampling")
    checked = cross_checked(GAUSSIAN, dataclasses.replace(draws, evidence=own), 1, silent)
    assert checked.evidence == own
    assert checked.cross_check.verdict == verdict
    assert checked.cross_check.difference_sigma == pytest.approx(10.0 * shift, abs=0.2)
    assert checked.converged == (verdict == "agree")
    assert [check.name for check in checked.diagnostics] == ["evidence_cross_check"]


def test_chains_without_an_evidence_get_one():
    draws = chains(GAUSSIAN, gaussian_draws(GAUSSIAN, np.random.default_rng(1), 2000), 4)
    checked = cross_checked(GAUSSIAN, draws, 1, silent)
    assert checked.evidence.method == METHOD
    assert checked.evidence.log_evidence == pytest.approx(GAUSSIAN.log_evidence, abs=0.01)
    # Kullback-Leibler divergence from the prior: the mean of ln L is the norm minus ndim / 2.
    information = GAUSSIAN.log_norm - 1.0 - GAUSSIAN.log_evidence
    assert checked.evidence.information == pytest.approx(information, abs=0.1)
    assert checked.cross_check.verdict == "not computable"
    assert checked.diagnostics == ()


def test_a_plane_that_is_too_coarse_has_none():
    mesh = Mesh(("x0", "x1"), (0.0, 0.0), (1.0, 1.0), np.zeros((1, 1, 2)))
    draws = chains(GAUSSIAN, gaussian_draws(GAUSSIAN, np.random.default_rng(1), 2000))
    checked = cross_checked(GAUSSIAN, dataclasses.replace(draws, mesh=mesh), 1, silent)
    assert checked.evidence is None
    assert checked.cross_check.reason == "the mesh is too coarse for the posterior"


def test_the_same_seed_gives_the_same_value():
    draws = chains(GAUSSIAN, gaussian_draws(GAUSSIAN, np.random.default_rng(1), 2000))
    one, again, other = (bridge(GAUSSIAN, draws, seed) for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_density_of_a_mixture_is_normalised():
    mixture = Mixture(np.array([0.3, 0.7]), np.array([[-1.0], [2.0]]), np.array([[[0.5]], [[1.5]]]))
    x = np.linspace(-12.0, 14.0, 2001)
    by_hand = 0.3 * norm.pdf(x, -1.0, 0.5) + 0.7 * norm.pdf(x, 2.0, 1.5)
    np.testing.assert_allclose(np.exp(mixture.log_density(x[:, None])), by_hand, rtol=1e-10)
    draws = mixture.sample(100_000, np.random.default_rng(1))
    assert draws.mean() == pytest.approx(1.1, abs=0.03)


def test_components_of_separate_clusters_are_found():
    random = np.random.default_rng(1)
    clusters = np.concatenate([random.normal(-5.0, 1.0, (500, 2)), random.normal(5.0, 0.1, (500, 2))])
    mixture = fit_mixture(clusters, random)
    assert mixture is not None
    np.testing.assert_allclose(np.sort(mixture.weights), [0.5, 0.5], atol=1e-3)
