"""Where the Sommerfeld factor stands: relic density, dwarf galaxies, recombination; unitarity; off; status flags."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from globalfit.likelihoods.fermi_dwarfs import FermiDwarfs, FermiDwarfsOptions
from globalfit.likelihoods.planck_cmb import PlanckCMB, p_ann

from globalfit.experiment.protocol import NoOptions
from globalfit.models.axial import Axial
from globalfit.models.dark_photon import DarkPhoton, DarkPhotonOptions
from globalfit.models.dpdm import DPDM, DPDMOptions
from globalfit.physics import observables, status
from globalfit.physics.annihilation import cross_section
from globalfit.physics.annihilation.cross_section import (
    cross_sections,
    own_thresholds,
    portal_thresholds,
    resonances,
    total_cross_section,
    tree_cross_sections,
)
from globalfit.physics.annihilation.propagator import Energies
from globalfit.physics.cosmology.freeze_out import FreezeOut
from globalfit.physics.cosmology.quadrature import Thresholds, nodes
from globalfit.physics.cosmology.thermal_average import thermal_average
from globalfit.physics.indirect.annihilation import VELOCITY_DWARFS, VELOCITY_RECOMBINATION, enhancement
from globalfit.physics.inputs import PRESETS, Inputs
from globalfit.physics.predictions import Predictions
from globalfit.physics.sommerfeld.enhancement import Waves, bounded
from globalfit.physics.sommerfeld.flags import VELOCITY_FREEZE_OUT, bound_states, limits_of_validity
from globalfit.physics.sommerfeld.yukawa import factors
from tests.reference.dense_nodes import dense_nodes

ON, OFF = Inputs(), Inputs(sommerfeld="off")
LIGHT = (1000.0, 10.0, 1e-4, 0.66)


def portal(model, theta, inputs=ON):
    names = [parameter.name for parameter in model.parameters]
    return model.portal(dict(zip(names, jnp.asarray(theta, float), strict=True)), inputs)


def words(model, theta, inputs=ON):
    return Predictions(portal(model, theta, inputs), inputs, {}, observables.VOCABULARY.extended(model.provides))


def dark_photon(dm="dirac"):
    return DarkPhoton(DarkPhotonOptions(dm=dm))


def test_off_in_the_preset_of_micromegas():
    assert PRESETS["default"].sommerfeld == "on"
    assert PRESETS["micromegas6"].sommerfeld == "off"


@pytest.mark.slow
def test_dwarf_galaxies_and_recombination():
    # an independent calculation has 26 times the tree level; the vector that couples is alone
    point, alpha = words(DPDM.build(DPDMOptions()), LIGHT), 0.66**2 / (4.0 * math.pi)
    for velocity in (VELOCITY_DWARFS, VELOCITY_RECOMBINATION):
        found = float(enhancement(point, velocity))
        assert found == pytest.approx(26.0, rel=2e-3)
        expected = factors(jnp.asarray(100.0 * alpha), jnp.full(1, 100.0 * 0.5 * velocity))[0, 0]
        assert found == pytest.approx(float(expected), rel=1e-6)


def test_rates_carry_the_factor_at_their_velocities():
    # next to a resonance, where they differ
    theta = (1000.0, 1e-3, 1e-7, 1.67981 * 4e-3)
    on, off = (words(dark_photon(), theta, inputs) for inputs in (ON, OFF))
    dwarfs, early = (float(enhancement(on, velocity)) for velocity in (VELOCITY_DWARFS, VELOCITY_RECOMBINATION))
    assert early > 1.05 * dwarfs > 100.0
    fermi = FermiDwarfs.build(FermiDwarfsOptions(), ON)
    np.testing.assert_allclose(fermi.flux(on), dwarfs * fermi.flux(off), rtol=1e-12)
    assert float(p_ann(on)) == pytest.approx(early * float(p_ann(off)), rel=1e-12)
    ratio = float(on["sigma_v_today_cm3_s"] / off["sigma_v_today_cm3_s"])
    # the second resonance of this family: S depends on the velocity of the Galaxy
    alpha = float(on.portal.dark.vector @ on.portal.eigenvectors()[:, 1]) ** 2 / (4.0 * math.pi)
    expected = factors(jnp.asarray(1e3 * alpha), jnp.full(1, 0.5))[0, 0]
    assert ratio == pytest.approx(float(expected), rel=1e-3)


@pytest.mark.parametrize("dm", ["dirac", "scalar"])
def test_each_wave_has_its_factor(dm):
    theta, x = (300.0, 0.02, 1e-3, 0.05), jnp.asarray([0.01, 0.1, 1.0])
    point = portal(dark_photon(dm), theta)
    energies = Energies.of_slow_pairs(x, point)
    tree, full = (calculate(point, ON, energies) for calculate in (tree_cross_sections, cross_sections))
    velocity = jnp.sqrt(energies.excess / energies.s)
    alpha = float((point.dark.vector @ point.eigenvectors())[1]) ** 2 / (4.0 * math.pi)
    s_wave, p_wave = factors(jnp.asarray(alpha / 0.02), velocity / 0.02)
    np.testing.assert_allclose(full["ap_ap"] / tree["ap_ap"], s_wave, rtol=1e-3)
    np.testing.assert_allclose(full["e"] / tree["e"], p_wave if dm == "scalar" else s_wave, rtol=1e-3)
    np.testing.assert_allclose(
        total_cross_section(point, ON, energies), sum(full.values(), start=jnp.zeros(())), rtol=1e-12
    )


def test_an_axial_current_has_the_factor_of_the_p_wave(monkeypatch):
    # neutrinos have no longitudinal exchange; so weak that the widths are the same with and without axial coupling
    theta = (300.0, 0.02, 1e-3, 1e-5)
    axial, vector = portal(Axial(), theta), portal(dark_photon(), theta)
    both = dataclasses.replace(axial, dark=dataclasses.replace(axial.dark, vector=vector.dark.vector))
    energies = Energies.of_slow_pairs(jnp.asarray([0.1, 1.0]), both)
    s_wave, p_wave = (
        tree_cross_sections(dataclasses.replace(both, dark=one.dark), ON, energies)["nu_e"] for one in (vector, axial)
    )
    # without a vector coupling there is no potential
    on, off = (total_cross_section(axial, inputs, energies) for inputs in (ON, OFF))
    np.testing.assert_allclose(on, off, rtol=1e-13)
    monkeypatch.setattr(cross_section, "bounded", lambda *_: Waves(jnp.full(2, 2.0), jnp.full(2, 7.0)))
    np.testing.assert_allclose(cross_sections(both, ON, energies)["nu_e"], 2.0 * s_wave + 7.0 * p_wave, rtol=1e-4)


def test_unitarity():
    # any factor, however large: sigma_l <= (2l+1) pi/k^2 and what the tree level has
    factor = jnp.asarray(np.geomspace(1.0, 1e12, 400))
    s, velocity, section = (jnp.full(400, value) for value in (4e6, 1e-5, 1e-9))
    found = bounded(Waves(factor, factor), Waves(section, section), s, velocity)
    k2 = 0.25 * 4e6 * 1e-5**2
    for wave, one in enumerate(found):
        sigma, limit = np.asarray(one) * 1e-9 / 1e-5, (2 * wave + 1) * math.pi / k2
        assert np.all(sigma <= limit + 1e-9 / 1e-5)
        assert np.max(sigma) == pytest.approx(limit, rel=1e-2)
    # on a resonance sigma v is constant at last: without the bound S grows as 1/v^2
    point = words(dark_photon(), (1000.0, 1e-2, 1e-7, 1.0))
    strength = 1.67981
    pair = [
        bounded(
            Waves(factors(jnp.asarray(strength), jnp.full(1, q))[0], jnp.ones(1)),
            Waves(jnp.full(1, 1e-6), jnp.zeros(1)),
            jnp.full(1, 4e6),
            jnp.full(1, 1e-2 * q),
        ).s[0]
        for q in (1e-5, 1e-6)
    ]
    assert float(pair[1]) < 30.0 * float(pair[0])
    assert np.isfinite(float(enhancement(point, 0.0)))


@pytest.mark.slow
@pytest.mark.parametrize("theta", [(1000.0, 0.01, 1e-6, 0.0168), (1000.0, 1e-3, 1e-6, 0.05), (500.0, 0.3, 1e-3, 0.3)])
def test_nodes_resolve_the_factor(theta):
    x = np.array([20.0, 30.0, 100.0, 1e3, 1e5, 1e7])

    def average(mesh):
        point = portal(dark_photon(), theta)
        thresholds = Thresholds(own_thresholds(point), portal_thresholds(point, ON))
        grid = mesh(point.dark.mass, resonances(point, ON), thresholds)
        return thermal_average(grid, total_cross_section(point, ON, grid.energies), x)

    np.testing.assert_allclose(jax.jit(lambda: average(nodes))(), jax.jit(lambda: average(dense_nodes))(), rtol=1e-3)


@pytest.mark.slow
def test_gradient_of_the_relic_density():
    def log_omega(x):
        return jnp.log(words(dark_photon(), jnp.exp(x))["omega_h2"])

    at, step = jnp.log(jnp.asarray([1000.0, 0.02, 1e-4, 0.05])), 1e-5
    exact = np.asarray(jax.jit(jax.grad(log_omega))(at))
    value = jax.jit(log_omega)
    numeric = [float(value(at + step * h) - value(at - step * h)) / (2.0 * step) for h in jnp.eye(4)]
    np.testing.assert_allclose(exact, numeric, rtol=1e-5, atol=1e-6)


def test_status_flags(monkeypatch):
    def flags(theta, dm="dirac", inputs=ON):
        point = portal(dark_photon(dm), theta)
        found = bound_states(point, inputs) | limits_of_validity(point, inputs, VELOCITY_FREEZE_OUT)
        return status.describe(int(found))

    light, heavy = (1000.0, 1e-4, 1e-4, 0.04), (1000.0, 1.5, 1e-4, 0.04)
    assert flags(light) == "bound_states"
    assert flags((1000.0, 5e-4, 1e-4, 0.04)) == "ok"
    assert flags(light, inputs=OFF) == "ok"
    assert flags((1000.0, 0.5, 1e-4, 0.4)) == "strong_coupling"
    split = (1000.0, 1e-2, 1e-4, 0.04)
    assert flags(split, "pseudo_dirac") == "no_enhancement"
    assert flags(heavy, "pseudo_dirac") == "ok"
    planck = PlanckCMB.build(NoOptions(), ON)
    assert int(planck.status(words(dark_photon("pseudo_dirac"), split))) & status.NO_ENHANCEMENT.bit
    frozen = FreezeOut(*(jnp.zeros(()) for _ in range(3)), jnp.asarray(True), jnp.zeros(()))
    monkeypatch.setattr(observables, "relic", lambda _: frozen)
    assert status.describe(int(observables.relic_flags(words(dark_photon(), light)))) == "bound_states"
