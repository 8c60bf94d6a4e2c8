"""Electroweak precision data as a likelihood."""

import dataclasses
import functools
import itertools
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from globalfit.likelihoods.ewpo import Ewpo, EwpoOptions
from globalfit.likelihoods.ewpo.data import covariance, measured
from globalfit.likelihoods.ewpo.limit import limit_curve

from globalfit.build.parameter_space import entries, parameter_space
from globalfit.errors import ConfigurationError
from globalfit.experiment.protocol import Likelihood, every_parameter
from globalfit.models import Parameter
from globalfit.models.axial import Axial
from globalfit.physics import status
from globalfit.physics.electroweak.shifts import mixed, pseudo_observables
from globalfit.physics.electroweak.standard_model import Nuisances, standard_model
from globalfit.physics.predictions import NO_WORDS, Predictions
from globalfit.posterior.posterior import Posterior
from globalfit.runfile import parse
from tests.support.electroweak_portals import INPUTS, hypercharge, kinetic
from tests.support.table import numbers, read
from tests.support.toy import Gauss

AVERAGES = {"noCDF": "without_cdf", "withCDF": "average", "CDFonly": "cdf"}
BUILDERS = {"dp": hypercharge, "dpdm": kinetic}


@functools.cache
def ewpo(**options):
    return Ewpo.build(EwpoOptions(**options), INPUTS)


def predictions(portal, parameters=None):
    return Predictions(portal, INPUTS, parameters or {})


@eqx.filter_jit
def chi2(likelihood, model, epsilon, mass):
    """-2 ln L over arrays of mixings and masses that broadcast against each other."""
    epsilon, mass = jnp.broadcast_arrays(epsilon, mass)

    def at(mixing, m):
        return -2.0 * likelihood.log_likelihood(predictions(BUILDERS[model](mixing, m)))

    return jax.vmap(at)(epsilon.ravel(), mass.ravel()).reshape(epsilon.shape)


@functools.partial(jax.jit, static_argnums=0)
def unheld(model, epsilon, mass):
    """The 22 predictions with the formula of the mixing on both sides of the pole."""
    standard = standard_model(Nuisances(91.1876, 172.57, 125.20, 0.1180, 0.0590977))
    words = pseudo_observables(standard, mixed(BUILDERS[model](epsilon, mass), 0, INPUTS, standard))
    return jnp.stack([words[name] for name in measured("average").prediction])


def test_protocol():
    for options in ({}, {"nuisances": "sampled"}, {"m_w": "cdf"}):
        likelihood = ewpo(**options)
        assert isinstance(likelihood, Likelihood)
        assert len(likelihood.measurements) == len(likelihood.data) == 22
        words = {word.name for word in likelihood.provides}
        assert {item.prediction for item in likelihood.measurements} == words
    assert [hash(word) for word in ewpo().provides] == [
        hash(word) for word in Ewpo.build(EwpoOptions(), INPUTS).provides
    ]
    for table in ewpo().tables:
        assert all(np.all(np.isfinite(c)) for c in table.columns.values() if c.dtype.kind == "f")


@pytest.mark.parametrize(("average", "expected", "error"), [("without_cdf", 21.4, 0.3), ("average", 29.6, 0.4)])
def test_standard_model(average, expected, error):
    assert -2.0 * float(ewpo(m_w=average).no_signal) == pytest.approx(expected, abs=error)
    point = predictions(hypercharge(0.0, 500.0))
    assert float(ewpo(m_w=average).log_likelihood(point)) == pytest.approx(float(ewpo(m_w=average).no_signal))


def test_chi2_against_an_independent_program():
    for row in read(__file__, "../physics/electroweak/mixing_benchmarks.csv"):
        likelihood = ewpo(m_w=AVERAGES[row["MW_set"]])
        epsilon, mass = float(row["eps"]), float(row["M_GeV"])
        # The other program knows no value that is held near the pole.
        found = float(jnp.sum((likelihood.whitening @ (likelihood.data - unheld(row["model"], epsilon, mass))) ** 2))
        assert found == pytest.approx(float(row["chi2"]), rel=0.003, abs=0.05), row
        if abs(mass - INPUTS.m_z) > 8.2:
            by_likelihood = chi2(likelihood, row["model"], jnp.asarray([epsilon]), jnp.asarray([mass]))
            assert float(by_likelihood[0]) == pytest.approx(found, rel=1e-9)


def test_covariance_against_an_independent_program():
    rows = numbers(__file__, "ewpo_covariance.csv")
    names = list(measured("without_cdf").name)
    expected = np.array([[row[name] for name in names] for row in (rows[list(rows[0]).index(n)] for n in names)])
    # It takes the missing orders of R_e, R_mu and R_tau as independent; they are one calculation (error 0.006), and
    # M_W enters Gamma_W as its cube (error 4 MeV).
    ratios = [names.index(name) for name in ("R_e", "R_mu", "R_tau")]
    for i, j in itertools.permutations(ratios, 2):
        expected[i, j] += 0.006**2
    w_boson = [names.index(name) for name in ("M_W", "Gamma_W")]
    for i, j in itertools.permutations(w_boson, 2):
        expected[i, j] += 0.004**2 * 3.0 * 2.09 / 80.4
    found = covariance("without_cdf", parametric=True)
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    np.testing.assert_allclose(found / scale, expected / scale, atol=5e-4)


@pytest.mark.parametrize("name", list(AVERAGES))
@pytest.mark.parametrize("model", ["dp", "dpdm"])
def test_limits_against_an_independent_program(model, name):
    rows = [row for row in read(__file__, "ewpo_limits.csv") if (row["model"], row["MW_set"]) == (model, name)]
    likelihood = ewpo(m_w=AVERAGES[name])
    expected = np.array([float(row["eps95"]) for row in rows])
    mass = np.array([float(row["M_GeV"]) for row in rows])
    assert len(rows) > 15
    if model == "dp":
        found = limit_curve(likelihood, mass)
    else:
        # -2 ln L is interpolated around the expected limit, above its minimum over epsilon >= 0
        largest = 0.999 * np.abs(INPUTS.m_z**2 - mass**2) / (INPUTS.m_z**2 + mass**2)
        epsilon = largest[:, None] * np.geomspace(1e-3, 1.0, 200)
        values = np.asarray(chi2(likelihood, model, jnp.asarray(epsilon), jnp.asarray(mass[:, None])))
        minimum = np.minimum(values.min(axis=1), -2.0 * float(likelihood.no_signal))
        last = [int(np.flatnonzero(row < low + 3.84)[-1]) for row, low in zip(values, minimum, strict=True)]
        found = [
            np.exp(np.interp(low + 3.841, row[i : i + 2], np.log(x[i : i + 2])))
            for row, x, low, i in zip(values, epsilon, minimum, last, strict=True)
        ]
    # 3 % is asked for
    np.testing.assert_allclose(found, expected, rtol=0.005)


def test_sampled_nuisances_give_the_same_posterior():
    # Integral of L over the priors of the five inputs, by Gauss-Hermite quadrature.
    likelihood = ewpo(nuisances="sampled")
    assert [parameter.name for parameter in likelihood.parameters] == [
        "ewpo_m_z",
        "ewpo_m_t",
        "ewpo_m_h",
        "ewpo_alpha_s",
        "ewpo_delta_alpha",
    ]
    nodes, weights = np.polynomial.hermite_e.hermegauss(5)
    grid = np.array(list(itertools.product(nodes, repeat=5)))
    log_weight = np.log(np.array(list(itertools.product(weights, repeat=5)))).sum(axis=1)
    priors = {parameter.name: parameter.prior[1] for parameter in likelihood.parameters}
    values = {name: jnp.asarray(prior[0] + prior[1] * grid[:, i]) for i, (name, prior) in enumerate(priors.items())}

    @jax.jit
    def integral(epsilon, mass):
        portal = hypercharge(epsilon, mass)
        logs = jax.vmap(lambda nuisance: likelihood.log_likelihood(predictions(portal, nuisance)))(values)
        return jax.scipy.special.logsumexp(logs + log_weight)

    reference = float(integral(0.0, 500.0)) - float(ewpo().no_signal)
    for epsilon, mass in ((0.02, 10.0), (0.03, 150.0), (0.3, 1000.0)):
        exact = float(integral(epsilon, mass)) - reference
        gaussian = -0.5 * float(chi2(ewpo(), "dp", jnp.asarray([epsilon]), jnp.asarray([mass]))[0])
        # 1 % of the density
        assert gaussian == pytest.approx(exact, abs=0.01)


def test_sampled_nuisances_are_parameters_of_the_run():
    likelihood = ewpo(nuisances="sampled")
    run = parse({"model": "axial", "parameters": {"ewpo_m_h": 125.0}})
    parameters = every_parameter(Axial(), [likelihood])
    space = parameter_space(entries(run, "axial", parameters), parameters)
    assert space.prior.names[:4] == ("m_chi", "mass_ratio", "epsilon", "alpha_d")
    assert space.prior.names[4:] == ("ewpo_m_z", "ewpo_m_t", "ewpo_alpha_s", "ewpo_delta_alpha")
    assert set(space.fixed) == {"ewpo_m_h"}
    vocabulary = NO_WORDS.extended(Axial().provides, likelihood.provides)
    posterior = Posterior(space, Axial(), {"ewpo": likelihood}, vocabulary, INPUTS)
    slope = jax.jit(jax.grad(lambda u: posterior.log_likelihood(posterior.transform(u))))(jnp.full(posterior.ndim, 0.5))
    assert np.all(np.isfinite(slope))
    assert np.all(slope[4:] != 0.0)
    assert posterior.every_parameter == parameters
    with pytest.raises(ConfigurationError, match="defined twice"):
        every_parameter(Axial(), [likelihood, Other("gauss")])
    assert every_parameter(Axial(), [ewpo()]) == Axial.parameters
    with pytest.raises(ConfigurationError, match="no default prior"):
        entries(parse({"model": "axial"}), "axial", (Parameter("unheard_of", "", ""),))


class Other(Gauss):
    """An experiment with the nuisance of another one."""

    parameters: ClassVar = (Parameter("ewpo_m_z", "TeV", ""),)


@pytest.fixture(scope="module")
def draws():
    generator = np.random.default_rng(3)
    count = 300
    m_chi = 10.0 ** generator.uniform(0.0, 4.0, count)
    ratio = 10.0 ** generator.uniform(np.log10(0.05), 2.0, count)
    # Some on the pole, at the edges of the held region, at thresholds of the dark decay and without coupling
    ratio[:40] = (INPUTS.m_z + generator.uniform(-10.0, 10.0, 40)) / m_chi[:40]
    ratio[0], m_chi[1], ratio[1] = INPUTS.m_z / m_chi[0], 0.5 * INPUTS.m_z, 4.0
    epsilon, alpha = generator.uniform(-0.85, 0.85, count), 10.0 ** generator.uniform(-4.0, 1.0, count)
    epsilon[:60] *= 1e-3
    epsilon[2:5], alpha[4:7] = 0.0, 0.0
    return {
        name: jnp.asarray(column)
        for name, column in {"m_chi": m_chi, "mass_ratio": ratio, "epsilon": epsilon, "alpha_d": alpha}.items()
    }


def log_likelihood(likelihood, values):
    return likelihood.log_likelihood(predictions(Axial().portal(values, INPUTS)))


@eqx.filter_jit
def value_and_slope(likelihood, values):
    return jax.vmap(lambda point: jax.value_and_grad(lambda item: log_likelihood(likelihood, item))(point))(values)


def test_finite_and_batched(draws):
    value, slope = value_and_slope(ewpo(), draws)
    assert np.all(np.isfinite(value))
    assert all(np.all(np.isfinite(column)) for column in slope.values())
    alone = eqx.filter_jit(log_likelihood)
    for i in range(0, 300, 60):
        point = {name: column[i] for name, column in draws.items()}
        assert float(alone(ewpo(), point)) == pytest.approx(float(value[i]), rel=1e-9)


def test_gradient_against_differences(draws):
    centre = {"m_chi": 20.0, "mass_ratio": 1.5, "epsilon": 0.02, "alpha_d": 0.3}
    # Row 0 is the centre, then two rows for each parameter; as many as `draws`, so that nothing is compiled again.
    values = {name: np.full(300, value) for name, value in centre.items()}
    for i, name in enumerate(centre):
        values[name][1 + 2 * i : 3 + 2 * i] *= [1.0 + 1e-5, 1.0 - 1e-5]
    value, slope = value_and_slope(ewpo(), {name: jnp.asarray(column) for name, column in values.items()})
    for i, (name, at) in enumerate(centre.items()):
        difference = float(value[1 + 2 * i] - value[2 + 2 * i]) / (2e-5 * at)
        assert float(slope[name][0]) == pytest.approx(difference, rel=1e-4, abs=1e-6)


def test_pulls_give_ln_l_back(draws):
    def both(values):
        point = predictions(Axial().portal(values, INPUTS))
        return ewpo().log_likelihood(point), ewpo().maximum - 0.5 * jnp.sum(ewpo().pulls(point) ** 2)

    log_likelihoods, from_pulls = jax.jit(jax.vmap(both))(draws)
    np.testing.assert_allclose(from_pulls, log_likelihoods, rtol=1e-12)
    # The first pull is that of the first observable alone, with its total error.
    pull = ewpo().pulls(predictions(hypercharge(0.0, 500.0)))[0]
    assert float(pull) == pytest.approx(0.491, abs=0.001)


def test_toys_are_unbiased():
    likelihood, mass, truth = ewpo(), jnp.asarray(30.0), 0.06
    point = predictions(hypercharge(truth, mass))
    keys = jax.random.split(jax.random.key(5), 600)
    toys = jax.vmap(lambda key: likelihood.simulate(point, key).data)(keys)
    assert toys.shape == (600, 22)
    # Best epsilon^2 on a grid of predictions, refined by a parabola
    strength = np.linspace(0.2, 1.8, 81) * truth**2
    grid = np.stack([np.asarray(unheld("dp", e, mass)) for e in np.sqrt(strength)])
    whitening = np.asarray(likelihood.whitening)
    residual = (np.asarray(toys) @ whitening.T)[:, None, :] - (grid @ whitening.T)[None]
    values = np.sum(residual**2, axis=2)
    best = np.argmin(values, axis=1)
    assert np.all((best > 0) & (best < len(strength) - 1))
    low, middle, high = (values[np.arange(600), best + shift] for shift in (-1, 0, 1))
    estimate = strength[best] + 0.5 * (strength[1] - strength[0]) * (low - high) / (low - 2.0 * middle + high)
    error = estimate.std() / np.sqrt(600)
    assert abs(estimate.mean() - truth**2) < 4.0 * error
    # A Gaussian's sum of squared pulls at the truth is 22 on average.
    at_truth = np.sum(((np.asarray(toys) - np.asarray(unheld("dp", truth, mass))) @ whitening.T) ** 2, axis=1)
    assert abs(at_truth.mean() - 22.0) < 4.0 * np.sqrt(44.0 / 600)


def test_status_on_the_pole():
    for mass, expected in ((50.0, 0), (90.0, status.OUTSIDE_TABLE.bit), (95.0, status.OUTSIDE_TABLE.bit), (100.0, 0)):
        assert int(ewpo().status(predictions(hypercharge(0.01, mass)))) == expected
    away = dataclasses.replace(hypercharge(0.01, 90.0), names=("c", "x"))
    assert int(ewpo().status(predictions(away))) == 0
    assert float(ewpo().log_likelihood(predictions(away))) == pytest.approx(float(ewpo().no_signal))


def test_picture():
    picture = ewpo().limit_curves()
    below, above, published = picture.curves
    assert published.style == "published"
    assert np.all(np.isfinite(below.y))
    assert np.all(np.isfinite(above.y))
    # Curtin et al. with the data of 2014
    assert below.y[0] == pytest.approx(0.027, rel=0.1)
    assert np.all(np.diff(above.y) > 0.0)
