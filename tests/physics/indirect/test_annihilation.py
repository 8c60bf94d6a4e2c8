"""Final states at rest, decays in flight, and the gamma rays of whole points."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from globalfit.models.bl_x import BLX, BLXOptions
from globalfit.physics import observables, status
from globalfit.physics.indirect.annihilation import at_rest, decays, final_states, sigma_v_at_rest
from globalfit.physics.indirect.photons import photon_energies, spectra_status
from globalfit.physics.indirect.spectra import CHANNELS, INDEX, PhotonSpectra, in_bins, kernel
from globalfit.physics.predictions import Predictions
from tests.support.indirect_points import INPUTS, predictions, sample

SPECTRA = PhotonSpectra.build()
# annihilation to pairs of dark photons, to Z and dark photon, to dark photon and Higgs, to fermions
LIGHT_VECTOR = (300.0, 0.2, 0.3, 0.1)


def test_the_p_wave_is_gone():
    # hypercharge mixing and an axial coupling: fermions in the p wave only, 1e-4 of today
    point = predictions((100.0, 3.0, 0.01, 0.1))
    rest, today = at_rest(point), observables.annihilation_today(point)
    assert float(today["u"]) > 0.0
    assert float(rest["u"]) == pytest.approx(1e-4 * float(today["u"]), rel=1e-3)
    # pairs of dark photons are an s wave
    point = predictions((100.0, 0.3, 0.01, 0.1))
    assert float(at_rest(point)["ad_ad"]) == pytest.approx(
        float(observables.annihilation_today(point)["ad_ad"]), rel=1e-3
    )


def test_final_states_have_all_of_the_energy():
    point = predictions(LIGHT_VECTOR)
    states, mass = final_states(point), LIGHT_VECTOR[0]
    assert {particle.vector for particle in states.moving} == {0, 1, None}
    shares = [jnp.sum(particle.number * particle.energy) / (2.0 * mass) for particle in states.moving]
    total = sum(states.pairs.values()) + sum(shares)
    assert float(total) == pytest.approx(float(sigma_v_at_rest(point)), rel=1e-12)
    for vector in (0, 1):
        assert float(sum(decays(point, vector).values())) == pytest.approx(1.0, rel=1e-12)


def test_two_z_bosons_from_decays_are_those_of_the_table():
    # a Z at rest, from its branching fractions and pairs of fermions, against Z Z at threshold
    point = predictions((10.0, 50.0, 1e-6, 1e-9))
    fractions = decays(point, 0)
    weights = jnp.stack([fractions.get(name, jnp.zeros(())) for name in CHANNELS])
    scale = 0.5 * point.portal.mass[0]
    cascade = 2.0 * in_bins(SPECTRA.mixture(scale, weights), kernel(scale))
    own = SPECTRA.energies(jnp.asarray(91.5), jnp.asarray(np.eye(len(CHANNELS))[INDEX["Z"]]))
    assert float(jnp.sum(cascade)) == pytest.approx(float(jnp.sum(own)), rel=0.03)
    np.testing.assert_allclose(cascade, own, atol=0.06 * float(jnp.max(own)))


def test_gamma_rays_are_finite_and_positive_everywhere():
    points = sample(150, seed=5)
    values = np.asarray(jax.jit(jax.vmap(lambda x: photon_energies(predictions(x), SPECTRA)))(points))
    assert np.all(np.isfinite(values))
    assert np.all(values >= 0.0)


def test_light_vectors_are_outside_the_table():
    def flags(*point):
        return int(spectra_status(predictions(point), SPECTRA))

    assert flags(100.0, 0.5, 0.01, 0.1) == 0
    assert flags(1e4, 0.5, 0.01, 0.1) == 0
    assert flags(0.9, 0.5, 0.01, 0.1) == status.OUTSIDE_TABLE.bit
    assert flags(1.5e4, 0.5, 0.01, 0.1) == status.OUTSIDE_TABLE.bit
    # annihilation to dark photons of 0.5 GeV
    assert flags(10.0, 0.05, 0.01, 0.1) == status.OUTSIDE_TABLE.bit


def test_two_new_vectors_and_scalar_dark_matter():
    # the Z is no part of this portal; pairs of its vectors decay in flight
    model = BLX.build(BLXOptions(dm="scalar"))
    names = [parameter.name for parameter in model.parameters]
    rng = np.random.default_rng(9)
    low, high = np.log(np.array([[1.0, 0.1, 0.1, 1e-6, 1e-6, 1e-3], [1e4, 1e4, 1e4, 0.9, 1.0, 1.0]]))
    points = jnp.asarray(np.exp(rng.uniform(low, high, (150, 6))))

    def energies(values):
        portal = model.portal(dict(zip(names, values, strict=True)), INPUTS)
        point = Predictions(portal, INPUTS, {})
        assert set(final_states(point).pairs).isdisjoint({"Z", "Zh"})
        return photon_energies(point, SPECTRA), sigma_v_at_rest(point)

    found, sigma_v = jax.jit(jax.vmap(energies))(points)
    assert np.all(np.isfinite(found))
    assert np.all(np.asarray(found) >= 0.0)
    assert np.all(np.sum(found, axis=1) <= 2.0 * points[:, 0] * sigma_v)
