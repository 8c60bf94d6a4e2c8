"""CMS dimuon resonances: the published limit comes back, is relaxed by invisible decays, and knows the couplings."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from globalfit.likelihoods.cms_dimuon_2019 import CMSDimuon2019, strength
from scipy.optimize import brentq

from globalfit.experiment.protocol import Likelihood, NoOptions
from globalfit.experiment.resonance_scans import b_minus_l_portal, hypercharge_scan
from globalfit.experiment.statistics import flat_prior_limit
from globalfit.physics import fermions, status
from globalfit.physics.collider.production import QUARKS, luminosity_table
from globalfit.physics.mixing import mix
from globalfit.physics.portal import DarkMatter, Portal
from globalfit.physics.predictions import NO_WORDS, Predictions
from tests.support.axial_scan import INPUTS, evaluate, predictions

CMS = CMSDimuon2019.build(NoOptions(), INPUTS)
VOCABULARY = NO_WORDS.extended(CMS.provides)


def dark_photons(masses, epsilon):
    return np.stack([masses, np.ones_like(masses), np.full_like(masses, epsilon), np.zeros_like(masses)], axis=1)


def dark_photon(mass, epsilon, alpha_d=0.0, mass_ratio=1.0):
    return [mass / mass_ratio, mass_ratio, epsilon, alpha_d]


def mixing(mass):
    """Couplings per epsilon of a hypercharge-mixed dark photon, first order: (vector, axial) by fermion, and to WW."""
    s2, c2, e = INPUTS.sin2_theta_w, 1.0 - INPUTS.sin2_theta_w, math.sqrt(4.0 * math.pi / INPUTS.alpha_em_inv)
    r = mass**2 / INPUTS.m_z**2
    share = r / (1.0 - r) * math.sqrt(s2 / c2) * e / (2.0 * math.sqrt(s2 * c2))
    vector = e * fermions.CHARGE + share * (fermions.ISOSPIN - 2.0 * fermions.CHARGE * s2)
    return vector, share * fermions.ISOSPIN, e * (1.0 + r / (1.0 - r))


def visible_width(mass, vector, axial, w_pair=0.0):
    """(mu mu, total) decays to the Standard Model over M/(12 pi), written out once more."""
    r = (fermions.masses(INPUTS) / mass) ** 2
    beta = np.sqrt(np.maximum(1.0 - 4.0 * r, 0.0))
    parts = fermions.COLOURS * beta * (vector**2 * (1.0 + 2.0 * r) + axial**2 * (1.0 - 4.0 * r))
    x = (INPUTS.m_w / mass) ** 2
    bosons = max(1.0 - 4.0 * x, 0.0) ** 1.5 * (1.0 + 20.0 * x + 12.0 * x**2) / (16.0 * x**2) * w_pair**2
    return parts[fermions.INDEX["mu"]], parts.sum() + bosons


def test_is_a_likelihood():
    assert isinstance(CMS, Likelihood)
    assert len(CMS.measurements) == CMS.observed.size == 53
    assert {table.name.rpartition("/")[2] for table in CMS.tables} == {"limit.csv", "parton_luminosities.csv"}


def test_published_limit_comes_back_at_twenty_masses():
    table = strength.limit_table()
    chosen = np.unique(np.linspace(0, 52, 20).astype(int))
    assert chosen.size == 20
    masses, published, sigma = table["mass_gev"][chosen], table["epsilon"][chosen], np.asarray(CMS.sigma)[chosen]
    mixing2 = np.linspace(0.0, 12.0, 401)
    values = hypercharge_scan(CMS.log_likelihood, masses, np.sqrt(sigma[:, None] * mixing2))
    implied = np.sqrt(sigma * flat_prior_limit(mixing2, values, 0.90))
    np.testing.assert_allclose(implied, published, rtol=0.002)


@pytest.mark.parametrize("mass_ratio", [2.3, 2.05])
@pytest.mark.parametrize("mass", [18.888, 40.639, 62.393, 132.91, 177.37])
def test_invisible_decays_relax_the_limit(mass, mass_ratio):
    """epsilon = epsilon_published sqrt(Gamma_tot/Gamma_SM), Gamma_SM at that epsilon (arXiv:2510.24114, Eq. 14)."""
    table = strength.limit_table()
    published = float(table["epsilon"][table["mass_gev"] == mass][0])
    _, visible = visible_width(mass, *mixing(mass))
    beta = math.sqrt(1.0 - 4.0 / mass_ratio**2)
    invisible = 4.0 * math.pi * 0.05 * beta**3
    relaxed = brentq(lambda x: x**2 - published**2 * (1.0 + invisible / (visible * x**2)), published, 0.5)
    assert relaxed > 3.0 * published
    *_, found = evaluate(CMS, [dark_photon(mass, relaxed, 0.05, mass_ratio)], ("dimuon_strength",))
    assert math.sqrt(float(found[0])) == pytest.approx(published, rel=0.003)


@pytest.mark.parametrize("mass", [12.941, 47.9, 120.0, 190.0])
def test_strength_counts_the_couplings_of_production_and_decay(mass):
    """A B-L boson against the dark photon, from the luminosities of the table and widths written out again."""
    coupling = 2e-3
    p = Predictions(b_minus_l_portal(jnp.asarray(mass), jnp.asarray(coupling)), INPUTS, {}, VOCABULARY)
    table = luminosity_table()
    weights = np.exp([np.interp(np.log(mass), np.log(table["mass_gev"]), np.log(table[q])) for q in QUARKS])
    quarks = [fermions.INDEX[quark] for quark in QUARKS]
    vector, axial, w_pair = mixing(mass)
    muons, total = visible_width(mass, vector, axial, w_pair)
    reference = weights @ (vector**2 + axial**2)[quarks] * muons / total
    charge = np.where(fermions.COLOURS == 3.0, 1.0 / 3.0, -1.0)
    neutrino = np.arange(12) < 3
    ours, all_ours = visible_width(mass, np.where(neutrino, -0.5, charge), np.where(neutrino, -0.5, 0.0))
    expected = coupling**2 * weights.sum() / 9.0 * ours / all_ours / reference
    # the table's interpolation in the test is linear
    assert float(p["dimuon_strength"]) == pytest.approx(expected, rel=0.01)


def test_word_can_be_traced_before_the_experiment_is_built():
    def word(mass):
        return Predictions(b_minus_l_portal(mass, 0.0 * mass + 1e-3), INPUTS, {}, VOCABULARY)["dimuon_strength"]

    assert float(jax.jit(word)(jnp.asarray(30.0))) == pytest.approx(float(word(jnp.asarray(30.0))), rel=1e-10)


def test_sensitivity_is_the_same_between_tabulated_masses():
    centres = np.asarray(CMS.cells.centre)
    for low, high in strength.RANGES:
        inside = centres[(centres > low) & (centres < high)]
        masses = jnp.asarray(np.geomspace(inside[0], inside[-1], 701))
        total = jnp.sum(jax.vmap(CMS.cells)(masses) ** 2, axis=1)
        np.testing.assert_allclose(total, 1.0, rtol=1e-12)


def test_no_jump_anywhere_and_no_signal_outside():
    masses = np.concatenate([np.geomspace(5.0, 250.0, 4001), [11.5, 75.0, 90.0, 110.0, 200.0, 1e5]])
    values, *_ = evaluate(CMS, dark_photons(masses, 0.004))
    outside = (masses <= 11.5) | ((masses >= 75.0) & (masses <= 110.0)) | (masses >= 200.0)
    np.testing.assert_allclose(values[outside], float(CMS.no_signal), rtol=1e-12)
    for edge in (11.5, 75.0, 110.0, 200.0):
        near = evaluate(CMS, [dark_photon(edge * (1.0 + x), 0.004) for x in (-1e-5, 1e-5)])[0]
        assert abs(float(near[0] - near[1])) < 1e-3
    # halving the step halves the largest change: continuous
    fine = evaluate(CMS, dark_photons(np.geomspace(5.0, 250.0, 8001), 0.004))[0]
    assert np.max(np.abs(np.diff(fine))) < 0.6 * np.max(np.abs(np.diff(values[:4001])))


def test_two_resonances_add_up():
    def portal(first, second):
        vector = jnp.asarray(np.where(fermions.COLOURS == 3.0, 1.0 / 3.0, -1.0))[:, None]
        mass2 = jnp.asarray([30.0**2, 30.3**2])
        return Portal(
            ("c", "x"), mix(mass2, jnp.zeros(())).mixing, vector * jnp.asarray([[first, second]]), jnp.zeros((12, 2)),
            jnp.zeros(2), jnp.zeros((2, 2)), DarkMatter("dirac", jnp.asarray(100.0), jnp.zeros(2), jnp.zeros(2)),
            jnp.zeros((), dtype=jnp.int32),
        )  # fmt: skip

    def signal(first, second):
        p = Predictions(portal(first, second), INPUTS, {}, VOCABULARY)
        return (CMS.observed / CMS.sigma) - CMS.pulls(p)

    np.testing.assert_allclose(signal(1e-3, 2e-3), signal(1e-3, 0.0) + signal(0.0, 2e-3), atol=1e-12)
    assert float(jnp.max(signal(1e-3, 0.0))) > 0.1


def random_points(count):
    random = np.random.default_rng(3)
    epsilon = random.choice([-1.0, 1.0], count) * 10.0 ** random.uniform(-6.0, math.log10(0.85), count)
    epsilon[:5] = 0.0
    m_chi, ratio = 10.0 ** random.uniform(0.0, 4.0, count), 10.0 ** random.uniform(math.log10(0.05), 2.0, count)
    half = count // 2
    ratio[:half] = np.exp(random.uniform(math.log(10.0), math.log(220.0), half)) / m_chi[:half]
    alpha = np.where(random.random(count) < 0.1, 0.0, 10.0 ** random.uniform(-5.0, 1.0, count))
    return jnp.asarray(np.stack([m_chi, ratio, epsilon, alpha], axis=1))


def test_values_gradients_and_pulls():
    points = random_points(300)
    values, gradient, pulls = evaluate(CMS, points)
    np.testing.assert_allclose(CMS.maximum - 0.5 * jnp.sum(pulls**2, axis=1), values, rtol=1e-12)
    alone = CMS.log_likelihood(predictions(CMS, points[7]))
    np.testing.assert_allclose(alone, values[7], rtol=1e-11)
    np.testing.assert_allclose(values[:5], float(CMS.no_signal), rtol=1e-14)
    assert bool(jnp.all(jnp.isfinite(values)))
    assert bool(jnp.all(jnp.isfinite(gradient)))


def test_gradient_against_differences():
    centre = np.array([20.0, 2.3, 0.03, 0.05])
    step = 1e-6 * centre
    moved = np.stack([centre + sign * np.diag(step)[k] for k in range(4) for sign in (1.0, -1.0)])
    values, gradient, *_ = evaluate(CMS, np.concatenate([centre[None], moved]))
    differences = (values[1::2] - values[2::2]) / (2.0 * step)
    np.testing.assert_allclose(gradient[0] * centre, differences * centre, rtol=1e-5, atol=1e-5)


def test_toys_give_the_strength_back():
    point = predictions(CMS, dark_photon(45.5, 0.003))
    toys = jax.vmap(lambda key: CMS.simulate(point, key).observed)(jax.random.split(jax.random.key(1), 1000))
    response = np.asarray(CMS.cells(jnp.asarray(45.5)))
    weight = response / np.asarray(CMS.sigma) ** 2
    information = float(weight @ response)
    found = np.asarray(toys) @ weight / information
    error = 1.0 / math.sqrt(information)
    assert found.mean() == pytest.approx(float(point["dimuon_strength"]), abs=3.5 * error / math.sqrt(1000))
    assert found.std() == pytest.approx(error, rel=0.1)


def test_status_tells_where_there_is_no_limit():
    for mass, flag in ((30.0, 0), (150.0, 0), (10.0, 1), (90.0, 1), (300.0, 1)):
        expected = status.NOT_COVERED.bit if flag else 0
        assert int(CMS.status(predictions(CMS, dark_photon(mass, 1e-3)))) == expected


def test_picture_shows_published_and_implied_curves():
    published, implied = CMS.limit_curves().curves
    assert (published.style, implied.style) == ("published", "implied")
    np.testing.assert_allclose(implied.y, published.y, rtol=0.002)
