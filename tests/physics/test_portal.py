"""The two-vector portal: mixing against 40-digit arithmetic, the propagator and its identities."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from globalfit.physics.mixing import mix
from globalfit.physics.portal import DarkMatter, Portal
from tests.support.table import numbers

# mpmath, 40 digits, from the generalised eigenproblem.
MIXING = numbers(__file__, "two_vector_mixing.csv")


def portal(first, second, eta, dtype=jnp.float64):
    mass2 = jnp.asarray([first**2, second**2], dtype)
    mixing, _ = mix(mass2, jnp.asarray(eta, dtype))
    empty = jnp.zeros((12, 2), dtype)
    dark = DarkMatter("dirac", jnp.asarray(1.0, dtype), jnp.zeros(2, dtype), jnp.zeros(2, dtype))
    zero = jnp.zeros(2, dtype)
    return Portal(("a", "b"), mixing, empty, empty, zero, jnp.zeros((2, 2), dtype), dark, jnp.array(0))


@pytest.mark.parametrize("row", MIXING, ids=lambda row: f"{row['m1_phys']:g}-{row['m2_phys']:g}-{row['eps']:g}")
def test_mixing_against_forty_digits(row):
    tolerance = 1e-6 if abs(row["m1_phys"] / row["m2_phys"] - 1.0) < 1e-3 else 1e-9
    point = portal(row["m1_phys"], row["m2_phys"], row["eps"])
    np.testing.assert_allclose(
        jnp.sqrt(point.mixing.lagrangian_mass2), [row["mV1_lag"], row["mV2_lag"]], rtol=tolerance
    )
    expected = [[row["U11"], row["U12"]], [row["U21"], row["U22"]]]
    np.testing.assert_allclose(point.eigenvectors(), expected, rtol=tolerance)
    np.testing.assert_allclose(point.mixing.propagator(jnp.asarray(-0.01))[0, 1], row["d12"], rtol=tolerance)


@pytest.mark.parametrize("row", MIXING, ids=lambda row: f"{row['m1_phys']:g}-{row['m2_phys']:g}-{row['eps']:g}")
def test_propagator_is_the_sum_over_mass_eigenstates(row):
    point = portal(row["m1_phys"], row["m2_phys"], row["eps"])
    q2 = -jnp.asarray([1e-3, 1.0, 1e2, 1e4, 1e6])
    u = point.eigenvectors()
    poles = 1.0 / (q2[None, :] - point.mass2[:, None])
    total = jnp.einsum("ik,jk,kq->ijq", u, u, poles)
    scale = jnp.einsum("ik,jk,kq->ijq", jnp.abs(u), jnp.abs(u), jnp.abs(poles))
    tolerance = 1e-10 if abs(row["m1_phys"] / row["m2_phys"] - 1.0) > 1e-3 else 1e-6
    assert jnp.max(jnp.abs(point.mixing.propagator(q2) - total) / scale) < tolerance


def test_propagator_inverts_the_quadratic_form():
    point = portal(91.1876, 60.0, 0.1)
    q2 = -250.0
    quadratic = q2 * np.array([[1.0, 0.1], [0.1, 1.0]]) - np.diag(point.mixing.lagrangian_mass2)
    np.testing.assert_allclose(point.mixing.propagator(jnp.asarray(q2)), np.linalg.inv(quadratic), rtol=1e-12)


def test_derivative_portal_vanishes_linearly_also_in_float32():
    point = portal(91.1876, 1000.0, 0.01, jnp.float32)
    q2 = -jnp.logspace(-14, -3, 12, dtype=jnp.float32)
    ratio = np.asarray(point.mixing.propagator(q2)[0, 1] / q2, dtype=float)
    expected = -0.01 / ((1.0 - 1e-4) * (91.1876 * 1000.0) ** 2)
    assert point.mixing.propagator(q2).dtype == jnp.float32
    np.testing.assert_allclose(ratio, expected, rtol=1e-6)


def test_repulsion_band():
    first, second = 91.1876, 93.0
    edge = (second**2 - first**2) / (second**2 + first**2)
    mass2 = jnp.asarray([first**2, second**2])
    assert mix(mass2, jnp.asarray(edge * (1.0 - 1e-9))).solvable
    beyond = mix(mass2, jnp.asarray(edge * (1.0 + 1e-9)))
    assert not beyond.solvable
    assert beyond.mixing.kinetic == 0.0
    np.testing.assert_allclose(beyond.mixing.lagrangian_mass2, mass2)


@pytest.mark.parametrize("eta", [0.0, 1e-3, 0.5, -0.5, 1.5])
@pytest.mark.parametrize("second", [91.1876, 91.1877, 0.1, 1e4])
def test_finite_with_finite_derivatives_everywhere(second, eta):
    def everything(mass, mixing):
        mass2 = jnp.stack([jnp.asarray(91.1876**2), mass**2])
        found, _ = mix(mass2, mixing)
        return jnp.concatenate([found.lagrangian_mass2, found.eigenvectors().ravel()])

    arguments = (jnp.asarray(second), jnp.asarray(eta))
    assert jnp.all(jnp.isfinite(everything(*arguments)))
    for part in jax.jacrev(everything, argnums=(0, 1))(*arguments):
        assert jnp.all(jnp.isfinite(part))
