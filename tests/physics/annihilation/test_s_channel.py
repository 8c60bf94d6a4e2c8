"""Annihilation through s-channel vectors and widths, against 40-digit arithmetic and analytic limits."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from globalfit.models.axial import Axial
from globalfit.physics.annihilation import channels, propagator, spectral
from globalfit.physics.annihilation.cross_section import (
    cross_sections,
    dark_current_waves,
    longitudinal_exchange,
    total_cross_section,
)
from globalfit.physics.annihilation.propagator import Energies
from globalfit.physics.annihilation.widths import widths
from globalfit.physics.cosmology.quadrature import Thresholds, nodes
from globalfit.physics.cosmology.thermal_average import thermal_average
from globalfit.physics.fermions import FERMIONS, INDEX
from globalfit.physics.inputs import PRESETS
from globalfit.physics.mixing import mix
from globalfit.physics.portal import DarkMatter, Portal
from globalfit.physics.symmetric import Symmetric
from tests.support.table import numbers, read

# mpmath, 40 digits; the cross sections also from explicit Dirac traces, the averages from a second quadrature.
MEDIATORS = read(__file__, "mediators.csv")
PAIRS = read(__file__, "fermion_pairs.csv")
WIDTHS = numbers(__file__, "widths.csv")
AVERAGES = read(__file__, "thermal_average.csv")
# A second mediator for the sets that have one: heavy and without couplings.
IDLE = {"mass": 3.0e3, "Gamma": 1.0, "vx": 0.0, "ax": 0.0, "vf": 0.0, "af": 0.0}
INPUTS = PRESETS["micromegas6"]


def mediators(name):
    rows = [{k: float(v) for k, v in row.items() if k != "set"} for row in MEDIATORS if row["set"] == name]
    rows = [*rows, IDLE][:2]
    return {key: jnp.asarray([row[key] for row in rows]) for key in IDLE}


def flux_cross_section(name, energies_of, dark_mass, fermion_mass, colours, kind="dirac"):
    """sigma beta of one massive fermion, called b, at the energies of a portal."""
    media = mediators(name)
    empty, mass2 = jnp.zeros((len(FERMIONS), 2)), media["mass"] ** 2
    b = INDEX["b"]
    portal = Portal(
        ("first", "second"),
        mix(mass2, jnp.asarray(0.0)).mixing,
        empty.at[b].set(media["vf"]),
        empty.at[b].set(media["af"]),
        jnp.zeros(2),
        jnp.zeros((2, 2)),
        DarkMatter(kind, jnp.asarray(dark_mass), media["vx"], media["ax"] if kind == "dirac" else jnp.zeros(2)),
        jnp.asarray(0),
    )
    inputs = INPUTS.model_copy(update={"m_b": fermion_mass})
    energies, result_of = energies_of(portal, media["Gamma"])
    waves = dark_current_waves(portal, energies, propagator.fixed(portal, energies, media["Gamma"]))
    density = channels.fermion_densities(portal, inputs, energies.s)["b"]
    transverse = sum(wave.contract(density) for wave in waves)
    longitudinal = longitudinal_exchange(portal, inputs, energies.s)[INDEX["b"]]
    return result_of((transverse + longitudinal) * colours / 3.0)


@pytest.mark.parametrize("row", PAIRS, ids=lambda row: f"{row['mediator_set']}-{row['sqrt_s']}")
def test_fermion_pairs(row):
    dark_mass, s = float(row["mx"]), jnp.asarray([float(row["sqrt_s"]) ** 2])

    def at(portal, _):
        return Energies.at(s, portal), lambda flux: flux / spectral.velocity(s, dark_mass)

    for kind, column in (("dirac", "sigma_gev2"), ("scalar", "sigma_scalar_gev2")):
        sigma = flux_cross_section(row["mediator_set"], at, dark_mass, float(row["mf"]), float(row["Nc"]), kind)
        np.testing.assert_allclose(sigma[0], float(row[column]), rtol=1e-8)


@pytest.mark.parametrize("row", AVERAGES, ids=lambda row: f"{row['mediator_set']}-{row['mf']}-{row['x']}")
def test_thermal_average(row):
    dark_mass, x = float(row["mx"]), np.array([float(row["x"])])
    threshold = Thresholds(jnp.zeros(0), jnp.asarray([2.0 * float(row["mf"])]))

    def mesh(portal, width):
        grid = nodes(portal.dark.mass, propagator.Resonances(portal.mass, jnp.zeros(2), 0.5 * width), threshold)
        return grid.energies, lambda flux: thermal_average(grid, flux, x)

    for kind in ("dirac", "scalar"):
        average = flux_cross_section(row["mediator_set"], mesh, dark_mass, float(row["mf"]), float(row["Nc"]), kind)
        np.testing.assert_allclose(average[0], float(row[f"sv_{kind}_GeV-2"]), rtol=2e-4)


@pytest.mark.parametrize("row", WIDTHS, ids=lambda row: f"{row['mass']:g}-{row['m']:g}")
def test_widths(row):
    pair = spectral.fermion_pair(jnp.asarray(row["mass"] ** 2), row["m"], row["Nc"])
    width = row["mass"] * (row["gv"] ** 2 * pair.vector + row["ga"] ** 2 * pair.axial)
    np.testing.assert_allclose(width, row["Gamma_ff"], rtol=1e-8)
    scalar = spectral.scalar_pair(jnp.asarray(row["mass"] ** 2), jnp.asarray(row["mass"] ** 2 - 4.0 * row["m"] ** 2))
    np.testing.assert_allclose(row["mass"] * row["gv"] ** 2 * scalar, row["Gamma_scalar"], rtol=1e-8)


def axial(m_chi=60.0, mass_ratio=2.3, epsilon=0.01, alpha_d=0.05, inputs=INPUTS):
    values = {"m_chi": m_chi, "mass_ratio": mass_ratio, "epsilon": epsilon, "alpha_d": alpha_d}
    return Axial().portal({name: jnp.asarray(value) for name, value in values.items()}, inputs)


def test_standard_model_z_width_at_tree_level():
    # Gamma_Z of the inputs without mixing, by hand from N_c M (v^2 + a^2)/(12 pi) per massless channel: 2.4357 GeV in
    # micrOMEGAs with the same masses.
    np.testing.assert_allclose(widths(axial(epsilon=1e-9), INPUTS).total[0], 2.435751, rtol=2e-6)


def test_w_pair_width_of_a_heavy_z():
    # Gamma(Z' -> W W) for Standard-Model couplings grows as M^5: alpha cot^2 M^5/(48 m_W^4) (Altarelli et al. 1989)
    mass = 1.0e4
    expected = mass**5 / (192.0 * np.pi * INPUTS.m_w**4)
    found = mass * spectral.w_pair(jnp.asarray(mass**2), INPUTS.m_w)
    np.testing.assert_allclose(found, expected, rtol=2e-3)


def test_equivalence_theorem_of_the_hypercharge_boson():
    # A heavy hypercharge-mixed vector couples to the Goldstone bosons and the Higgs through hypercharge alone:
    # Gamma(W W) -> Gamma(Z h), with corrections of order m^2/M^2.
    partial = widths(axial(m_chi=2.0e4, mass_ratio=2.0, epsilon=1e-3, inputs=consistent_inputs()), consistent_inputs())
    ratio = partial.partial["ww"][1] / partial.partial["z_h"][1]
    np.testing.assert_allclose(ratio, 1.0, rtol=1e-3)


def consistent_inputs():
    """Inputs that obey the tree-level relations m_W = c_W m_Z and v = 2 m_W s_W / e."""
    m_w = INPUTS.m_z * INPUTS.cos_theta_w
    return INPUTS.model_copy(update={"m_w": m_w, "higgs_vev": 2.0 * m_w * INPUTS.sin_theta_w / INPUTS.charge})


@pytest.mark.parametrize("width", ["running", "fixed"])
def test_axial_dark_matter_annihilates_in_the_p_wave(width):
    inputs = INPUTS.model_copy(update={"width": width})
    portal = axial(mass_ratio=3.0, inputs=inputs)
    beta = jnp.asarray([1e-5, 1e-4])
    energies = Energies.at(4.0 * portal.dark.mass**2 / (1.0 - beta**2), portal)
    sigma_v = total_cross_section(portal, inputs, energies)
    np.testing.assert_allclose(sigma_v[1] / sigma_v[0], 100.0, rtol=1e-4)


@pytest.mark.parametrize("width", ["running", "fixed"])
def test_total_is_the_sum_of_channels(width):
    inputs = INPUTS.model_copy(update={"width": width})
    portal = axial(m_chi=300.0, mass_ratio=0.7, inputs=inputs)
    energies = Energies.at(jnp.linspace(601.0, 2000.0, 50) ** 2, portal)
    parts = cross_sections(portal, inputs, energies)
    assert all(jnp.all(part >= 0.0) for part in parts.values())
    np.testing.assert_allclose(total_cross_section(portal, inputs, energies), sum(parts.values()), rtol=1e-12)


def every_density(portal, s, excess):
    visible = channels.fermion_densities(portal, INPUTS, s) | channels.boson_densities(portal, INPUTS, s)
    return functools.reduce(Symmetric.plus, visible.values(), channels.dark_density(portal, s, excess))


def test_running_width_is_the_matrix_inverse():
    portal = axial(m_chi=46.0, mass_ratio=2.02, epsilon=1e-3)
    s = jnp.linspace(88.0, 97.0, 31) ** 2
    energies = Energies.at(s, portal)
    density = every_density(portal, s, energies.excess)
    found, _ = propagator.running(portal, energies, density)
    eta, masses = float(portal.mixing.kinetic), np.diag(portal.mixing.lagrangian_mass2)
    for i, value in enumerate(np.asarray(s)):
        first, mixed, second = (part[i] for part in density)
        rho = np.array([[first, mixed], [mixed, second]])
        inverse = np.linalg.inv(value * (np.array([[1.0, eta], [eta, 1.0]]) + 1j * rho) - masses)
        components = inverse[[0, 0, 1], [0, 1, 1]]
        parts = [real[i] + 1j * imag[i] for real, imag in zip(found.real, found.imag, strict=True)]
        np.testing.assert_allclose(parts, components, rtol=1e-9)


def test_narrow_poles_running_equals_fixed():
    portal = axial(m_chi=200.0, mass_ratio=2.5, epsilon=1e-3, alpha_d=1e-5)
    width = widths(portal, INPUTS).total
    offset = jnp.asarray([-3.0, -1.0, 0.0, 1.0, 3.0]) * width[1] * portal.mass[1]
    s = portal.mass2[1] + offset
    energies = Energies.at(s, portal)._replace(gap=jnp.stack([s - portal.mass2[0], offset]))
    density = every_density(portal, s, energies.excess)
    running, _ = propagator.running(portal, energies, density)
    fixed = propagator.fixed(portal, energies, width)
    running_square, fixed_square = (d.real.second**2 + d.imag.second**2 for d in (running, fixed))
    # they differ by the absorptive mixing with the Z, of the order of Gamma_Z/M_Z times eta
    np.testing.assert_allclose(running_square, fixed_square, rtol=2e-3)


@pytest.mark.parametrize("mass", [0.5, 80.377, 172.57, 1e4])
def test_spectral_densities_have_finite_gradients_at_threshold(mass):
    s = jnp.asarray([0.5, 1.0, 2.0]) * 4.0 * mass**2
    for density in (
        lambda m: jnp.sum(spectral.velocity(s, m)),
        lambda m: jnp.sum(spectral.fermion_pair(s, m).axial),
        lambda m: jnp.sum(spectral.vector_higgs(s, m, mass)),
    ):
        value, gradient = jax.value_and_grad(density)(jnp.asarray(mass))
        assert jnp.isfinite(value)
        assert jnp.isfinite(gradient)
