"""The defensive component: weights without bias whatever it looks like, and what it finds that bounds missed."""

from __future__ import annotations

import numpy as np
import pytest

from globalfit.errors import ConfigurationError
from globalfit.progress import silent
from globalfit.samplers.batching import evaluate_cube, transform_cube
from globalfit.samplers.nested import defensive
from globalfit.samplers.nested.defensive import PARTICLES, Component, Shells, defensive_component, tail_p, weigh
from globalfit.samplers.nested.nautilus import Nautilus, NautilusOptions
from globalfit.samplers.particles.kernel_density import kernel_density
from globalfit.samplers.particles.tempering import Particles
from tests.support.targets import Funnel, TwoModes

TARGET = TwoModes.of(2)
DRAWN = 4000


def two_shells(random: np.random.Generator, edge: float = 0.5) -> tuple[Shells, np.ndarray, np.ndarray]:
    """Draws of a square around the wider mode and, a hundredth as many, of the rest of the cube."""
    drawn = np.array([DRAWN // 100, DRAWN])
    rest = random.random((drawn[0], 2))
    rest = rest[~np.all(rest > edge, axis=1)]
    u = np.concatenate([rest, edge + (1.0 - edge) * random.random((drawn[1], 2))])
    log_density = np.log(drawn) - [0.0, 2.0 * np.log(1.0 - edge)]
    shells = Shells(log_density, drawn, np.zeros(2), lambda u: np.all(u > edge, axis=1).astype(int))
    return shells, u, evaluate_cube(TARGET, u)[1]


def component_of(density, count: int, random: np.random.Generator) -> Component:
    """Draws of any density, with no particles."""
    u = density.sample(count, random)
    u = u[np.all((u > 0.0) & (u < 1.0), axis=1)]
    return Component(density, count, u, evaluate_cube(TARGET, u)[1], np.zeros((0, 2)), np.zeros(0), 0)


@pytest.mark.slow
def test_the_evidence_has_no_bias_and_its_error_is_the_scatter():
    """With a component whose shape is not that of the posterior."""
    pulls = []
    for seed in range(200):
        random = np.random.default_rng(seed)
        density = kernel_density(0.27 + 0.07 * random.random((300, 2)) ** 2, random)
        found = weigh(*two_shells(random), component_of(density, 2000, random))
        pulls.append((found.log_evidence - TARGET.log_evidence) / found.log_evidence_error)
    # Four standard errors of the mean and of the width of 200 pulls.
    assert np.mean(pulls) == pytest.approx(0.0, abs=4.0 / np.sqrt(200))
    assert np.std(pulls) == pytest.approx(1.0, abs=4.0 / np.sqrt(400))


def test_the_volume_of_bounds_enters_the_error():
    """Where the component hardly counts, 10 % on the volume of a shell are 10 % on its part of Z."""
    random = np.random.default_rng(1)
    component = component_of(kernel_density(0.02 * random.random((300, 2)), random), 100, random)
    shells, u, log_likelihood = two_shells(random)
    exact = weigh(shells, u, log_likelihood, component)
    uncertain = weigh(shells._replace(volume_variance=np.array([0.0, 0.1**2])), u, log_likelihood, component)
    shares = np.exp(exact.log_weight)
    assert np.sum(shares) == pytest.approx(1.0)
    added = np.sqrt(uncertain.log_evidence_error**2 - exact.log_evidence_error**2)
    assert added == pytest.approx(0.1 * np.sum(shares[shells.of(exact.u) == 1]), rel=1e-3)


@pytest.mark.slow
def test_a_mode_that_the_shells_hardly_cover_gets_its_share():
    random = np.random.default_rng(3)
    component = defensive_component(TARGET, 4000, 10_000, 1, silent)
    found = weigh(*two_shells(random), component)
    assert abs(found.log_evidence - TARGET.log_evidence) < 4.0 * found.log_evidence_error
    # It is 0.01; without the component the few draws outside the square leave it near 1.
    assert found.log_evidence_error < 0.02
    weight, inside = np.exp(found.log_weight), TARGET.transform(found.u.T)[0] < 0.0
    share = np.sum(weight[inside])
    assert share == pytest.approx(TARGET.share, abs=4.0 * np.sqrt(np.sum(weight**2 * (inside - share) ** 2)))


def test_particles_tell_whether_the_weights_miss_something():
    component = defensive_component(TARGET, 4000, 10_000, 1, silent)
    assert len(component.particles) == PARTICLES
    shells, u, log_likelihood = two_shells(np.random.default_rng(1))
    assert tail_p(weigh(shells, u, log_likelihood, component), shells, component) > 1e-3
    # A density of the wider mode alone leaves the other one to the few draws of the rest of the cube.
    one_sided = kernel_density(component.particles[component.particles[:, 0] > 0.5], np.random.default_rng(4))
    blind = component_of(one_sided, 4000, np.random.default_rng(5))._replace(
        particles=component.particles, log_likelihood_particles=component.log_likelihood_particles
    )
    assert tail_p(weigh(shells, u, log_likelihood, blind), shells, blind) < 1e-6


@pytest.mark.slow
def test_particles_settle_in_a_neck():
    """Those that come to temperature 1 hold a tenth to a half of the share of the funnel's neck."""
    funnel = Funnel.of()
    random = np.random.default_rng(1)
    share = np.mean(funnel.draws(random, 100_000)[:, 0] < -4.0)
    found = transform_cube(funnel, defensive_component(funnel, 1000, 10_000, 1, silent).particles)
    assert np.mean(found[:, 0] < -4.0) == pytest.approx(share, abs=4.0 * np.sqrt(share * (1.0 - share) / PARTICLES))


def test_particles_that_stick_are_an_error(monkeypatch):
    stuck = Particles(np.full((PARTICLES, 2), 0.3), np.zeros(PARTICLES), 0.0, 0.1, np.zeros(PARTICLES, int), 1)
    monkeypatch.setattr(defensive, "tempered", lambda *_: stuck)
    with pytest.raises(ConfigurationError, match="end at 1 points"):
        defensive_component(TARGET, 100, 10_000, 1, silent)


@pytest.mark.slow
def test_nautilus_reports_both_evidences():
    draws = Nautilus(NautilusOptions(n_live=200, n_networks=0, n_batch=64, n_eff=600.0)).run(TARGET, 1, silent)
    numbers = draws.numbers
    assert numbers["likelihood_calls"] > numbers["particle_calls"] + numbers["exploration_calls"]
    # Four errors of 600 effective draws.
    assert abs(numbers["log_evidence_shells"] - TARGET.log_evidence) < 4.0 / np.sqrt(600.0)
    tempering = numbers["log_evidence_tempering"] - TARGET.log_evidence
    assert abs(tempering) < 4.0 * numbers["log_evidence_tempering_error"] < 0.4
    assert {check.name: check.passed for check in draws.diagnostics}["tail_p"]
