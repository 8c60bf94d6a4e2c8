"""Tables by mass and the ingredients of resonance production."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from globalfit.experiment.resonance_scans import b_minus_l_portal, hypercharge_portal
from globalfit.physics.collider.mass_table import in_logarithms, mass_table, smooth_step
from globalfit.physics.collider.production import (
    QUARKS,
    branching_fraction,
    log_luminosities,
    luminosity_table,
    squared_couplings,
)
from globalfit.physics.fermions import INDEX
from globalfit.physics.inputs import Inputs
from globalfit.physics.observables import decay_widths
from globalfit.physics.predictions import Predictions


def test_mass_table_returns_its_function_and_stays_constant_outside():
    table = mass_table(lambda m: np.stack([-2.0 * np.log(m), np.log(m + 3.0)]), 10.0, 1000.0, 65)
    for mass in (10.0, 11.3, 250.0, 1000.0):
        np.testing.assert_allclose(table(jnp.asarray(mass)), [mass**-2, mass + 3.0], rtol=1e-6)
    np.testing.assert_allclose(table(jnp.asarray(1e5)), table(jnp.asarray(1000.0)), rtol=1e-12)
    slope = jax.jacfwd(table)
    np.testing.assert_allclose(slope(jnp.asarray(300.0)), [-2.0 * 300.0**-3, 1.0], rtol=1e-4)
    np.testing.assert_allclose(slope(jnp.asarray(1e5)), 0.0, atol=1e-15)


def test_luminosities_pass_through_the_table_and_fall_in_between():
    table = luminosity_table()
    found = np.exp(log_luminosities(table["mass_gev"]))
    np.testing.assert_allclose(found, [table[quark] for quark in QUARKS], rtol=1e-10)
    mesh = np.geomspace(15.0, 6000.0, 500)
    assert np.all(np.diff(log_luminosities(mesh), axis=1) < 0.0)
    # leaving out every other row changes nothing that matters
    spline = in_logarithms(table["mass_gev"][::2], table["u"][::2])
    np.testing.assert_allclose(spline(table["mass_gev"][1:-1]), np.log(table["u"][1:-1]), atol=0.03)


def test_smooth_step_is_flat_at_its_ends():
    step, slope = jax.vmap(smooth_step), jax.vmap(jax.grad(smooth_step))
    t = jnp.asarray([-1.0, 0.0, 0.5, 1.0, 2.0])
    np.testing.assert_allclose(step(t), [0.0, 0.0, 0.5, 1.0, 1.0], atol=1e-15)
    np.testing.assert_allclose(slope(t), [0.0, 0.0, 1.875, 0.0, 0.0], atol=1e-12)


def test_the_z_is_no_candidate_and_no_width_is_no_branching_fraction():
    portal = hypercharge_portal(jnp.asarray(40.0), jnp.asarray(0.0))
    p = Predictions(portal, Inputs(), {})
    assert portal.new == (1,)
    assert float(branching_fraction(p, "mu", 1)) == 0.0
    np.testing.assert_allclose(squared_couplings(p)[:, 1], 0.0, atol=1e-30)


def test_branching_fraction_of_a_b_minus_l_boson():
    p = Predictions(b_minus_l_portal(jnp.asarray(5000.0), jnp.asarray(0.1)), Inputs(), {})
    assert float(branching_fraction(p, "mu", 0)) == pytest.approx(1.0 / 6.5, rel=1e-3)
    assert float(squared_couplings(p)[INDEX["nu_mu"], 0]) == pytest.approx(0.005)
    assert float(decay_widths(p).partial["dark"][0]) == 0.0
