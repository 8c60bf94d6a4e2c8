"""Coordinates learnt from particles: exact maps whatever they have learnt, and NUTS on thin curved sheets."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from globalfit.checkpoint.recording import Recording, recording
from globalfit.progress import silent
from globalfit.samplers.draws import Draws
from globalfit.samplers.nuts.coordinates import Coordinates, Logit
from globalfit.samplers.nuts.nuts import Nuts, NutsOptions, log_density
from globalfit.samplers.nuts.triangular_map import MappedCoordinates, Network, TriangularMap, fit_maps
from tests.support.targets import Box, Gaussian, Sheet


class Resonance(Sheet):
    """The sheet with a round tip, as the heat of the early universe makes it, and a smooth step of `tilt`."""

    @property
    def upper_share(self) -> float:
        """By the midpoint rule."""
        r = (np.arange(100_000) + 0.5) / 100_000 - 0.5
        weight = np.exp(self.tilt / (1.0 + np.exp(-r / self.width)))
        return float(np.sum(weight[r > 0.0]) / np.sum(weight))

    def center(self, r: Array, a: Array) -> Array:
        return 0.85 - a / 4.0 + 0.05 * jnp.log((r - 0.5) ** 2 + self.width**2)

    def log_likelihood(self, theta: Float[Array, " ndim"]) -> Float[Array, ""]:
        r, e, a = theta[0] + 0.5, theta[1] + 0.5, theta[2] + 0.5
        pull = (e - self.center(r, a)) / self.sd
        step = self.tilt * jax.nn.sigmoid((r - 0.5) / self.width)
        return -0.5 * pull**2 - jnp.log(self.sd * jnp.sqrt(2.0 * jnp.pi)) + step


class Band(Box):
    """u_1 = 0.5 + 0.25 sin(6 u_0) to within 0.005 10^u_0, in the unit square."""

    def log_likelihood(self, theta: Float[Array, " ndim"]) -> Float[Array, ""]:
        u = theta + self.half
        return -0.5 * ((u[1] - 0.5 - 0.25 * jnp.sin(6.0 * u[0])) / (0.005 * 10.0 ** u[0])) ** 2


GAUSSIAN = Gaussian.of(3)
BAND = Band(("x0", "x1"), 0.5)
BAND_LOG_EVIDENCE = math.log(math.sqrt(2.0 * math.pi) * 0.005 * 9.0 / math.log(10.0))


def band_points(count: int, seed: int = 1) -> np.ndarray:
    """Points along the ridge of `BAND` with its thickness, in logits."""
    random = np.random.default_rng(seed)
    first = random.uniform(1e-3, 1.0 - 1e-3, count)
    second = 0.5 + 0.25 * np.sin(6.0 * first) + 0.005 * 10.0**first * random.normal(size=count)
    u = np.stack([first, np.clip(second, 0.01, 0.99)], axis=1)
    return np.log(u) - np.log1p(-u)


def random_map(ndim: int, axis: int, seed: int) -> TriangularMap:
    random = np.random.default_rng(seed)

    def network(hidden: tuple[int, ...], size: float) -> Network:
        widths = (ndim, *hidden, 1)
        layers = [(random.normal(size=pair), random.normal(size=pair[1])) for pair in zip(widths, widths[1:])]  # noqa: B905, RUF007
        layers[0][0][axis] = 0.0
        layers[-1] = (size * layers[-1][0], size * layers[-1][1])
        arrays = tuple((jnp.asarray(weight), jnp.asarray(bias)) for weight, bias in layers)
        return Network(jnp.asarray(random.normal(size=ndim)), jnp.full(ndim, 2.0), arrays)

    return TriangularMap(jnp.eye(ndim)[axis], network((7, 5), 3.0), network((6,), 0.3))


CHART = MappedCoordinates(Logit(GAUSSIAN), (random_map(3, 1, 1), random_map(3, 0, 2), random_map(3, 1, 3)))


@pytest.mark.parametrize("size", [1.0, 30.0])
def test_a_straightened_point_goes_back_with_the_exact_jacobian(size):
    z = size * jax.random.normal(jax.random.key(1), (50, 3))
    w, there = jax.jit(jax.vmap(CHART.forward))(z)
    back, again = jax.jit(jax.vmap(CHART.inverse))(w)
    np.testing.assert_allclose(back, z, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(there, -again, atol=1e-10)
    for map_, points, expected in ((CHART.forward, z, there), (CHART.inverse, w, again)):
        jacobian = jax.jit(jax.vmap(jax.jacfwd(lambda point, map_=map_: map_(point)[0])))(points)
        np.testing.assert_allclose(jnp.linalg.slogdet(jacobian)[1], expected, atol=1e-10)


def test_the_map_is_finite_and_differentiable_far_away():
    far = jnp.asarray(np.array([[1e3, -1e3, 1e3], [0.0, 1e6, -1e6], [-700.0, 0.0, 700.0]]))
    for map_ in (CHART.forward, CHART.inverse):
        values, log_jacobian = jax.jit(jax.vmap(map_))(far)
        slopes = jax.jit(jax.vmap(jax.jacrev(map_)))(far)
        assert all(np.all(np.isfinite(part)) for part in jax.tree.leaves((values, log_jacobian, slopes)))


def test_the_mapped_coordinate_does_not_enter_its_own_map():
    triangular_map = random_map(3, 1, 5)
    z = jnp.array([0.3, -1.0, 2.0])
    moved = z.at[1].add(5.0)
    assert triangular_map.location(moved) == triangular_map.location(z)
    assert triangular_map.log_scale(moved) == triangular_map.log_scale(z)


def evidence(target: Box, chart: Coordinates, reach: float) -> float:
    """ln Z of a two-dimensional target by the midpoint rule in the coordinates of the chart."""
    first, second = ((np.arange(count) + 0.5) / count * 2.0 - 1.0 for count in (400, 1600))
    points = np.stack(np.meshgrid(20.0 * first, reach * second), axis=-1).reshape(-1, 2)
    values = jax.jit(jax.vmap(lambda z: log_density(target, chart, z)[0]))(jnp.asarray(points))
    return float(jax.scipy.special.logsumexp(values)) + math.log(4.0 * 20.0 * reach / len(points))


def test_the_evidence_does_not_depend_on_the_coordinates():
    base = Logit(BAND)
    maps = fit_maps(BAND, band_points(400), 1)
    assert maps
    assert evidence(BAND, base, 6.0) == pytest.approx(BAND_LOG_EVIDENCE, abs=1e-3)
    assert evidence(BAND, MappedCoordinates(base, maps), 40.0) == pytest.approx(BAND_LOG_EVIDENCE, abs=1e-3)


def test_a_curved_band_becomes_straight():
    maps = fit_maps(BAND, band_points(1000), 1)
    chart = MappedCoordinates(Logit(BAND), maps)
    w = np.asarray(jax.vmap(lambda z: chart.forward(z)[0])(jnp.asarray(band_points(2000, seed=2))))
    assert np.flatnonzero(maps[0].axis).tolist() == [1]
    assert np.median(np.abs(w[:, 1])) == pytest.approx(0.6745, rel=0.25)
    # In the logits the band is several times thicker at one end than at the other.
    thirds = [np.median(np.abs(part)) for part in np.array_split(w[np.argsort(w[:, 0]), 1], 3)]
    assert max(thirds) < 2.0 * min(thirds)


def test_nothing_is_learnt_where_a_covariance_is_enough():
    random = np.random.default_rng(3)
    for count in (64, 1000):
        z = random.multivariate_normal(np.zeros(3), [[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1e-4]], count)
        assert fit_maps(GAUSSIAN, z, 1) == ()
    assert fit_maps(Gaussian.of(1), random.normal(size=(100, 1)), 1) == ()


def test_a_resumed_fit_is_the_same_without_being_made_again(tmp_path):
    points = band_points(200)
    with recording(Recording(tmp_path, 1000.0, silent)):
        first = fit_maps(BAND, points, 4)
    record = Recording(tmp_path, 1000.0, silent)
    with recording(record):
        second = fit_maps(BAND, points, 4)
    assert record.taken == len(first) + 1
    for fits in (second, fit_maps(BAND, points, 4)):
        for one, other in zip(jax.tree.leaves(first), jax.tree.leaves(fits), strict=True):
            np.testing.assert_array_equal(one, other)


def sample(target: Box, seed: int, **options) -> Draws:
    return Nuts.build(NutsOptions(**options)).run(target, seed, silent)


def check(draws: Draws, name: str) -> float:
    return next(diagnostic.value for diagnostic in draws.diagnostics if diagnostic.name == name)


@pytest.mark.slow
def test_nuts_samples_both_sides_of_a_resonance():
    target = Resonance.of(3, sd=0.01, width=0.1)
    draws = sample(target, 1, warmup=300, draws=500, particles=512)
    assert draws.converged, [d for d in draws.diagnostics if not d.passed]
    assert draws.numbers["triangular_maps"] == 1.0
    error = 2.0 / math.sqrt(check(draws, "ess_bulk"))
    assert np.mean(draws.theta[..., 0] > 0.0) == pytest.approx(target.upper_share, abs=error)


@pytest.mark.slow
def test_the_option_is_heard():
    draws = sample(Resonance.of(3, sd=0.01, width=0.1), 1, warmup=100, draws=100, particles=64, straighten=False)
    assert draws.numbers["triangular_maps"] == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nuts_converges_on_a_thin_sheet_only_when_it_is_straightened(seed):
    target = Resonance.of(4, width=0.05)
    plain, straight = (sample(target, seed, straighten=wish) for wish in (False, True))
    assert not plain.converged
    assert straight.converged, [d for d in straight.diagnostics if not d.passed]
    error = 3.0 * 0.5 / math.sqrt(check(straight, "ess_bulk"))
    assert np.mean(straight.theta[..., 0] > 0.0) == pytest.approx(target.upper_share, abs=error)
