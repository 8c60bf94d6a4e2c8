"""Z-Z' mixing from loops of neutral fermions: against 40 digits, against a dispersion relation, limits, gradients."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from globalfit.models import loop_mixing
from globalfit.models.loop_mixing import mass_mixing, neutral_fermions, slope
from globalfit.physics.inputs import Inputs
from tests.support.table import numbers

INPUTS = Inputs()
SCALE2 = 91.188**2
TABLE = numbers(__file__, "loop_mixing.csv")


def fermions_of(row):
    return neutral_fermions(*(jnp.asarray(row[name]) for name in ("a", "b", "m_n")))


def mixing(completion, m_zp, g_chi, m_n, y_nu, y_psi):
    """Mixing at one point of a completion."""
    m_zp, g_chi, m_n, y_nu, y_psi = (jnp.asarray(value) for value in (m_zp, g_chi, m_n, y_nu, y_psi))
    fermions = loop_mixing.fermions_of(completion, m_zp, g_chi, m_n, y_nu, y_psi, INPUTS)
    return loop_mixing.loop_mixing(fermions, loop_mixing.psi_charge(completion) * g_chi, INPUTS)


def test_forty_digits():
    column = {name: np.array([row[name] for row in TABLE]) for name in TABLE[0]}

    def both(a, b, m_n):
        fermions = neutral_fermions(a, b, m_n)
        return mass_mixing(fermions), slope(fermions, SCALE2)

    delta_m2, epsilon = jax.jit(jax.vmap(both))(column["a"], column["b"], column["m_n"])
    np.testing.assert_allclose(delta_m2, column["delta_m2"], rtol=1e-10)
    np.testing.assert_allclose(epsilon, column["slope"], rtol=1e-10)


def eigenstates(row):
    """Signed masses and the products of the nu_L and the psi_L component, from the mass matrix."""
    a, b, m_n = row["a"], row["b"], row["m_n"]
    values, vectors = np.linalg.eigh([[0.0, a, 0.0], [a, m_n, b], [0.0, b, 0.0]])
    return values, vectors[0] * vectors[2]


@pytest.mark.parametrize("row", TABLE[:3], ids=lambda row: f"{row['a']:g}-{row['b']:g}-{row['m_n']:g}")
def test_masses(row):
    fermions = fermions_of(row)
    values, products = eigenstates(row)
    np.testing.assert_allclose(values, [-fermions.lighter, 0.0, fermions.heavier], atol=1e-11)
    np.testing.assert_allclose(products[1] ** 2, fermions.overlap, rtol=1e-12)


@pytest.mark.parametrize("row", TABLE[:3], ids=lambda row: f"{row['a']:g}-{row['b']:g}-{row['m_n']:g}")
def test_dispersion_relation(row):
    """Q_12(q2) = int ds s rho_12/(s - q2)/pi: decays of the vectors into Majorana pairs fix value, slope and signs."""
    values, products = eigenstates(row)
    masses, signs = np.abs(values), np.sign(values)
    masses[1] = 0.0

    def density(s):
        """rho_12 of all pairs: the vertex is axial for equal, vector-like for opposite signs of the masses."""
        total = 0.0
        for i, j in itertools.product(range(3), repeat=2):
            x, y = masses[i] ** 2 / s, masses[j] ** 2 / s
            if masses[i] + masses[j] < math.sqrt(s):
                momentum = math.sqrt((1.0 - x - y) ** 2 - 4.0 * x * y)
                bracket = 1.0 - 0.5 * (x + y + (x - y) ** 2) - 3.0 * signs[i] * signs[j] * math.sqrt(x * y)
                total += products[i] * products[j] * momentum * bracket / (24.0 * math.pi)
        return total

    thresholds = {(masses[i] + masses[j]) ** 2 for i, j in itertools.product(range(3), repeat=2)} - {0.0}
    # rho falls as 1/s^2, the cancellation in it costs digits far out
    end = 1e4 * max(thresholds)
    edges = np.log([1e-12 * min(thresholds), *sorted(thresholds), end])

    def integral(power, size):
        def integrand(log_s):
            s = math.exp(log_s)
            return s * density(s) / (math.pi * (s + SCALE2) ** power)

        return sum(quad(integrand, *edge, epsabs=1e-9 * size)[0] for edge in itertools.pairwise(edges))

    found = float(slope(fermions_of(row), SCALE2)), float(mass_mixing(fermions_of(row)))
    np.testing.assert_allclose(found[0], integral(1, abs(found[0])), rtol=1e-7)
    tail = end * density(end) / math.pi
    np.testing.assert_allclose(found[1], -integral(0, abs(found[1])) - tail, rtol=1e-5)


def test_one_logarithm():
    """Between m_Z and heavy Dirac-like states only the massless one runs: 1/(24 pi^2) per unit logarithm and overlap.

    With g_chi = 0.1 a Weyl neutrino gives epsilon = 1.6e-4 per unit of ln(Lambda^2/m^2).
    """
    mass = jnp.asarray([1e6, 1e6 * math.sqrt(math.e)])
    found = jax.vmap(lambda a: slope(neutral_fermions(a, 2.0 * a, jnp.asarray(1e-3)), SCALE2))(mass)
    overlap = (2.0 / 5.0) ** 2
    np.testing.assert_allclose(found[1] - found[0], overlap / (24.0 * math.pi**2), rtol=1e-6)
    z_charge = INPUTS.charge / (2.0 * INPUTS.sin_theta_w * INPUTS.cos_theta_w)
    assert round(1e4 * z_charge * 0.1 * float(found[1] - found[0]) / overlap, 1) == 1.6


def test_expansion_for_heavy_states():
    """The full function: exact at 0 and -m_Z^2; between them off by the running of the massless state only."""
    fermions = neutral_fermions(jnp.asarray(50.0), jnp.asarray(2e3), jnp.asarray(3e3))
    q2 = -jnp.asarray([0.01, 0.1, 0.5, 1.0, 4.0]) * SCALE2
    full = q2 * jax.vmap(lambda scale2: slope(fermions, scale2))(-q2) - mass_mixing(fermions)
    expansion = q2 * slope(fermions, SCALE2) - mass_mixing(fermions)
    running = fermions.overlap / (24.0 * math.pi**2) * q2 * jnp.log(SCALE2 / -q2)
    np.testing.assert_allclose(full - expansion, running, atol=2e-2 * float(jnp.max(jnp.abs(running))))


def test_one_yukawa_coupling_alone_does_not_mix():
    """For a small second one the mixing grows as its square."""
    point = {"m_zp": 500.0, "g_chi": 0.5, "m_n": 1e3, "y_psi": 1.0}
    weak, weaker, none = (mixing("su2xu1", y_nu=y, **point) for y in (1e-2, 1e-3, 0.0))
    np.testing.assert_allclose(weak[:2], 100.0 * np.array(weaker[:2]), rtol=1e-3)
    assert none[:2] == (0.0, 0.0)


def test_the_doublet_has_half_the_charge():
    rest = {"m_zp": 300.0, "m_n": 400.0, "y_nu": 1.0, "y_psi": 0.7}
    doublet, single = mixing("su2xsu2", g_chi=0.8, **rest), mixing("su2xu1", g_chi=0.4, **rest)
    np.testing.assert_allclose(doublet, single, rtol=1e-14)


def test_size():
    """Below 1e-4 even with Yukawa couplings of order one and g_chi = 0.1."""
    found = mixing("su2xu1", 1000.0, 0.1, 300.0, 1.0, 1.0)
    assert 1e-7 < abs(float(found.epsilon)) < 1e-4


# m_zp, g_chi, m_n, y_nu, y_psi: the first is well scaled, the others lie on edges.
POINTS = np.array(
    [
        (1e3, 0.1, 500.0, 1.0, 1.0),
        (1e3, 0.1, 500.0, 0.0, 1.0),
        (1e3, 0.1, 500.0, 0.0, 0.0),
        (1e3, 0.0, 500.0, 1.0, 1.0),
        (10.0, 3.0, 1e5, 1e-3, 1e-3),
        (1e4, 1e-2, 100.0, 3.5, 3.5),
    ]
)


def test_gradients():
    """Finite everywhere, equal to differences at the first point."""

    def everything(point):
        return jnp.stack(mixing("su2xu1", *point))

    jacobian = jax.jit(jax.vmap(jax.jacobian(everything)))(POINTS)
    assert jnp.all(jnp.isfinite(jacobian))
    step = 1e-5 * np.diag(POINTS[0])
    values = jax.jit(jax.vmap(everything))(np.concatenate([POINTS[:1] + step, POINTS[:1] - step]))
    slopes = (values[:5] - values[5:]) / (2e-5 * POINTS[0][:, None])
    np.testing.assert_allclose(jacobian[0], slopes.T, rtol=1e-6, atol=1e-12)
