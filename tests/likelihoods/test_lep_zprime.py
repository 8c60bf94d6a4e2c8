"""The LEP rule of thumb: its limits come back, mixing reaches it, it stays smooth below the LEP energies."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from globalfit.likelihoods.lep_zprime import LepZprime, contact_terms

from globalfit.experiment.protocol import Likelihood
from globalfit.models.axial import Axial
from globalfit.physics import status
from globalfit.physics.fermions import INDEX
from globalfit.physics.inputs import Inputs
from globalfit.physics.mixing import mix
from globalfit.physics.portal import DarkMatter, Portal
from globalfit.physics.predictions import NO_WORDS, Predictions

INPUTS = Inputs()
RULE = LepZprime.build(LepZprime.Options(), INPUTS)
AXIAL = Axial.build(Axial.Options())
LEPTONS = [INDEX[name] for name in ("e", "mu", "tau")]


def predictions_of(names, masses, mixing, vector, axial):
    """Couplings of both vectors to e, mu and tau, (3, 2)."""
    mass2 = jnp.asarray(masses, float) ** 2
    found, _ = mix(mass2, jnp.asarray(mixing, float))
    idle = DarkMatter("dirac", jnp.asarray(1.0), jnp.zeros(2), jnp.zeros(2))
    couplings = (jnp.zeros((12, 2)).at[np.array(LEPTONS)].set(jnp.asarray(part, float)) for part in (vector, axial))
    higgs = jnp.zeros((2, 2))
    portal = Portal(names, found, *couplings, jnp.zeros(2), higgs, idle, jnp.array(0))
    return Predictions(portal, INPUTS, {}, NO_WORDS.extended(RULE.provides))


@pytest.mark.parametrize(("kind", "limit"), [("vector", 0.12), ("axial", 0.19)])
@pytest.mark.parametrize("mass", [500.0, 1000.0, 5000.0])
def test_the_rule_is_the_95_percent_limit(kind, limit, mass):
    couplings = np.zeros((2, 3, 2))
    couplings[0 if kind == "vector" else 1, :, 0] = limit * mass / 1000.0
    predictions = predictions_of(("zp", "idle"), (mass, 2.0 * mass), 0.0, *couplings)
    assert -2.0 * float(RULE.log_likelihood(predictions)) == pytest.approx(3.8415, rel=2e-3)
    assert int(RULE.status(predictions)) == 0


def test_the_z_does_not_count_and_mixing_does():
    """Vector Z couplings g = 0.5 and no direct ones: the Z' gets 0.5 U_12, and only that appears."""
    mixing, mass = 0.2, 700.0
    vector = np.zeros((3, 2))
    vector[:, 0] = 0.5
    predictions = predictions_of(("z", "zp"), (91.188, mass), mixing, vector, np.zeros((3, 2)))
    x, y = 91.188**2, mass**2
    # V1 part of the V2-like state, from 1/(q2 K - M2) = sum_k u_k u_k^T/(q2 - M_k^2): residue of D_11 at y
    residue = (y - float(predictions.portal.mixing.lagrangian_mass2[1])) / ((1.0 - mixing**2) * (y - x))
    expected = 0.25 * residue / (mass / 1000.0) ** 2
    assert float(predictions["lep_vector_contact_tev2"]) == pytest.approx(expected, rel=2e-3)
    assert float(predictions["lep_axial_contact_tev2"]) == 0.0
    alone = predictions_of(("z", "zp"), (91.188, mass), 0.0, vector, np.zeros((3, 2)))
    assert float(alone["lep_vector_contact_tev2"]) == 0.0


def test_two_new_vectors_add_up_with_their_signs():
    """Products of electron and lepton couplings, averaged over mu and tau, of both mass eigenstates."""
    vector = np.array([[0.2, 0.3], [0.1, -0.4], [0.3, -0.2]])
    predictions = predictions_of(("c", "x"), (1000.0, 2000.0), 0.0, vector, np.zeros((3, 2)))
    expected = 0.2 * 0.2 / 1.0 - 0.3 * 0.3 / 4.0
    assert float(contact_terms(predictions)[0]) == pytest.approx(expected, rel=1e-3)


def test_below_the_lep_energies_it_is_held_smoothly():
    def log_likelihood(mass):
        vector = np.full((3, 2), [0.02, 0.0])
        portal = predictions_of(("zp", "idle"), (1.0, 5000.0), 0.0, vector, np.zeros((3, 2))).portal
        mass2 = jnp.stack([mass**2, jnp.asarray(25.0e6)])
        portal = Portal(**{**vars(portal), "mixing": mix(mass2, jnp.zeros(())).mixing})
        return RULE.log_likelihood(Predictions(portal, INPUTS, {}))

    masses = np.concatenate([[0.05, 1.0, 50.0], np.linspace(150.0, 260.0, 221)])
    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(log_likelihood)))(jnp.asarray(masses))
    assert np.all(np.diff(values) >= 0.0)
    assert values[2] == pytest.approx(float(values[0]), rel=0.01)
    np.testing.assert_allclose(np.diff(values[3:]) / 0.5, 0.5 * (slopes[4:] + slopes[3:-1]), rtol=2e-2)
    light = predictions_of(("z", "zp"), (91.188, 150.0), 0.0, np.zeros((3, 2)), np.zeros((3, 2)))
    assert int(RULE.status(light)) == status.OUTSIDE_TABLE.bit


def test_finite_and_equal_alone_and_in_a_batch():
    rng = np.random.default_rng(5)
    points = {
        "m_chi": jnp.asarray(10 ** rng.uniform(0.0, 4.0, 300)),
        "mass_ratio": jnp.asarray(10 ** rng.uniform(np.log10(0.05), 2.0, 300)),
        "epsilon": jnp.asarray(np.where(np.arange(300) < 10, 0.0, rng.uniform(-0.85, 0.85, 300))),
        "alpha_d": jnp.asarray(np.where(np.arange(300) % 10, 0.1, 0.0)),
    }

    def log_likelihood(point):
        predictions = Predictions(AXIAL.portal(point, INPUTS), INPUTS, point)
        return RULE.log_likelihood(predictions), RULE.pulls(predictions)

    one = jax.value_and_grad(log_likelihood, has_aux=True)
    (values, pulls), slopes = jax.jit(jax.vmap(one))(points)
    assert np.all(np.isfinite(values))
    assert all(np.all(np.isfinite(slope)) for slope in slopes.values())
    np.testing.assert_allclose(values, float(RULE.maximum) - 0.5 * np.sum(np.asarray(pulls) ** 2, axis=1), rtol=1e-12)
    np.testing.assert_allclose(values[:10], float(RULE.no_signal))
    for i in (0, 100, 299):
        alone = log_likelihood({name: value[i] for name, value in points.items()})[0]
        assert float(alone) == pytest.approx(float(values[i]), rel=1e-10)


def test_toys_scatter_about_the_truth():
    """The estimate of x_V is the observed one; 1000 toys."""
    predictions = predictions_of(("zp", "idle"), (1000.0, 3000.0), 0.0, np.full((3, 2), 0.1), np.zeros((3, 2)))
    keys = jax.random.split(jax.random.key(1), 1000)
    observed = np.asarray(jax.vmap(lambda key: RULE.simulate(predictions, key).observed)(keys))
    sigma = np.asarray(RULE.sigma)
    assert np.all(np.abs(observed.mean(axis=0) - np.asarray(contact_terms(predictions))) < 3.5 * sigma / np.sqrt(1000))
    np.testing.assert_allclose(observed.std(axis=0), sigma, rtol=0.1)


def test_describes_itself():
    assert isinstance(RULE, Likelihood)
    assert len(RULE.measurements) == len(RULE.sigma)
    curves = {curve.label: curve for curve in RULE.limit_curves().curves}
    for kind in ("vector", "axial"):
        found, rule = curves[f"{kind}, this likelihood"], curves[f"{kind}, rule of thumb"]
        heavy = rule.x > 300.0
        np.testing.assert_allclose(found.y[heavy], rule.y[heavy], rtol=2e-3)
