"""emcee, NUTS and their tempered starting points against known moments; what each must refuse to call converged."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from globalfit.progress import silent
from globalfit.samplers.diagnostics import effective_sizes
from globalfit.samplers.draws import Draws
from globalfit.samplers.emcee import Emcee, EmceeOptions
from globalfit.samplers.nuts.coordinates import Coordinates, Logit, coordinates
from globalfit.samplers.nuts.nuts import Nuts, NutsOptions, log_density
from globalfit.samplers.particles.tempering import tempered
from globalfit.samplers.protocol import Sampler
from tests.support.targets import Box, Gaussian, Hole, Sheet, TwoModes

GAUSSIAN = Gaussian.of(2)
MODES = TwoModes.of(2, share=0.3)
FEW_WALKERS = {"walkers": 24, "particles": 256}


def ensembles(target, seed: int = 1, **options) -> Draws:
    return Emcee.build(EmceeOptions(**options)).run(target, seed, silent)


def hamiltonian(target, seed: int = 1, **options) -> Draws:
    short = NutsOptions(**{"warmup": 400, "draws": 500, "particles": 256, **options})
    return Nuts.build(short).run(target, seed, silent)


def check(draws: Draws, name: str):
    return next(diagnostic for diagnostic in draws.diagnostics if diagnostic.name == name)


@pytest.fixture(scope="module")
def gaussian() -> dict[str, Draws]:
    return {"emcee": ensembles(GAUSSIAN, **FEW_WALKERS), "nuts": hamiltonian(GAUSSIAN)}


@pytest.mark.parametrize("name", ["emcee", "nuts"])
def test_moments_of_a_correlated_gaussian(gaussian, name):
    draws = gaussian[name]
    assert draws.converged, [d for d in draws.diagnostics if not d.passed]
    theta = draws.theta.reshape(-1, 2)
    error = 4.0 / np.sqrt(check(draws, "ess_bulk").value)
    np.testing.assert_allclose(theta.mean(axis=0), 0.0, atol=error)
    np.testing.assert_allclose(theta.std(axis=0), 1.0, atol=error)
    assert np.corrcoef(theta.T)[0, 1] == pytest.approx(0.6, abs=error)
    point, value = draws.theta[1, 7], draws.log_likelihood[1, 7]
    assert value == pytest.approx(float(GAUSSIAN.log_likelihood(jnp.asarray(point))))
    np.testing.assert_allclose(draws.log_prior, GAUSSIAN.log_evidence)
    assert draws.theta.shape[:2] == draws.log_likelihood.shape


@pytest.mark.slow
@pytest.mark.slow
def test_the_same_seed_gives_the_same_chains(gaussian):
    np.testing.assert_array_equal(ensembles(GAUSSIAN, **FEW_WALKERS).theta, gaussian["emcee"].theta)
    np.testing.assert_array_equal(hamiltonian(GAUSSIAN).theta, gaussian["nuts"].theta)
    other = ensembles(GAUSSIAN, 2, **FEW_WALKERS, steps=100)
    assert np.any(other.theta[:, 0] != gaussian["emcee"].theta[:, 0])


TRACES = []


class Traced(Gaussian):
    """Notes when it is traced."""

    def log_likelihood(self, theta):
        TRACES.append(None)
        return super().log_likelihood(theta)


@pytest.mark.slow
def test_nuts_compiles_nothing_again_for_other_data():
    options = NutsOptions(warmup=100, draws=100, particles=64)
    sampler, target = Nuts.build(options), Traced.of(2)
    sampler.run(target, 1, silent)
    other = eqx.tree_at(lambda t: t.precision, target, 1.3 * target.precision)
    before = len(TRACES)
    found = sampler.run(other, 1, silent)
    assert len(TRACES) == before
    np.testing.assert_array_equal(found.theta, Nuts.build(options).run(other, 1, silent).theta)


def test_tempered_particles_carry_the_shares_and_the_evidence():
    particles = tempered(MODES, 2048, 100_000, 1, silent)
    # The narrow mode is 16 times smaller: its particles descend from few prior draws.
    assert np.mean(particles.u[:, 0] < 0.5) == pytest.approx(0.3, abs=0.08)
    assert particles.log_evidence == pytest.approx(MODES.log_evidence, abs=0.25)
    assert np.all((particles.u > 0.0) & (particles.u < 1.0))


@pytest.mark.slow
def test_ensembles_know_the_shares_of_modes():
    draws = ensembles(MODES)
    assert draws.converged, [d for d in draws.diagnostics if not d.passed]
    assert np.mean(draws.theta[..., 0] < 0.0) == pytest.approx(0.3, abs=0.02)


def test_draws_of_an_ensemble_show_their_correlation(gaussian):
    """Walker after walker: whoever reads the draws finds the effective size that the check found, not that of walkers
    which take turns and look independent."""
    draws = gaussian["emcee"]
    size = np.min(effective_sizes(draws.theta, "bulk"))
    # The joints between walkers cost a few per cent of it.
    assert size == pytest.approx(check(draws, "ess_bulk").value, rel=0.15)
    assert size < 0.5 * draws.theta[..., 0].size


@pytest.mark.slow
def test_independence_proposals_take_ensembles_along_a_thin_sheet():
    target = Sheet.of(3)
    draws = ensembles(target, walkers=32, block=250)
    assert draws.converged, [d for d in draws.diagnostics if not d.passed]
    error = 3.0 * np.sqrt(0.25 / check(draws, "ess_bulk").value)
    assert np.mean(draws.theta[..., 0] > 0.0) == pytest.approx(target.upper_share, abs=error)


def test_ensembles_stop_unconverged_when_the_steps_are_used_up():
    draws = ensembles(MODES, **FEW_WALKERS, steps=100)
    assert not draws.converged
    assert draws.numbers["steps"] == 100


@pytest.mark.slow
def test_ensembles_stay_where_a_solution_exists():
    draws = ensembles(Hole.of(2), **FEW_WALKERS, steps=400)
    assert draws.theta[..., 0].min() > Hole.bound
    assert np.all(np.isfinite(draws.log_likelihood))


class Wall(Hole):
    """The Gaussian cut at its center: every second trajectory runs into the wall."""

    bound: float = 0.0


@pytest.mark.slow
def test_nuts_counts_trajectories_into_a_wall():
    draws = hamiltonian(Wall.of(2))
    assert draws.theta[..., 0].min() >= 0.0
    assert check(draws, "divergences").value == draws.stats["diverging"].sum() > 0
    assert not draws.converged


def test_the_potential_is_finite_differentiable_or_a_wall():
    wall = Wall.of(2)
    value, slope = jax.vmap(jax.value_and_grad(lambda z: log_density(wall, coordinates(wall), z)[0]))(
        jnp.array([[0.1, 0.2], [-0.1, 0.2], [800.0, 0.0], [-800.0, 0.0]])
    )
    assert np.isfinite(value[0])
    assert value[1] == -np.inf
    assert np.all(np.isfinite(slope))


def test_logit_coordinates_invert_and_carry_the_jacobian():
    chart = coordinates(GAUSSIAN)
    assert isinstance(chart, Logit)
    u = jnp.array([0.2, 0.9])
    z = chart.from_cube(u)
    theta, log_prior = chart.to_theta(z)
    np.testing.assert_allclose(theta, GAUSSIAN.transform(u), rtol=1e-12)
    jacobian = jax.jacobian(lambda z: chart.to_theta(z)[0])(z)
    expected = jnp.linalg.slogdet(jacobian)[1] + GAUSSIAN.log_prior(theta)
    assert float(log_prior) == pytest.approx(float(expected), rel=1e-12)


class Banana(Box):
    """x1 = 2 x0^2 to within 0.02, x0 standard normal; ln Z = -2 ln(2 half)."""

    straight: bool = eqx.field(static=True, default=True)

    def log_likelihood(self, theta):
        pull = (theta[1] - 2.0 * theta[0] ** 2) / 0.02
        return -0.5 * (theta[0] ** 2 + pull**2)

    @property
    def straighten(self):
        return Shear(self) if self.straight else None


class Shear(eqx.Module):
    """z = (x0, x1 - 2 x0^2): unit Jacobian in the parameters."""

    target: Banana

    def to_theta(self, z):
        theta = jnp.stack([z[0], z[1] + 2.0 * z[0] ** 2])
        return theta, self.target.log_prior(theta)

    def from_cube(self, u):
        theta = self.target.transform(u)
        return jnp.stack([theta[0], theta[1] - 2.0 * theta[0] ** 2])


@pytest.mark.slow
def test_a_target_can_bring_its_own_coordinates():
    banana = Banana(("x0", "x1"), 60.0)
    assert isinstance(banana.straighten, Coordinates)
    straight = hamiltonian(banana)
    assert straight.converged, [d for d in straight.diagnostics if not d.passed]
    theta = straight.theta.reshape(-1, 2)
    assert theta[:, 0].std() == pytest.approx(1.0, abs=0.1)
    assert (theta[:, 1] - 2.0 * theta[:, 0] ** 2).std() == pytest.approx(0.02, abs=0.002)
    plain = hamiltonian(Banana(("x0", "x1"), 60.0, straight=False), tree_depth=8, straighten=False)
    assert plain.numbers["gradients"] > 5.0 * straight.numbers["gradients"]


@pytest.mark.parametrize(("options", "wrong"), [(EmceeOptions, {"walkers": 7}), (NutsOptions, {"target_accept": 1.0})])
def test_wrong_options_are_refused(options, wrong):
    with pytest.raises(ValidationError):
        options(**wrong)


def test_they_are_samplers():
    assert isinstance(Emcee.build(EmceeOptions()), Sampler)
    assert isinstance(Nuts.build(NutsOptions()), Sampler)
