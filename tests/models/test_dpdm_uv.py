"""Derivative portal with mixing from loops: predicted mixing, mass mixing, parameters by option."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from click.testing import CliRunner

from globalfit.cli import cli
from globalfit.models.dpdm import DPDM, DPDMOptions
from globalfit.physics import status
from globalfit.physics.annihilation.doublet import charged_cross_section
from globalfit.physics.annihilation.propagator import Energies
from globalfit.physics.annihilation.widths import widths
from globalfit.physics.fermions import INDEX
from globalfit.physics.observables import VOCABULARY
from globalfit.physics.predictions import Predictions
from globalfit.physics.scattering.nreft import nreft_coefficients
from tests.support.completions import DOUBLET, INPUTS, MIXED, MODEL, arrays, of_masses, portal
from tests.support.table import numbers

TABLE = numbers(__file__, "loop_mixing.csv")


@functools.partial(jax.jit, static_argnums=1)
def loop_words(point, model=MODEL):
    found = Predictions(model.portal(point, INPUTS), INPUTS, point, VOCABULARY.extended(model.provides))
    return {name: found[name] for name in ("epsilon", "delta_m2_gev2", "psi_share", "width_zp_gev")}


@pytest.mark.parametrize(("model", "charge"), [(MODEL, 1.0), (DOUBLET, 0.5)], ids=["su2xu1", "su2xsu2"])
@pytest.mark.parametrize("row", [TABLE[i] for i in (0, 3, 10)], ids=lambda row: f"{row['a']:g}-{row['b']:g}")
def test_predicted_mixing(row, model, charge):
    """The charge of psi is half the gauge coupling in a doublet."""
    found = loop_words(arrays(MIXED | of_masses(row) | {"g_chi": 0.5 / charge}), model)
    strength = 0.5 * INPUTS.charge / (2.0 * INPUTS.sin_theta_w * INPUTS.cos_theta_w)
    assert float(found["epsilon"]) == pytest.approx(strength * row["slope"], rel=1e-9)
    assert float(found["delta_m2_gev2"]) == pytest.approx(strength * row["delta_m2"], rel=1e-9)
    assert float(found["psi_share"]) == pytest.approx(row["a"] ** 2 / (row["a"] ** 2 + row["b"] ** 2), rel=1e-9)


def matrices(point):
    mixing = point.mixing
    first, second = np.asarray(mixing.lagrangian_mass2)
    epsilon, delta = float(mixing.kinetic), float(mixing.mass_mixing)
    assert abs(epsilon) > 1e-4
    assert abs(delta) > 10.0
    return np.array([[1.0, epsilon], [epsilon, 1.0]]), np.array([[first, delta], [delta, second]])


def test_propagator_and_physical_masses():
    point = portal()
    kinetic, mass2 = matrices(point)
    physical = np.sort(np.linalg.eigvals(np.linalg.solve(kinetic, mass2)))
    np.testing.assert_allclose(physical, [INPUTS.m_z**2, 300.0**2], rtol=1e-12)
    q2 = -np.array([0.0, 1e-3, 1.0, 1e4, 1e7])
    expected = np.linalg.inv(q2[:, None, None] * kinetic - mass2)
    np.testing.assert_allclose(np.moveaxis(point.mixing.propagator(jnp.asarray(q2)), 2, 0), expected, rtol=1e-10)


def test_scattering_does_not_vanish_at_rest():
    """c1 = (v_N.g_chi) delta_m2/(m1^2 m2^2 - delta_m2^2) at q2 = 0; it vanishes at q2 = delta_m2/epsilon."""
    point = portal()
    _, mass2 = matrices(point)
    quarks = np.asarray(point.vector[:, 0])
    up, down = quarks[INDEX["u"]], quarks[INDEX["d"]]
    expected = 2.0 * mass2[0, 1] / np.linalg.det(mass2) * np.array([2.0 * up + down, up + 2.0 * down])
    found = nreft_coefficients(point, jnp.zeros(1)).c1[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    zero = point.mixing.mass_mixing / point.mixing.kinetic
    assert float(zero) < 0.0
    at_zero = nreft_coefficients(point, zero[None]).c1[:, 0]
    np.testing.assert_allclose(at_zero / found, 0.0, atol=1e-10)


def test_higgs_vertices_are_the_derivatives_of_the_masses():
    """The mass matrix grows as v^2 but for the mass of the Z': d M_k^2/dv without kinetic mixing."""
    point = portal()
    _, mass2 = matrices(point)
    step = 0.1

    def squares(v):
        scale = (v / INPUTS.higgs_vev) ** 2
        return np.linalg.eigvalsh(mass2 * np.array([[scale, scale], [scale, 1.0]]))

    slopes = (squares(INPUTS.higgs_vev + step) - squares(INPUTS.higgs_vev - step)) / (2.0 * step)
    _, vectors = np.linalg.eigh(mass2)
    vertices = np.diag(vectors.T @ np.asarray(point.higgs) @ vectors)
    np.testing.assert_allclose(vertices, slopes, rtol=1e-5)


@pytest.mark.parametrize(("m_chi", "m_zp", "beyond"), [(0.49, 0.9, False), (0.51, 0.9, True), (0.4, 1.01, True)])
def test_status_above_the_lighter_massive_state(m_chi, m_zp, beyond):
    masses = {"a": 20.0, "b": 200.0, "m_n": 200.0}
    threshold = abs(np.linalg.eigvalsh([[0.0, 20.0, 0.0], [20.0, 200.0, 200.0], [0.0, 200.0, 0.0]])[0])
    point = portal(**of_masses(masses, m_zp * threshold) | {"m_chi": m_chi * threshold})
    assert int(point.status) == (status.BEYOND_EFFECTIVE_THEORY.bit if beyond else 0)


def test_gradients_are_finite():
    names = list(MIXED)
    rows = jnp.asarray(
        [
            list(MIXED.values()),
            [100.0, 300.0, 0.5, 500.0, 0.0, 0.0],
            [100.0, 300.0, 0.0, 500.0, 1.0, 1.0],
            [500.0, 10.0, 2.5, 1e5, 1e-3, 3.5],
            [10.0, 91.19, 2.5, 100.0, 3.5, 3.5],
        ]
    )

    def everything(theta):
        point = DOUBLET.portal(dict(zip(names, theta, strict=True)), INPUTS)
        energies = Energies.at(4.1 * point.dark.mass[None] ** 2, point)
        charged = charged_cross_section(point, point.doublet, INPUTS, energies, {"zp_zp": jnp.zeros(1)})
        width, mixing = jnp.sum(widths(point, INPUTS).total), point.mixing
        return width + charged[0] + jnp.sum(mixing.lagrangian_mass2) + mixing.mass_mixing + mixing.kinetic

    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(everything)))(rows)
    assert jnp.all(jnp.isfinite(values))
    assert jnp.all(jnp.isfinite(slopes))


def test_parameters_follow_the_option():
    assert [parameter.name for parameter in MODEL.parameters] == ["m_chi", "m_zp", "g_chi", "m_n", "y_nu", "y_psi"]
    assert [item.name for item in DPDM.build(DPDMOptions()).parameters] == ["m_chi", "m_zp", "epsilon", "g_chi"]
    shown = CliRunner().invoke(cli, ["show", "model", "dpdm"]).stdout
    before, after, _ = re.split("parameters with uv: su2xs?u[12]", shown)
    assert "  epsilon: " in before
    assert "  epsilon: " not in after
    assert "  y_psi: " in after
    assert "  y_psi: " not in before


RUN = "model: {dpdm: {uv: su2xu1}}\nparameters: {y_nu: 1.0, y_psi: 2.0, m_n: 300.0}\n"


def test_run_file(tmp_path, monkeypatch):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "")
    run, table, output = (tmp_path / name for name in ("run.yaml", "points.csv", "out.csv"))
    run.write_text(RUN)
    table.write_text("m_chi,m_zp,g_chi\n100.0,300.0,2.0\n")
    asked = "epsilon,delta_m2_gev2,psi_share,width_zp_gev"
    done = CliRunner().invoke(
        cli, ["evaluate", str(run), "--points", str(table), "--output", str(output), "--predict", asked]
    )
    assert done.exit_code == 0, done.output
    header, row = (line.split(",") for line in output.read_text().splitlines())
    found = dict(zip(header, row, strict=True))
    # The run has the default inputs, whose mass of the Z is that of the table to 1e-5.
    for name, value in loop_words(arrays(MIXED)).items():
        assert float(found[name]) == pytest.approx(float(value), rel=1e-3)


@pytest.mark.parametrize(("options", "name"), [("{uv: su2xu1}", "epsilon"), ("{uv: none}", "y_nu")])
def test_a_parameter_of_the_other_option_is_an_error(tmp_path, options, name):
    run = tmp_path / "run.yaml"
    run.write_text(f"model: {{dpdm: {options}}}\nparameters: {{{name}: 0.01}}\n")
    done = CliRunner().invoke(cli, ["check", str(run)])
    assert done.exit_code == 2
    assert f"run.yaml:2:14: parameters.{name}: unknown parameter '{name}'" in done.stderr
