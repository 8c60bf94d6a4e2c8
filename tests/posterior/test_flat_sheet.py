"""Flat coordinates: a shear of the unit cube that puts the measured relic density at 1/2."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from globalfit import runfile
from globalfit.build.built import build
from globalfit.posterior.flat_sheet import FlatSheet, _root, flattened
from globalfit.posterior.posterior import in_chunks

RELIC = ["planck_relic"]
GAUSSIAN = {"name": "relic", "prediction": "omega_h2", "mean": 0.12}


def posterior_of(**changes):
    return build(runfile.parse({"model": "axial", "likelihoods": RELIC, **changes})).posterior


@pytest.fixture(scope="module")
def sheet():
    return flattened(posterior_of(), 1)


@pytest.fixture(scope="module")
def points(sheet):
    return jnp.asarray(np.random.default_rng(2).random((512, sheet.ndim)))


@eqx.filter_jit
def of_lines(sheet, v):
    """Where lines cross, points of the posterior's unit cube, and these points mapped back."""

    def one(v):
        theta = sheet.transform(v)
        return sheet.crossing(v), sheet.posterior.inverse(theta), sheet.inverse(theta)

    return in_chunks(one, v)


def test_it_is_a_shear(sheet, points):
    crossing, u, back = map(np.asarray, of_lines(sheet, points))
    v, axis = np.asarray(points), int(sheet.axis)
    np.testing.assert_allclose(back, v, atol=1e-9)
    np.testing.assert_allclose(np.delete(u, axis, axis=1), np.delete(v, axis, axis=1), atol=1e-9)
    np.testing.assert_allclose(u[:, axis], np.mod(v[:, axis] + crossing - 0.5, 1.0), atol=1e-9)
    # The line is what is left of a point without its place on it.
    np.testing.assert_allclose(of_lines(sheet, points.at[:, axis].set(0.9))[0], crossing, atol=1e-12)


def test_the_measured_density_is_at_one_half(sheet, points):
    assert sheet.names[int(sheet.axis)] == "epsilon"
    middle = points.at[:, sheet.axis].set(0.5)
    crossing = np.asarray(of_lines(sheet, middle)[0])
    omega = eqx.filter_jit(lambda s, v: in_chunks(lambda x: s.posterior.predictions(named(s, x))["omega_h2"], v))
    ratio = np.asarray(omega(sheet, middle))[(crossing > 0.0) & (crossing < 1.0)] / 0.12
    assert len(ratio) > 100
    assert np.mean(np.abs(np.log(ratio)) < 0.25) > 0.95


def named(sheet, v):
    return sheet.posterior.parameters.values(sheet.transform(v))


def test_derivatives_are_those_of_the_implicit_function(sheet, points):
    crossing = np.asarray(of_lines(sheet, points)[0])
    few = points[(crossing > 0.05) & (crossing < 0.95)][:32]
    gradient = np.asarray(eqx.filter_jit(lambda s, v: jax.vmap(jax.grad(s.crossing))(v))(sheet, few))
    at, step = eqx.filter_jit(lambda s, v: jax.vmap(s.crossing)(v)), 1e-5
    shifts = step * np.eye(sheet.ndim)[:, None, :]
    numeric = np.stack([(at(sheet, few + h) - at(sheet, few - h)) / (2.0 * step) for h in shifts], axis=1)
    # The root is good to the fourth step only.
    assert np.median(np.abs(gradient - numeric)) < 1e-3
    assert np.all(gradient[:, int(sheet.axis)] == 0.0)


@pytest.mark.parametrize(
    ("changes", "flat"),
    [
        ({}, True),
        ({"dark_matter": "component"}, False),
        ({"likelihoods": ["lz_2024"]}, False),
        ({"likelihoods": [{"gaussian": GAUSSIAN | {"sigma": 0.01}}]}, True),
        ({"likelihoods": [{"gaussian": GAUSSIAN | {"sigma": 0.06}}]}, False),
        ({"parameters": {"epsilon": 1e-3, "alpha_d": 0.05}}, False),
        ({"parameters": {"m_chi": 100.0, "mass_ratio": 2.2, "alpha_d": 0.05}}, False),
        ({"parameters": {"m_chi": {"uniform": [10.0, 11.0]}, "epsilon": {"log_uniform": [1e-12, 1e-11]}}}, False),
    ],
)
def test_where_it_is_used(changes, flat):
    posterior = posterior_of(**changes)
    found = flattened(posterior, 1)
    assert isinstance(found, FlatSheet) if flat else found is posterior


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: 3.0 - 14.0 * x, 3.0 / 14.0),
        (lambda x: jnp.log(1e-3 + jnp.exp(-20.0 * x)) + 5.0, -np.log(np.exp(-5.0) - 1e-3) / 20.0),
        (lambda x: 1.0 + x, 0.0),
        (lambda x: 3.0 - x, 1.0),
        (lambda x: -2.0 + x, 1.0),
        (lambda x: jnp.full_like(x, 700.0), 0.0),
    ],
)
def test_root(function, expected):
    np.testing.assert_allclose(_root(function), expected, atol=0.01)
