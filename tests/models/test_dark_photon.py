"""The dark photon: scattering against its closed form, scalar dark matter against Dirac, finite everywhere."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from globalfit.models.dark_photon import DarkPhoton, DarkPhotonOptions
from globalfit.physics.inputs import PRESETS
from globalfit.physics.observables import VOCABULARY, decay_widths
from globalfit.physics.predictions import Predictions
from globalfit.physics.scattering.nreft import nreft_coefficients

INPUTS = PRESETS["default"]
NAMES = tuple(parameter.name for parameter in DarkPhoton.parameters)


def predictions(theta, kind="dirac", inputs=INPUTS):
    model = DarkPhoton.build(DarkPhotonOptions(dm=kind))
    values = dict(zip(NAMES, theta, strict=True))
    vocabulary = VOCABULARY.extended(model.provides)
    return Predictions(model.portal(values, inputs), inputs, values, vocabulary)


@pytest.mark.parametrize("kind", ["dirac", "scalar"])
def test_scattering_at_rest_goes_through_the_charge_alone(kind):
    alpha_d, epsilon = 0.05, 0.02
    given = predictions(jnp.asarray([200.0, 3.0, epsilon, alpha_d]), kind)
    coefficients = nreft_coefficients(given.portal, jnp.zeros(1))
    # The Lagrangian mass of A': V2 = sqrt(1 - epsilon^2) A'.
    mass2 = float(given.portal.mixing.lagrangian_mass2[1]) * (1.0 - epsilon**2)
    expected = math.sqrt(4.0 * math.pi * alpha_d) * INPUTS.charge * epsilon / mass2
    assert abs(float(coefficients.c1[0, 0])) == pytest.approx(expected, rel=1e-12)
    assert abs(float(coefficients.c1[1, 0])) < 1e-15 * expected
    assert not np.any(coefficients.c8)


@pytest.mark.slow
def test_scalar_dark_matter_annihilates_in_the_p_wave_and_decays_slower():
    theta = jnp.asarray([200.0, 2.5, 0.01, 0.05])
    dirac, scalar = predictions(theta), predictions(theta, "scalar")
    # Far above threshold a scalar pair has a quarter of the width of a Dirac pair, times beta^2/(1 + 2 m^2/M^2).
    r = 1.0 / 2.5**2
    ratio = decay_widths(scalar).partial["dark"][1] / decay_widths(dirac).partial["dark"][1]
    assert float(ratio) == pytest.approx(0.25 * (1.0 - 4.0 * r) / (1.0 + 2.0 * r), rel=1e-9)
    suppression = float(scalar["sigma_v_today_cm3_s"] / dirac["sigma_v_today_cm3_s"])
    assert suppression < 1e-5
    assert float(scalar["omega_h2"]) > float(dirac["omega_h2"])


def test_pseudo_dirac_dark_matter_only_scatters_inelastically():
    split = predictions(jnp.asarray([200.0, 2.5, 0.01, 0.05]), "pseudo_dirac")
    assert float(split.portal.dark.splitting) == DarkPhotonOptions().splitting
    for coefficient in nreft_coefficients(split.portal, jnp.zeros(1)):
        assert not np.any(coefficient)
    with pytest.raises(ValueError, match="splitting"):
        DarkPhotonOptions(dm="pseudo_dirac", splitting=1e-4)


@pytest.mark.slow
def test_finite_values_and_gradients():
    random = np.random.default_rng(1)
    low, high = np.log([1.0, 0.05, 1e-6, 1e-4]), np.log([1e4, 100.0, 0.8, 3.0])
    theta = jnp.asarray(np.exp(random.uniform(low, high, (300, 4))))
    for kind in ("dirac", "scalar", "pseudo_dirac"):

        def value(point, kind=kind):
            given = predictions(point, kind)
            return jnp.log(given["sigma_v_today_cm3_s"] + 1e-60) + jnp.sum(given["width_ap_gev"])

        values, gradients = jax.jit(jax.vmap(jax.value_and_grad(value)))(theta)
        assert np.all(np.isfinite(values))
        assert np.all(np.isfinite(gradients))
