"""Sommerfeld factors against the radial equation, their limits, and numbers of an independent program."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from globalfit.physics.sommerfeld import mesh
from globalfit.physics.sommerfeld.yukawa import factors
from tests.physics.sommerfeld.reference import sommerfeld_factor
from tests.support.table import numbers

# S averaged at x = 25 and at v_rel = 1e-3 and 1e-5, from a Runge-Kutta integration by another program.
INDEPENDENT = numbers(__file__, "sommerfeld.csv")
FACTORS = jax.jit(factors)
FAST = 20


def values(strength, q):
    return np.asarray(FACTORS(jnp.asarray(float(strength)), jnp.asarray(q, float)))


def points():
    """alpha m/m_V and q: half of them next to resonances of l = 0, down to m_V/(alpha m) = 1e-3."""
    rng = np.random.default_rng(20)
    free = 10.0 ** rng.uniform(-1.5, 3.0, 50)
    resonant = 1.6798 * np.concatenate([np.ones(10), (1.0 + rng.integers(0, 23, 40)) ** 2]) * rng.normal(1.0, 0.02, 50)
    strength = np.stack([free, resonant], axis=1).ravel()
    return list(zip(strength, 10.0 ** rng.uniform(-3.0, 1.5, 100), strict=True))


CASES = [pytest.param(*point, marks=() if k < FAST else pytest.mark.slow) for k, point in enumerate(points())]


@pytest.mark.parametrize(("strength", "q"), CASES)
def test_against_the_radial_equation(strength, q):
    expected = [sommerfeld_factor(strength, q, wave) for wave in (0, 1)]
    np.testing.assert_allclose(values(strength, [q])[:, 0], expected, rtol=1e-3)


def test_on_top_of_a_resonance():
    # the first of l = 0 lies at alpha m/m_V = 1.67981
    found = values(1.67981, [1e-3])[0, 0]
    assert found > 1e5
    assert found == pytest.approx(sommerfeld_factor(1.67981, 1e-3, 0), rel=1e-2)


@pytest.mark.parametrize("v_over_alpha", [0.2, 1.0, 5.0])
def test_coulomb_limit(v_over_alpha):
    # m_V << alpha m and m_V << k
    eta = 0.5 / v_over_alpha
    coulomb = 2.0 * np.pi * eta / (1.0 - np.exp(-2.0 * np.pi * eta))
    for strength in (900.0, 1e5):
        found = values(strength, [strength * v_over_alpha])[:, 0]
        np.testing.assert_allclose(found, [coulomb, coulomb * (1.0 + eta**2)], rtol=6e-3 if strength < 1e3 else 1e-4)


def test_heavy_vectors_do_nothing():
    np.testing.assert_allclose(values(0.0, [0.0, 1e-6, 1.0, 1.35, 100.0]), np.ones((2, 5)), rtol=1e-12)
    # first order at rest: S_0 = 1 + 2 L, S_1 = 1 + 2 L/3
    np.testing.assert_allclose(values(1e-6, [1e-4])[:, 0] - 1.0, [2e-6, 2e-6 / 3.0], rtol=1e-3)
    assert np.all(np.diff(values(1e-3, np.geomspace(1e-3, 1e4, 50))[0]) <= 1e-9)


def test_beyond_the_last_row_the_size_is_right():
    last = float(mesh.strengths()[-1])
    below, above = (values(strength, [1e-3, 1.0, 1e4]) for strength in (last * (1.0 - 1e-9), last * (1.0 + 1e-9)))
    np.testing.assert_allclose(above, below, rtol=1e-6)
    twice = values(2.0 * last, [1e-3, 1.0])
    np.testing.assert_allclose(twice / values(last, [1e-3, 1.0]), [[2.0, 2.0], [8.0, 8.0]], rtol=5e-3)


@pytest.mark.parametrize("row", INDEPENDENT, ids=lambda row: f"{row['alpha']:g}-{row['mass_ratio']:g}")
def test_an_independent_program(row):
    strength = row["alpha"] / row["mass_ratio"]
    at = values(strength, np.array([1e-3, 1e-5]) / (2.0 * row["mass_ratio"]))[0]
    np.testing.assert_allclose(at, [row["s_1e3"], row["s_1e5"]], rtol=2e-4)
    v = np.geomspace(1e-6, 2.5, 4001)
    weight = v**3 * np.exp(-25.0 * v**2 / 4.0)
    average = np.sum(weight * values(strength, v / (2.0 * row["mass_ratio"]))[0]) / np.sum(weight)
    assert average == pytest.approx(row["s_25"], rel=1e-4)


def test_derivatives():
    rng = np.random.default_rng(3)
    strength, q = 10.0 ** rng.uniform(-3.0, 3.0, 60), 10.0 ** rng.uniform(-3.0, 2.0, 60)

    def log_factors(x):
        return jnp.log(factors(jnp.exp(x[0]), jnp.exp(x[1:]))[:, 0])

    def differences(x):
        step = 1e-5 * np.eye(2)
        return jnp.stack([(log_factors(x + h) - log_factors(x - h)) / 2e-5 for h in step], axis=1)

    at = jnp.asarray(np.log(np.stack([strength, q], axis=1)))
    exact = np.asarray(jax.jit(jax.vmap(jax.jacfwd(log_factors)))(at))
    numeric = np.asarray(jax.jit(jax.vmap(differences))(at))
    assert np.all(np.isfinite(exact))
    np.testing.assert_allclose(exact, numeric, rtol=1e-5, atol=1e-5 * np.max(np.abs(exact)))
    backwards = jax.jit(jax.grad(lambda strength: jnp.sum(factors(strength, jnp.asarray([0.0, 1e-8, 1.3, 50.0])))))
    for edge in (0.0, 1e-12, 1.67981, 1088.0, 5000.0):
        assert np.isfinite(backwards(jnp.asarray(edge)))
