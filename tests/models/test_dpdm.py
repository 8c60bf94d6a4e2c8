"""Derivative portal: micrOMEGAs, the paper's figure 4, events in xenon, growth of the annihilation into W W and Z h."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from globalfit.likelihoods.lhc_dilepton import LHCDilepton
from globalfit.likelihoods.lz_2022 import LZ2022

from globalfit.models.dpdm import DPDM, DPDMOptions, highest_energy
from globalfit.physics import status
from globalfit.physics.annihilation.cross_section import cross_sections
from globalfit.physics.annihilation.propagator import Energies
from globalfit.physics.annihilation.widths import widths
from globalfit.physics.fermions import INDEX
from globalfit.physics.inputs import PRESETS
from globalfit.physics.observables import VOCABULARY
from globalfit.physics.predictions import Predictions
from globalfit.physics.scattering.nreft import nreft_coefficients
from tests.support.table import numbers, read

INPUTS = PRESETS["micromegas6"]
NAMES = tuple(parameter.name for parameter in DPDM().parameters)
TABLE = read(__file__, "dpdm.csv")
EVENTS = numbers(__file__, "dpdm_events.csv")
WORDS = {
    "omega_h2": "omega_h2",
    "sigma_v_cm3_s": "sigma_v_today_cm3_s",
    "width_z_gev": "width_z_gev",
    "width_zp_gev": "width_zp_gev",
}
COS2 = 1.0 - INPUTS.sin2_theta_w


def model(ww="operator"):
    return DPDM.build(DPDMOptions(ww=ww))


def portal(theta, ww="operator", inputs=INPUTS):
    return model(ww).portal(dict(zip(NAMES, jnp.asarray(theta, float), strict=True)), inputs)


def words(point, inputs=INPUTS):
    return Predictions(point, inputs, {}, VOCABULARY.extended(model().provides))


@pytest.mark.parametrize(("variant", "ww"), [("ff", "none"), ("zh", "none"), ("ww", "abelian")])
def test_micromegas(variant, ww):
    rows = [row for row in TABLE if row["variant"] == variant]
    theta = jnp.asarray([[float(row[name]) for name in NAMES] for row in rows])

    def all_words(values):
        point = portal(values, ww)
        if variant == "ff":
            point = dataclasses.replace(point, higgs=jnp.zeros((2, 2)))
        given = words(point)
        return {column: given[word] for column, word in WORDS.items()}

    found = jax.jit(jax.vmap(all_words))(theta)
    expected = {column: np.array([float(row[column]) for row in rows]) for column in WORDS}
    for column in ("width_z_gev", "width_zp_gev", "sigma_v_cm3_s"):
        np.testing.assert_allclose(found[column], expected[column], rtol=5e-6)
    # A width of 15 % of the mass makes the two ways to integrate over the resonance differ.
    wide = expected["width_zp_gev"] > 0.1 * theta[:, 1]
    tolerance = np.where(wide, 6e-3, 1.5e-3)
    assert np.all(np.abs(found["omega_h2"] / expected["omega_h2"] - 1.0) < tolerance)


def test_windows_of_figure_4():
    """M = 1 TeV, g_chi = 0.1: the relic density is below 0.12 between these masses only (arXiv:2203.09462, Fig. 4).

    478 to 501 GeV at epsilon = 0.01 and 452 to 508 GeV at 0.1, from an independent solver; tolerance 1 %.
    """
    edges = {0.01: (478.0, 501.0), 0.1: (452.0, 508.0)}
    scan = np.concatenate([np.geomspace(100.0, 440.0, 12), np.geomspace(520.0, 5000.0, 24)])
    omega = jax.jit(jax.vmap(lambda values: words(portal(values, "none"))["omega_h2"]))
    for epsilon, (low, high) in edges.items():
        mass = np.concatenate([[0.99 * low, 1.01 * low, 500.0, 0.99 * high, 1.01 * high], scan])
        inside = np.asarray(omega(jnp.asarray([[m, 1000.0, epsilon, 0.1] for m in mass]))) < 0.12
        assert list(inside[:5]) == [False, True, True, epsilon == 0.1 or 0.99 * high > 478.0, False]
        assert not inside[5:].any()


def test_scattering_vanishes_as_the_momentum_transfer_also_in_float32():
    for dtype, tolerance in ((jnp.float64, 1e-13), (jnp.float32, 1e-6)):
        point = jax.tree.map(lambda leaf, kind=dtype: jnp.asarray(leaf, kind), portal([100.0, 1000.0, 0.01, 0.2]))
        q2 = -jnp.logspace(-12, -4, 9, dtype=dtype)
        c1 = np.asarray(nreft_coefficients(point, q2).c1, dtype=float)
        ratio = c1 / np.asarray(q2, dtype=float)[None, :]
        # the next order of t is t (1/M_Z^2 + 1/M_Z'^2) = 1e-8 at the largest momentum
        np.testing.assert_allclose(ratio, ratio[:, :1] * np.ones((1, 9)), rtol=tolerance + 2e-8)
        assert not np.any(nreft_coefficients(point, jnp.zeros(1, dtype)).c1)


def test_events_in_xenon():
    """LZ 2022 with the full t dependence."""
    search = LZ2022.build(LZ2022.Options(), INPUTS)
    vocabulary = VOCABULARY.extended(model().provides, search.provides)
    for row in EVENTS:
        point = portal([row["m_chi"], row["m_zp"], 0.01, 0.2])
        found = float(Predictions(point, INPUTS, {}, vocabulary)["events_lz_2022"])
        neutron = float(point.vector[INDEX["u"], 0] + 2.0 * point.vector[INDEX["d"], 0])
        assert found * (-0.185175 / neutron) ** 2 == pytest.approx(row["events_lz_2022"], rel=2e-3)


def amplitudes(sqrt_s, epsilon, ww):
    """sigma beta of W W, of Z h and of neutrinos, in that order, far above everything."""
    point = portal([1.0, 3.0e5, epsilon, 0.1], ww)
    sections = cross_sections(point, INPUTS, Energies.at(jnp.asarray([sqrt_s**2]), point))
    return np.array([float(sections[name][0]) for name in ("ww", "z_h", "nu_e")])


def test_annihilation_into_w_pairs_grows_like_a_dimension_six_operator():
    """Relative to neutrinos: constant amplitudes plus one that grows like s/v^2; s^2/m_W^4 for the abelian field."""
    energies = np.array([4e3, 8e3, 16e3])
    growth = {}
    for ww in ("operator", "abelian"):
        w_pair, z_h, neutrino = np.array([amplitudes(energy, 1e-4, ww) for energy in energies]).T
        growth[ww] = np.log2((w_pair / neutrino)[1:] / (w_pair / neutrino)[:-1])
        higgs = np.log2((z_h / neutrino)[1:] / (z_h / neutrino)[:-1])
    np.testing.assert_allclose(growth["operator"], 2.0, atol=0.02)
    np.testing.assert_allclose(growth["abelian"], 4.0, atol=0.02)
    np.testing.assert_allclose(higgs, 0.0, atol=0.02)


@pytest.mark.parametrize("epsilon", [1e-3, 0.1])
def test_width_of_a_heavy_zp_in_closed_form(epsilon):
    """Z' -> W W with g1 = U_12 and kappa = U_12 + epsilon U_22, in units of g c_W: far from the abelian 145 GeV."""
    point = portal([1e4, 1000.0, epsilon, 0.0])
    found = widths(point, INPUTS).partial
    x, y = INPUTS.m_z**2, 1e6
    norm = 1.0 / np.sqrt((1.0 - epsilon**2) * (y - x) / (y - float(point.mixing.lagrangian_mass2[0])))
    g1 = -epsilon * y / (y - float(point.mixing.lagrangian_mass2[0])) * norm
    kappa = g1 + epsilon * norm
    growth = y / (4.0 * INPUTS.m_w**2)
    beta = np.sqrt(1.0 - 1.0 / growth)
    helicities = (g1 + 2.0 * growth * kappa) ** 2 + 2.0 * g1**2 + 4.0 * growth * (g1 + kappa) ** 2
    coupling2 = INPUTS.charge**2 * COS2 / INPUTS.sin2_theta_w
    expected = 1000.0 * coupling2 * beta**3 / (48.0 * np.pi) * helicities
    assert float(found["ww"][1]) == pytest.approx(expected, rel=1e-9)
    assert float(widths(portal([1e4, 1000.0, 0.1, 0.0], "abelian"), INPUTS).total[1]) == pytest.approx(145.0, abs=0.5)
    assert float(widths(portal([1e4, 1000.0, 0.1, 0.0]), INPUTS).total[1]) < 10.0


def test_status():
    bound = float(highest_energy(jnp.asarray(0.04), INPUTS))
    assert bound == pytest.approx(INPUTS.higgs_vev / 0.2)
    below, above = portal([0.49 * bound, 100.0, 0.04, 0.1]), portal([0.51 * bound, 100.0, 0.04, 0.1])
    assert int(below.status) == 0
    assert int(above.status) == status.BEYOND_EFFECTIVE_THEORY.bit
    heavy = portal([100.0, 1.01 * bound, 0.04, 0.1])
    assert int(heavy.status) == status.BEYOND_EFFECTIVE_THEORY.bit
    assert int(portal([100.0, 92.0, 0.04, 0.1]).status) == status.NO_SOLUTION.bit
    assert int(portal([100.0, 9e3, 0.0, 0.1]).status) == 0


@pytest.mark.parametrize(("mass", "axial", "epsilon"), [(1000.0, 5.69e-3, 0.0305), (5000.0, 0.150, 0.629)])
def test_lepton_couplings_of_table_1(mass, axial, epsilon):
    """The bounds on g_A mean these epsilon, not 0.868 and 0.983: the paper has M_Z^2 in the place of M_Z'^2."""
    point = portal([100.0, mass, epsilon, 0.1])
    found = float((point.axial @ point.matter_eigenvectors())[INDEX["e"], 1])
    assert abs(found) == pytest.approx(axial, rel=0.01)


def test_mixing_that_the_lhc_allows():
    """ATLAS dileptons at 1 TeV with decays to fermions alone, none of them invisible: epsilon below 0.02, not 0.868."""
    search = LHCDilepton.build(LHCDilepton.Options(), INPUTS)
    vocabulary = VOCABULARY.extended(model().provides, search.provides)

    def excess(epsilon):
        point = dataclasses.replace(portal([1e4, 1000.0, epsilon, 0.1], "none"), higgs=jnp.zeros((2, 2)))
        return 2.0 * (search.no_signal - search.log_likelihood(Predictions(point, INPUTS, {}, vocabulary)))

    test_statistic = jax.jit(jax.vmap(excess))(jnp.asarray([0.015, 0.03]))
    assert float(test_statistic[0]) < 2.71 < float(test_statistic[1])
