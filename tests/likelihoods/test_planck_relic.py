"""The Planck likelihood in its two modes."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from globalfit.likelihoods.planck_relic import PlanckRelic, PlanckRelicOptions

from globalfit.inputs import PRESETS


class Density:
    """Predictions of one relic density."""

    def __init__(self, omega):
        self.omega = jnp.asarray(omega)

    def __getitem__(self, name):
        assert name == "omega_h2"
        return self.omega


def planck(**options):
    return PlanckRelic.build(PlanckRelicOptions(**options), PRESETS["default"])


@pytest.mark.parametrize("omega", [0.01, 0.119, 0.12, 0.13, 5.0])
def test_gaussian_with_the_error_of_the_prediction(omega):
    variance = 0.0012**2 + (0.05 * omega) ** 2
    expected = -0.5 * (omega - 0.12) ** 2 / variance - 0.5 * math.log(2.0 * math.pi * variance)
    np.testing.assert_allclose(planck().log_likelihood(Density(omega)), expected, rtol=1e-12)
    np.testing.assert_allclose(planck().pull(Density(omega)), (omega - 0.12) / math.sqrt(variance), rtol=1e-12)


def test_component_is_flat_below_and_continuous():
    likelihood = planck(mode="component")
    below, at, above = (float(likelihood.log_likelihood(Density(omega))) for omega in (1e-4, 0.12, 0.2))
    assert below == at
    assert above < at
    assert float(likelihood.log_likelihood(Density(0.12 + 1e-9))) == pytest.approx(at, abs=1e-6)
    assert float(likelihood.dark_matter_fraction(Density(0.03))) == pytest.approx(0.25)
    assert float(likelihood.dark_matter_fraction(Density(0.3))) == 1.0
    assert planck().dark_matter_fraction is None


def test_published_numbers():
    # Planck 2018 (arXiv:1807.06209): Omega_c h^2 = 0.1200 +- 0.0012
    assert (float(planck().central), float(planck().sigma)) == (0.12, 0.0012)
