"""Functions of ln x as cubics on the mesh of temperatures."""

import jax.numpy as jnp
import numpy as np

from globalfit.physics.cosmology.temperatures import cells, cells_per_unit, cubics, evaluate, temperatures


def looked_up(tables, log_x):
    cell, share = cells(log_x)
    return evaluate(tables[cell], share, cells_per_unit(log_x))


def test_slopes_are_those_of_the_values_inside_and_beyond_the_ends():
    log_x = np.log(temperatures())
    tables = jnp.concatenate([cubics(jnp.asarray(values)) for values in (np.sin(log_x), log_x**3)], axis=1)
    end, step = log_x[-1], 1e-6
    places = jnp.array([-2.0, -0.1, 0.05, 1.0, 5.6, 5.8, 12.0, end - 0.05, end + 0.1, end + 3.0])
    up, down = looked_up(tables, places + step), looked_up(tables, places - step)
    for k in (0, 1):
        slope = (up[k] - down[k]) / (2.0 * step)
        np.testing.assert_allclose(looked_up(tables, places)[2 + k], slope, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(looked_up(tables, places)[0][2:-2], np.sin(places[2:-2]), atol=2e-3)
