"""Relic density of a pseudo-Dirac pair chi1, chi2 coupled to a hypercharge-mixed dark photon, plain numpy.

For every pair (i, j) the thermal average

    <sigma v>_ij = int ds lambda(s, m_i^2, m_j^2)/sqrt(s) sigma_ij K1(sqrt(s)/T) / (8 T m_i^2 m_j^2 K2(m_i/T) K2(m_j/T))

is integrated in panels that shrink geometrically towards threshold, poles and thresholds, and the sum of both densities
obeys dn/dt + 3 H n = -sum_ij <sigma v>_ij (n_i n_j - n_i^eq n_j^eq) with n_i/n = n_i^eq/n^eq. Constant widths.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import integrate, special
from scipy.interpolate import CubicSpline

from globalfit.physics.inputs import Inputs
from tests.reference import axial_model, cross_section, relic, vector_pairs
from tests.reference.axial_model import Model

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(12)
_PAIRS = ((0, 0), (0, 1), (1, 1))
_X_END = 1e7


class Relic(NamedTuple):
    """Omega h^2, and x = m1/T at which Y = 2.5 Yeq."""

    omega_h2: float
    x_f: float


def current_sum(s: NDArray, first: float, second: float) -> NDArray:
    """Spin sum of the current chi2bar gamma^mu chi1 contracted with -g + q q/s.

    Tr[(p2 - m2) gamma^mu (p1 + m1) gamma^nu] is 4 [p1^mu p2^nu + p2^mu p1^nu - g (p1.p2 + m1 m2)].
    """
    product = 0.5 * (s - first**2 - second**2)
    along = 0.25 * (s + first**2 - second**2) * (s - first**2 + second**2)
    return 4.0 * (-2.0 * product + 4.0 * (product + first * second) + 2.0 * along / s - (product + first * second))


def momentum(s: NDArray, first: float, second: float) -> NDArray:
    """Momentum of either particle in the centre-of-mass frame."""
    kaellen = (s - (first + second) ** 2) * (s - (first - second) ** 2)
    return np.sqrt(np.clip(kaellen, 0.0, None) / (4.0 * s))


def dark_width(mass: float, coupling: float, first: float, second: float) -> float:
    """Gamma(V -> chi1 chi2), GeV."""
    if mass <= first + second:
        return 0.0
    s = np.asarray(mass**2)
    return float(coupling**2 * current_sum(s, first, second) / 3.0 * momentum(s, first, second) / (8.0 * np.pi * s))


def mixed_sigma(model: Model, sqrt_s: NDArray, second: float) -> NDArray:
    """sigma(chi1 chi2 -> everything) in GeV^-2, chi2 of mass `second`."""
    s, first = sqrt_s**2, model.m_chi
    vector = model.dark_axial
    partial, _ = cross_section.widths(model)
    visible = np.sum([width for name, width in partial.items() if name != "dark"], axis=0)
    dark = [dark_width(mass, g, first, second) for mass, g in zip(model.mass, vector, strict=True)]
    pole = (sqrt_s - model.mass[:, None]) * (sqrt_s + model.mass[:, None])
    amplitude = vector[:, None] / (pole + 1j * (model.mass * (visible + dark))[:, None])
    terms = (term for terms in cross_section.channels(model, s).values() for term in terms)
    total = sum(abs(coupling @ amplitude) ** 2 * rho for coupling, rho in terms)
    # sigma = 1/(4 p sqrt(s)) (1/4) L.T 2 s rho |A|^2, with the phase-space integral of the final state in 2 s rho
    return current_sum(s, first, second) * total * sqrt_s / (8.0 * momentum(s, first, second))


def pair_sigma(model: Model, sqrt_s: NDArray, mass: float, exchanged: float) -> NDArray:
    """sigma(chi chi -> pairs of vectors) in GeV^-2 for chi of a mass that exchange one of another."""
    beta = np.sqrt(1.0 - 4.0 * mass**2 / sqrt_s**2)
    masses, vector, zero = tuple(model.mass), tuple(model.dark_axial), (0.0, 0.0)
    parts = (vector_pairs.flux_cross_section(sqrt_s, mass, masses, vector, zero, p, exchanged) for p in _PAIRS)
    return np.sum(list(parts), axis=0) / beta


def omega_h2(
    m_chi: float, splitting: float, mass_ratio: float, epsilon: float, alpha_d: float, inputs: Inputs
) -> Relic:
    """Relic density; `splitting` is (m2 - m1)/m1, `mass_ratio` the physical dark-photon mass over m1."""
    model = axial_model.build(m_chi, mass_ratio, epsilon, alpha_d, inputs)
    heavy = (1.0 + splitting) * m_chi
    u = np.linspace(0.0, np.log(_X_END), 400)
    x = np.exp(u)
    pairs = np.array([model.mass[i] + model.mass[j] for i, j in _PAIRS])
    visible = np.array([2.0 * f.mass for f in model.fermions] + [2.0 * model.m_w, *(model.mass + model.m_h)])
    # sum_ij n_i n_j <sigma v>_ij exp(2 x), in units of (m1^3/(2 pi^2))^2, where n_i is m_i^2 T K2(m_i/T)/pi^2
    rate = _pair_rate(x, m_chi, m_chi, m_chi, pairs, lambda e: pair_sigma(model, e, m_chi, heavy))
    rate += _pair_rate(x, m_chi, heavy, heavy, pairs, lambda e: pair_sigma(model, e, heavy, m_chi))
    sharp = np.concatenate([visible, model.mass])
    rate += 2.0 * _pair_rate(x, m_chi, m_chi, heavy, sharp, lambda e: mixed_sigma(model, e, heavy))
    return _boltzmann(m_chi, heavy, CubicSpline(u, np.log(rate + 1e-250)), inputs)


def _pair_rate(
    x: NDArray, m: float, first: float, second: float, sharp: NDArray, sigma: Callable[[NDArray], NDArray]
) -> NDArray:
    """n_i n_j <sigma v>_ij exp(2 x) in units of (m^3/(2 pi^2))^2; panels shrink towards energies that are `sharp`."""
    edges = _edges(m, sharp - first - second)
    t = 0.5 * (_POINTS + 1.0)
    span = np.diff(edges)[:, None]
    # kinetic = left + span t^2 removes the square root at a panel's lower edge
    kinetic = (edges[:-1, None] + span * t**2).ravel()
    weight = (span * t * _WEIGHTS).ravel()
    energy = first + second + kinetic
    s = energy**2
    base = weight * 2.0 * energy * 4.0 * momentum(s, first, second) ** 2 * energy * sigma(energy) / m**5
    above = (first + second) / m - 2.0 + kinetic / m
    result = np.empty_like(x)
    for k, value in enumerate(x):
        kernel = special.kve(1, value * energy / m) * np.exp(-value * above)
        result[k] = np.sum(base * kernel) / (2.0 * value)
    return result


def _edges(m: float, positions: NDArray) -> NDArray:
    end, smallest = 60.0 * m, 1e-8 * m
    offsets = smallest * 2.0 ** np.arange(0.0, np.log2(end / smallest) + 1.0)
    features = [0.0, *positions[(positions > -end) & (positions < end)]]
    edges = np.unique(
        np.concatenate([[0.0, end], *(np.concatenate([p - offsets, [p], p + offsets]) for p in features)])
    )
    edges = edges[(edges >= 0.0) & (edges <= end)]
    return edges[np.concatenate([[True], np.diff(edges) > 1e-12 * m])]


def _boltzmann(m_chi: float, heavy: float, log_rate: CubicSpline, inputs: Inputs) -> Relic:
    bath, log_m, ratio = relic.degrees_of_freedom(inputs.g_star), np.log(m_chi), heavy / m_chi

    def log_density(u: float) -> float:
        """ln of n_eq exp(x) in units of m1^3/(2 pi^2), two spin states for each."""
        x = np.exp(u)
        heavier = ratio**2 * special.kve(2, ratio * x) * np.exp(-(ratio - 1.0) * x)
        return float(np.log(2.0 * (special.kve(2, x) + heavier) / x))

    def log_yeq(u: float) -> float:
        # s = 2 pi^2 h T^3/45
        x = np.exp(u)
        scale = 45.0 * x**3 / (4.0 * np.pi**4 * bath.entropy(log_m - u))
        return float(np.log(scale) + log_density(u) - x)

    def strength(u: float) -> float:
        """-d ln Y/d ln x at Y >> Yeq over Y."""
        effective = np.exp(log_rate(u) - 2.0 * log_density(u))
        return float(np.sqrt(np.pi / 45.0) * inputs.planck_mass * m_chi * bath.root(log_m - u) * np.exp(-u) * effective)

    def slope(u: float, y: NDArray) -> list[float]:
        excess = np.exp(np.clip(2.0 * (log_yeq(u) - y[0]), -700.0, 700.0))
        return [-strength(u) * np.exp(y[0]) * (1.0 - excess)]

    def jacobian(u: float, y: NDArray) -> list[list[float]]:
        excess = np.exp(np.clip(2.0 * (log_yeq(u) - y[0]), -700.0, 700.0))
        return [[-strength(u) * np.exp(y[0]) * (1.0 + excess)]]

    late = np.log(500.0)
    solution = integrate.solve_ivp(
        slope, (0.0, late), [log_yeq(0.0)], method="Radau", jac=jacobian, rtol=1e-8, atol=1e-8, dense_output=True
    )
    if not solution.success:
        raise RuntimeError(solution.message)
    u = np.linspace(late, np.log(_X_END), 4000)
    rest = integrate.simpson([strength(v) for v in u], x=u)
    relic_yield = 1.0 / (np.exp(-solution.y[0, -1]) + rest)
    u = np.linspace(0.0, np.log(300.0), 4000)
    excess = solution.sol(u)[0] - np.array([log_yeq(v) for v in u]) - np.log(2.5)
    above = int(np.argmax(excess > 0.0))
    x_f = np.exp(np.interp(0.0, excess[above - 1 : above + 1], u[above - 1 : above + 1]))
    return Relic(float(inputs.density_per_yield * m_chi * relic_yield), float(x_f))
