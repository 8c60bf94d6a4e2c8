"""Derivative portal with mixing from loops: predicted mixing, mass mixing, hidden fermions, parameters by option."""

import dataclasses
import functools
import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from click.testing import CliRunner

from globalfit import status
from globalfit.annihilation.cross_section import cross_sections, openings, total_cross_section
from globalfit.annihilation.doublet import charged_cross_section
from globalfit.annihilation.nonabelian_pairs import nonabelian_pair_cross_section
from globalfit.annihilation.propagator import Energies
from globalfit.annihilation.spectral import fermion_pair
from globalfit.annihilation.vector_pairs import vector_pair_cross_section
from globalfit.annihilation.widths import widths
from globalfit.cli import cli
from globalfit.fermions import INDEX
from globalfit.indirect.annihilation import at_rest, decays, final_states
from globalfit.inputs import PRESETS
from globalfit.models.dpdm import DPDM, DPDMOptions
from globalfit.observables import VOCABULARY
from globalfit.predictions import Predictions, merge_vocabularies
from globalfit.scattering.nreft import nreft_coefficients
from tests.table import numbers

INPUTS = PRESETS["default"].model_copy(update={"m_z": 91.188})
TABLE = numbers(__file__, "loop_mixing.csv")
MODEL, DOUBLET = (DPDM.build(DPDMOptions(uv=uv)) for uv in ("su2xu1", "su2xsu2"))
WORDS = merge_vocabularies(VOCABULARY, MODEL.provides)
# Large mixing, epsilon = 1.5e-3 and delta_m2 = -38 GeV^2; m_1 = 163 GeV.
MIXED = {"m_chi": 100.0, "m_zp": 300.0, "g_chi": 2.0, "m_n": 300.0, "y_nu": 1.0, "y_psi": 2.0}


def arrays(point):
    return {name: jnp.asarray(value) for name, value in point.items()}


@jax.jit
def portal_of(point):
    return MODEL.portal(point, INPUTS)


def portal(**changed):
    return portal_of(arrays(MIXED | changed))


def words(point):
    return Predictions(point, INPUTS, {}, WORDS)


@functools.partial(jax.jit, static_argnums=1)
def loop_words(point, model=MODEL):
    found = Predictions(model.portal(point, INPUTS), INPUTS, point, merge_vocabularies(VOCABULARY, model.provides))
    return {name: found[name] for name in ("epsilon", "delta_m2_gev2", "psi_share", "width_zp_gev")}


def of_masses(row, m_zp=400.0, g_chi=0.5):
    """Parameters that give the entries a and b of the mass matrix."""
    return {
        "m_zp": m_zp,
        "g_chi": g_chi,
        "m_n": row["m_n"],
        "y_nu": row["a"] * math.sqrt(2.0) / INPUTS.higgs_vev,
        "y_psi": row["b"] * math.sqrt(2.0) * g_chi / m_zp,
    }


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


@jax.jit
def hidden_width_of(point):
    return widths(MODEL.portal(point, INPUTS), INPUTS).partial["hidden"][1]


def hidden_width(**changed):
    return float(hidden_width_of(arrays(MIXED | changed)))


def test_hidden_width_of_light_states():
    """A Weyl fermion: g^2 m_Z'/(24 pi), however it is shared."""
    for y_nu in (0.0, 1e-6):
        found = hidden_width(m_n=1e-4, y_nu=y_nu, y_psi=1e-6)
        assert found == pytest.approx(2.0**2 * 300.0 / (24.0 * math.pi), rel=1e-5)


def test_hidden_width_of_a_dirac_state():
    """For M_N = 0 the massive states are one Dirac fermion whose left-handed part has the charge: v = a = g/2."""
    y_psi = 100.0 * math.sqrt(2.0) * 2.0 / 300.0
    pair = fermion_pair(jnp.asarray(300.0**2), jnp.asarray(100.0))
    expected = 300.0 * float(pair.vector + pair.axial)
    assert hidden_width(m_n=1e-6, y_nu=0.0, y_psi=y_psi) == pytest.approx(expected, rel=1e-7)


def test_hidden_width_with_one_massive_state():
    """Massless pairs, and one massive state with the massless one: (1 - x)^2 (1 + x/2), no interference of signs."""
    a, b, m_n = 60.0, 80.0, 2000.0
    point = of_masses({"a": a, "b": b, "m_n": m_n}, 300.0, 2.0)
    values, vectors = np.linalg.eigh([[0.0, a, 0.0], [a, m_n, b], [0.0, b, 0.0]])
    light, massless = vectors[2, :2] ** 2
    x = (values[0] / 300.0) ** 2
    shape = massless**2 + 2.0 * massless * light * (1.0 - x) ** 2 * (1.0 + 0.5 * x)
    shape += light**2 * (1.0 - 4.0 * x) ** 1.5
    assert hidden_width(**point) == pytest.approx(2.0**2 * 300.0 / (24.0 * math.pi) * shape, rel=1e-9)


@pytest.fixture(scope="module")
def unmixed():
    """No mixing and light hidden fermions, and the same with a right-handed neutrino of v = -a = g/2 in their place."""
    hidden = portal(m_n=1e-4, y_nu=0.0, y_psi=1e-6, g_chi=0.6, m_chi=120.0)
    coupling = jnp.zeros_like(hidden.vector).at[INDEX["nu_mu"], 1].set(0.3)
    neutrino = dataclasses.replace(hidden, hidden=None, vector=hidden.vector + coupling, axial=hidden.axial - coupling)
    return hidden, neutrino


def test_annihilation_to_hidden_fermions(unmixed):
    """g^4 (s + 2 m^2)/(24 pi) |1/(s - M^2 + i s Gamma/M)|^2 with a running width, and in the sum of all channels."""
    s = np.array([241.0, 299.0, 320.0, 900.0]) ** 2

    @jax.jit
    def sections(point):
        energies = Energies.at(jnp.asarray(s), point)
        return cross_sections(point, INPUTS, energies), total_cross_section(point, INPUTS, energies)

    found, total = sections(unmixed[0])
    rho = 0.6**2 / (24.0 * math.pi) + 0.6**2 * np.asarray(fermion_pair(jnp.asarray(s), jnp.asarray(120.0)).vector)
    expected = 0.6**4 * (s + 2.0 * 120.0**2) / (24.0 * math.pi) / ((s - 300.0**2) ** 2 + (s * rho) ** 2)
    np.testing.assert_allclose(found["hidden"], expected, rtol=1e-10)
    np.testing.assert_allclose(total, sum(found.values()), rtol=1e-12)


def test_relic_density_with_hidden_fermions(unmixed):
    omega = jax.jit(lambda point: words(point)["omega_h2"])
    found = [float(omega(point)) for point in unmixed]
    closed = float(omega(dataclasses.replace(unmixed[0], hidden=None)))
    assert found[0] == pytest.approx(found[1], rel=1e-9)
    assert 0.0 < found[0] < 1e-3 * closed


def test_hidden_fermions_count_as_neutrinos(unmixed):
    both = jax.jit(lambda point: (at_rest(words(point)), final_states(words(point)).pairs, decays(words(point), 1)))
    sections, pairs, fractions = both(unmixed[0])
    assert float(pairs["neutrinos"]) == pytest.approx(float(sections["hidden"]), rel=1e-12)
    assert float(fractions["neutrinos"] + fractions["dark"]) == pytest.approx(1.0, rel=1e-12)
    assert float(sections["hidden"]) > 0.0 < float(fractions["neutrinos"])


@functools.partial(jax.jit, static_argnums=0)
def light(model, point):
    return model.portal({"m_n": 1e-6, "y_nu": 0.0, "y_psi": 1e-6} | point, INPUTS)


def doublet(**values):
    return light(DOUBLET, arrays(values))


def massive(m_zp, g_chi, mass):
    """y_psi for a Dirac state of some mass in the doublet, with M_N = y_nu = 0."""
    return mass * math.sqrt(2.0) * 0.5 * g_chi / m_zp


def test_widths_with_a_doublet():
    """Two Dirac components with g/2, a left-handed one of mass 100 GeV (v = a = g/4) and a massless one."""
    point = doublet(m_chi=120.0, m_zp=300.0, g_chi=0.6, y_psi=massive(300.0, 0.6, 100.0))
    found = jax.jit(lambda point: widths(point, INPUTS).partial)(point)
    s = jnp.asarray(300.0**2)
    dark, heavy = fermion_pair(s, jnp.asarray(120.0)), fermion_pair(s, jnp.asarray(100.0))
    assert float(found["dark"][1]) == pytest.approx(300.0 * 2.0 * 0.3**2 * float(dark.vector), rel=1e-9)
    expected = 300.0 * 0.3**2 * (0.25 * float(heavy.vector + heavy.axial) + 1.0 / (24.0 * math.pi))
    assert float(found["hidden"][1]) == pytest.approx(expected, rel=1e-7)
    np.testing.assert_allclose(point.dark.vector, [0.0, 0.3])


@pytest.mark.parametrize("mass", [0.0, 100.0])
def test_annihilation_of_a_doublet(mass):
    """All four pairs of species: g^4/4 to neutral and g^4/2 to charged pairs of massless fermions; pairs of vectors.

    One quarter of the sum stands for one Dirac particle. A massive fermion leaves (1 - x)^2 (1 + x/2) of charged pairs.
    """
    m_chi, m_zp, g = 120.0, 300.0, 0.6
    s = np.array([241.0, 299.0, 320.0, 900.0]) ** 2
    point = doublet(m_chi=m_chi, m_zp=m_zp, g_chi=g, y_psi=massive(m_zp, g, mass))

    @jax.jit
    def sections(point):
        energies = Energies.at(jnp.asarray(s), point)
        return cross_sections(point, INPUTS, energies), total_cross_section(point, INPUTS, energies)

    found, total = sections(point)
    dark, heavy = (fermion_pair(jnp.asarray(s), jnp.asarray(m)) for m in (m_chi, mass))
    x = mass**2 / s
    weyl = 1.0 / (24.0 * math.pi)
    neutral = np.asarray(0.25 * (heavy.vector + heavy.axial)) + weyl
    charged = (1.0 - x) ** 2 * (1.0 + 0.5 * x) * weyl
    expected = 0.0
    for pairs, current2, light in ((2.0, 0.25 * g**2, neutral), (2.0, 0.5 * g**2, charged)):
        rho = 0.5 * g**2 * np.asarray(dark.vector) + current2 * light
        propagator2 = 1.0 / ((s - m_zp**2) ** 2 + (s * rho) ** 2)
        expected += 0.25 * pairs * (s + 2.0 * m_chi**2) * current2**2 * light * propagator2
    energies, vectors = jnp.sqrt(jnp.asarray(s)), jnp.asarray([m_zp, m_zp])
    abelian = vector_pair_cross_section(energies, point.dark.mass, vectors, jnp.asarray([0.0, 1.0]), jnp.zeros(2))[2]
    nonabelian = nonabelian_pair_cross_section(energies, point.dark.mass, vectors[0])
    expected += 0.25 * g**4 * np.asarray(0.375 * abelian + 0.75 * nonabelian)
    np.testing.assert_allclose(found["hidden"] + found["zp_zp"], expected, rtol=1e-7)
    np.testing.assert_allclose(found["zp_zp"], g**4 / 32.0 * abelian, rtol=1e-9)
    np.testing.assert_allclose(total, sum(found.values()), rtol=1e-12)


def test_relic_density_of_a_doublet():
    """3 g^4/16 in place of g^4 with a heavy Z', and twice as many states: freeze-out later by ln 2, Omega as x_f.

    The s wave has Omega proportional to x_f; the formula x_f = ln(states sigma ...) leaves corrections of 1/x_f.
    """
    found = []
    for model, g_chi in ((MODEL, 2.0), (DOUBLET, 2.0 * (16.0 / 3.0) ** 0.25)):
        point = light(model, arrays({"m_chi": 100.0, "m_zp": 3000.0, "g_chi": g_chi}))
        found.append(jax.jit(lambda point: (words(point)["omega_h2"], words(point)["x_f"]))(point))
    (single, x_f), (both, later) = np.asarray(found)
    assert later - x_f == pytest.approx(math.log(2.0), rel=0.15)
    assert both / single - 1.0 == pytest.approx(math.log(2.0) / x_f, rel=0.25)


def test_final_states_open_where_hidden_pairs_do():
    point = portal()
    first, second = np.abs(np.asarray(point.hidden.mass)[1:])
    found = np.asarray(openings(point, INPUTS))
    for energy in (first, second, 2.0 * first, first + second, 2.0 * second):
        assert np.min(np.abs(found / energy - 1.0)) < 1e-12


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
    assert DPDM.build(DPDMOptions()).parameters == DPDM.parameters
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
