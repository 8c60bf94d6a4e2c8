"""Effective degrees of freedom: published limits, smoothness, and the derivative that freeze-out uses."""

import jax.numpy as jnp
import numpy as np
import pytest

from globalfit.physics.cosmology.degrees_of_freedom import degrees_of_freedom

TABLES = ["saikawa_shirai", "drees_hajkarim_schmitz"]


@pytest.mark.parametrize("table", TABLES)
def test_standard_limits(table):
    # 106.75 far above the electroweak scale (interactions and crossover: within 3 %), 10.75 below the muon mass
    hot = degrees_of_freedom(jnp.asarray(1.0e4), table)
    assert float(hot.energy) == pytest.approx(106.75, rel=0.03)
    cool = degrees_of_freedom(jnp.asarray(2.0e-3), table)
    assert float(cool.energy) == pytest.approx(10.75, rel=0.02)
    assert float(cool.entropy) == pytest.approx(10.75, rel=0.02)


def test_tables_differ_by_interactions():
    # Saikawa and Shirai lie 6-7 % below the table of 2015 between 0.4 and 50 GeV
    temperature = jnp.asarray([1.0, 3.0, 10.0])
    ratio = np.asarray(degrees_of_freedom(temperature, TABLES[0]).energy) / np.asarray(
        degrees_of_freedom(temperature, TABLES[1]).energy
    )
    assert np.all((ratio > 0.92) & (ratio < 0.95))


@pytest.mark.parametrize("table", TABLES)
def test_root_is_the_derivative_of_the_same_function(table):
    temperature = np.geomspace(1e-4, 1e3, 200)
    step = 1e-5
    log_h = [np.log(degrees_of_freedom(jnp.asarray(temperature * f), table).entropy) for f in (1 - step, 1 + step)]
    values = degrees_of_freedom(jnp.asarray(temperature), table)
    expected = np.asarray(values.entropy / jnp.sqrt(values.energy)) * (1.0 + (log_h[1] - log_h[0]) / (6.0 * step))
    np.testing.assert_allclose(values.root, expected, rtol=1e-5)


@pytest.mark.parametrize("table", TABLES)
def test_constant_beyond_the_table(table):
    assert degrees_of_freedom(jnp.asarray(1e-9), table).energy == pytest.approx(
        float(degrees_of_freedom(jnp.asarray(1e-7), table).energy), rel=1e-6
    )
