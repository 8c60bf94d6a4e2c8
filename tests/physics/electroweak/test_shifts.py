"""Shifts of the Z-pole observables by mixing with the Z."""

import dataclasses
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from globalfit.physics import fermions
from globalfit.physics.annihilation.widths import widths
from globalfit.physics.electroweak.pole import held, near_pole
from globalfit.physics.electroweak.shifts import angle_shift, mixed, pseudo_observables, unmixed, z_boson
from globalfit.physics.electroweak.standard_model import Nuisances, standard_model
from tests.support.electroweak_portals import INPUTS, hypercharge, kinetic
from tests.support.table import read

STANDARD = standard_model(Nuisances(91.1876, 172.57, 125.20, 0.1180, 0.0590977))
ERRORS = {row["word"]: float(row["error"]) for row in read(__file__, "standard_model.csv")}
COLUMNS = {
    "GammaZ_GeV": "gamma_z_gev",
    "R_e": "r_e",
    "R_b": "r_b",
    "R_c": "r_c",
    "A_l": "a_e",
    "A_b": "a_b",
    "A_c": "a_c",
    "AFB_l": "afb_e",
    "AFB_b": "afb_b",
    "s2eff_l": "s2eff_l",
    "sigma_had_pb": "sigma_had_pb",
    "MW_GeV": "m_w_gev",
}
BUILDERS = {"dp": hypercharge, "dpdm": kinetic}


@functools.partial(jax.jit, static_argnums=0)
def shifted(model, epsilon, mass):
    z = mixed(BUILDERS[model](epsilon, mass), 0, INPUTS, STANDARD)
    return pseudo_observables(STANDARD, z), z.mass2_ratio, angle_shift(z.mass2_ratio, STANDARD)


@jax.jit
def words(portal):
    return pseudo_observables(STANDARD, z_boson(portal, INPUTS, STANDARD))


def at(mass, epsilon=0.01):
    return words(hypercharge(epsilon, mass))


def test_against_an_independent_program():
    for row in read(__file__, "mixing_benchmarks.csv"):
        found, ratio, angle = shifted(row["model"], float(row["eps"]), float(row["M_GeV"]))
        # The other program takes its own weak angle for the mixing of the hypercharge, 0.2 %, and M_Z = 91.1876 GeV.
        rel = 3e-3 if row["model"] == "dp" else 1e-3
        assert float(ratio) - 1.0 == pytest.approx(float(row["mZbar2_over_MZ2"]) - 1.0, rel=rel, abs=5e-9)
        assert float(angle) == pytest.approx(float(row["ds2"]), rel=rel)
        for column, word in COLUMNS.items():
            # a tenth is asked for
            assert abs(float(found[word]) - float(row[column])) < 0.01 * ERRORS[word], (row, word)


@pytest.mark.parametrize(("epsilon", "mass"), [(0.3, 1000.0), (0.05, 30.0), (0.6, 3000.0)])
def test_couplings_against_a_generalised_eigenproblem(epsilon, mass):
    # Three fields before anything is removed: photon, Z, A' with K_AA' = -epsilon, K_ZA' = epsilon t_W.
    portal = hypercharge(epsilon, mass)
    tangent = INPUTS.tan_theta_w
    kinetic_matrix = np.array([[1.0, 0.0, -epsilon], [0.0, 1.0, epsilon * tangent], [-epsilon, epsilon * tangent, 1.0]])
    # The Lagrangian mass of V2 = sqrt(1 - epsilon^2) A'
    heavy = float(portal.mixing.lagrangian_mass2[1]) * (1.0 - epsilon**2)
    values, states = scipy.linalg.eigh(np.diag([0.0, float(portal.mixing.lagrangian_mass2[0]), heavy]), kinetic_matrix)
    k = int(np.argmin(np.abs(values - INPUTS.m_z**2)))
    assert values[k] == pytest.approx(INPUTS.m_z**2, rel=1e-9)
    state = states[:, k] * np.sign(states[1, k])
    z = mixed(portal, 0, INPUTS, STANDARD)
    angle = np.asarray(STANDARD.sin2_eff) + float(angle_shift(z.mass2_ratio, STANDARD))
    charge, isospin = fermions.CHARGE[:11], fermions.ISOSPIN[:11]
    electric = 2.0 * INPUTS.sin_theta_w * INPUTS.cos_theta_w * charge
    np.testing.assert_allclose(z.axial, state[1] * isospin, rtol=1e-9)
    np.testing.assert_allclose(
        z.vector, state[1] * (isospin - 2.0 * charge * angle) + state[0] * electric, rtol=1e-9, atol=1e-12
    )


def test_no_mixing_and_no_z_are_the_standard_model():
    expected = pseudo_observables(STANDARD, unmixed(STANDARD))
    nameless = dataclasses.replace(hypercharge(0.3, 40.0), names=("c", "x"))
    for portal in (hypercharge(0.0, 40.0), hypercharge(0.0, 91.188), nameless):
        found = words(portal)
        for name, value in expected.items():
            assert float(found[name]) == pytest.approx(float(value), rel=1e-12), name


def test_order_of_the_vectors_does_not_matter():
    first, second = words(kinetic(0.2, 300.0)), words(kinetic(0.2, 300.0, order=-1))
    for name, value in first.items():
        assert float(second[name]) == pytest.approx(float(value), rel=1e-12), name


def test_couplings_of_the_other_vector_to_muons_alone():
    muon = jnp.zeros(12).at[fermions.INDEX["mu"]].set(0.1)
    plain, found = words(kinetic(0.01, 300.0)), words(kinetic(0.01, 300.0, vector=muon))
    changed = {name for name in plain if abs(float(found[name] / plain[name]) - 1.0) > 1e-12}
    assert changed == {"gamma_z_gev", "sigma_had_pb", "r_mu", "a_mu", "afb_mu"}


def test_decay_to_dark_matter_is_added_to_the_width():
    portal = hypercharge(0.02, 30.0, alpha_d=0.5, m_chi=20.0)
    without = words(eqx.tree_at(lambda item: item.dark.axial, portal, jnp.zeros(2)))
    found = words(portal)
    dark = float(widths(portal, INPUTS).partial["dark"][0])
    # Gamma = M (1 - 4 m^2/M^2)^(3/2) g^2/(12 pi) with the Z's share of the dark coupling
    share = float(portal.dark.axial[1] * portal.eigenvectors()[1, 0])
    by_hand = INPUTS.m_z / (12.0 * np.pi) * share**2 * (1.0 - 4.0 * 20.0**2 / INPUTS.m_z**2) ** 1.5
    assert dark == pytest.approx(by_hand, rel=1e-9)
    assert dark > 1e-4
    assert float(found["gamma_z_gev"] - without["gamma_z_gev"]) == pytest.approx(dark, rel=1e-9)
    ratio = float(without["gamma_z_gev"] / found["gamma_z_gev"]) ** 2
    assert float(found["sigma_had_pb"] / without["sigma_had_pb"]) == pytest.approx(ratio, rel=1e-9)
    for name in ("r_e", "a_e", "m_w_gev"):
        assert float(found[name]) == pytest.approx(float(without[name]), rel=1e-12)


@jax.jit
@jax.vmap
def width_and_slope(mass):
    return jax.value_and_grad(lambda value: at(value)["gamma_z_gev"])(mass)


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_value_at_the_edge_is_held_near_the_pole(side):
    width = float(STANDARD.gamma_z)
    away = np.array([3.0, 2.999, 2.0, 1.0, 0.5, 3.0 - 1e-7, 3.0 + 1e-7, 3.25 - 1e-7, 3.25 + 1e-7, 4.0])
    values, slopes = map(np.asarray, width_and_slope(INPUTS.m_z + side * away * width))
    unheld = mixed(hypercharge(0.01, INPUTS.m_z + side * 3.0 * width), 0, INPUTS, STANDARD)
    np.testing.assert_allclose(values[:6], pseudo_observables(STANDARD, unheld)["gamma_z_gev"], rtol=1e-12)
    assert abs(values[0] - float(STANDARD.gamma_z)) > 1e-4
    np.testing.assert_allclose(slopes[:6], 0.0, atol=1e-15)
    # Outside it moves, continuously, and from a quarter of a width on with the true mass.
    assert abs(slopes[6]) < 1e-8
    assert slopes[8] == pytest.approx(slopes[7], rel=1e-4)
    assert abs(slopes[8]) > 1e-6
    assert abs(values[9] - values[0]) > 1e-5
    portal = hypercharge(0.01, INPUTS.m_z + side * 3.26 * width)
    np.testing.assert_array_equal(held(portal, 0, STANDARD.gamma_z).mass2, portal.mass2)


def test_near_pole_is_three_widths():
    width = STANDARD.gamma_z
    for away, near in ((2.99, True), (3.01, False)):
        for side in (-1.0, 1.0):
            portal = hypercharge(0.01, INPUTS.m_z + side * away * float(width))
            assert bool(near_pole(portal, 0, width)) is near


def test_finite_where_no_weak_angle_fits():
    # Strong mixing with a light vector pulls m_Zbar far below M_Z.
    value, slope = jax.jit(jax.value_and_grad(lambda epsilon: at(1.0, epsilon)["m_w_gev"]))(0.85)
    assert np.isfinite(value)
    assert np.isfinite(slope)
    ratios = jnp.linspace(0.2, 2.0, 2001)
    shift = jax.vmap(lambda ratio: angle_shift(ratio, STANDARD))(ratios)
    assert np.all(np.diff(shift) < 1e-15)
    assert np.max(np.abs(np.diff(shift))) < 0.02
