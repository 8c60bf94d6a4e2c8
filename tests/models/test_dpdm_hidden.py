"""Derivative portal with mixing from loops: hidden fermions and, with a doublet, W' and a second component."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from globalfit.physics.annihilation.cross_section import cross_sections, own_thresholds, total_cross_section
from globalfit.physics.annihilation.nonabelian_pairs import nonabelian_pair_cross_section
from globalfit.physics.annihilation.propagator import Energies
from globalfit.physics.annihilation.spectral import fermion_pair
from globalfit.physics.annihilation.vector_pairs import vector_pair_cross_section
from globalfit.physics.annihilation.widths import widths
from globalfit.physics.fermions import INDEX
from globalfit.physics.indirect.annihilation import at_rest, decays, final_states
from tests.support.completions import DOUBLET, INPUTS, MIXED, MODEL, arrays, of_masses, portal, words


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
    values = {"m_n": 1e-6, "y_nu": 0.0, "y_psi": 1e-6} | point
    return model.portal({name: jnp.asarray(value) for name, value in values.items()}, INPUTS)


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
    found = np.asarray(own_thresholds(point))
    for energy in (first, second, 2.0 * first, first + second, 2.0 * second):
        assert np.min(np.abs(found / energy - 1.0)) < 1e-12
