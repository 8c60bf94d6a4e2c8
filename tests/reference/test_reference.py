"""The reference itself against micrOMEGAs 6.0, an adaptive quadrature and its own table."""

import csv
import itertools

import numpy as np
import pytest
from scipy import integrate, special

from globalfit.physics.inputs import GEV_M2_TO_CM3_S, PRESETS
from tests.reference import (
    axial_model,
    cross_section,
    make_axial_omega,
    make_pseudo_dirac_omega,
    pseudo_dirac,
    relic,
)
from tests.support.table import numbers

MICROMEGAS = PRESETS["micromegas6"]


@pytest.mark.parametrize(
    ("point", "width_z", "width_ad", "sigma_v_cm3_s", "fractions"),
    [
        ((8.0, 3.0, 0.03, 0.5), 2.440378, 1.658156, 2.313004e-30, {"b": 0.35590, "c": 0.15843, "nu_e": 1.9767e-05}),
        (
            (120.0, 3.0, 0.03, 0.5),
            2.435697,
            24.88121,
            2.880263e-31,
            {"z_h": 0.94578, "z_z": 1.9521e-03, "ww": 6.4676e-04, "nu_tau": 9.4586e-04},
        ),
        ((180.0, 3.0, 0.05, 0.05), 2.435688, 3.769240, 5.531024e-33, {"t": 0.36955, "z_h": 0.46416, "ww": 3.6840e-03}),
        ((100.0, 1.05, 0.001, 5e-4), 2.435744, 1.301681e-05, 1.419085e-34, {"z_ad": 0.99937, "b": 3.1582e-04}),
        ((100.0, 0.95, 0.001, 5e-4), 2.435643, 1.172016e-04, 9.269770e-29, {"ad_ad": 0.99988, "z_ad": 1.2382e-04}),
        ((45.5, 3.0, 0.02, 0.05), 2.435282, 0.9442043, 3.917605e-30, {"b": 0.63912, "nu_mu": 0.021707}),
    ],
)
def test_micromegas_today(point, width_z, width_ad, sigma_v_cm3_s, fractions):
    """Widths, and sigma v at v_rel = 1e-3 with the fixed width in the q q/M^2 terms that micrOMEGAs has."""
    model = axial_model.build(*point, MICROMEGAS)
    assert cross_section.widths(model)[1] == pytest.approx([width_z, width_ad], rel=1e-6)
    parts = relic.sigma_v_today(model, 1e-3, relic.Options("fixed", unitary=True))
    total = sum(parts.values())
    assert total * GEV_M2_TO_CM3_S == pytest.approx(sigma_v_cm3_s, rel=5e-6)
    for name, fraction in fractions.items():
        assert parts[name] / total == pytest.approx(fraction, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "unitary", "omega_h2"),
    [
        ((20.0, 3.0, 0.03, 0.5), False, 1.224508e-01),
        ((60.0, 2.05, 0.003, 0.05), False, 3.266871e-03),
        ((300.0, 2.002, 0.003, 1e-4), False, 2.921480e-01),
        ((400.0, 3.0, 0.03, 0.5), True, 2.906032e01),
        ((100.0, 0.99, 0.001, 5e-4), False, 1.657801e01),
    ],
)
def test_micromegas_omega(point, unitary, omega_h2):
    """At (400, 3.0) the fake s wave of micrOMEGAs' q q/M^2 terms lowers the relic density by 0.2 %."""
    assert relic.omega_h2(*point, MICROMEGAS, unitary=unitary).omega_h2 == pytest.approx(omega_h2, rel=5e-4)


def test_thermal_average_against_quad():
    model = axial_model.build(50.0, 2.1, 0.01, 0.05, MICROMEGAS)
    options = relic.Options("fixed")
    m, pole = model.m_chi, model.mass[1]
    width = cross_section.widths(model)[1][1]
    for x in (10.0, 200.0):

        def integrand(sqrt_s, x=x):
            total = sum(value[0] for value in relic.sigma_beta(model, np.array([sqrt_s]), options).values())
            beta = np.sqrt(1.0 - 4.0 * m**2 / sqrt_s**2)
            boltzmann = special.kve(1, x * sqrt_s / m) * np.exp(-x * (sqrt_s / m - 2.0))
            return 2.0 * sqrt_s**4 * beta * total * boltzmann * x / (8.0 * m**5 * special.kve(2, x) ** 2)

        edges = np.unique(
            [2.0 * m, pole - 30 * width, pole, pole + 30 * width, 2.2 * m, 2.0 * m + 20.0 * m / x, 7.0 * m]
        )
        expected = sum(integrate.quad(integrand, a, b, epsrel=1e-7, limit=200)[0] for a, b in itertools.pairwise(edges))
        assert relic.sigma_v_thermal(model, np.array([x]), options)[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("line", [1, 4, 7])
def test_pseudo_dirac_table_can_be_made_again(line):
    row = numbers(make_pseudo_dirac_omega.__file__, "pseudo_dirac_omega.csv")[line]
    made = pseudo_dirac.omega_h2(*make_pseudo_dirac_omega.POINTS[line], PRESETS["micromegas6"])
    assert made.omega_h2 == pytest.approx(row["omega_h2"], rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("line", [0, 17, 30, 43, 59])
def test_table_can_be_made_again(line):
    rows = [r for r in csv.reader(make_axial_omega.TABLE.read_text().splitlines()) if not r[0].startswith("#")][1:]
    inputs, width, *numbers = rows[line]
    made = make_axial_omega.row(inputs, width, tuple(float(value) for value in numbers[:4]))
    assert [float(value) for value in made[2:]] == pytest.approx([float(value) for value in numbers], rel=1e-6)
