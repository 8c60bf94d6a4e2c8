"""Pseudo-Dirac dark matter: widths, chi1 chi2 through vectors, chi1 chi1 to pairs of vectors, and the Dirac limit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from globalfit.models.hypercharge import hypercharge_portal
from globalfit.physics.annihilation import channels, propagator, spectral
from globalfit.physics.annihilation.cross_section import (
    cross_sections,
    dark_current_waves,
    excited_vector_pairs,
    longitudinal_exchange,
    s_channel,
    s_channel_total,
    total_cross_section,
)
from globalfit.physics.annihilation.propagator import Energies
from globalfit.physics.annihilation.vector_pairs import (
    PAIRS,
    majorana_vector_pair_cross_section,
    vector_pair_cross_section,
)
from globalfit.physics.fermions import FERMIONS, INDEX
from globalfit.physics.inputs import PRESETS
from globalfit.physics.mixing import mix
from globalfit.physics.portal import DarkMatter, Portal
from tests.reference import vector_pairs as reference
from tests.support.table import numbers, read

# mpmath, 40 digits.
MEDIATORS = read(__file__, "mediators.csv")
SECTIONS = read(__file__, "pseudo_dirac_pairs.csv")
WIDTHS = numbers(__file__, "pseudo_dirac_widths.csv")
INPUTS = PRESETS["micromegas6"]
VECTOR = jnp.asarray([0.7, -1.2])

pairs = jax.jit(majorana_vector_pair_cross_section)


def dark_photon(kind, splitting=0.0, m_chi=60.0, mass=200.0, epsilon=0.01):
    coupling = jnp.asarray([0.0, 0.8])
    dark = DarkMatter(kind, jnp.asarray(m_chi), coupling, jnp.zeros(2), jnp.asarray(splitting))
    return hypercharge_portal(("z", "ap"), jnp.asarray(mass), jnp.asarray(epsilon), dark, jnp.zeros((), int), INPUTS)


@pytest.mark.parametrize("row", WIDTHS, ids=lambda row: f"{row['mass']:g}-{row['m1']:g}")
def test_widths(row):
    s, total, difference = (
        jnp.asarray(value) for value in (row["mass"] ** 2, row["m1"] + row["m2"], row["m2"] - row["m1"])
    )
    density = spectral.pseudo_dirac_pair(s, s - total**2, difference)
    np.testing.assert_allclose(row["mass"] * row["vector"] ** 2 * density, row["width_gev"], rtol=1e-8)


@pytest.mark.parametrize("row", SECTIONS, ids=lambda row: f"{row['mediator_set']}-{row['sqrt_s']}")
def test_fermion_pairs(row):
    names = ("mass", "Gamma", "vx", "vf", "af")
    media = [[float(line[name]) for name in names] for line in MEDIATORS if line["set"] == row["mediator_set"]]
    # A second mediator for the sets that have one: heavy and without couplings.
    mass, width, dark_vector, vector, axial = (
        jnp.asarray(c) for c in zip(*[*media, [3e3, 1.0, 0, 0, 0]][:2], strict=True)
    )
    empty, b = jnp.zeros((len(FERMIONS), 2)), INDEX["b"]
    portal = Portal(
        ("first", "second"),
        mix(mass**2, jnp.asarray(0.0)).mixing,
        empty.at[b].set(vector),
        empty.at[b].set(axial),
        jnp.zeros(2),
        jnp.zeros((2, 2)),
        DarkMatter("pseudo_dirac", jnp.asarray(float(row["m1"])), dark_vector, jnp.zeros(2), jnp.asarray(0.1)),
        jnp.asarray(0),
    )
    inputs = INPUTS.model_copy(update={"m_b": float(row["mf"])})
    energies = Energies.at(jnp.asarray([float(row["sqrt_s"]) ** 2]), portal)
    waves = dark_current_waves(portal, energies, propagator.fixed(portal, energies, width))
    density = channels.fermion_densities(portal, inputs, energies.s)["b"]
    flux = sum(wave.contract(density) for wave in waves)
    flux += longitudinal_exchange(portal, inputs, energies.s)[INDEX["b"]]
    s, first = energies.s[0], float(row["m1"])
    velocity = np.sqrt((s - (2.1 * first) ** 2) * (s - (0.1 * first) ** 2)) / s
    sigma = flux[0] * float(row["colours"]) / 3.0 / velocity
    np.testing.assert_allclose(sigma, float(row["sigma_gev2"]), rtol=1e-8)


@pytest.mark.parametrize(
    ("dark_mass", "exchanged", "mass", "excess"),
    [
        (100.0, 110.0, [91.2, 30.0], 1e-4),
        (100.0, 150.0, [91.2, 150.0], 0.01),
        (10.0, 10.3, [3.0, 9.99], 0.3),
        (500.0, 450.0, [91.2, 60.0], 2.0),
        (1.0, 2.0, [0.05, 7.0], 0.05),
        (20.0, 18.0, [20.0, 20.0], 1.0),
        (50.0, 49.9, [0.01, 0.02], 0.2),
        (50.0, 40.0, [5.0, 3.0], 0.2),
    ],
)
def test_helicity_amplitudes(dark_mass, exchanged, mass, excess):
    for index, pair in enumerate(PAIRS):
        sqrt_s = max(2.0 * dark_mass, sum(mass[k] for k in pair)) * (1.0 + excess)
        zero = (0.0, 0.0)
        expected = reference.flux_cross_section(sqrt_s, dark_mass, mass, VECTOR, zero, pair, exchanged)[0]
        arrays = (jnp.asarray(dark_mass), jnp.asarray(exchanged - dark_mass), jnp.asarray(mass), VECTOR)
        assert float(pairs(jnp.asarray([sqrt_s]), *arrays)[index, 0]) == pytest.approx(expected, rel=1e-10)


def test_pairs_of_vectors_in_the_dirac_limit():
    sqrt_s, mass = jnp.asarray([200.0, 200.01, 220.0, 4000.0]), jnp.asarray([30.0, 60.0])
    dirac = vector_pair_cross_section(sqrt_s, jnp.asarray(100.0), mass, VECTOR, jnp.zeros(2))
    np.testing.assert_allclose(pairs(sqrt_s, jnp.asarray(100.0), jnp.asarray(0.0), mass, VECTOR), dirac, rtol=1e-12)


def test_an_exchanged_particle_on_its_shell_is_left_out():
    # chi2 (55 GeV) -> chi1 (40 GeV) + 10 GeV and chi1 chi2 -> 97 GeV are open: t = (40 GeV)^2 lies in the physical
    # region for sqrt(s) between 110.4 and 115.9 GeV, the roots of s A B + m2^2 lambda + s r (S + r). With 80 GeV the
    # second decay is closed.
    arguments = jnp.asarray([111.0, 115.0, 200.0]), jnp.asarray(55.0), jnp.asarray(-15.0)
    real = np.asarray(pairs(*arguments, jnp.asarray([10.0, 97.0]), VECTOR))[1]
    assert (real > 0.0).tolist() == [False, False, True]
    assert np.all(np.asarray(pairs(*arguments, jnp.asarray([10.0, 80.0]), VECTOR))[1] > 0.0)


@pytest.mark.parametrize("width", [pytest.param("running", marks=pytest.mark.slow), "fixed"])
def test_dirac_limit(width):
    inputs = INPUTS.model_copy(update={"width": width})
    dirac, split = dark_photon("dirac"), dark_photon("pseudo_dirac")
    energies = Energies.at(jnp.asarray([120.0, 121.0, 180.0, 200.0, 450.0]) ** 2, dirac)
    expected, found = cross_sections(dirac, inputs, energies), s_channel(split, inputs, energies)
    for name in found:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12)
    pair = excited_vector_pairs(split, energies.s)
    for name in pair:
        np.testing.assert_allclose(pair[name], expected[name], rtol=1e-12)
    np.testing.assert_allclose(s_channel_total(split, inputs, energies), sum(found.values()), rtol=1e-12)


def test_chi1_annihilates_into_vectors_only():
    portal = dark_photon("pseudo_dirac", 0.1, mass=20.0)
    energies = Energies.at(jnp.asarray([150.0**2]), portal)
    sections = cross_sections(portal, INPUTS, energies)
    assert all(
        float(section[0]) == 0.0 for name, section in sections.items() if name in INDEX or name[-2:] in ("ww", "_h")
    )
    assert float(sections["ap_ap"][0]) > 0.0
    np.testing.assert_allclose(total_cross_section(portal, INPUTS, energies), sum(sections.values()), rtol=1e-12)


def test_the_divergence_of_the_current_sets_the_longitudinal_exchange():
    # |q.J|^2 = (m2 - m1)^2 |chi2bar chi1|^2, averaged over spins (m2 - m1)^2 (s - (m1 + m2)^2)/2; the axial current of
    # a pair of equal masses gives 2 m^2 s
    def portal(kind, vector, axial):
        matter = jnp.zeros((len(FERMIONS), 2)).at[INDEX["b"]].set(jnp.asarray([0.1, 0.2]))
        dark = DarkMatter(kind, jnp.asarray(100.0), jnp.asarray(vector), jnp.asarray(axial), jnp.asarray(0.3))
        mixing = mix(jnp.asarray([400.0, 900.0]), jnp.asarray(0.0)).mixing
        return Portal(("a", "b"), mixing, matter, matter, jnp.zeros(2), jnp.zeros((2, 2)), dark, jnp.asarray(0))

    s = jnp.asarray([300.0**2])
    found = longitudinal_exchange(portal("pseudo_dirac", [0.5, 0.6], [0.0, 0.0]), INPUTS, s)[INDEX["b"]]
    axial = longitudinal_exchange(portal("dirac", [0.0, 0.0], [0.5, 0.6]), INPUTS, s)[INDEX["b"]]
    np.testing.assert_allclose(found / axial, 30.0**2 * (s - 230.0**2) / 2.0 / (2.0 * 100.0**2 * s), rtol=1e-12)


@pytest.mark.slow
def test_finite_gradients():
    thresholds = jnp.asarray([119.0, 126.0, 132.0, 132.1, 200.0, 5e3])

    def total(splitting, m_chi, mass):
        portal = dark_photon("pseudo_dirac", splitting, m_chi, mass)
        energies = Energies.at(thresholds**2, portal)
        excited = sum(excited_vector_pairs(portal, energies.s).values())
        running = INPUTS.model_copy(update={"width": "running"})
        sections = s_channel_total(portal, running, energies) + total_cross_section(portal, running, energies) + excited
        return jnp.sum(sections), sections

    # thresholds of chi1 chi2 and chi2 chi2, decay of the dark photon just open, exchanged chi1 on its shell
    for point in ((0.1, 60.0, 126.0), (0.0, 60.0, 120.0), (0.1, 60.0, 5.999), (0.5, 60.0, 10.0), (0.7, 40.0, 12.0)):
        value, gradient = jax.value_and_grad(lambda *p: total(*p)[0], argnums=(0, 1, 2))(
            *(jnp.asarray(p) for p in point)
        )
        assert jnp.isfinite(value)
        assert all(jnp.isfinite(g) for g in gradient)
        assert jnp.all(total(*(jnp.asarray(p) for p in point))[1] >= 0.0)
