"""Closed-form predictions of the Standard Model."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from globalfit.physics.electroweak.shifts import pseudo_observables, unmixed
from globalfit.physics.electroweak.standard_model import DECAYS, Nuisances, standard_model, tables
from tests.support.table import read

CENTRAL = Nuisances(91.1876, 172.57, 125.20, 0.1180, 0.0590977)


def words(nuisances):
    reference = standard_model(nuisances)
    return pseudo_observables(reference, unmixed(reference))


def test_against_an_independent_program():
    found = words(CENTRAL)
    for row in read(__file__, "standard_model.csv"):
        # It has another formula for the width of the W, which differs by less than a tenth of the error.
        tolerance = 0.1 * float(row["error"]) if row["word"] == "gamma_w_gev" else 1e-6 * float(row["value"])
        assert float(found[row["word"]]) == pytest.approx(float(row["value"]), abs=tolerance), row["word"]


def test_the_sum_of_the_partial_widths_is_the_total_width():
    # Two parametrisations of the same calculation: 0.4 MeV is the error of missing orders.
    reference = standard_model(CENTRAL)
    assert float(jnp.sum(reference.width)) == pytest.approx(float(reference.gamma_z), abs=1e-4)
    hadrons = float(jnp.sum(reference.width[6:]))
    assert float(reference.width[DECAYS.index("b")]) / hadrons == pytest.approx(float(reference.r_b), abs=1e-4)


def test_pole_cross_section_is_that_of_the_partial_widths():
    reference = standard_model(CENTRAL)
    electron, hadrons = float(reference.width[3]), float(jnp.sum(reference.width[6:]))
    lowest = 12.0 * np.pi * electron * hadrons / (CENTRAL.m_z * float(reference.gamma_z)) ** 2 * 3.8937937e8
    # The full result has corrections beyond the product of widths, a few parts in 10^4.
    assert float(reference.sigma_had) == pytest.approx(lowest, rel=3e-4)


def test_known_slopes():
    slopes = jax.jit(jax.jacfwd(lambda values: words(Nuisances(*values))))(jnp.asarray(CENTRAL))
    # M_W rises by 6 MeV per GeV of m_t and falls by 1.8 MeV per 1e-4 of Delta alpha.
    assert float(slopes["m_w_gev"][1]) == pytest.approx(0.0061, abs=2e-4)
    assert float(slopes["m_w_gev"][4]) == pytest.approx(-18.2, abs=0.3)
    # QCD correction of the hadronic width: R_l = R_0 (1 + alpha_s/pi + ...)
    assert float(slopes["r_e"][3]) == pytest.approx(20.0 / np.pi, rel=0.1)


def test_tables_can_be_read():
    assert [len(table["quantity"]) for table in tables()] == [12, 2, 3, 1]
