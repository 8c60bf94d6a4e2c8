"""<sigma v> and <sigma v>_2 against two-dimensional integrals and limits that are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate
from scipy.special import kve

from globalfit.models.dark_photon import DarkPhoton, DarkPhotonOptions
from globalfit.physics.annihilation.cross_section import (
    own_thresholds,
    portal_thresholds,
    resonances,
    total_cross_section,
)
from globalfit.physics.cosmology.quadrature import Thresholds, nodes
from globalfit.physics.cosmology.temperatures import temperatures
from globalfit.physics.cosmology.thermal_average import thermal_average
from globalfit.physics.cosmology.thermal_moments import thermal_moments
from globalfit.physics.inputs import Inputs

INPUTS = Inputs()


def mesh_of(mass_ratio, m_chi=100.0):
    point = {"m_chi": m_chi, "mass_ratio": mass_ratio, "epsilon": 1e-3, "alpha_d": 0.01}
    portal = DarkPhoton(DarkPhotonOptions()).portal(jax.tree.map(jnp.asarray, point), INPUTS)
    opens = Thresholds(own_thresholds(portal), portal_thresholds(portal, INPUTS))
    return portal, nodes(portal.dark.mass, resonances(portal, INPUTS), opens)


def two_dimensional(sigma_beta, x):
    """Both averages from the energies of both particles and the angle between them, m = 1."""
    nodes_e, weights_e = np.polynomial.legendre.leggauss(80)
    nodes_c, weights_c = np.polynomial.legendre.leggauss(400)
    t = 0.5 * (nodes_e + 1.0) * np.sqrt(45.0 / x)
    energy, d_energy = 1.0 + t**2, weights_e * 0.5 * np.sqrt(45.0 / x) * 2.0 * t
    p = np.sqrt(energy**2 - 1.0)
    number = p * energy * np.exp(-x * (energy - 1.0)) * d_energy
    e1, e2, cos = energy[:, None, None], energy[None, :, None], nodes_c[None, None, :]
    s = 2.0 + 2.0 * (e1 * e2 - p[:, None, None] * p[None, :, None] * cos)
    # sigma v_Moller E1 E2 = sigma sqrt(s (s - 4))/2 = sigma beta s/2
    kinetic = np.sqrt(s) - 2.0
    rate = np.sum(0.5 * weights_c * sigma_beta(kinetic) * 0.5 * s, axis=-1) / (energy[:, None] * energy[None, :])
    norm = np.sum(number) ** 2
    first = number @ rate @ number / norm
    second = (number * p**2 / (3.0 * energy) * x) @ rate @ number / norm
    return first, second


@pytest.mark.parametrize("x", [1.0, 3.0, 20.0, 30.0, 300.0])
@pytest.mark.parametrize("name", ["constant", "rising", "bump"])
def test_against_two_dimensional_integrals(x, name):
    sigma_beta = {
        "constant": lambda w: 1.0 + 0.0 * w,
        "rising": lambda w: w / (1.0 + w),
        "bump": lambda w: 1.0 / ((w - 0.1) ** 2 + 0.05**2),
    }[name]
    _, mesh = mesh_of(2.1)
    found = thermal_moments(mesh, sigma_beta(mesh.kinetic), np.array([x]))
    expected = two_dimensional(sigma_beta, x)
    np.testing.assert_allclose(found.number[0], expected[0], rtol=1e-4)
    np.testing.assert_allclose(found.pressure[0], expected[1], rtol=2e-4)


def test_number_is_the_thermal_average():
    portal, mesh = mesh_of(2.01)
    sigma = total_cross_section(portal, INPUTS, mesh.energies)
    found = thermal_moments(mesh, sigma, temperatures()).number
    np.testing.assert_allclose(found, thermal_average(mesh, sigma, temperatures()), rtol=1e-7)


def test_a_constant_sigma_v_does_not_change_the_temperature():
    """sigma v_Moller = 1: both moments are 1; sigma beta_cm = sigma v (E1 E2)/(s/2) is no function of s, so this holds
    where particles are slow only, with corrections of relative order 1/x."""
    _, mesh = mesh_of(2.1)
    x = np.array([100.0, 300.0, 1e3])
    found = thermal_moments(mesh, jnp.full_like(mesh.kinetic, 0.5), x)
    np.testing.assert_allclose(found.number, 1.0, atol=2e-2)
    assert np.all(np.abs(found.pressure / found.number - 1.0) < 0.6 / x)


def test_p_wave_takes_fast_particles_away():
    """sigma v ~ v_rel^2: <v^2 p^2>/<v^2><p^2> = 4/3 for slow particles, p = P/2 + k, <k^4>/<k^2>^2 = 5/3."""
    _, mesh = mesh_of(2.1)
    found = thermal_moments(mesh, mesh.kinetic, np.array([1e3]))
    np.testing.assert_allclose(found.pressure / found.number, 4.0 / 3.0, rtol=3e-3)


def test_at_threshold_half_of_the_momentum_is_left():
    """A pair of no relative momentum: <p^2> is that of the centre of mass, a half."""
    _, mesh = mesh_of(2.1)
    sigma = jnp.exp(-mesh.kinetic / 1e-7)
    found = thermal_moments(mesh, sigma, np.array([50.0, 1e3]))
    z = 2.0 * np.array([50.0, 1e3])
    bracket = [integrate.quad(lambda u, z=z: np.exp(-z * (u - 1)) * np.sqrt(u**2 - 1) / u**2, 1, np.inf)[0] for z in z]
    exact = (2.0 * kve(1, z) / z + np.array(bracket)) * z / (6.0 * kve(1, z))
    np.testing.assert_allclose(found.pressure / found.number, exact, rtol=1e-4)
    np.testing.assert_allclose(exact, 0.5, rtol=2e-2)


def test_derivative():
    _, mesh = mesh_of(2.1)
    x = np.array([1.5, 20.0, 30.0, 3e3])

    def one(shift):
        moved = mesh._replace(kinetic=mesh.kinetic * (1.0 + shift))
        return jnp.stack(thermal_moments(moved, 1.0 / ((moved.kinetic - 0.1) ** 2 + 1e-2 * (1.0 + shift)), x))

    forward, backward = jax.jacfwd(one)(0.0), jax.jacrev(one)(0.0)
    numeric = (one(1e-5) - one(-1e-5)) / 2e-5
    np.testing.assert_allclose(forward, numeric, rtol=1e-7)
    np.testing.assert_allclose(backward, numeric, rtol=1e-7)
