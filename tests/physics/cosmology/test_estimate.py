"""The quick relic density against the full one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from globalfit import runfile
from globalfit.build.built import build
from globalfit.physics.cosmology.estimate import estimate_mesh, estimated_yield
from globalfit.physics.cosmology.freeze_out import freeze_out
from globalfit.physics.cosmology.temperatures import temperatures
from globalfit.physics.inputs import PRESETS
from globalfit.physics.observables import relic_estimate
from globalfit.posterior.posterior import in_chunks

INPUTS = PRESETS["micromegas6"]


@pytest.mark.parametrize("power", [-1.0, 0.0, 0.5])
def test_powers_of_the_velocity(power):
    """Annihilation in the p wave, in the s wave, and with Coulomb's attraction."""

    def both(mass, sigma):
        full = freeze_out(mass, 4, sigma * temperatures() ** power, INPUTS)
        return estimated_yield(mass, 4, sigma * estimate_mesh() ** power, INPUTS), full.relic_yield

    mass, sigma = (jnp.ravel(a) for a in jnp.meshgrid(jnp.array([20.0, 300.0, 5e3]), jnp.array([1e-10, 1e-8, 1e-6])))
    estimate, full = jax.jit(jax.vmap(both))(mass, sigma)
    np.testing.assert_allclose(estimate, full, rtol=0.05)


def test_around_the_measured_density():
    posterior = build(runfile.parse({"model": "axial", "likelihoods": ["planck_relic"], "inputs": "micromegas6"}))[1]

    def both(u):
        predictions = posterior.predictions(posterior.parameters.values(posterior.transform(u)))
        return relic_estimate(predictions), predictions["omega_h2"]

    u = jnp.asarray(np.random.default_rng(1).random((8192, posterior.ndim)))
    estimate, full = map(np.asarray, jax.jit(lambda u: in_chunks(both, u))(u))
    near = np.abs(np.log(full / 0.12)) < 0.5
    error = np.abs(np.log(estimate / full))[near]
    assert np.count_nonzero(near) > 100
    assert np.mean(error < 0.05) > 0.6
    assert np.mean(error < 0.2) > 0.97
