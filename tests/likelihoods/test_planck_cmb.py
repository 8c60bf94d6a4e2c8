"""Planck limit on annihilation: f_eff by channel, decays in flight, scaling, toys."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from globalfit.likelihoods.planck_cmb import PlanckCMB, p_ann
from globalfit.likelihoods.planck_cmb.efficiency import PAIRS, Efficiency

from globalfit.experiment.protocol import NoOptions
from globalfit.physics import status
from globalfit.physics.indirect.annihilation import at_rest, decays, sigma_v_at_rest
from globalfit.physics.inputs import GEV_M2_TO_CM3_S
from tests.support.indirect_points import INPUTS, predictions, sample

CMB = PlanckCMB.build(NoOptions(), INPUTS)
EFFICIENCY = Efficiency.read()


def efficiency(pair, energy):
    return float(EFFICIENCY(jnp.asarray(energy))[PAIRS.index(pair)])


def test_efficiency_at_and_between_the_nodes():
    assert efficiency("e", 100.0) == pytest.approx(0.4313, rel=1e-9)
    assert efficiency("mu", 10.0) == pytest.approx(0.2136, rel=1e-9)
    assert efficiency("u", 1000.0) == efficiency("s", 1000.0) == pytest.approx(0.1932, rel=1e-9)
    assert efficiency("Zh", 500.0) == pytest.approx(0.5 * (0.1629 + 0.1885), rel=1e-9)
    assert 0.4145 < efficiency("e", 600.0) + 0.002 < 0.4165
    # held outside
    assert efficiency("b", 2.0) == efficiency("b", 6.0)
    assert efficiency("tau", 3e4) == efficiency("tau", 1e4)


def test_the_limit_is_two_standard_deviations():
    limit = CMB.tables[0]["p_ann_limit"][0]
    assert limit / float(CMB.sigma[0]) == pytest.approx(1.96, abs=0.01)


def test_pairs_of_dark_photons_by_hand():
    # annihilation to two dark photons at rest, each of which decays in flight to pairs of half its energy
    mass, point = 60.0, predictions((60.0, 0.5, 1e-5, 0.1))
    sections = at_rest(point)
    assert float(sections["ad_ad"] / sigma_v_at_rest(point)) == pytest.approx(1.0, rel=1e-4)
    fractions = {name: float(value) for name, value in decays(point, 1).items()}
    expected = sum(fractions.get(pair, 0.0) * efficiency(pair, mass / 2.0) for pair in PAIRS)
    value = 0.5 * GEV_M2_TO_CM3_S * float(sigma_v_at_rest(point)) / mass * expected
    assert float(p_ann(point)) == pytest.approx(value, rel=1e-4)
    assert 0.1 < expected < 0.4


def test_square_of_the_fraction_of_dark_matter():
    point = (60.0, 0.5, 1e-5, 0.1)
    whole, tenth = (float(p_ann(predictions(point, lambda _, f=f: jnp.asarray(f)))) for f in (1.0, 0.1))
    assert whole == pytest.approx(100.0 * tenth, rel=1e-12)


def test_half_gaussian_and_its_pull():
    for point in ((60.0, 0.5, 1e-5, 0.001), (60.0, 0.5, 1e-5, 0.0), (500.0, 3.0, 0.1, 0.1)):
        point = predictions(point)
        value = float(CMB.log_likelihood(point))
        assert value == pytest.approx(-0.5 * (float(p_ann(point)) / 1.63e-28) ** 2, rel=1e-12, abs=1e-300)
        pulls = CMB.pulls(point)
        assert pulls.shape == (len(CMB.measurements),)
        assert float(CMB.maximum - 0.5 * jnp.sum(pulls**2)) == pytest.approx(value, rel=1e-12, abs=1e-300)
        assert float(pulls[0]) <= 0.0
    assert float(CMB.no_signal) == 0.0


@pytest.mark.slow
def test_finite_and_the_same_alone_and_in_a_batch():
    points = sample(300, seed=12)

    def log_likelihood(point):
        return CMB.log_likelihood(predictions(point))

    values, gradients = jax.jit(jax.vmap(jax.value_and_grad(log_likelihood)))(points)
    assert np.all(np.isfinite(values))
    assert np.all(np.isfinite(gradients))
    assert float(values.min()) < -10.0
    alone = jax.jit(log_likelihood)
    np.testing.assert_allclose([float(alone(point)) for point in points[:20]], values[:20], rtol=1e-9, atol=1e-200)


@pytest.mark.slow
def test_toys_are_unbiased():
    point = predictions((60.0, 0.5, 1e-5, 0.01))
    keys = jax.random.split(jax.random.key(4), 4000)
    measured = np.asarray(jax.vmap(lambda key: CMB.simulate(point, key).observed[0])(keys))
    assert np.mean(measured) == pytest.approx(float(p_ann(point)), abs=4.0 * 1.63e-28 / math.sqrt(len(keys)))
    assert np.std(measured) == pytest.approx(1.63e-28, rel=0.05)


def test_picture_follows_the_tabulated_efficiencies():
    implied, published = (
        {curve.label.partition(",")[0]: curve for curve in CMB.limit_curves().curves if curve.style == style}
        for style in ("implied", "published")
    )
    assert set(implied) == set(published)
    for label, curve in published.items():
        own = np.interp(np.log(curve.x), np.log(implied[label].x), np.log(implied[label].y))
        np.testing.assert_allclose(np.exp(own), curve.y, rtol=0.03)


def test_status_below_five_gev():
    assert int(CMB.status(predictions((6.0, 3.0, 0.01, 0.1)))) == 0
    assert int(CMB.status(predictions((4.0, 3.0, 0.01, 0.1)))) == status.OUTSIDE_TABLE.bit
    assert all(table.provenance.assumptions for table in CMB.tables)
