"""The Planck likelihood, of all of the dark matter and of a component."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from globalfit.likelihoods.planck_relic import PlanckRelic, PlanckRelicOptions

from globalfit.physics.dark_matter_fraction import OBSERVED_OMEGA_H2, component_fraction
from globalfit.physics.inputs import PRESETS
from globalfit.physics.predictions import Predictions


class Density(Predictions):
    """Predictions of one relic density."""

    def __init__(self, omega):
        self.omega = jnp.asarray(omega)

    def value(self, name):
        assert name == "omega_h2"
        return self.omega

    __getitem__ = value


def planck(**options):
    return PlanckRelic.build(PlanckRelicOptions(**options), PRESETS["default"])


@pytest.mark.parametrize("omega", [0.01, 0.119, 0.12, 0.13, 5.0])
def test_gaussian_with_the_error_of_the_prediction(omega):
    variance = 0.0012**2 + (0.05 * omega) ** 2
    expected = -0.5 * (omega - 0.12) ** 2 / variance - 0.5 * math.log(2.0 * math.pi * variance)
    np.testing.assert_allclose(planck().log_likelihood(Density(omega)), expected, rtol=1e-12)


@pytest.mark.slow
def test_pulls_give_the_likelihood_back():
    omega = np.linspace(0.05, 0.3, 26)
    for likelihood in (planck(), planck(theory_error=0.0), planck().for_component()):
        pulls = np.array([float(likelihood.pulls(Density(x))[0]) for x in omega])
        log_likelihood = np.array([float(likelihood.log_likelihood(Density(x))) for x in omega])
        np.testing.assert_allclose(float(likelihood.maximum) - 0.5 * pulls**2, log_likelihood, atol=1e-9)
        assert np.all(np.diff(pulls) <= 0.0)
    # Without a theory error the pull is the textbook one.
    assert float(planck(theory_error=0.0).pulls(Density(0.1176))[0]) == pytest.approx(2.0, rel=1e-9)


def test_toys_are_unbiased():
    likelihood, keys = planck(), jax.random.split(jax.random.key(1), 20_000)
    central = jax.vmap(lambda key: likelihood.simulate(Density(0.2), key).mean)(keys)
    sigma = math.hypot(0.0012, 0.05 * 0.2)
    assert float(jnp.mean(central)) == pytest.approx(0.2, abs=4.0 * sigma / math.sqrt(len(keys)))
    assert float(jnp.std(central)) == pytest.approx(sigma, rel=0.03)


def test_component_is_flat_below_and_continuous():
    likelihood = planck().for_component()
    below, at, above = (float(likelihood.log_likelihood(Density(omega))) for omega in (1e-4, 0.12, 0.2))
    assert below == at
    assert above < at
    assert float(likelihood.log_likelihood(Density(0.12 + 1e-9))) == pytest.approx(at, abs=1e-6)
    assert float(component_fraction(Density(0.03))) == pytest.approx(0.25)
    assert float(component_fraction(Density(0.3))) == 1.0


def test_published_numbers():
    # Planck 2018 (arXiv:1807.06209): Omega_c h^2 = 0.1200 +- 0.0012
    assert (float(planck().mean), float(planck().sigma)) == (0.12, 0.0012)
    assert float(planck().mean) == OBSERVED_OMEGA_H2
