"""Fermi-LAT dwarf galaxies: the tables of an independent program, limits, scaling, toys."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from globalfit.likelihoods.fermi_dwarfs import FermiDwarfs, FermiDwarfsOptions
from globalfit.likelihoods.fermi_dwarfs.limits import limits_of

from globalfit.experiment.limit_curves import ONE_SIDED_95
from globalfit.physics.indirect.spectra import CHANNELS, INDEX
from globalfit.physics.predictions import NO_WORDS
from tests.support.indirect_points import INPUTS, predictions, sample
from tests.support.table import numbers, read

TREATMENTS = ("marginalised", "profiled", "fixed")
BUILT = {name: FermiDwarfs.build(FermiDwarfsOptions(j_factors=name), INPUTS) for name in TREATMENTS}
FERMI = BUILT["marginalised"]


def of_flux(likelihood):
    return jax.jit(jax.vmap(likelihood.of_flux))


def b_quarks(sigma_v, mass=100.0):
    """Flux for a J factor of 1 GeV^2/cm^5 of annihilation to b quarks."""
    weights = jnp.asarray(np.eye(len(CHANNELS))[INDEX["b"]])
    return sigma_v * FERMI.spectra.energies(jnp.asarray(mass), weights) / (8.0 * math.pi * mass**2)


@pytest.mark.parametrize("treatment", TREATMENTS)
def test_against_the_independent_program(treatment):
    rows = numbers(__file__, "fermi_benchmarks.csv")
    flux = [
        [row["sigma_v_cm3_s"] * row[f"i{k}"] / (8.0 * math.pi * row["mass_gev"] ** 2) for k in range(24)]
        for row in rows
    ]
    found = -2.0 * np.asarray(of_flux(BUILT[treatment])(jnp.asarray(flux)))
    np.testing.assert_allclose(found, [row[treatment] for row in rows], atol=0.01)


def test_limits_with_the_spectra_of_this_program():
    rows = read(__file__, "fermi_limits.csv")
    profiled = BUILT["profiled"]
    channels = [row["channel"] for row in rows]
    mass, expected = (np.array([float(row[key]) for row in rows]) for key in ("mass_gev", "sigma_v_cm3_s"))
    found = limits_of(profiled.of_flux, profiled.spectra, channels, mass, ONE_SIDED_95)
    main = np.isin(channels, ["b", "tau", "W", "mu"])
    np.testing.assert_allclose(found[main], expected[main], rtol=0.08)
    np.testing.assert_allclose(found[~main], expected[~main], rtol=0.12)


def test_all_dwarfs_give_the_published_limits_back():
    everything = FermiDwarfs.build(FermiDwarfsOptions(dwarfs="all", j_factors="profiled"), INPUTS)
    assert len(everything.dwarfs) == 41
    assert len(FERMI.dwarfs) == 12
    published = everything.tables[2]
    rows = (published["mass_gev"] >= 10.0) & (published["mass_gev"] <= 2500.0)
    channels = [str(channel) for channel in published["channel"][rows]]
    found = limits_of(everything.of_flux, everything.spectra, channels, published["mass_gev"][rows], ONE_SIDED_95)
    # theirs are of older spectra
    np.testing.assert_allclose(found, published["sigma_v_cm3_s"][rows], rtol=0.16)


def test_flux_of_a_point_by_hand():
    # a dark photon far above: quarks and leptons in proportion to their charge, Dirac dark matter
    point = predictions((100.0, 0.5, 0.01, 0.05))
    assert FERMI.flux(point).shape == (24,)
    whole, third = (
        FERMI.flux(predictions((100.0, 0.5, 0.01, 0.05), lambda _, f=f: jnp.asarray(f))) for f in (1.0, 1.0 / 3.0)
    )
    np.testing.assert_allclose(whole, FERMI.flux(point), rtol=1e-14)
    np.testing.assert_allclose(whole, 9.0 * third, rtol=1e-12)
    # all of the photon energy of two dark photons of 50 GeV, half of it for a Dirac particle
    vocabulary = NO_WORDS.extended(FERMI.provides)
    sigma_v = vocabulary["sigma_v_at_rest_cm3_s"].compute(point)
    fraction = float(jnp.sum(whole) * 16.0 * math.pi * 100.0**2 / sigma_v / 200.0)
    assert 0.15 < fraction < 0.30


def test_small_fluxes_make_a_small_difference():
    assert float(FERMI.of_flux(jnp.zeros(24))) == pytest.approx(0.0, abs=1e-12)
    values = of_flux(FERMI)(jnp.stack([b_quarks(s) for s in np.logspace(-30.0, -20.0, 101)]))
    assert np.all(np.isfinite(values))
    # the data have no excess in this channel, so more is always worse once it matters
    fallen = np.asarray(values)[np.asarray(values) < -0.5]
    assert np.all(np.diff(fallen) < 0.0)


@pytest.mark.parametrize("treatment", TREATMENTS)
def test_derivative_of_the_flux(treatment):
    likelihood = BUILT[treatment]

    def function(log_sigma_v):
        return likelihood.of_flux(b_quarks(jnp.exp(log_sigma_v)))

    value, slope = jax.jit(function), jax.jit(jax.grad(function))
    for x in np.log([1e-28, 3e-27, 2.7e-26, 4e-25]):
        numeric = (value(x + 1e-4) - value(x - 1e-4)) / 2e-4
        assert float(slope(x)) == pytest.approx(float(numeric), rel=1e-4, abs=1e-6)


@pytest.mark.slow
def test_finite_and_the_same_alone_and_in_a_batch():
    points = sample(300, seed=11)

    def log_likelihood(point):
        return FERMI.log_likelihood(predictions(point))

    values, gradients = jax.jit(jax.vmap(jax.value_and_grad(log_likelihood)))(points)
    assert np.all(np.isfinite(values))
    assert np.all(np.isfinite(gradients))
    assert float(values.min()) < -100.0
    alone = jax.jit(log_likelihood)
    np.testing.assert_allclose([float(alone(point)) for point in points[:20]], values[:20], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("treatment", TREATMENTS)
def test_pull_gives_the_likelihood_back(treatment):
    likelihood = BUILT[treatment]
    for point in ((100.0, 0.5, 0.01, 0.02), (100.0, 3.0, 0.01, 0.0), (30.0, 0.4, 0.01, 0.3)):
        point = predictions(point)
        pulls = likelihood.pulls(point)
        assert pulls.shape == (len(likelihood.measurements),)
        expected = float(likelihood.log_likelihood(point))
        assert float(likelihood.maximum - 0.5 * jnp.sum(pulls**2)) == pytest.approx(expected, rel=1e-10, abs=1e-9)
    assert float(likelihood.no_signal) == 0.0


def test_maximum_against_a_scan():
    profile = FERMI.profile
    flux = np.concatenate([[0.0], np.logspace(-13.0, -6.0, 3000)])
    best = 0.0
    for dwarf in range(len(FERMI.dwarfs)):
        for k in range(24):
            terms = (np.asarray(profile.bin[dwarf]) == k) & (np.asarray(profile.count[dwarf]) > 0.0)
            count, background = (np.asarray(part[dwarf])[terms] for part in (profile.count, profile.background))
            logs = np.sum(count[:, None] * np.log1p(flux[None, :] / background[:, None]), axis=0)
            best += np.max(logs - float(profile.slope[dwarf, k]) * flux)
    assert float(FERMI.maximum) == pytest.approx(best, rel=1e-4)


def test_toys_without_a_signal_have_the_background_of_the_data():
    empty = predictions((100.0, 3.0, 0.01, 0.0))
    keys = jax.random.split(jax.random.key(2), 200)
    toys = jax.jit(jax.vmap(lambda key: FERMI.simulate(empty, key).profile))(keys)
    # dwarf, term = bin and place
    mean = np.asarray(jnp.mean(toys.count, axis=0))
    expected = np.asarray(toys.background[0] * _share(toys))
    np.testing.assert_allclose(mean.sum(), expected.sum(), rtol=0.01)


def _share(toys):
    """a_i of every term, from a and the backgrounds and counts of the data."""
    profile = FERMI.profile
    dwarfs, bins = profile.slope.shape
    rate = np.zeros((dwarfs, bins, 2))
    for d in range(dwarfs):
        for count, background, k, place in zip(
            *(np.asarray(part[d]) for part in (profile.count, profile.background, profile.bin, profile.place)),
            strict=True,
        ):
            if count > 0.0:
                rate[d, k, int(place)] = count / background
    empty = rate.sum(axis=2) == 0.0
    rate[empty, 0] = 1.0
    share = rate / rate.sum(axis=2, keepdims=True) * np.asarray(profile.slope)[:, :, None]
    return share.reshape(dwarfs, -1)


def _estimates(likelihood, point, number):
    """Maximum-likelihood estimates of the signal over that of `point`, from toys; it may come out negative."""
    flux = likelihood.flux(point)
    keys = jax.random.split(jax.random.key(7), number)

    def score_at_truth(key):
        toy = likelihood.simulate(point, key)
        return jax.grad(lambda strength: toy.of_flux(strength * flux))(1.0)

    return np.asarray(jax.jit(jax.vmap(score_at_truth))(keys))


@pytest.mark.slow
@pytest.mark.parametrize("treatment", ["marginalised", "fixed"])
def test_toys_are_unbiased(treatment):
    # the mean derivative of ln L at the truth vanishes, in units of its own error
    point = predictions((100.0, 0.5, 0.01, 0.04))
    scores = _estimates(BUILT[treatment], point, 2000)
    assert np.abs(np.mean(scores)) < 4.0 * np.std(scores) / math.sqrt(len(scores))
    assert np.std(scores) > 0.1


def test_estimates_of_the_signal_scatter_around_the_truth():
    likelihood, point = BUILT["fixed"], predictions((100.0, 0.5, 0.01, 0.08))
    flux = likelihood.flux(point)
    keys = jax.random.split(jax.random.key(8), 600)

    def estimate(key):
        toy = likelihood.simulate(point, key)
        slope = jax.grad(lambda strength: toy.of_flux(strength * flux))

        def halve(_, ends):
            middle = 0.5 * (ends[0] + ends[1])
            rising = slope(middle) > 0.0
            return jnp.where(rising, middle, ends[0]), jnp.where(rising, ends[1], middle)

        low, high = jax.lax.fori_loop(0, 40, halve, (jnp.asarray(0.0), jnp.asarray(20.0)))
        return 0.5 * (low + high)

    found = np.asarray(jax.jit(jax.vmap(estimate))(keys))
    assert np.mean(found) == pytest.approx(1.0, abs=4.0 * np.std(found) / math.sqrt(len(found)) + 0.02)


def test_profiled_toys_scatter_the_measured_j_factors():
    point, key = predictions((100.0, 0.5, 0.01, 0.02)), jax.random.key(1)
    moved = BUILT["profiled"].simulate(point, key).log10_j - BUILT["profiled"].log10_j
    assert float(jnp.max(jnp.abs(moved))) > 0.0
    for treatment in ("marginalised", "fixed"):
        np.testing.assert_array_equal(BUILT[treatment].simulate(point, key).log10_j, BUILT[treatment].log10_j)


def test_picture_shows_the_limits():
    picture = FERMI.limit_curves()
    assert {curve.style for curve in picture.curves} == {"implied", "compared", "published"}
    for curve in picture.curves:
        assert np.all(np.isfinite(curve.y))
        assert np.all(curve.y > 1e-28)
        assert np.all(curve.y < 1e-20)


def test_tables_say_where_they_come_from():
    assert [table.provenance.source for table in FERMI.tables[:3]] == ["arXiv:1611.03184"] * 3
    assert "24 energy bins" in FERMI.measurements[0].summary
