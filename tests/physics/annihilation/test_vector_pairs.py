"""chi chibar -> V_i V_j against helicity amplitudes, limits known in closed form and micrOMEGAs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from globalfit.physics.annihilation.vector_pairs import (
    PAIRS,
    scalar_vector_pair_cross_section,
    vector_pair_cross_section,
)
from globalfit.physics.inputs import GEV_M2_TO_CM3_S
from tests.reference import vector_pairs as reference

COUPLINGS = {
    "vector": ([0.7, -1.2], [0.0, 0.0]),
    "axial": ([0.0, 0.0], [0.9, 0.4]),
    "both": ([0.7, -1.2], [0.9, 0.4]),
}
evaluate = jax.jit(vector_pair_cross_section)


def flux_cross_section(sqrt_s, dark_mass, mass, vector, axial):
    arrays = (jnp.asarray(mass), jnp.asarray(vector), jnp.asarray(axial))
    return np.asarray(evaluate(jnp.atleast_1d(jnp.asarray(sqrt_s)), jnp.asarray(dark_mass), *arrays))


@pytest.mark.parametrize("kind", COUPLINGS)
@pytest.mark.parametrize(
    ("dark_mass", "mass", "excess"),
    [
        (100.0, [91.2, 30.0], 1e-4),
        (100.0, [91.2, 150.0], 0.01),
        (10.0, [3.0, 9.99], 0.3),
        (500.0, [91.2, 60.0], 9.0),
        (1.0, [0.05, 7.0], 0.05),
        (20.0, [20.0, 20.0], 1.0),
    ],
)
def test_helicity_amplitudes(kind, dark_mass, mass, excess):
    vector, axial = COUPLINGS[kind]
    mass = np.array(mass)
    for index, pair in enumerate(PAIRS):
        sqrt_s = max(2.0 * dark_mass, mass[list(pair)].sum()) * (1.0 + excess)
        expected = reference.flux_cross_section(sqrt_s, dark_mass, mass, vector, axial, pair)[0]
        assert expected > 0.0
        value = flux_cross_section(sqrt_s, dark_mass, mass, vector, axial)[index, 0]
        assert value == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("dark_mass", "mass", "sqrt_s"),
    [
        (100.0, [30.0, 60.0], 230.0),
        (100.0, [30.0, 60.0], 200.0001),
        (50.0, [80.0, 90.0], 171.0),
        (9.0, [1.0, 9.0], 21.0),
    ],
)
def test_scalar_dark_matter_against_explicit_tensors(dark_mass, mass, sqrt_s):
    couplings = np.array([0.7, -0.3])
    arrays = (jnp.asarray(dark_mass), jnp.asarray(mass), jnp.asarray(couplings))
    found = np.asarray(scalar_vector_pair_cross_section(jnp.asarray([sqrt_s]), *arrays))[:, 0]
    for value, pair in zip(found, PAIRS, strict=True):
        expected = reference.scalar_flux_cross_section(sqrt_s, dark_mass, np.array(mass), couplings, pair)
        assert value == pytest.approx(expected, rel=1e-10)


def test_threshold_of_light_vectors():
    """e+ e- -> gamma gamma at rest: sigma v_rel = pi alpha^2/m^2, twice that for two different photons (Dirac 1930)."""
    alpha, dark_mass = 0.03, 10.0
    charge = np.sqrt(4.0 * np.pi * alpha)
    value = flux_cross_section(2.0 * dark_mass, dark_mass, [1e-3, 2e-3], [charge, charge], [0.0, 0.0])[:, 0]
    expected = np.pi * alpha**2 / dark_mass**2 * np.array([1.0, 2.0, 1.0])
    assert 2.0 * value == pytest.approx(expected, rel=1e-7)


def test_axial_threshold():
    """Axial s wave: sigma v = g^4 (1 - r)^{3/2}/(4 pi m^2 (2 - r)^2) with r = M^2/m^2: transverse vectors alone."""
    coupling, dark_mass = 0.6, 50.0
    for light in (0.5, 20.0, 45.0, 49.9):
        value = flux_cross_section(2.0 * dark_mass, dark_mass, [light, light], [0.0, 0.0], [coupling, coupling])
        r = (light / dark_mass) ** 2
        expected = coupling**4 * (1.0 - r) ** 1.5 / (4.0 * np.pi * dark_mass**2 * (2.0 - r) ** 2)
        assert 2.0 * value[:, 0] == pytest.approx(expected * np.array([1.0, 2.0, 1.0]), rel=1e-12)


@pytest.mark.parametrize(
    ("dark_mass", "mass", "sigma_v_cm3_s"),
    [
        (10.0, 9.9, 9.898050e-28),
        (10.0, 8.0, 4.282761e-26),
        (10.0, 3.0, 8.728004e-26),
        (100.0, 50.0, 7.778061e-28),
        (100.0, 30.0, 8.728008e-28),
    ],
)
def test_micromegas(dark_mass, mass, sigma_v_cm3_s):
    """Axial dark photons with alpha_D = 5e-4 at v_rel = 1e-3; values of micrOMEGAs 6.0."""
    coupling = np.sqrt(4.0 * np.pi * 5e-4)
    sqrt_s = 2.0 * dark_mass / np.sqrt(1.0 - 0.25e-6)
    value = flux_cross_section(sqrt_s, dark_mass, [91.1876, mass], [0.0, 0.0], [0.0, coupling])[2, 0]
    assert 2.0 * value * GEV_M2_TO_CM3_S == pytest.approx(sigma_v_cm3_s, rel=5e-5)


def test_closed_channels_and_gradients():
    sqrt_s = jnp.array([200.0, 199.0, 240.0, 240.0 + 1e-9, 2e4])
    arguments = (sqrt_s, jnp.asarray(100.0), jnp.array([120.0, 90.0]), jnp.array([0.3, 1.0]), jnp.array([1.0, 0.2]))
    value = evaluate(*arguments)
    assert (np.asarray(value) > 0.0).tolist() == [
        [False, False, False, True, True],
        [False, False, True, True, True],
        [True, True, True, True, True],
    ]
    jacobian = jax.jacrev(lambda *a: vector_pair_cross_section(*a), argnums=(0, 1, 2, 3, 4))(*arguments)
    assert all(bool(jnp.isfinite(block).all()) for block in jacobian)
    assert not np.any(np.asarray(jacobian[1])[0, :3])
    assert not np.any(np.asarray(jacobian[2])[0, :3])


def test_gradient():
    """Reverse-mode derivatives against central differences on both sides of the series limit of artanh."""
    for sqrt_s in (200.5, 203.0, 300.0):
        point = (jnp.array([sqrt_s]), jnp.asarray(100.0), jnp.array([20.0, 90.0]), jnp.array([0.3, 1.0]))

        def total(dark_mass, point=point):
            return vector_pair_cross_section(point[0], dark_mass, *point[2:], jnp.array([1.0, 0.2])).sum()

        step = 1e-4
        numeric = (total(point[1] + step) - total(point[1] - step)) / (2.0 * step)
        assert jax.grad(total)(point[1]) == pytest.approx(float(numeric), rel=1e-6)
