"""What every registered likelihood promises, checked on draws of the axial model's prior."""

from __future__ import annotations

import dataclasses
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from globalfit import plugins, runfile
from globalfit.build.built import build_posterior, every_prediction
from globalfit.experiment.protocol import Likelihood
from globalfit.physics import status
from globalfit.posterior.posterior import Posterior, in_chunks
from tests.support.prior_draws import draws, gradients

NAMES = sorted(
    name for name in plugins.registered("likelihood") if not plugins.needs_options(plugins.load("likelihood", name))
)
# Without the relic density, which takes longer to compile and has its own tests.
LIGHT = [name for name in NAMES if name != "planck_relic"]
SOME = [pytest.param(name, marks=[pytest.mark.slow] if name == "fermi_dwarfs" else []) for name in LIGHT]


@functools.cache
def posterior_of(name: str) -> Posterior:
    return build_posterior(runfile.parse({"model": "axial", "likelihoods": [name]}))


@eqx.filter_jit
def terms(posterior: Posterior, theta: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """ln L, its maximum minus half the squared pulls, and the status."""

    def one(point: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        predictions = posterior.predictions(posterior.parameters.values(point))
        (item,) = posterior.likelihoods.values()
        from_pulls = item.maximum - 0.5 * jnp.sum(item.pulls(predictions) ** 2)
        return item.log_likelihood(predictions), from_pulls, item.status(predictions) | predictions.portal.status

    return in_chunks(one, theta)


@pytest.mark.parametrize("name", NAMES)
def test_protocol(name: str) -> None:
    (item,) = posterior_of(name).likelihoods.values()
    assert isinstance(item, Likelihood)
    assert item.title
    assert item.references
    assert set(item.conflicts) <= set(NAMES) - {name}
    vocabulary = every_prediction()
    for measurement in item.measurements:
        assert measurement.observable
        assert measurement.summary
        assert measurement.prediction is None or measurement.prediction in vocabulary
    for table in item.tables:
        # Reading checks provenance and checksum; no number may be missing.
        assert all(np.all(np.isfinite(column)) for column in table.columns.values() if column.dtype.kind == "f")
    again = dataclasses.replace(posterior_of(name))
    assert [hash(word) for word in item.provides] == [hash(word) for word in again.likelihoods[name].provides]


@pytest.mark.parametrize("name", NAMES)
def test_values(name: str) -> None:
    """Pulls give ln L back, a point alone has the ln L that it has in a batch, no coupling is no signal."""
    posterior = posterior_of(name)
    (item,) = posterior.likelihoods.values()
    theta = draws(posterior, 256, 1).at[0].set(jnp.asarray([120.0, 2.3, 1e-9, 1e-9]))
    log_likelihood, from_pulls, flags = (np.asarray(part) for part in terms(posterior, theta))
    alive = (flags & status.FATAL) == 0
    np.testing.assert_allclose(log_likelihood[alive], from_pulls[alive], rtol=1e-9, atol=1e-9)
    assert np.all(log_likelihood[alive] <= float(item.maximum) + 1e-9)
    alone = [float(terms(posterior, jnp.broadcast_to(theta[k], theta.shape))[0][0]) for k in range(1, 4)]
    np.testing.assert_allclose(log_likelihood[1:4], alone, rtol=1e-10, atol=1e-12)
    if item.no_signal is not None:
        assert log_likelihood[0] == pytest.approx(float(item.no_signal), abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_value_and_gradient_are_finite_for_many_draws(name: str) -> None:
    """The tests of each likelihood do the same for fewer draws of a wider range."""
    posterior = posterior_of(name)
    value, gradient, flags = (np.asarray(part) for part in gradients(posterior, draws(posterior, 100_000, 4)))
    unsolvable = (flags & status.FATAL) != 0
    assert unsolvable.mean() < 0.01
    assert np.all(np.isfinite(value[~unsolvable]))
    assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("name", SOME)
def test_a_toy_is_the_same_experiment_with_other_data(name: str) -> None:
    posterior = posterior_of(name)
    theta = draws(posterior, 1, 5)[0]
    predictions = posterior.predictions(posterior.parameters.values(theta))
    (item,) = posterior.likelihoods.values()
    predicted = item.predicted(predictions)
    assert predicted.shape == item.pulls(predictions).shape == (len(item.measurements),)
    for value, measurement in zip(predicted.tolist(), item.measurements, strict=True):
        if measurement.prediction is not None:
            assert value == pytest.approx(float(predictions[measurement.prediction]), rel=1e-12)
    toys = [item.simulate(predictions, jax.random.key(seed)) for seed in (1, 2, 1)]
    assert jax.tree.structure(toys[0]) == jax.tree.structure(item)
    first, second, again = (float(toy.log_likelihood(predictions)) for toy in toys)
    assert np.isfinite([first, second]).all()
    assert first == again


@pytest.mark.parametrize("name", LIGHT)
def test_picture_has_numbers(name: str) -> None:
    (item,) = posterior_of(name).likelihoods.values()
    picture = item.limit_curves()
    assert picture.title
    assert picture.curves
    for curve in picture.curves:
        assert curve.x.shape == curve.y.shape
        assert np.isfinite(curve.y).mean() > 0.5
