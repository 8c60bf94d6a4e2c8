"""The momentum-transfer rate against a numerical integral over the full squared amplitude with traces of matrices."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate

from globalfit.models.axial import Axial
from globalfit.models.dark_photon import DarkPhoton, DarkPhotonOptions
from globalfit.physics import fermions
from globalfit.physics.cosmology.elastic import momentum_transfer_rate, smooth_rates
from globalfit.physics.inputs import Inputs

INPUTS = Inputs()
METRIC = np.diag([1.0, -1.0, -1.0, -1.0])


def gamma_matrices():
    pauli = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], complex)
    zero, one = np.zeros((2, 2)), np.eye(2)
    gamma = [np.block([[one, zero], [zero, -one]])]
    gamma += [np.block([[zero, s], [-s, zero]]) for s in pauli]
    return np.array(gamma, complex), np.block([[zero, one], [one, zero]]).astype(complex)


GAMMA, GAMMA5 = gamma_matrices()


def tensor(p, p_out, mass, first, second):
    """sum over spins of (ubar' Gamma^mu u)(ubar' Gamma^nu u)^*, Gamma^mu = gamma^mu (v - a gamma5)."""
    slash_in, slash_out = (np.einsum("m,mab->ab", METRIC @ q, GAMMA) + mass * np.eye(4) for q in (p, p_out))
    vertices = [[g @ (c[0] * np.eye(4) - c[1] * GAMMA5) for g in GAMMA] for c in (first, second)]
    bar = [GAMMA[0] @ v.conj().T @ GAMMA[0] for v in vertices[1]]
    return np.array([[np.trace(slash_out @ v @ slash_in @ b) for b in bar] for v in vertices[0]])


def quadratic_form(portal, q2):
    mixing = portal.mixing
    (first, second), delta, eta = mixing.lagrangian_mass2, float(mixing.mass_mixing), float(mixing.kinetic)
    return [[q2 - float(first), eta * q2 - delta], [eta * q2 - delta, q2 - float(second)]]


def squared_amplitude(portal, fermion, mass, omega, tau):
    """Summed over all spins, for dark matter at rest before the collision."""
    m = float(portal.dark.mass)
    k = np.sqrt(omega**2 - mass**2)
    omega_out = omega - tau / (2.0 * m)
    k_out = np.sqrt(omega_out**2 - mass**2)
    cos = (2.0 * omega * omega_out - 2.0 * mass**2 - tau) / (2.0 * k * k_out)
    p_in, p_out = np.array([omega, 0, 0, k]), np.array([omega_out, k_out * np.sqrt(1 - cos**2), 0, k_out * cos])
    q = p_in - p_out
    chi_in, chi_out = np.array([m, 0, 0, 0]), np.array([m, 0, 0, 0]) + q
    # amplitude: sum_ij J_i^mu P_ij,mu nu j_j^nu, with the longitudinal part by (M2)^-1
    d = np.linalg.inv(np.array(quadratic_form(portal, -tau)))
    inverse = -np.linalg.inv(np.array(quadratic_form(portal, 0.0)))
    q_low = METRIC @ q
    projector = {
        (i, j): d[i, j] * METRIC + (d[i, j] + inverse[i, j]) * np.outer(q_low, q_low) / tau
        for i in range(2)
        for j in range(2)
    }
    matter = [(float(portal.vector[fermion, i]), float(portal.axial[fermion, i])) for i in range(2)]
    dark = [(float(portal.dark.vector[j]), float(portal.dark.axial[j])) for j in range(2)]
    total = 0.0
    for i, j in projector:
        for a, b in projector:
            light = tensor(p_in, p_out, mass, matter[i], matter[a])
            heavy = tensor(chi_in, chi_out, m, dark[j], dark[b])
            total += np.einsum("mn,ab,ma,nb->", light, heavy, projector[i, j], projector[a, b]).real
    return total


def slow_rate(portal, name, temperature):
    """gamma of f and fbar from |M|^2 averaged over the spins of chi and summed over those of f."""
    index = fermions.INDEX[name]
    mass, m = float(fermions.masses(INPUTS)[index]), float(portal.dark.mass)
    nodes, weights = np.polynomial.legendre.leggauss(14)
    t_nodes, t_weights = np.polynomial.legendre.leggauss(6)
    total = 0.0
    for node, weight in zip(nodes, weights, strict=True):
        k = temperature * 12.5 * (node + 1.0)
        omega = np.sqrt(k**2 + mass**2)
        n = 1.0 / (np.exp(omega / temperature) + 1.0)
        s = m**2 + mass**2 + 2.0 * m * omega
        end = 4.0 * (m * k) ** 2 / s  # 4 k_cm^2
        scale = min(float(jnp.min(portal.mass2)), end)
        span = np.log1p(end / scale)
        inner = 0.0
        for t, t_weight in zip(t_nodes, t_weights, strict=True):
            tau = scale * np.expm1(0.5 * span * (t + 1.0))
            amplitude = 0.5 * squared_amplitude(portal, index, mass, omega, tau)
            inner += 0.5 * span * t_weight * (tau + scale) * tau * amplitude
        total += weight * 12.5 * temperature * k / omega * n * (1.0 - n) * inner
    return 2.0 * fermions.COLOURS[index] * total / (384.0 * np.pi**3 * m**3 * temperature)


def only(portal, name):
    """The portal with the couplings of one fermion."""
    keep = np.zeros((12, 1))
    keep[fermions.INDEX[name]] = 1.0
    return dataclasses.replace(portal, vector=portal.vector * keep, axial=portal.axial * keep)


def portal_of(model, **point):
    values = {"m_chi": 1e3, "mass_ratio": 2.01, "epsilon": 1e-3, "alpha_d": 0.01} | point
    return model.portal({name: jnp.asarray(value) for name, value in values.items()}, INPUTS)


def of_fermions(portal, temperature):
    """gamma without vectors, quarks free."""
    return jnp.sum(smooth_rates(portal, INPUTS, jnp.asarray([temperature]))[:2])


@pytest.mark.parametrize(("kind", "name"), [("contact", "e"), ("contact", "tau"), ("light", "e"), ("light", "b")])
@pytest.mark.parametrize("model", ["dark_photon", "axial"])
def test_against_the_full_amplitude(model, kind, name):
    # m = 100 TeV at T = 1 GeV is slow; vectors of 200 TeV and of 1 GeV, the latter exchanged as a light particle
    model = DarkPhoton(DarkPhotonOptions()) if model == "dark_photon" else Axial()
    portal = only(portal_of(model, m_chi=1e5, mass_ratio=2.01 if kind == "contact" else 1e-5), name)
    temperature = 1.0
    np.testing.assert_allclose(of_fermions(portal, temperature), slow_rate(portal, name, temperature), rtol=1e-2)


def test_massless_contact_limit():
    """Vector current, massless f: int domega n (1 - n) 32 k^6/3 with int x^6 e^x/(e^x + 1)^2 = 31 pi^6/42."""
    portal = only(portal_of(DarkPhoton(DarkPhotonOptions()), m_chi=100.0), "e")
    temperature = 0.05
    dark = portal.transfer(jnp.zeros(())) @ portal.dark.vector
    currents = (portal.vector[fermions.INDEX["e"]], portal.axial[fermions.INDEX["e"]])
    coupling = sum(float(current @ dark) ** 2 for current in currents)
    expected = coupling / (24 * np.pi**3 * 100.0 * temperature) * 32 / 3 * temperature**7 * 31 * np.pi**6 / 42
    np.testing.assert_allclose(of_fermions(portal, temperature), expected, rtol=2e-3)


def compton(m, vector_mass, omega, cos):
    """|M|^2/g^4 of chi V -> chi V with chi at rest, averaged over the spin of chi and summed over polarisations."""
    k = np.sqrt(omega**2 - vector_mass**2)
    omega_out = omega
    for _ in range(20):  # the dark matter must be on its shell, or its current is not conserved
        k_out = np.sqrt(omega_out**2 - vector_mass**2)
        omega_out = omega + (vector_mass**2 - omega * omega_out + k * k_out * cos) / m
    p, k_in = np.array([m, 0.0, 0.0, 0.0]), np.array([omega, 0.0, 0.0, k])
    k_out = np.array([omega_out, k_out * np.sqrt(1.0 - cos**2), 0.0, k_out * cos])
    p_out = p + k_in - k_out

    def slash(q):
        return np.einsum("m,mab->ab", METRIC @ q, GAMMA)

    def propagator(q):
        return (slash(q) + m * np.eye(4)) / (q @ METRIC @ q - m**2)

    direct, crossed = propagator(p + k_in), propagator(p - k_out)
    amplitude = np.array([[b @ direct @ a + a @ crossed @ b for b in GAMMA] for a in GAMMA])
    bar = np.einsum("ab,mnbc,cd->mnad", GAMMA[0], np.conj(np.swapaxes(amplitude, 2, 3)), GAMMA[0])
    contracted = np.einsum("mnab,mr,ns->rsab", bar, METRIC, METRIC)  # the current is conserved
    ends = slash(p_out) + m * np.eye(4), slash(p) + m * np.eye(4)
    return 0.5 * np.einsum("ab,mnbc,cd,mnda->", ends[0], amplitude, ends[1], contracted).real


@pytest.mark.parametrize("vector_mass", [0.3, 1.0, 3.0])
def test_vectors_against_the_full_amplitude(vector_mass):
    """gamma = 1/(3 m T) int d^3k/(2 pi)^3 n (1 + n) v k^2 int (1 - cos) dsigma, with |M|^2/(64 pi^2 m^2)."""
    m, temperature, alpha = 1e4, 1.0, 0.01
    portal = portal_of(
        DarkPhoton(DarkPhotonOptions()), m_chi=m, mass_ratio=vector_mass / m, epsilon=1e-9, alpha_d=alpha
    )
    cosines, weights = np.polynomial.legendre.leggauss(6)

    def integrand(omega):
        squared = np.array([compton(m, vector_mass, omega, cos) for cos in cosines]) * (4.0 * np.pi * alpha) ** 2
        transfer = 2.0 * np.pi * np.sum(weights * (1.0 - cosines) * squared) / (64.0 * np.pi**2 * m**2)
        k2 = omega**2 - vector_mass**2
        occupied = np.exp(-omega / temperature)
        return k2**2 * occupied / (1.0 - occupied) ** 2 * transfer / (2.0 * np.pi**2)

    expected = integrate.quad(integrand, vector_mass * (1 + 1e-9), vector_mass + 40.0, epsrel=1e-4)[0]
    found = momentum_transfer_rate(portal, INPUTS, jnp.asarray([temperature]))[0]
    np.testing.assert_allclose(found, expected / (3.0 * m * temperature), rtol=5e-3)


def test_light_vectors_are_thomson_scattering():
    """A photon gas drags a charge by (4/3) sigma_T rho/m."""
    m, temperature, alpha = 1e4, 10.0, 0.01
    portal = portal_of(DarkPhoton(DarkPhotonOptions()), m_chi=m, mass_ratio=1e-8, epsilon=1e-12, alpha_d=alpha)
    drag = 4.0 / 3.0 * 8.0 * np.pi * alpha**2 / (3.0 * m**2) * np.pi**2 / 15.0 * temperature**4 / m
    found = momentum_transfer_rate(portal, INPUTS, jnp.asarray([temperature]))[0]
    np.testing.assert_allclose(found, drag, rtol=1e-3)


def test_scalar_like_the_vector_current():
    dirac, scalar = (portal_of(DarkPhoton(DarkPhotonOptions(dm=dm))) for dm in ("dirac", "scalar"))
    rates = [momentum_transfer_rate(p, INPUTS, jnp.asarray([0.3, 5.0])) for p in (dirac, scalar)]
    np.testing.assert_allclose(rates[0], rates[1], rtol=1e-12)


def test_quarks_end_at_the_transition():
    portal = only(portal_of(Axial()), "u")
    below, above = momentum_transfer_rate(portal, INPUTS, jnp.asarray([0.12, 0.2]))
    assert below < 1e-3 * above * (0.12 / 0.2) ** 6
    assert above > 0.0


@pytest.mark.parametrize("temperature", [1e-3, 0.02, 1.0, 30.0])
def test_quadrature_has_converged(temperature, monkeypatch):
    from globalfit.physics.cosmology import elastic

    portal = portal_of(DarkPhoton(DarkPhotonOptions()), m_chi=100.0)
    found = momentum_transfer_rate(portal, INPUTS, jnp.asarray([temperature]))
    monkeypatch.setattr(elastic, "_MOMENTA", 40)
    monkeypatch.setattr(elastic, "_TRANSFERS", 20)
    monkeypatch.setattr(elastic, "_ENERGIES", 60)
    elastic._momenta.cache_clear()
    fine = momentum_transfer_rate(portal, INPUTS, jnp.asarray([temperature]))
    elastic._momenta.cache_clear()
    np.testing.assert_allclose(found, fine, rtol=5e-3)


def test_gradient():
    def rate(mass_ratio):
        return momentum_transfer_rate(
            portal_of(Axial(), m_chi=60.0, mass_ratio=mass_ratio), INPUTS, jnp.asarray([0.5])
        )[0]

    numeric = (rate(2.0 + 1e-5) - rate(2.0 - 1e-5)) / 2e-5
    np.testing.assert_allclose(jax.grad(rate)(2.0), numeric, rtol=1e-6)
