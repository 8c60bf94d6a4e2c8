"""ATLAS dileptons: limits of a B-L boson, the line shape against a numerical convolution, counts and smoothness."""

import itertools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from globalfit.likelihoods.lhc_dilepton import LHCDilepton, LHCDileptonOptions, spectrum
from scipy.integrate import quad
from scipy.special import voigt_profile

from globalfit.experiment.protocol import Likelihood
from globalfit.experiment.resonance_scans import b_minus_l_portal, b_minus_l_scan
from globalfit.experiment.statistics import asymptotic_limit, flat_prior_limit
from globalfit.physics import fermions, status
from globalfit.physics.collider.production import QUARKS, luminosity_table
from globalfit.physics.mixing import mix
from globalfit.physics.observables import decay_widths
from globalfit.physics.portal import DarkMatter, Portal
from globalfit.physics.predictions import NO_WORDS, Predictions
from globalfit.tables import read_table
from tests.support.axial_scan import INPUTS, evaluate, predictions
from tests.support.table import numbers

LHC = LHCDilepton.build(LHCDileptonOptions(), INPUTS)
VOCABULARY = NO_WORDS.extended(LHC.provides)
B_MINUS_L = numbers(__file__, "atlas_dilepton_b_minus_l.csv")
STRENGTHS = np.linspace(0.0, 4.0, 401)


def b_minus_l(mass, coupling):
    return Predictions(b_minus_l_portal(jnp.asarray(mass), jnp.asarray(coupling)), INPUTS, {}, VOCABULARY)


def limits(experiment, masses, guess):
    """Asymptotic CLs limits on g_BL."""
    without = eqx.tree_at(lambda e: e.observed, experiment, experiment.background)
    couplings = guess[:, None] * np.sqrt(STRENGTHS)
    found, median = (b_minus_l_scan(e.log_likelihood, masses, couplings) for e in (experiment, without))
    return tuple(guess * np.sqrt(asymptotic_limit(STRENGTHS, data, median, 0.95)) for data in (found, median))


def generic(mass, width, quark="u", names=("z", "x")):
    """Vector that couples to one quark and to charged leptons, 0.01 each, with dark matter that gives it its width."""
    vector = np.zeros((12, 2))
    vector[[fermions.INDEX[name] for name in (quark, "e", "mu")], 1] = 0.01
    dark = math.sqrt(12.0 * math.pi * width)
    mass2 = jnp.asarray([9.0, 1.0]) * mass**2
    mixing = mix(mass2, jnp.zeros(())).mixing
    portal = Portal(
        names, mixing, jnp.asarray(vector), jnp.zeros((12, 2)), jnp.zeros(2), jnp.zeros((2, 2)),
        DarkMatter("dirac", jnp.asarray(1.0), jnp.asarray([0.0, dark]), jnp.zeros(2)), jnp.zeros((), dtype=jnp.int32),
    )  # fmt: skip
    return Predictions(portal, INPUTS, {}, VOCABULARY)


def test_is_a_likelihood():
    assert isinstance(LHC, Likelihood)
    assert len(LHC.measurements) == LHC.observed.size == 198
    assert len(LHC.tables) == 6


def test_limit_of_a_b_minus_l_boson():
    quoted = {500: 0.0037, 1000: 0.0062, 2000: 0.0127, 3000: 0.030, 4000: 0.098}
    rows = [row for row in B_MINUS_L if row["mass_gev"] in quoted]
    masses, reference = (np.array([row[key] for row in rows]) for key in ("mass_gev", "g_bl_95"))
    found, median = limits(LHC, masses, reference)
    np.testing.assert_allclose(found, list(quoted.values()), rtol=0.03)
    np.testing.assert_allclose(found, reference, rtol=0.02)
    np.testing.assert_allclose(median, [row["g_bl_95_median"] for row in rows], rtol=0.02)


def test_doubled_exposure_stands_in_for_cms():
    doubled = LHCDilepton.build(LHCDileptonOptions(double_exposure=True), INPUTS)
    found, median = limits(doubled, np.array([2000.0]), np.array([0.0127]))
    assert found[0] == pytest.approx(0.0107, rel=0.03)
    assert median[0] < 0.90 * 0.0154639
    description = LHCDileptonOptions.model_fields["double_exposure"].description
    assert description is not None
    assert "stand-in" in description
    assert not LHCDileptonOptions().double_exposure


@pytest.mark.parametrize("row", B_MINUS_L, ids=lambda row: f"{row['mass_gev']:.0f}")
def test_events_of_a_b_minus_l_boson(row):
    p = b_minus_l(row["mass_gev"], 1e-3)
    events = np.asarray(LHC.signal(p)).sum(axis=1)
    assert float(p["events_lhc_dilepton"]) == pytest.approx(events.sum(), rel=1e-9)
    # the reference has a massless top quark above its threshold
    assert events[0] == pytest.approx(1e-6 * row["events_ee_per_g2"], rel=0.008)
    ratio = events[1] / (1e-6 * row["events_mumu_per_g2"])
    # a quarter of the dimuons at 5 TeV are measured above the last bin
    assert ratio == pytest.approx(0.755 if row["mass_gev"] == 5000.0 else 1.0, rel=0.015)


def test_width_of_a_b_minus_l_boson():
    """3 charged leptons, 3 left-handed neutrinos and 6 quarks: 6.5 g^2 M/(12 pi)."""
    width = float(decay_widths(b_minus_l(5000.0, 0.1)).total[0])
    assert width == pytest.approx(6.5 * 0.01 * 5000.0 / (12.0 * math.pi), rel=1e-4)


@pytest.mark.parametrize("quark", QUARKS)
def test_every_quark_counts_by_its_luminosity(quark):
    mass = 1000.0
    table = {key: float(column[luminosity_table()["mass_gev"] == mass][0]) for key, column in _columns().items()}
    rates = {key: float(column[spectrum.production_table()["mass_gev"] == mass][0]) for key, column in _rates().items()}
    family, kind = (("u", "c"), "up") if quark in ("u", "c") else (("d", "s", "b"), "down")
    p = generic(mass, 1e-4, quark)
    share = table[quark] / sum(table[q] for q in family)
    width = float(decay_widths(p).total[1])
    for channel, events in zip(("ee", "mumu"), np.asarray(LHC.signal(p)).sum(axis=1), strict=True):
        expected = 139.0 * rates[f"efficiency_{channel}"] * rates[f"{channel}_{kind}_fb"] * share * 1e-8 * mass / width
        assert events == pytest.approx(expected, rel=2e-3)


def _columns():
    return luminosity_table().columns


def _rates():
    return spectrum.production_table().columns


@pytest.mark.parametrize("width", [1e-4, 0.01, 0.03, 0.1])
@pytest.mark.parametrize("mass", [320.0, 1000.0, 3200.0])
def test_line_shape_against_a_numerical_convolution(mass, width):
    p = generic(mass, width)
    events = np.asarray(LHC.signal(p))
    total = float(decay_widths(p).total[1])
    assert total == pytest.approx(width * mass, rel=0.15)
    table = spectrum.resolution_table()
    for c, channel in enumerate(spectrum.CHANNELS):
        chosen = table["channel"] == channel
        resolution = np.exp(
            np.interp(np.log(mass), np.log(table["mass_gev"][chosen]), np.log(table["resolution_gev"][chosen]))
        )
        edges = np.asarray(LHC.signal.edges)
        exact = np.array(
            [
                quad(lambda m, s=resolution: voigt_profile(m - mass, s, 0.5 * total), a, b, epsabs=1e-7)[0]
                for a, b in itertools.pairwise(edges)
            ]
        )
        found = events[c] / events[c].sum() * exact.sum()
        assert np.max(np.abs(found - exact)) < 0.008


def test_published_cross_section_limits_by_width():
    """Where background matters little the limits of the experiment come back, for every width, to 20 %.

    With so few events they are not asymptotic; a flat prior is compared with them.
    """
    table = read_table(spectrum.PACKAGE, "cross_section_limits.csv")
    production = spectrum.production_table()
    for mass in (3000.0, 4000.0):
        row = int(np.flatnonzero(table["mass_gev"] == mass)[0])
        efficiency = [np.interp(mass, production["mass_gev"], production[f"efficiency_{c}"]) for c in spectrum.CHANNELS]
        for column, width in (("width_05_fb", 0.005), ("width_3_fb", 0.03), ("width_10_fb", 0.1)):
            shape = np.asarray(LHC.signal(generic(mass, width)))
            shape = shape / shape[0].sum() * efficiency[0] * 139.0  # events per fb
            cross_section = np.linspace(0.0, 6.0, 801) * table[column][row]
            expected = np.asarray(LHC.background) + cross_section[:, None, None] * shape
            values = np.sum(np.asarray(LHC.observed) * np.log(expected) - expected, axis=(1, 2))
            assert float(flat_prior_limit(cross_section, values, 0.95)) == pytest.approx(table[column][row], rel=0.2)


def test_no_jump_at_the_ends_and_no_signal_outside():
    masses = np.array([1.0, 200.0, 249.9, 250.0, 6000.0, 6001.0, 1e5])
    values = np.asarray(evaluate(LHC, [[1.0, mass, 0.05, 0.0] for mass in masses])[0])
    np.testing.assert_allclose(values, float(LHC.no_signal), rtol=1e-12)
    for low, high in ((249.0, 260.0), (5700.0, 6010.0)):
        steps = []
        for count in (401, 801):
            scan = evaluate(LHC, [[1.0, mass, 0.05, 0.0] for mass in np.linspace(low, high, count)])[0]
            steps.append(np.max(np.abs(np.diff(np.asarray(scan)))))
        assert steps[1] < 0.6 * steps[0] + 1e-9


def test_two_resonances_add_up():
    charge = jnp.asarray(np.where(fermions.COLOURS == 3.0, 1.0 / 3.0, -1.0))[:, None]

    def events(first, second):
        mass2 = jnp.asarray([700.0**2, 1200.0**2])
        portal = Portal(
            ("c", "x"), mix(mass2, jnp.zeros(())).mixing, charge * jnp.asarray([[first, second]]), jnp.zeros((12, 2)),
            jnp.zeros(2), jnp.zeros((2, 2)), DarkMatter("dirac", jnp.asarray(1e4), jnp.zeros(2), jnp.zeros(2)),
            jnp.zeros((), dtype=jnp.int32),
        )  # fmt: skip
        return np.asarray(LHC.signal(Predictions(portal, INPUTS, {}, VOCABULARY)))

    both, alone = events(0.01, 0.02), (events(0.01, 0.0), events(0.0, 0.02))
    np.testing.assert_allclose(both, alone[0] + alone[1], atol=1e-12)
    assert all(part.sum() > 10.0 for part in alone)


def random_points(count):
    random = np.random.default_rng(5)
    epsilon = random.choice([-1.0, 1.0], count) * 10.0 ** random.uniform(-6.0, math.log10(0.85), count)
    epsilon[:5] = 0.0
    m_chi, ratio = 10.0 ** random.uniform(0.0, 4.0, count), 10.0 ** random.uniform(math.log10(0.05), 2.0, count)
    half = count // 2
    ratio[:half] = np.exp(random.uniform(math.log(240.0), math.log(6500.0), half)) / m_chi[:half]
    alpha = np.where(random.random(count) < 0.1, 0.0, 10.0 ** random.uniform(-5.0, 1.0, count))
    return jnp.asarray(np.stack([m_chi, ratio, epsilon, alpha], axis=1))


def test_values_gradients_and_pulls():
    points = random_points(300)
    values, gradient, pulls = evaluate(LHC, points)
    np.testing.assert_allclose(LHC.maximum - 0.5 * jnp.sum(pulls**2, axis=1), values, rtol=1e-9)
    alone = LHC.log_likelihood(predictions(LHC, points[7]))
    np.testing.assert_allclose(alone, values[7], rtol=1e-11)
    np.testing.assert_allclose(values[:5], float(LHC.no_signal), rtol=1e-12)
    assert bool(jnp.all(jnp.isfinite(values)))
    assert bool(jnp.all(jnp.isfinite(gradient)))
    assert float(jnp.max(jnp.abs(values - LHC.no_signal))) > 100.0


def test_gradient_against_differences():
    centre = np.array([600.0, 2.52, 0.03, 0.02])
    step = 1e-6 * centre
    moved = np.stack([centre + sign * np.diag(step)[k] for k in range(4) for sign in (1.0, -1.0)])
    values, gradient, *_ = evaluate(LHC, np.concatenate([centre[None], moved]))
    differences = (values[1::2] - values[2::2]) / (2.0 * step)
    np.testing.assert_allclose(gradient[0] * centre, differences * centre, rtol=1e-5, atol=1e-5)


def test_toys_give_the_coupling_back():
    """The best-fit signal strength of toys, found with Newton's method and allowed to be negative."""
    p = b_minus_l(1000.0, 0.012)
    shape = np.asarray(LHC.signal(p))
    toys = np.asarray(jax.vmap(lambda key: LHC.simulate(p, key).observed)(jax.random.split(jax.random.key(2), 1000)))
    background = np.asarray(LHC.background)
    found = np.ones(1000)
    for _ in range(30):
        expected = background + found[:, None, None] * shape
        slope = np.sum(shape * (toys / expected - 1.0), axis=(1, 2))
        found += slope / np.sum(shape**2 / expected, axis=(1, 2))
    error = 1.0 / math.sqrt(np.sum(shape**2 / (background + shape)))
    assert found.mean() == pytest.approx(1.0, abs=3.5 * error / math.sqrt(1000))
    assert found.std() == pytest.approx(error, rel=0.1)


def test_status_tells_where_there_is_no_limit():
    for mass, outside in ((300.0, False), (5000.0, False), (240.0, True), (6100.0, True)):
        expected = status.NOT_COVERED.bit if outside else 0
        assert int(LHC.status(b_minus_l(mass, 0.01))) == expected


def test_picture_agrees_with_the_recast():
    implied, recast, published = LHC.limit_curves().curves
    assert [curve.style for curve in (implied, recast, published)] == ["implied", "published", "published"]
    reliable = implied.x <= 4000.0
    np.testing.assert_allclose(implied.y[reliable], recast.y[reliable], rtol=0.04)
