"""Pseudo-Dirac dark matter in the early Universe and today, against a slow reference and the Dirac limit."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import kve

from globalfit.models.hypercharge import dark_coupling, hypercharge_portal
from globalfit.physics import observables, status
from globalfit.physics.cosmology.coannihilation import equilibrium_abundance
from globalfit.physics.indirect.annihilation import at_rest, pair_fraction, sigma_v_at_rest
from globalfit.physics.inputs import PRESETS
from globalfit.physics.portal import DarkMatter
from globalfit.physics.predictions import Predictions
from tests.reference import pseudo_dirac as reference
from tests.support.table import numbers

# Panels and Radau, see tests/reference.
TABLE = numbers(str(reference.__file__), "pseudo_dirac_omega.csv")
NAMES = ("m_chi", "splitting", "mass_ratio", "epsilon", "alpha_d")
VECTORS = ("z", "ap")
VOCABULARY = observables.VOCABULARY.extended(observables.vector_words(VECTORS))
INPUTS = PRESETS["micromegas6"]
WORDS = ("omega_h2", "x_f", "sigma_v_freezeout_cm3_s")
# one compilation for every test
BATCH = 16


def predictions(kind, point):
    m_chi, splitting, mass_ratio, epsilon, alpha_d = (jnp.asarray(value) for value in point)
    coupling = dark_coupling(alpha_d)
    dark = DarkMatter(kind, m_chi, jnp.stack([0.0 * coupling, coupling]), jnp.zeros(2), splitting)
    portal = hypercharge_portal(VECTORS, mass_ratio * m_chi, epsilon, dark, jnp.zeros((), int), INPUTS)
    return Predictions(portal, INPUTS, {}, VOCABULARY)


@functools.cache
def evaluator(kind):
    def one(point):
        found = predictions(kind, point)
        return {word: found[word] for word in WORDS}

    return jax.jit(jax.vmap(one))


def evaluate(kind, points):
    padded = jnp.asarray(np.resize(np.array(points, dtype=float), (BATCH, len(NAMES))))
    return {word: np.asarray(values)[: len(points)] for word, values in evaluator(kind)(padded).items()}


def test_against_the_reference():
    found = evaluate("pseudo_dirac", [[row[name] for name in NAMES] for row in TABLE])
    np.testing.assert_allclose(found["omega_h2"], [row["omega_h2"] for row in TABLE], rtol=1e-3)
    np.testing.assert_allclose(found["x_f"], [row["x_f"] for row in TABLE], rtol=1e-3)


def test_degenerate_states_are_a_dirac_fermion():
    points = [
        [50.0, 0.0, 3.0, 0.01, 0.05],
        [100.0, 0.0, 2.02, 1e-3, 0.01],
        [60.0, 0.0, 0.5, 0.01, 3e-3],
        [300.0, 0.0, 1.5, 0.1, 0.05],
        [200.0, 0.0, 0.9, 1e-3, 0.02],
    ]
    expected, found = evaluate("dirac", points), evaluate("pseudo_dirac", points)
    for word in WORDS:
        np.testing.assert_allclose(found[word], expected[word], rtol=1e-8)


@pytest.mark.parametrize("splitting", [0.0, 1e-3, 0.1, 1.0])
def test_equilibrium_abundance(splitting):
    x, ratio = np.array([1.0, 3.0, 25.0, 1e3, 1e8]), 1.0 + splitting
    heavy = ratio**2 * kve(2, ratio * x) * np.exp(-splitting * x) / kve(2, x)
    np.testing.assert_allclose(equilibrium_abundance(jnp.asarray(splitting), x), 0.5 * (1.0 + heavy), rtol=1e-9)


@pytest.mark.slow
def test_only_chi1_is_left_today():
    point = [200.0, 0.1, 0.9, 0.01, 0.02]
    split, dirac = predictions("pseudo_dirac", point), predictions("dirac", point)
    for sections in (at_rest(split), observables.annihilation_today(split)):
        assert float(sections["u"]) == float(sections["ww"]) == float(sections["ap_h"]) == 0.0
    # At rest the vectors are transverse, and of the exchanged particle's mass only t - n^2 = M^2 - m^2 - n^2 knows.
    expected = ((0.9**2 - 1.0 - 1.0) / (0.9**2 - 1.0 - 1.1**2)) ** 2
    ratio = float(at_rest(split)["ap_ap"] / at_rest(dirac)["ap_ap"])
    assert ratio == pytest.approx(expected, rel=1e-12)
    assert pair_fraction(split) == 1.0
    assert pair_fraction(dirac) == 0.5


def test_strongly_coupled_longitudinal_vectors_are_flagged():
    # g (m2 - m1)/M = sqrt(2 pi) at m2 - m1 = 20 GeV, M = 5 GeV for g = 0.6267, alpha_d = 0.03125; the field of the dark
    # photon is normalised by 1 + epsilon^2/2
    for alpha_d, flagged in ((0.0312, False), (0.0313, True)):
        code = int(observables.flags(predictions("pseudo_dirac", [100.0, 0.2, 0.05, 1e-3, alpha_d])))
        assert bool(code & status.BEYOND_PERTURBATIVITY.bit) == flagged


def test_no_annihilation_today_below_the_pairs_of_vectors():
    assert float(sigma_v_at_rest(predictions("pseudo_dirac", [50.0, 0.1, 3.0, 0.01, 0.05]))) == 0.0


@pytest.mark.slow
def test_finite_values_and_gradients():
    points = jnp.asarray(
        [
            [50.0, 0.1, 2.1, 0.01, 0.05],
            [50.0, 0.0, 2.0, 0.01, 0.05],
            [1.0, 1.0, 100.0, 1e-3, 0.01],
            [1e4, 2e-3, 0.05, 1e-5, 1e-3],
            [45.5938, 0.1, 0.1, 0.1, 1.0],
            [100.0, 0.1, 3.0, 0.0, 0.0],
        ]
    )
    value, gradient = jax.jit(jax.vmap(jax.value_and_grad(lambda p: predictions("pseudo_dirac", p)["omega_h2"])))(
        points
    )
    assert np.all(np.isfinite(value))
    assert np.all(np.isfinite(gradient))
