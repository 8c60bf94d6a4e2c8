"""Pairs of vectors of a dark SU(2): against traces with the triple-gauge vertex, integrated over the angle."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from globalfit.physics.annihilation.nonabelian_pairs import nonabelian_pair_cross_section
from globalfit.physics.annihilation.vector_pairs import vector_pair_cross_section

_PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
_METRIC = np.diag([1.0, -1.0, -1.0, -1.0])
_GAMMA = np.array(
    [np.kron(np.diag([1.0, -1.0]), np.eye(2)), *(np.kron(np.array([[0, 1], [-1, 0]]), pauli) for pauli in _PAULI)]
)
_LOWERED = np.einsum("mn,nij->mij", _METRIC, _GAMMA)


def slash(p):
    return np.einsum("m,mij->ij", p, _LOWERED)


def amplitudes(s, m, mass, cos):
    """A_t, A_u and A_s with Lorentz indices first, the momenta and both vectors' polarisation sums."""
    energy = math.sqrt(s) / 2.0
    p, k, sin = math.sqrt(energy**2 - m**2), math.sqrt(energy**2 - mass**2), math.sqrt(1.0 - cos**2)
    p1, p2 = np.array([energy, 0.0, 0.0, p]), np.array([energy, 0.0, 0.0, -p])
    k1, k2 = np.array([energy, k * sin, 0.0, k * cos]), np.array([energy, -k * sin, 0.0, -k * cos])
    t, u = (m**2 + mass**2 - 2.0 * (energy**2 - sign * p * k * cos) for sign in (1.0, -1.0))
    one = m * np.eye(4)
    a_t = np.einsum("nij,jk,mkl->mnil", _GAMMA, slash(p1 - k1) + one, _GAMMA) / (t - m**2)
    a_u = np.einsum("mij,jk,nkl->mnil", _GAMMA, slash(p1 - k2) + one, _GAMMA) / (u - m**2)
    q = k1 + k2
    vertex = np.einsum("mn,r->mnr", _METRIC, k2 - k1)
    vertex += np.einsum("nr,m->mnr", _METRIC, -k2 - q) + np.einsum("rm,n->mnr", _METRIC, q + k1)
    a_s = np.einsum("mnr,rij->mnij", vertex, _LOWERED) / (s - mass**2)
    sums = [_METRIC @ (np.outer(k, k) / mass**2 - _METRIC) @ _METRIC for k in (k1, k2)]
    return (a_t, a_u, a_s), (slash(p1) + one, slash(p2) - one), sums


def product(first, second, spins, sums):
    """sum over spins and polarisations of first times the conjugate of second."""
    bar = np.einsum("ij,mnjk,kl->mnil", _GAMMA[0], np.conj(np.swapaxes(second, -1, -2)), _GAMMA[0])
    left = np.einsum("ij,mnjk,kl->mnil", spins[1], first, spins[0])
    return np.einsum("mnil,abli,ma,nb->", left, bar, *sums, optimize=True).real


ANGLES, WEIGHTS = np.polynomial.legendre.leggauss(48)
# m_chi, M, sqrt(s): light vectors, near the threshold of the vectors, of the dark matter, and far above
POINTS = [(1.2, 0.7, 3.0), (0.6, 1.0, 2.2), (10.0, 3.0, 20.0000001), (20.0, 5.0, 100.0)]


def integrated(m, mass, sqrt_s, of_amplitudes):
    """beta_chi sigma of the average over spins, with the factor 1/2 of identical particles."""
    total = 0.0
    for cos, weight in zip(ANGLES, WEIGHTS, strict=True):
        parts, spins, sums = amplitudes(sqrt_s**2, m, mass, cos)
        total += 0.5 * weight * of_amplitudes(parts, spins, sums)
    return 0.5 * math.sqrt(1.0 - 4.0 * mass**2 / sqrt_s**2) / (64.0 * math.pi * sqrt_s**2) * total


def both(m, mass, sqrt_s):
    energies, m_chi, vectors = jnp.asarray([sqrt_s]), jnp.asarray(m), jnp.asarray([mass, mass])
    pairs = vector_pair_cross_section(energies, m_chi, vectors, jnp.asarray([0.0, 1.0]), jnp.zeros(2))
    return float(pairs[2, 0]), float(nonabelian_pair_cross_section(energies, m_chi, vectors[0])[0])


@pytest.mark.parametrize("point", POINTS)
def test_traces(point):
    def nonabelian(parts, spins, sums):
        a_t, a_u, a_s = parts
        amplitude = a_u - a_t + 2.0 * a_s
        return product(amplitude, amplitude, spins, sums)

    assert both(*point)[1] == pytest.approx(integrated(*point, nonabelian), rel=1e-9)


def test_sum_over_colours():
    """All four pairs of species and nine pairs of vectors with explicit generators: T^b T^a A_t + T^a T^b A_u + A_s."""
    generators = 0.5 * _PAULI

    def summed(parts, spins, sums):
        squares = np.array([[product(x, y, spins, sums) for y in parts] for x in parts])
        total = 0.0
        for a, b in itertools.product(range(3), repeat=2):
            first, second = generators[b] @ generators[a], generators[a] @ generators[b]
            for i, j in itertools.product(range(2), repeat=2):
                colour = np.array([first[i, j], second[i, j], second[i, j] - first[i, j]])
                total += (colour @ squares @ np.conj(colour)).real
        return total

    abelian, nonabelian = both(*POINTS[0])
    found = integrated(*POINTS[0], summed)
    assert found == pytest.approx(0.375 * abelian + 0.75 * nonabelian, rel=1e-9)


def test_it_does_not_grow_with_energy():
    """With the other sign of the triple-gauge vertex it would, as s^2/M^4."""
    sqrt_s = jnp.asarray([1e3, 2e3, 4e3])
    found = nonabelian_pair_cross_section(sqrt_s, jnp.asarray(100.0), jnp.asarray(10.0)) * sqrt_s**2
    assert np.all(np.abs(np.log2(found[1:] / found[:-1])) < 1.0)


def test_light_vectors_at_threshold():
    """Two Goldstone bosons remain for M -> 0, which a third vector makes with half the gauge coupling.

    For a complex scalar of unit coupling sigma beta = (s + 2 m^2)/(48 pi s^2), 1/(32 pi s) at s = 4 m^2. The amplitude
    2 A_s is that of unit coupling, and two identical bosons count half.
    """
    found = float(nonabelian_pair_cross_section(jnp.asarray([200.0]), jnp.asarray(100.0), jnp.asarray(1e-3))[0])
    assert found == pytest.approx(1.0 / (64.0 * math.pi * 200.0**2), rel=1e-6)


def test_closed_below_threshold_with_finite_gradients():
    def total(sqrt_s, mass):
        return jnp.sum(nonabelian_pair_cross_section(sqrt_s, jnp.asarray(50.0), mass))

    sqrt_s = jnp.asarray([100.0, 119.9, 120.0, 120.1, 1e4])
    found = nonabelian_pair_cross_section(sqrt_s, jnp.asarray(50.0), jnp.asarray(60.0))
    assert not np.any(found[:3])
    assert np.all(found[3:] > 0.0)
    for mass in (60.0, 1e-2):
        assert all(np.all(np.isfinite(slope)) for slope in jax.grad(total, argnums=(0, 1))(sqrt_s, jnp.asarray(mass)))
