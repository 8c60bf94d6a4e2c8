"""Rules of exclusion: published limits come back at their confidence level."""

from __future__ import annotations

import math
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm, poisson

from globalfit import plugins
from globalfit.experiment.exclusion import LEVELS, LOWEST, significance, statistic
from globalfit.experiment.protocol import LN_10
from globalfit.experiment.statistics import gaussian_from_limit
from globalfit.physics.inputs import Inputs
from globalfit.physics.predictions import Predictions, Vocabulary
from tests.support import toy


def z_of(rule, q, expected=0.0):
    return float(significance(rule, np.array([q, expected])))


def test_levels_are_quantiles():
    assert LEVELS[90] == pytest.approx(norm.ppf(0.9), abs=1e-12)
    assert LEVELS[95] == pytest.approx(norm.ppf(0.95), abs=1e-12)


# Quantiles of chi^2 with one degree of freedom (Review of Particle Physics, statistics), and 2 ln 10, 2 ln 20.
@pytest.mark.parametrize(
    ("rule", "at_90", "at_95"),
    [
        ("one_sided", 1.6423744151498202, 2.705543454095404),
        ("two_sided", 2.705543454095404, 3.841458820694124),
        ("no_events", 4.605170185988092, 5.991464547107982),
    ],
)
def test_thresholds(rule, at_90, at_95):
    assert z_of(rule, at_90) == pytest.approx(LEVELS[90], abs=1e-9)
    assert z_of(rule, at_95) == pytest.approx(LEVELS[95], abs=1e-9)
    assert z_of(rule, 1e6) > 500.0
    assert z_of(rule, -1e3) == LOWEST
    assert np.isnan(z_of(rule, math.nan))


def test_no_events_is_the_poisson_probability():
    for expected in (0.5, 2.3, 10.0):
        assert z_of("no_events", 2.0 * expected) == pytest.approx(norm.isf(poisson.pmf(0, expected)), abs=1e-9)


@pytest.mark.parametrize("ratio", [0.6, 1.0, 1.7])
def test_cls_gives_the_limit_back_that_the_gaussian_was_made_from(ratio):
    """best and sigma are those whose CLs limit is the observed one, whether there is an excess or a deficit."""
    observed, expected = np.array([2.0 * ratio]), np.array([2.0])
    best, sigma = gaussian_from_limit(observed, expected, 0.9)
    q = ((observed - best) ** 2 - best**2) / sigma**2
    assert z_of("cls", q[0], (observed / sigma)[0] ** 2) == pytest.approx(LEVELS[90], abs=1e-9)
    assert z_of("cls", 0.0, 0.0) == LOWEST


class Search(toy.Gauss):
    """signal = central +- 1."""

    exclusion: ClassVar = "cls"

    def without_signal(self):
        return Search("gauss", 0.0)


class Measured(toy.Gauss):
    """The same without a hypothesis of no signal: only too large predictions count, as too much dark matter."""

    no_signal: ClassVar = None


def predictions(signal):
    model, inputs = toy.ToyModel.build(toy.ToyOptions()), Inputs()
    values = {"mass": jnp.asarray(signal), "coupling": jnp.ones(())}
    return Predictions(model.portal(values, inputs), inputs, values, Vocabulary().extended(model.provides))


def test_statistics_of_a_point():
    point = predictions(3.0)
    np.testing.assert_allclose(statistic(toy.Gauss("gauss", 1.0), point), [2.0**2 - 1.0, 0.0])
    np.testing.assert_allclose(statistic(Search("gauss", 1.0), point), [3.0, 9.0])
    np.testing.assert_allclose(statistic(Measured("gauss", 1.0), point), [4.0, 0.0])
    np.testing.assert_allclose(statistic(Measured("gauss", 5.0), point), [0.0, 0.0])


# The rules by which limits were published or, for measurements, by which they are quoted: see
# `globalfit.experiment.exclusion`.
RULES = {
    **dict.fromkeys(("planck_relic", "fermi_dwarfs"), "one_sided"),
    **dict.fromkeys(("planck_cmb", "ewpo", "lep_zprime", "lep_contact"), "two_sided"),
    **dict.fromkeys(("lz_2022", "lz_2024", "pandax4t_2021", "pandax4t_2024"), "no_events"),
    **dict.fromkeys(("xenonnt_2023", "xenon1t_2018"), "no_events"),
    **dict.fromkeys(("cms_dimuon_2019", "lhc_dilepton"), "cls"),
}


@pytest.mark.parametrize("name", RULES)
def test_rule_of(name):
    assert plugins.load("likelihood", name).exclusion == RULES[name]


@pytest.mark.parametrize("name", [name for name, one in RULES.items() if one == "cls"])
def test_without_signal_the_data_are_as_expected(name):
    experiment = plugins.load("likelihood", name)
    experiment = experiment.build(experiment.Options(), Inputs())
    assert float(experiment.without_signal().no_signal) == pytest.approx(0.0, abs=1e-9)
    assert float(experiment.no_signal) < -1.0


def test_count_of_one_is_the_published_limit_of_a_xenon_search():
    assert z_of("no_events", 2.0 * LN_10 * 1.0) == pytest.approx(LEVELS[90], abs=1e-9)
