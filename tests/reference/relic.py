"""Relic density of the axial dark photon: adaptive thermal average and a stiff solver of the Boltzmann equation.

<sigma v>(x) (Gondolo and Gelmini, Nucl. Phys. B360 (1991) 145, Eq. 3.8) is integrated over the kinetic energy
sqrt(s) - 2 m with Gauss-Legendre panels that shrink geometrically towards every pole, every threshold and zero; panels
are halved until two orders agree. The yield of chi + chibar follows

    d ln Y/d ln x = -sqrt(pi/45) M_Pl m g_*^{1/2}/x <sigma v>/2 (Y - Yeq^2/Y),    Yeq = 45 x^2 4/(4 pi^4 h) K_2(x)

(<sigma v>/2 because Y counts particles and antiparticles), from Y = Yeq at x = 1 to x = 1e9.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
from numpy.polynomial import Chebyshev
from numpy.typing import NDArray
from scipy import integrate, special
from scipy.interpolate import CubicSpline

from globalfit.physics.inputs import Inputs
from tests.reference import axial_model, cross_section, g_star, vector_pairs
from tests.reference.axial_model import Model

_LOW = np.polynomial.legendre.leggauss(10)
_HIGH = np.polynomial.legendre.leggauss(16)
_X_END, _PER_UNIT = 1e9, 24
_SPINS = 4.0
_PAIR_NAMES = {"z_z": (0, 0), "z_ad": (0, 1), "ad_ad": (1, 1)}


@dataclasses.dataclass(frozen=True)
class Options:
    """Choices in which programs differ."""

    width: str = "running"  # as in `cross_section`
    unitary: bool = False  # q q/M^2 terms of a fixed-width unitary-gauge propagator, otherwise without widths


@dataclasses.dataclass(frozen=True)
class Relic:
    """Omega h^2, x at which Y = 2.5 Yeq, the model, and <sigma v> of chi chibar (GeV^-2) as a function of x."""

    omega_h2: float
    x_f: float
    model: Model
    sigma_v: Callable[[NDArray], NDArray]


def sigma_beta(model: Model, sqrt_s: NDArray, options: Options) -> dict[str, NDArray]:
    """sigma beta_chi by final state, GeV^-2."""
    result = cross_section.s_channel(model, sqrt_s, options.width, options.unitary)
    for name, pair in _PAIR_NAMES.items():
        result[name] = _vector_pair(model.m_chi, tuple(model.mass), tuple(model.dark_axial), pair)(sqrt_s)
    return result


def sigma_v_today(model: Model, velocity: float, options: Options) -> dict[str, float]:
    """sigma v_rel by final state at one relative velocity, GeV^-2."""
    sqrt_s = np.array([2.0 * model.m_chi / np.sqrt(1.0 - 0.25 * velocity**2)])
    return {name: float(2.0 * value[0]) for name, value in sigma_beta(model, sqrt_s, options).items()}


def sigma_v_thermal(model: Model, x: NDArray, options: Options, tolerance: float = 1e-7) -> NDArray:
    """<sigma v> of chi chibar, GeV^-2, at every x = m/T."""
    edges = _edges(model)
    left, right = edges[:-1], edges[1:]
    result = np.zeros_like(x)
    for _ in range(12):
        coarse, fine = (_panels(model, x, left, right, rule, options) for rule in (_LOW, _HIGH))
        total = result + fine.sum(axis=0)
        # error of a panel relative to the integral at the temperature where it matters most
        bad = np.max(np.abs(fine - coarse) / total, axis=1) > tolerance / 20.0
        result = result + fine[~bad].sum(axis=0)
        if not bad.any():
            return result
        middle = 0.5 * (left[bad] + right[bad])
        left, right = np.concatenate([left[bad], middle]), np.concatenate([middle, right[bad]])
    raise RuntimeError(f"the thermal average did not converge: {bad.sum()} panels left near {left[:3]} GeV")


def omega_h2(
    m_chi: float,
    mass_ratio: float,
    epsilon: float,
    alpha_d: float,
    inputs: Inputs,
    *,
    width: str | None = None,
    bosons: bool = True,
    unitary: bool = False,
) -> Relic:
    """Relic density of chi + chibar; degrees of freedom, and widths if not given, as `inputs` say.

    Without `bosons` neither W W nor a vector with a Higgs boson exists, in the widths either. Raises ValueError in the
    eigenmass-repulsion band.
    """
    model = axial_model.build(m_chi, mass_ratio, epsilon, alpha_d, inputs)
    if not bosons:
        model = dataclasses.replace(model, w_pair=np.zeros(2), higgs=np.zeros((2, 2)))
    options = Options(width or default_width(inputs), unitary)
    u = np.linspace(0.0, np.log(_X_END), round(_PER_UNIT * np.log(_X_END)) + 1)
    spline = CubicSpline(u, np.log(sigma_v_thermal(model, np.exp(u), options)))
    omega, x_f = _boltzmann(m_chi, lambda v: np.exp(spline(v)), degrees_of_freedom(inputs.g_star), inputs)
    return Relic(omega, x_f, model, lambda x: np.exp(spline(np.log(x))))


def default_width(inputs: Inputs) -> str:
    """Treatment of widths, in the names of `cross_section`, that `inputs` stand for."""
    return "fixed" if inputs.width == "fixed" else "running"


@functools.cache
def degrees_of_freedom(name: str) -> g_star.DegreesOfFreedom:
    """Degrees of freedom named as in `Inputs.g_star`."""
    if name == "saikawa_shirai":
        return g_star.saikawa_shirai()
    return g_star.drees_hajkarim_schmitz()


@functools.lru_cache(maxsize=8)
def _vector_pair(
    m_chi: float, mass: tuple[float, ...], axial: tuple[float, ...], pair: tuple[int, int]
) -> Callable[[NDArray], NDArray]:
    """sigma beta_chi of a pair of vectors as a function of sqrt(s) up to 85 m_chi: Chebyshev interpolation of the
    helicity sums times s over the final momentum, in ln(sqrt(s) - sqrt(s_0) + m_chi/20)."""
    start = max(2.0 * m_chi, mass[pair[0]] + mass[pair[1]])
    end = max(85.0 * m_chi, 2.0 * start)
    total, difference = mass[pair[0]] + mass[pair[1]], mass[pair[0]] - mass[pair[1]]

    def momentum(sqrt_s: NDArray) -> NDArray:
        return np.sqrt(np.clip((sqrt_s**2 - total**2) * (sqrt_s**2 - difference**2), 0.0, None))

    def smooth(v: NDArray) -> NDArray:
        sqrt_s = np.maximum(start + np.exp(v) - 0.05 * m_chi, start)
        value = vector_pairs.flux_cross_section(sqrt_s, m_chi, mass, (0.0, 0.0), axial, pair)
        return value * sqrt_s**2 / momentum(sqrt_s)

    fit = Chebyshev.interpolate(smooth, 96, domain=[np.log(0.05 * m_chi), np.log(end - start + 0.05 * m_chi)])
    if np.max(np.abs(fit.coef[-4:])) > 1e-10 * np.max(np.abs(fit.coef)):
        raise RuntimeError(f"the interpolation of pair {pair} did not converge: {fit.coef[-4:]}")

    def evaluate(sqrt_s: NDArray) -> NDArray:
        above = np.where(sqrt_s > total, sqrt_s, end)
        value = momentum(above) / above**2 * fit(np.log(above - start + 0.05 * m_chi))
        return np.where(sqrt_s > total, value, 0.0)

    return evaluate


def _edges(model: Model) -> NDArray:
    """Kinetic energies sqrt(s) - 2 m, GeV, that bound the panels."""
    m, end = model.m_chi, 80.0 * model.m_chi
    features = {0.0: 1e-12 * m}
    for mass, width in zip(model.mass, cross_section.widths(model)[1], strict=True):
        features[mass - 2.0 * m] = 0.02 * width
    masses = [(f.mass, f.mass) for f in model.fermions if f.mass > m]
    masses += [(model.m_w, model.m_w), (model.mass[0], model.m_h), (model.mass[1], model.m_h)]
    masses += [(model.mass[i], model.mass[j]) for i, j in _PAIR_NAMES.values()]
    for first, second in masses:
        features[first + second - 2.0 * m] = 1e-7 * m
    edges = [np.array([0.0, end])]
    for position, smallest in features.items():
        offsets = smallest * 2.0 ** np.arange(0.0, np.log2(end / smallest) + 1.0, 1.0)
        edges.append(np.concatenate([position - offsets, [position], position + offsets]))
    joined = np.unique(np.concatenate(edges))
    joined = joined[(joined >= 0.0) & (joined <= end)]
    # panels below rounding of the energy itself are of no use
    return joined[np.concatenate([[True], np.diff(joined) > 1e-14 * m])]


def _panels(
    model: Model, x: NDArray, left: NDArray, right: NDArray, rule: tuple[NDArray, NDArray], options: Options
) -> NDArray:
    """Contribution of every panel to <sigma v> at every x, shape (panel, x)."""
    m = model.m_chi
    nodes, weights = rule
    # kinetic = left + (right - left) t^2 removes the square root at a panel's lower edge
    t = 0.5 * (nodes + 1.0)
    span = (right - left)[:, None]
    kinetic = left[:, None] + span * t**2
    jacobian = span * t * weights
    sqrt_s = 2.0 * m + kinetic
    beta = np.sqrt(kinetic * (sqrt_s + 2.0 * m)) / sqrt_s
    total = np.sum(list(sigma_beta(model, sqrt_s.ravel(), options).values()), axis=0).reshape(kinetic.shape)
    # sigma (s - 4 m^2) sqrt(s) ds = 2 s^2 beta (sigma beta) d sqrt(s)
    base = jacobian * 2.0 * sqrt_s**4 * beta * total / (8.0 * m**5)
    result = np.empty((len(left), len(x)))
    for k, value in enumerate(x):
        argument = value * sqrt_s / m
        kernel = _scaled_bessel(1, argument) * np.exp(-value * kinetic / m)
        result[:, k] = value / _scaled_bessel(2, value) ** 2 * np.sum(base * kernel, axis=1)
    return result


def _scaled_bessel(order: int, z: NDArray) -> NDArray:
    """exp(z) K_order(z), also where the library gives up."""
    large = np.sqrt(np.pi / (2.0 * z)) * (1.0 + (4.0 * order**2 - 1.0) / (8.0 * z))
    return np.where(z < 1e8, special.kve(order, np.minimum(z, 1e8)), large)


def _boltzmann(
    m_chi: float, sigma_v: Callable[[float], float], bath: g_star.DegreesOfFreedom, inputs: Inputs
) -> tuple[float, float]:
    """Omega h^2 and x_f for <sigma v> given as a function of ln x."""
    log_m = np.log(m_chi)

    def log_yeq(u: float) -> float:
        x = np.exp(u)
        return float(
            np.log(45.0 * _SPINS * x**2 * _scaled_bessel(2, x) / (4.0 * np.pi**4 * bath.entropy(log_m - u))) - x
        )

    def rate(u: float) -> float:
        scale = np.sqrt(np.pi / 45.0) * inputs.planck_mass * m_chi
        return float(scale * bath.root(log_m - u) * np.exp(-u) * sigma_v(u) / 2.0)

    def slope(u: float, y: NDArray) -> list[float]:
        ratio = np.exp(np.clip(2.0 * (log_yeq(u) - y[0]), -700.0, 700.0))
        return [-rate(u) * np.exp(y[0]) * (1.0 - ratio)]

    def jacobian(u: float, y: NDArray) -> list[list[float]]:
        ratio = np.exp(np.clip(2.0 * (log_yeq(u) - y[0]), -700.0, 700.0))
        return [[-rate(u) * np.exp(y[0]) * (1.0 + ratio)]]

    solution = integrate.solve_ivp(
        slope,
        (0.0, np.log(_X_END)),
        [log_yeq(0.0)],
        method="Radau",
        jac=jacobian,
        rtol=1e-9,
        atol=1e-9,
        dense_output=True,
    )
    if not solution.success:
        raise RuntimeError(solution.message)
    u = np.linspace(0.0, np.log(300.0), 4000)
    excess = solution.sol(u)[0] - np.array([log_yeq(v) for v in u]) - np.log(2.5)
    above = int(np.argmax(excess > 0.0))
    x_f = np.exp(np.interp(0.0, excess[above - 1 : above + 1], u[above - 1 : above + 1])) if above else 1.0
    return float(inputs.density_per_yield * m_chi * np.exp(solution.y[0, -1])), float(x_f)
