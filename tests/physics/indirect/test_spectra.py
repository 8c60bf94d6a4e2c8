"""Photon spectra: energies in bins against the table, boosts against a Monte Carlo, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from globalfit.physics.indirect.spectra import CHANNELS, EDGES, INDEX, PhotonSpectra, boosted_kernel, in_bins

SPECTRA = PhotonSpectra.build()


def only(channel):
    return jnp.asarray(np.eye(len(CHANNELS))[INDEX[channel]])


def tabulated(channel, mass):
    """Nodes of log10 x and cumulative energy fraction at one mass of the table."""
    table = SPECTRA.table
    rows = (table["channel"] == channel) & (table["mass_gev"] == mass)
    return table["log10_x"][rows], table["energy_fraction"][rows]


@jax.jit
def energies(mass, weights):
    return jax.vmap(SPECTRA.energies)(mass, weights)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("mass", [200.0, 1000.0, 10000.0])
def test_bins_hold_the_energy_of_the_table(channel, mass):
    curve = PchipInterpolator(*tabulated(channel, mass))
    expected = mass * np.diff(curve(np.minimum(np.log10(EDGES / mass), 0.0)))
    found = np.asarray(energies(jnp.asarray([mass]), only(channel)[None])[0])
    scale = expected.max()
    np.testing.assert_allclose(found, expected, atol=0.03 * scale)
    assert np.sum(found) == pytest.approx(np.sum(expected), rel=0.01)


@pytest.mark.parametrize("channel", CHANNELS)
def test_no_energy_is_lost_or_made(channel):
    # what is stored is everything up to x = 1
    own = np.unique(SPECTRA.table["mass_gev"][SPECTRA.table["channel"] == channel])
    for mass in own:
        total = float(jnp.sum(SPECTRA.mixture(jnp.asarray(mass), only(channel))))
        assert total == pytest.approx(tabulated(channel, mass)[1][-1], rel=1e-9)
    between = np.sqrt(own[1:] * own[:-1])
    totals = np.array([float(jnp.sum(SPECTRA.mixture(jnp.asarray(mass), only(channel)))) for mass in between])
    ends = np.array([tabulated(channel, mass)[1][-1] for mass in own])
    assert np.all(totals > 0.985 * np.minimum(ends[1:], ends[:-1]))
    assert np.all(totals < 1.015 * np.maximum(ends[1:], ends[:-1]))


@pytest.mark.parametrize("channel", ["e", "tau", "b", "W", "Zh"])
def test_energies_are_never_negative_and_smooth_in_mass(channel):
    mass = np.geomspace(1.0, 1e4, 1501)
    found = np.asarray(energies(jnp.asarray(mass), jnp.broadcast_to(only(channel), (len(mass), len(CHANNELS)))))
    assert np.all(np.isfinite(found))
    assert found.min() >= 0.0
    # no step: masses that differ by 0.6 % have energies that differ by some per cent of the largest
    jumps = np.abs(np.diff(found, axis=0)).max(axis=1) / found.max(axis=1)[1:]
    assert jumps[mass[1:] > float(SPECTRA.lowest[INDEX[channel]])].max() < 0.06


def test_derivatives_are_those_of_the_values():
    weights = jnp.linspace(0.1, 1.0, len(CHANNELS))

    def direct(log_mass):
        return jnp.sum(SPECTRA.energies(jnp.exp(log_mass), weights) * jnp.arange(24.0))

    def moving(log_gamma):
        at_rest = SPECTRA.mixture(jnp.exp(3.0 + 0.3 * log_gamma), weights)
        kernel = boosted_kernel(jnp.exp(2.0 - log_gamma), jnp.exp(log_gamma)[None], jnp.ones(1))
        return jnp.sum(in_bins(at_rest, kernel) * jnp.arange(24.0))

    for function, points in ((direct, (1.234, 3.1, 5.05, 8.3)), (moving, (0.03, 0.5, 2.0))):
        value, slope = jax.jit(function), jax.jit(jax.grad(function))
        for x in points:
            numeric = (value(x + 1e-5) - value(x - 1e-5)) / 2e-5
            assert float(slope(x)) == pytest.approx(float(numeric), rel=1e-5, abs=1e-7)


def test_outside_its_range_a_channel_is_held():
    def fractions(mass):
        return np.asarray(SPECTRA.mixture(jnp.asarray(mass), only("b")))

    np.testing.assert_allclose(fractions(1.5), fractions(5.4), rtol=1e-12)
    np.testing.assert_allclose(fractions(3e4), fractions(1e4), rtol=1e-12)
    assert float(jax.grad(lambda mass: SPECTRA.energies(mass, only("b"))[0])(3e4)) != 0.0


@pytest.mark.parametrize(("channel", "mass", "gamma"), [("b", 12.0, 5.0), ("tau", 3.0, 1.3), ("mu", 1.0, 60.0)])
def test_boost_against_monte_carlo(channel, mass, gamma):
    rng = np.random.default_rng(3)
    log10_x, fraction = tabulated(channel, mass)
    # photons at rest, drawn in proportion to their energy
    number = 400_000
    x = 10.0 ** np.interp(rng.uniform(0.0, fraction[-1], number), np.concatenate([[0.0], fraction]), [-6.0, *log10_x])
    doppler = gamma + np.sqrt(gamma**2 - 1.0) * rng.uniform(-1.0, 1.0, number)
    weights = mass * fraction[-1] * doppler / number
    expected, _ = np.histogram(x * mass * doppler, EDGES, weights=weights)
    at_rest = SPECTRA.mixture(jnp.asarray(mass), only(channel))
    found = np.asarray(in_bins(at_rest, boosted_kernel(jnp.asarray(mass), jnp.asarray([gamma]), jnp.ones(1))))
    np.testing.assert_allclose(found, expected, atol=0.02 * expected.max())
    assert np.sum(found) == pytest.approx(np.sum(expected), rel=0.01)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 1.0 + 1e-13, 1.2, 30.0, 1e4])
def test_boost_keeps_the_energy(gamma):
    # the last shift lies beyond all energies
    kernel = boosted_kernel(jnp.asarray(1e-6), jnp.asarray([gamma, gamma]), jnp.asarray([1.0, 2.0]))
    assert float(kernel[-1]) == pytest.approx(3.0 * max(gamma, 1.0) * 1e-6, rel=1e-12)


def test_statistical_errors_of_the_table_are_small():
    errors = SPECTRA.nodes["relative_error"]
    assert np.median(errors) < 0.0075
    assert errors.max() < 0.02
