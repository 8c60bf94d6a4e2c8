"""Z-Z' mixing from gauge-invariant operators: vertices, Goldstone identities and spectral densities.

The mixing -(epsilon/2) Z.Z' without a photon is the vacuum part of

    (epsilon c_W/v^2) H^dag sigma^a H W^a_{mu nu} Z'^{mu nu} + (epsilon s_W/v^2) H^dag H B_{mu nu} Z'^{mu nu} ,

D = d - i g W^a sigma^a/2 - i g' B/2. Nothing here is a Feynman rule written down by hand: a vertex is the coefficient
of a product of plane waves in this Lagrangian itself, Goldstone fields included, so that the identities

    M(V_L) = M(w) + phase M(phi),   w = epsilon_L - k/m,

exact at tree level for an amplitude with a conserved source, test the whole of it.
"""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from globalfit.physics.annihilation import spectral

METRIC = np.diag([1.0, -1.0, -1.0, -1.0])
SIGMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
EPSILON_ABC = np.zeros((3, 3, 3))
for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    EPSILON_ABC[a, b, c], EPSILON_ABC[a, c, b] = 1.0, -1.0

V, G, S2 = 246.0, 0.65, 0.23
S_W, C_W = np.sqrt(S2), np.sqrt(1.0 - S2)
G_PRIME = G * S_W / C_W
M_W, M_Z, M_H, M_ZP = 0.5 * G * V, 0.5 * G * V / C_W, 125.0, 700.0
EPSILON = 0.2

# Gauge fields W^1, W^2, W^3, B, Z' of the physical ones.
FIELDS = {
    "w+": np.array([1.0, 1j, 0.0, 0.0, 0.0]) / np.sqrt(2.0),
    "w-": np.array([1.0, -1j, 0.0, 0.0, 0.0]) / np.sqrt(2.0),
    "z": np.array([0.0, 0.0, C_W, -S_W, 0.0]),
    "photon": np.array([0.0, 0.0, S_W, C_W, 0.0]),
    "zp": np.array([0.0, 0.0, 0.0, 0.0, 1.0]),
}
# H = (phi+, (v + h + i phi0)/sqrt 2) and H^dag.
SCALARS = {
    "phi+": ((1.0, 0.0), (0.0, 0.0)),
    "phi-": ((0.0, 0.0), (1.0, 0.0)),
    "phi0": ((0.0, 1j / np.sqrt(2.0)), (0.0, -1j / np.sqrt(2.0))),
    "h": ((0.0, 1.0 / np.sqrt(2.0)), (0.0, 1.0 / np.sqrt(2.0))),
}


def dot(first, second):
    return np.einsum("...m,mn,...n->...", first, METRIC, second)


class Leg:
    """A plane wave: `momentum` flows into the vertex (contravariant); gauge fields, H and H^dag that it excites."""

    def __init__(self, momentum, vectors=(), scalars=()):
        self.momentum = np.asarray(momentum)
        self.gauge = sum(
            (np.outer(FIELDS[name], np.asarray(p)) for name, p in vectors), start=np.zeros((5, 4), complex)
        )
        self.doublets = sum(
            (value * np.array(SCALARS[name], complex) for name, value in scalars), start=np.zeros((2, 2), complex)
        )


def lagrangian(legs, amplitudes, contact):
    """Lagrangian of a superposition of legs at the origin; the weak self-coupling in the operator times `contact`."""
    lower = np.stack([leg.momentum @ METRIC for leg in legs])
    gauge = np.stack([leg.gauge @ METRIC for leg in legs])
    doublets = np.stack([leg.doublets for leg in legs])
    fields = np.einsum("nl,lfm->nfm", amplitudes, gauge)
    slope = np.einsum("nl,lk,lfm->nfkm", amplitudes, -1j * lower, gauge)
    abelian = slope - slope.swapaxes(-1, -2)
    self_coupling = np.zeros_like(abelian)
    self_coupling[:, :3] = G * np.einsum("abc,nbk,ncm->nakm", EPSILON_ABC, fields[:, :3], fields[:, :3])
    strength = abelian + self_coupling

    higgs, conjugate = (
        np.einsum("nl,li->ni", amplitudes, doublets[:, k]) + np.array([0.0, V / np.sqrt(2.0)]) for k in (0, 1)
    )
    generator = 0.5 * (
        G * np.einsum("nam,aij->nmij", fields[:, :3], SIGMA)
        + G_PRIME * np.einsum("nm,ij->nmij", fields[:, 3], np.eye(2))
    )
    derivative = np.einsum("nl,lm,li->nmi", amplitudes, -1j * lower, doublets[:, 0])
    derivative = derivative - 1j * np.einsum("nmij,nj->nmi", generator, higgs)
    conjugate_derivative = np.einsum("nl,lm,li->nmi", amplitudes, -1j * lower, doublets[:, 1])
    conjugate_derivative = conjugate_derivative + 1j * np.einsum("ni,nmij->nmj", conjugate, generator)

    def contract(first, second):
        return np.einsum("nkm,kp,mq,npq->n", first, METRIC, METRIC, second)

    total = -0.25 * sum(contract(strength[:, f], strength[:, f]) for f in range(5))
    total = total + 0.5 * M_ZP**2 * dot(fields[:, 4], fields[:, 4])
    total = total + np.einsum("nmi,mk,nki->n", conjugate_derivative, METRIC, derivative)
    in_operator = abelian + contact * self_coupling
    for f in range(3):
        triplet = np.einsum("ni,ij,nj->n", conjugate, SIGMA[f], higgs)
        total = total + EPSILON * C_W / V**2 * triplet * contract(in_operator[:, f], strength[:, 4])
    singlet = np.einsum("ni,ni->n", conjugate, higgs)
    return total + EPSILON * S_W / V**2 * singlet * contract(strength[:, 3], strength[:, 4])


def vertex(*legs, contact=1.0):
    """Coefficient of the product of the legs: no field occurs more than five times, so fifth roots of unity suffice."""
    roots = np.exp(2j * np.pi * np.arange(5) / 5.0)
    amplitudes = np.array(list(itertools.product(roots, repeat=len(legs))))
    return np.mean(lagrangian(legs, amplitudes, contact) / np.prod(amplitudes, axis=1))


def source(sqrt_s, polarisation):
    """Z and Z' field of a conserved current s on Z'; the propagator is the inverse of the quadratic form."""
    s = sqrt_s**2
    z, zp = s * np.linalg.inv([[s - M_Z**2, EPSILON * s], [EPSILON * s, s - M_ZP**2]])[1]
    return Leg([sqrt_s, 0, 0, 0], [("z", z * polarisation), ("zp", zp * polarisation)])


def kinematics(sqrt_s, first_mass, second_mass, angle):
    """Momenta of an outgoing pair."""
    energy = (sqrt_s**2 + first_mass**2 - second_mass**2) / (2.0 * sqrt_s)
    momentum = np.sqrt(energy**2 - first_mass**2)
    direction = np.array([np.sin(angle), 0.0, np.cos(angle)])
    return np.array([energy, *(momentum * direction)]), np.array([sqrt_s - energy, *(-momentum * direction)])


def polarisations(k, mass):
    """Two transverse and the longitudinal polarisation."""
    size = np.linalg.norm(k[1:])
    direction = k[1:] / size
    across = np.array([direction[2], 0.0, -direction[0]])
    return (
        np.array([0.0, *across]),
        np.array([0.0, 0.0, 1.0, 0.0]),
        np.array([size / mass, *(k[0] / mass * direction)]),
    )


SPINS = np.eye(4)[1:]


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations_with_replacement(("photon", "z", "zp"), 2)))
def test_quadratic_form(first, second):
    """The photon drops out, and -(epsilon/2) Z.Z' is left."""
    q = np.array([300.0, 0.0, 0.0, 120.0])
    q2, e = dot(q, q), np.array([0.0, 1.0, 0.0, 0.0])
    found = vertex(Leg(q, [(first, e)]), Leg(-q, [(second, e)]))
    mass2 = {"photon": 0.0, "z": M_Z**2, "zp": M_ZP**2}
    mixing = {("photon", "zp"): 0.0, ("z", "zp"): EPSILON * q2, ("photon", "z"): 0.0}
    expected = q2 - mass2[first] if first == second else mixing[first, second]
    # L = -V.Q.V/2 for transverse waves: two different ones give -Q e.e = Q.
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-6)


def longitudinal_identity(sqrt_s, contact):
    """Both sides of the identity for W_L+ W_L-, with the four terms of the right-hand side."""
    angle = 0.7
    plus, minus = kinematics(sqrt_s, M_W, M_W, angle)
    start = source(sqrt_s, SPINS[2])
    outgoing = {}
    # The field w- creates a W+. A gauge transformation moves (W-, phi-) by (k/m, -1), (W+, phi+) by (k/m, +1).
    for name, goldstone, k, phase in (("w-", "phi-", plus, -1.0), ("w+", "phi+", minus, 1.0)):
        longitudinal = polarisations(k, M_W)[2]
        outgoing[name] = (
            Leg(-k, [(name, longitudinal)]),
            Leg(-k, [(name, longitudinal - k / M_W)]),
            Leg(-k, scalars=[(goldstone, -phase)]),
        )
    left = vertex(start, outgoing["w-"][0], outgoing["w+"][0], contact=contact)
    right = [
        vertex(start, first, second, contact=contact)
        for first, second in itertools.product(outgoing["w-"][1:], outgoing["w+"][1:])
    ]
    return left, right


@pytest.mark.parametrize("sqrt_s", [200.0, 500.0, 3000.0])
def test_goldstone_identity_of_two_w(sqrt_s):
    left, right = longitudinal_identity(sqrt_s, 1.0)
    assert abs(left - sum(right)) < 1e-8 * max(abs(term) for term in right)


@pytest.mark.parametrize("contact", [0.0, -1.0])
def test_no_goldstone_identity_without_the_contact_term(contact):
    left, right = longitudinal_identity(500.0, contact)
    assert abs(left - sum(right)) > 0.3 * max(abs(term) for term in right)


@pytest.mark.parametrize("sqrt_s", [250.0, 500.0, 3000.0])
def test_goldstone_identity_of_z_higgs(sqrt_s):
    k, higgs = kinematics(sqrt_s, M_Z, M_H, 0.7)
    longitudinal = polarisations(k, M_Z)[2]
    start, end = source(sqrt_s, SPINS[2]), Leg(-higgs, scalars=[("h", 1.0)])
    left = vertex(start, Leg(-k, [("z", longitudinal)]), end)
    # Moved by (k/m, i): the Goldstone part is the rest of the amplitude.
    right = vertex(start, Leg(-k, [("z", longitudinal - k / M_Z)]), end)
    right = right + vertex(start, Leg(-k, scalars=[("phi0", -1j)]), end)
    np.testing.assert_allclose(left, right, rtol=1e-8)


@pytest.mark.parametrize("sqrt_s", [180.0, 400.0, 2000.0])
def test_spectral_density_of_two_w(sqrt_s):
    """g1 = g c_W and kappa = g c_W for the Z, and kappa = epsilon g c_W for the Z'."""
    s, angle = sqrt_s**2, 0.7
    plus, minus = kinematics(sqrt_s, M_W, M_W, angle)
    pairs = itertools.product(SPINS, polarisations(plus, M_W), polarisations(minus, M_W))
    squares = [
        abs(vertex(source(sqrt_s, spin), Leg(-plus, [("w-", e)]), Leg(-minus, [("w+", e_minus)]))) ** 2
        for spin, e, e_minus in pairs
    ]
    expected = np.sqrt(1.0 - 4.0 * M_W**2 / s) / (48.0 * np.pi * s) * sum(squares)
    charge, contact = np.array([G * C_W, 0.0]), np.array([0.0, EPSILON * G * C_W])
    np.testing.assert_allclose(
        density(spectral.w_pair_helicities(jnp.array([s]), M_W, jnp.array(charge), jnp.array(charge + contact)), s),
        expected,
        rtol=1e-10,
    )


@pytest.mark.parametrize("sqrt_s", [220.0, 400.0, 2000.0])
def test_spectral_density_of_z_higgs(sqrt_s):
    """2 m_Z^2/v with two Z, and -(2 epsilon/v)(q.k g - k q) with a Z and a Z'."""
    s = sqrt_s**2
    k, higgs = kinematics(sqrt_s, M_Z, M_H, 0.7)
    end = Leg(-higgs, scalars=[("h", 1.0)])
    squares = [
        abs(vertex(source(sqrt_s, spin), Leg(-k, [("z", e)]), end)) ** 2
        for spin, e in itertools.product(SPINS, polarisations(k, M_Z))
    ]
    expected = np.linalg.norm(k[1:]) / (24.0 * np.pi * sqrt_s**3) * sum(squares)
    couplings = jnp.array([2.0 * M_Z**2 / V, 0.0]), jnp.array([0.0, -2.0 * EPSILON / V])
    found = density(spectral.vector_higgs_helicities(jnp.array([s]), jnp.array(M_Z), M_H, *couplings), s)
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def density(helicities, s):
    """Density of the helicity amplitudes for the fields of `source`."""
    fields = s * np.linalg.inv([[s - M_Z**2, EPSILON * s], [EPSILON * s, s - M_ZP**2]])[1]
    parts = zip(*helicities, strict=True)
    return sum(float(scale[0]) * (fields @ np.asarray(amplitude)[:, 0]) ** 2 for amplitude, scale in parts)


def test_longitudinal_amplitudes_at_high_energy():
    """Not the amplitudes of the Goldstone bosons alone.

    The Z alone gives them g cos(2 theta_W)/(2 c_W) for charged, g/(2 c_W) for neutral ones. The operators multiply that
    by -(2 c_W^2 + 1)/(2 c_W^2 - 1) and by 3: their vertices grow with energy, while w = epsilon_L - k/m is small by one
    power of m/E only.
    """
    left, right = longitudinal_identity(2e4, 1.0)
    np.testing.assert_allclose(left / right[3], -(2.0 * C_W**2 + 1.0) / (2.0 * C_W**2 - 1.0), rtol=1e-3)
    k, higgs = kinematics(2e4, M_Z, M_H, 0.7)
    start, end = source(2e4, SPINS[2]), Leg(-higgs, scalars=[("h", 1.0)])
    longitudinal = vertex(start, Leg(-k, [("z", polarisations(k, M_Z)[2])]), end)
    goldstone = vertex(start, Leg(-k, scalars=[("phi0", -1j)]), end)
    np.testing.assert_allclose(longitudinal / goldstone, 3.0, rtol=1e-3)


def test_growth_of_the_contact_amplitude():
    """phi+ phi- -> W^3 Z' of equal helicities is epsilon c_W s/v^2: the partial wave that bounds the operators."""
    sqrt_s = 3000.0
    phi, phi_bar = kinematics(sqrt_s, 0.0, 0.0, 0.3)
    k, k_prime = kinematics(sqrt_s, 0.0, 0.0, 0.0)
    right_handed = np.array([0.0, 1.0, 1j, 0.0]) / np.sqrt(2.0)
    triplet = [("z", C_W * right_handed.conj()), ("photon", S_W * right_handed.conj())]
    legs = (
        Leg(phi, scalars=[("phi+", 1.0)]),
        Leg(phi_bar, scalars=[("phi-", 1.0)]),
        Leg(-k, triplet),
        Leg(-k_prime, [("zp", right_handed)]),
    )
    np.testing.assert_allclose(abs(vertex(*legs)), EPSILON * C_W * sqrt_s**2 / V**2, rtol=1e-9)
