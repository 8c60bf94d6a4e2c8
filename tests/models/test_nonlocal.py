"""Nonlocal mixing: the quadratic form with the photon by brute force, the paper's numbers, relic density, floor."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from globalfit.models.dark_photon import DarkPhoton, DarkPhotonOptions
from globalfit.models.nonlocal_mixing import Nonlocal, NonlocalOptions, loop_amplitude
from globalfit.physics import status
from globalfit.physics.annihilation import propagator
from globalfit.physics.annihilation.cross_section import cross_sections
from globalfit.physics.annihilation.propagator import Energies
from globalfit.physics.fermions import CHARGE, FERMIONS, INDEX, z_couplings
from globalfit.physics.inputs import PRESETS
from globalfit.physics.mixing import FormFactor, mix, mix_nonlocal
from globalfit.physics.observables import VOCABULARY
from globalfit.physics.predictions import Predictions
from globalfit.physics.scattering.nreft import nreft_coefficients
from globalfit.physics.symmetric import Symmetric

INPUTS = PRESETS["micromegas6"]
NAMES = tuple(parameter.name for parameter in Nonlocal.parameters)
POINTS = [[100.0, 2.5, 2000.0, 0.1], [30.0, 2.3, 160.0, 0.01], [500.0, 2.1, 1500.0, 0.3], [45.0, 0.7, 150.0, 0.1]]


def portal(theta, **options):
    model = Nonlocal.build(NonlocalOptions(**options))
    return model.portal(dict(zip(NAMES, jnp.asarray(theta, float), strict=True)), INPUTS)


def words(point, inputs=INPUTS):
    vocabulary = VOCABULARY.extended(Nonlocal.build(NonlocalOptions()).provides)
    return Predictions(point, inputs, {}, vocabulary)


def quadratic(point, q2, propagates=1.0):
    """q2 K(q2) - M2 of photon, Z and A', with the photon still there."""
    epsilon = float(point.mixing.form_factor(jnp.asarray(float(q2))))
    kinetic = np.array(
        [
            [1.0, 0.0, -epsilon],
            [0.0, 1.0, epsilon * INPUTS.tan_theta_w],
            [-epsilon, epsilon * INPUTS.tan_theta_w, propagates],
        ]
    )
    return q2 * kinetic - np.diag([0.0, *np.asarray(point.mixing.lagrangian_mass2)])


def amplitude(point, fermion, q2, propagates=1.0):
    """Vector current of a fermion to the dark current of unit coupling."""
    currents = np.array([INPUTS.charge * CHARGE[INDEX[fermion]], z_couplings(INPUTS)[0][INDEX[fermion]], 0.0])
    return currents @ np.linalg.inv(quadratic(point, q2, propagates))[:, 2]


@pytest.mark.parametrize("theta", POINTS)
def test_physical_masses_are_the_poles(theta):
    point = portal(theta)
    assert int(point.status) == 0
    for mass2 in np.asarray(point.mass2):
        scale = abs(np.linalg.det(quadratic(point, 1.01 * mass2)))
        assert abs(np.linalg.det(quadratic(point, mass2))) < 1e-10 * scale


@pytest.mark.parametrize("theta", POINTS)
def test_couplings_of_the_eigenstates_are_residues(theta):
    point = portal(theta)
    matter = np.asarray(point.vector @ point.matter_eigenvectors())[INDEX["u"]]
    dark = np.asarray(point.eigenvectors())[1]
    for k, mass2 in enumerate(np.asarray(point.mass2)):
        step = 1e-5
        near = [(sign * step * mass2) * amplitude(point, "u", mass2 * (1.0 + sign * step)) for sign in (1.0, -1.0)]
        assert 0.5 * sum(near) == pytest.approx(matter[k] * dark[k], rel=1e-7)


@pytest.mark.parametrize("present", [True, False])
@pytest.mark.parametrize("q2", [-1e-6, -1.0, -1e3, -1e5])
def test_scattering_amplitude(q2, present):
    theta = [100.0, 2.5, 400.0, 0.1]
    point = portal(theta, dark_photon="present" if present else "absent")
    found = np.asarray(point.vector)[INDEX["u"]] @ np.asarray(point.transfer(jnp.asarray(q2)))[:, 1]
    assert found == pytest.approx(amplitude(point, "u", q2, float(present)), rel=1e-12)


def test_scattering_of_the_contact_interaction_is_current_times_form_factor():
    """e e_D F(q2)/Lambda^2 on protons."""
    point = portal([100.0, 2.5, 300.0, 0.1], dark_photon="absent")
    q2 = np.array([-1e-4, -1e-2])
    dark = float(point.dark.vector[1])
    z = q2 / 300.0**2
    found = nreft_coefficients(point, jnp.asarray(q2)).c1[0]
    np.testing.assert_allclose(found, -INPUTS.charge * dark * z * np.exp(-(z**2)) / 300.0**2, rtol=1e-6)


def test_running_propagator_is_the_inverse_and_carries_widths():
    point = portal(POINTS[0])
    s = jnp.asarray([40.0**2, 91.2**2, 200.0**2, 250.0**2, 4000.0**2])
    absorptive = Symmetric(0.01 * s, 0.002 * s, 0.007 * s)
    full, narrow = propagator.invert(point, Energies.at(s, point), absorptive)
    for i, value in enumerate(np.asarray(s)):
        # the photon, which has no width, eliminated: its row is q2 (1, 0, -F)
        block = quadratic(point, value)
        reduced = block[1:, 1:] - np.outer(block[1:, 0], block[0, 1:]) / block[0, 0]
        matrix = reduced + 1j * np.asarray(absorptive)[:, i][[0, 1, 1, 2]].reshape(2, 2)
        expected = np.linalg.inv(matrix)
        found = [real[i] + 1j * imag[i] for real, imag in zip(full.real, full.imag, strict=True)]
        np.testing.assert_allclose(found, expected[[0, 0, 1], [0, 1, 1]], rtol=1e-9)
        # the same determinant, and no absorptive part but there
        adjugate = np.linalg.inv(reduced) * np.linalg.det(reduced) / np.linalg.det(matrix)
        found = [real[i] + 1j * imag[i] for real, imag in zip(narrow.real, narrow.imag, strict=True)]
        np.testing.assert_allclose(found, adjugate[[0, 0, 1], [0, 1, 1]], rtol=1e-9)


class Frozen(FormFactor):
    """The same mixing, `scale`, at every momentum transfer."""

    def __call__(self, q2):
        return jnp.broadcast_to(self.scale, q2.shape)

    def slope(self, q2):
        return jnp.zeros_like(q2)


def test_a_constant_form_factor_is_hypercharge_mixing():
    mass2, epsilon = jnp.asarray([INPUTS.m_z**2, 250.0**2]), 0.05
    tangent = jnp.asarray(INPUTS.tan_theta_w)
    found, solvable = mix_nonlocal(mass2, tangent, Frozen(jnp.asarray(epsilon)))
    norm2 = 1.0 - epsilon**2
    local, _ = mix(mass2, epsilon * tangent / np.sqrt(norm2))
    assert bool(solvable)
    expected = local.lagrangian_mass2 * jnp.asarray([1.0, norm2])
    np.testing.assert_allclose(found.lagrangian_mass2, expected, rtol=1e-12)
    scaled = local.eigenvectors() / jnp.asarray([[1.0], [np.sqrt(norm2)]])
    np.testing.assert_allclose(found.eigenvectors(), scaled, rtol=1e-10)


def test_annihilation_sees_the_mixing_at_s():
    """sigma v at rest into electrons, 16 pi epsilon(4 m^2)^2 alpha alpha_D m^2/(m_A'^2 - 4 m^2)^2 (paper's Eq. 20),
    up to what the Z adds of relative order s/M_Z^2."""
    m_chi, scale, alpha_d = 1.0, 60.0, 1e-3
    point = portal([m_chi, 3.0, scale, alpha_d])
    s = 4.0 * m_chi**2
    found = 2.0 * cross_sections(point, INPUTS, Energies.at(jnp.asarray([s]), point))["e"][0]
    z = s / scale**2
    expected = 16.0 * np.pi * (z * np.exp(-(z**2))) ** 2 / INPUTS.alpha_em_inv * alpha_d * m_chi**2 / (9.0 - 4.0) ** 2
    assert float(found) == pytest.approx(expected, rel=1e-3)


def test_numbers_of_the_paper():
    """arXiv:2405.03325, Sec. 2, with its own approximation: k g^2 ... = 5e-9 GeV^-2 and k = 6.5 (its Eq. 15).

    epsilon(m_A'^2) = 0.0809 m_A'/TeV for m_A'^2 = 5 m^2 and 0.543 for m_A' = 3 m. The scale at m_A' = 2 TeV is then
    4.9 TeV, not 7, and for 0.543 at 1 TeV there is none: the form factor has the maximum 0.4289.
    """

    def mixing_per_tev(ratio2):
        m_chi = 1000.0 / np.sqrt(ratio2)
        needed = 5e-9 * (ratio2 - 4.0) ** 2 * m_chi**2 * 137.0 / (16.0 * np.pi * 6.5 * 0.1)
        return np.sqrt(needed) * ratio2 / 4.0

    assert mixing_per_tev(5.0) == pytest.approx(0.0809, abs=5e-5)
    assert mixing_per_tev(9.0) == pytest.approx(0.543, abs=5e-4)
    form = lambda scale: float(FormFactor(jnp.asarray(scale))(jnp.asarray(2000.0**2)))  # noqa: E731
    scale = scipy.optimize.brentq(lambda value: form(value) - 2.0 * mixing_per_tev(5.0), 2900.0, 1e5)
    assert scale == pytest.approx(4900.0, rel=2e-3)
    largest = FormFactor(jnp.asarray(1000.0 * 2.0**0.25))(jnp.asarray(1000.0**2))
    assert float(largest) == pytest.approx(0.4289, abs=5e-5)
    assert float(jnp.max(FormFactor(jnp.asarray(1.0))(jnp.linspace(0.0, 10.0, 2001)))) <= float(largest) + 1e-12


@pytest.mark.parametrize(
    ("kind", "channels", "m_chi", "epsilon"),
    [
        pytest.param("scalar", ("e", "mu"), 0.003, 4.5343e-7, marks=pytest.mark.slow),
        pytest.param("scalar", ("e", "mu"), 0.3, 5.4692e-5, marks=pytest.mark.slow),
        ("dirac", ("e", "mu", "tau", "u", "d", "s", "c", "b", "t"), 300.0, 2.6023e-2),
    ],
)
def test_relic_density_with_a_photon_like_mixing(kind, channels, m_chi, epsilon):
    """Constant mixing that gives Omega h^2 = 0.12 for m_A'^2 = 5 m^2 and alpha_D = 0.1, from an independent solver.

    Electric charges alone, alpha = 1/137.036. The resonance sits in the thermal tail, where the non-relativistic
    formula of the paper's Eq. 6 is wrong by a factor of 300 to 500 in the rate.
    """
    inputs = INPUTS.model_copy(update={"alpha_em_inv": 137.036})
    values = dict(zip(NAMES, jnp.asarray([m_chi, np.sqrt(5.0), 100.0 * m_chi, 0.1]), strict=True))
    point = Nonlocal.build(NonlocalOptions(dm=kind)).portal(values, inputs)
    mixing = dataclasses.replace(
        point.mixing,
        kinetic=jnp.zeros(()),
        lagrangian_mass2=point.mass2 * jnp.asarray([1.0, 1.0 - epsilon**2]),
        form_factor=Frozen(jnp.asarray(epsilon)),
    )
    keep = np.isin([fermion.name for fermion in FERMIONS], channels)[:, None] * np.array([[0.0, 1.0]])
    bosons = {"w_pair": jnp.zeros(2), "higgs": jnp.zeros((2, 2))}
    point = dataclasses.replace(point, mixing=mixing, vector=point.vector * keep, axial=0.0 * point.axial, **bosons)
    assert float(words(point, inputs)["omega_h2"]) == pytest.approx(0.12, rel=2e-3)


def test_small_mixing_far_from_resonances_is_that_of_a_dark_photon():
    """In the narrow range of s at low temperature nothing but epsilon(4 m^2) matters."""
    theta = [100.0, 4.0, 3000.0, 0.1]
    point = portal(theta)
    epsilon = float(point.mixing.form_factor(jnp.asarray(4.0 * 100.0**2)))
    values = {"m_chi": 100.0, "mass_ratio": 4.0, "epsilon": epsilon, "alpha_d": 0.1}
    local = DarkPhoton.build(DarkPhotonOptions()).portal({k: jnp.asarray(v) for k, v in values.items()}, INPUTS)
    energies = jnp.asarray([200.0**2])
    nonlocal_, constant = (cross_sections(each, INPUTS, Energies.at(energies, each)) for each in (point, local))
    for channel in ("e", "u", "nu_mu", "b"):
        assert float(nonlocal_[channel][0]) == pytest.approx(float(constant[channel][0]), rel=2e-4)


def test_floor_of_one_loop():
    """sigma = epsilon^2 alpha alpha_D/(8 pi^2) times that of constant mixing (after the paper's Eq. 8)."""
    point = portal([1000.0, 2.2, 7000.0, 0.1], loop_floor=True)
    ap2 = 2200.0**2
    coupling = np.sqrt(4.0 * np.pi * 0.1)
    epsilon = float(FormFactor(jnp.asarray(7000.0))(jnp.asarray(ap2)))
    suppression = epsilon**2 * 0.1 / INPUTS.alpha_em_inv / (8.0 * np.pi**2)
    expected = np.sqrt(suppression) * epsilon * INPUTS.charge * coupling / ap2
    assert float(loop_amplitude(jnp.asarray(7000.0), jnp.asarray(ap2), jnp.asarray(coupling), INPUTS)) == pytest.approx(
        expected, rel=1e-12
    )
    c1 = nreft_coefficients(point, jnp.zeros(1)).c1
    assert float(c1[0, 0]) == pytest.approx(expected, rel=1e-12)
    assert float(c1[1, 0]) == 0.0


def test_no_solution_and_finite_everywhere():
    """Next to the Z the masses repel; there and everywhere else values and gradients are finite."""
    assert int(portal([45.0, 91.2 / 45.0, 130.0, 0.1]).status) == status.NO_SOLUTION.bit
    random = np.random.default_rng(3)
    low, high = np.log([10.0, 0.05, 10.0, 1e-4]), np.log([1e4, 100.0, 1e6, 1.0])
    theta = jnp.asarray(np.exp(low + (high - low) * random.random((256, 4))))

    def everything(values):
        point = portal(values)
        parts = [point.eigenvectors(), point.matter_eigenvectors()]
        return jnp.concatenate([part.ravel() for part in parts]), point.status

    found, flags = jax.vmap(everything)(theta)
    slopes = jax.vmap(jax.jacrev(lambda values: everything(values)[0]))(theta)
    assert bool(jnp.all(jnp.isfinite(found)))
    assert bool(jnp.all(jnp.isfinite(slopes)))
    assert int(jnp.sum(flags == 0)) > 200


def test_scale_of_the_full_calculation():
    """Omega h^2 = 0.12 at m_A' = 2 TeV, m_A'^2 = 5 m^2, alpha_D = 0.1: 6.84 TeV, where the formulas above give 4.9."""
    omega = jax.jit(jax.vmap(lambda scale: words(portal([894.427, np.sqrt(5.0), scale, 0.1]))["omega_h2"]))
    below, above = omega(jnp.asarray([6700.0, 7000.0]))
    assert float(below) < 0.12 < float(above)
