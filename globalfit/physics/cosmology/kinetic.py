"""Freeze-out without kinetic equilibrium: the coupled Boltzmann equations for the yield and the temperature.

Binder, Bringmann, Gustafsson and Hryczuk, arXiv:1706.07433, Eqs. 2.9 to 2.12, in u = ln Y and v = ln(T_chi/T) as
functions of ln x = ln(m/T), for Y = (n_chi + n_chibar)/s:

    u' = P <sv>_x - L <sv>_xi
    v' = Gamma (e^-v - 1) + L [<sv> - <sv>_2]_xi + P [e^-v <sv>_2 - <sv>]_x + 1 - (H/H~) (2 - R(xi))
    L = lambda Y,    P = lambda Yeq^2/Y,    xi = m/T_chi = x e^-v

with lambda = s/(2 H~) (half, since Y counts particles and antiparticles), Gamma = gamma/H~ of
`globalfit.physics.cosmology.elastic`, H~ = H/(1 + (d ln h/d ln T)/3) and R = <p^4/E^3>/(3 T_chi), which is 5/xi for
slow particles. y = m T_chi/s^(2/3) of the reference is no variable here: its equilibrium value drops out of v. Without
scattering and annihilation T_chi falls like 1/a^2.

Both equations are stiff before decoupling. They are solved from x = 1 to 8 10^7 with the third-order backward
differentiation formula on a constant mesh and Newton's method in every step, where <sv> at xi is a cubic in ln xi,
looked up at a first guess of v. A last Newton step on the whole solution at once is the only part with derivatives.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy.typing import NDArray
from scipy.special import kve

from globalfit.physics.cosmology.degrees_of_freedom import degrees_of_freedom
from globalfit.physics.cosmology.elastic import free_quarks
from globalfit.physics.cosmology.freeze_out import (
    LATE_OCTAVES,
    LATE_PER_OCTAVE,
    OCTAVES,
    PER_OCTAVE,
    FreezeOut,
    crossing,
)
from globalfit.physics.cosmology.thermal_moments import Moments
from globalfit.physics.inputs import Inputs

# Steps per octave of x, linear in log2 x between these points: freeze-out takes the most of them.
_STEPS = ((0.0, 20.0), (2.5, 24.0), (3.5, 44.0), (6.0, 44.0), (8.0, 20.0), (10.0, 10.0), (14.0, 5.0), (26.25, 3.0))
_ORDER = 3
_NEWTON_STEPS = 2
# Largest change of u and v in one iteration.
_LARGEST_CHANGE = 2.0
# gamma is computed at so many temperatures per octave, between these octaves of x; beyond it is a power of x.
_RATES_PER_OCTAVE, _RATE_OCTAVES = 1.5, (2.0, 13.0)
_LOG_FLOOR = -700.0
# Width in ln x over which annihilation ends, where the inputs say that it does.
_END_WIDTH = 0.25
# R(x) = 5/(x + a + b/(x + c)) of a thermal distribution, 1e-3 for x > 4.
_REDSHIFT = (4.5304, -5.6651, 25.6252)


class Mesh(NamedTuple):
    """Constant mesh in ln x: x, weights of the last solutions and of the derivative in every step, and the ratio of
    every step to the one before."""

    x: NDArray[np.float64]
    backward: NDArray[np.float64]
    rate: NDArray[np.float64]
    ratio: NDArray[np.float64]


class _Here(NamedTuple):
    """What the equations need of x alone: ln x, ln lambda, ln Yeq, ln <sv>, <sv>_2/<sv>, Gamma, H/H~."""

    log_x: Array
    log_rate: Array
    log_yeq: Array
    log_sigma: Array
    moment: Array
    gamma: Array
    hubble: Array


class _Slopes(NamedTuple):
    """Right-hand sides u' and v', and their derivatives with respect to u and v."""

    u: Array
    v: Array
    uu: Array
    uv: Array
    vu: Array
    vv: Array


def coupled_freeze_out(
    dark_mass: Float[Array, ""], spins: int, sigma_v: Moments, gamma: Float[Array, "2 rate"], inputs: Inputs
) -> FreezeOut:
    """`globalfit.physics.cosmology.freeze_out.freeze_out` without kinetic equilibrium.

    Args:
        dark_mass: GeV.
        spins: degrees of freedom of particle plus antiparticle.
        sigma_v: moments of chi chibar annihilation at `temperatures()`, GeV^-2.
        gamma: momentum-transfer rates of leptons and of free quarks at m/`rate_mesh()`, GeV.
        inputs: Planck mass and degrees of freedom.
    """
    tables, here = _prepare(dark_mass, spins, sigma_v, gamma, inputs)
    u, _ = _solve(tables, here)
    z = u - here.log_yeq
    x_f, log_sigma = crossing(z, jnp.asarray(np.log(mesh().x)), here.log_sigma)
    strongest = jnp.max(here.log_rate + here.log_sigma + here.log_yeq)
    return FreezeOut(jnp.exp(u[-1]), x_f, jnp.exp(log_sigma), strongest > -math.log(2.0))


@functools.cache
def rate_mesh() -> NDArray[np.float64]:
    """Constant mesh of x at which `coupled_freeze_out` wants gamma."""
    first, last = _RATE_OCTAVES
    return 2.0 ** np.linspace(first, last, round((last - first) * _RATES_PER_OCTAVE) + 1)


@functools.cache
def mesh() -> Mesh:
    """The mesh of the solver, from x = 1 to the end of `temperatures()`."""
    log2 = np.linspace(_STEPS[0][0], _STEPS[-1][0], 4001)
    density = np.interp(log2, [place for place, _ in _STEPS], [steps for _, steps in _STEPS])
    count = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(log2))])
    steps = round(count[-1])
    t = math.log(2.0) * np.interp(np.arange(steps + 1), count * steps / count[-1], log2)
    before = t[0] - (t[1] - t[0]) * np.arange(_ORDER, 0, -1)
    points = np.concatenate([before, t])
    backward, rate = zip(*(_backward(points[k - _ORDER : k + 1]) for k in range(_ORDER + 1, points.size)), strict=True)
    widths = np.diff(points)
    return Mesh(np.exp(t), np.array(backward), np.array(rate), widths[_ORDER:] / widths[_ORDER - 1 : -1])


def _backward(t: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Weights of the solutions at t[-2], t[-3], ... and of the derivative at t[-1]: the derivative there of the
    polynomial through all of them."""
    powers = (t - t[-1])[None, :] ** np.arange(t.size)[:, None]
    weight = np.linalg.solve(powers, np.eye(t.size)[1])
    return -weight[-2::-1] / weight[-1], 1.0 / weight[-1]


def _prepare(
    dark_mass: Float[Array, ""], spins: int, sigma_v: Moments, gamma: Float[Array, "2 rate"], inputs: Inputs
) -> tuple[Float[Array, "cell 8"], _Here]:
    x = mesh().x
    log_sigma, moment = _logarithm(sigma_v.number), sigma_v.pressure / jnp.where(sigma_v.number > 0, sigma_v.number, 1)
    tables = jnp.concatenate([_cubics(log_sigma), _cubics(jnp.where(sigma_v.number > 0.0, moment, 1.0))], axis=1)
    bath = degrees_of_freedom(dark_mass / x, inputs.g_star)
    scale = math.sqrt(math.pi / 45.0) * inputs.planck_mass * dark_mass
    log_rate = jnp.log(bath.root * scale) - jnp.asarray(np.log(2.0 * x))
    if inputs.annihilation_ends_gev > 0.0:
        log_rate += _logarithm(_before(jnp.log(dark_mass / inputs.annihilation_ends_gev) - jnp.asarray(np.log(x))))
    # H~ = s/(2 lambda), with s = 2 pi^2 h T^3/45
    entropy = 2.0 * math.pi**2 / 45.0 * bath.entropy * (dark_mass / x) ** 3
    leptons, quarks = jnp.exp(jnp.log(gamma + 1e-300) @ jnp.asarray(_interpolation().T))
    gamma_here = leptons + free_quarks(dark_mass / x) * quarks
    equilibrium = np.log(45.0 * spins / (4.0 * math.pi**4) * x**2 * _scaled_k2(x)) - x
    cell, share = _cells(jnp.asarray(np.log(x)))
    now = _evaluate(tables[cell], share)
    return tables, _Here(
        jnp.asarray(np.log(x)),
        log_rate,
        jnp.asarray(equilibrium) - jnp.log(bath.entropy),
        now[0],
        now[1],
        gamma_here * bath.root * scale / (entropy * x),
        bath.root * jnp.sqrt(bath.energy) / bath.entropy,
    )


def _solve(tables: Float[Array, "cell 8"], here: _Here) -> tuple[Float[Array, " t"], Float[Array, " t"]]:
    """u and v on the mesh. The trajectory has no derivatives; that of the correction is the implicit one."""
    u, v = _trajectory(*jax.lax.stop_gradient((tables, here)))
    u, v = jax.lax.stop_gradient((u, v))
    cell, share = _cells(here.log_x - v)
    slopes = _slopes(u, v, here, _evaluate(tables[cell], share, _cells_per_unit(here.log_x - v)))
    grid = mesh()
    rate = jnp.asarray(grid.rate)
    inverse = jax.lax.stop_gradient(_inverse(rate, jax.tree.map(lambda a: a[1:], slopes)))
    residuals = []
    for value, slope, start in ((u, slopes.u, _start(here)), (v, slopes.v, jnp.zeros(_ORDER))):
        past = jnp.concatenate([start[:0:-1], value])
        columns = [past[_ORDER - 1 - k : past.size - 1 - k] for k in range(_ORDER)]
        target = jnp.sum(jnp.asarray(grid.backward) * jnp.stack(columns, axis=1), axis=1)
        residuals.append(target + rate * slope[1:] - value[1:])

    def advance(
        history: Float[Array, "2 order"], step: tuple[Array, Array, Array]
    ) -> tuple[Float[Array, "2 order"], Float[Array, " 2"]]:
        residual, weights, matrix = step
        new = matrix @ (residual + history @ weights)
        return jnp.concatenate([new[:, None], history[:, :-1]], axis=1), new

    steps = (jnp.stack(residuals, axis=1), jnp.asarray(grid.backward), inverse)
    _, correction = jax.lax.scan(advance, jnp.zeros((2, _ORDER)), steps)
    first = here.log_yeq[0] - jax.lax.stop_gradient(here.log_yeq[0])
    return u + jnp.append(first, correction[:, 0]), v + jnp.append(0.0, correction[:, 1])


def _start(here: _Here) -> Float[Array, " order"]:
    """ln Yeq at the first point of the mesh and before it, where it is a straight line."""
    return here.log_yeq[0] - jnp.arange(_ORDER) * (here.log_yeq[1] - here.log_yeq[0])


def _trajectory(tables: Float[Array, "cell 8"], here: _Here) -> tuple[Float[Array, " t"], Float[Array, " t"]]:
    """Both solutions, accurate to the square of the last Newton step."""
    grid = mesh()

    def advance(
        history: tuple[Array, ...], step: tuple[_Here, Array, Array, Array]
    ) -> tuple[tuple[Array, ...], tuple[Array, Array]]:
        now, weights, rate, ratio = step
        past = history[:_ORDER], history[_ORDER:]
        target_u, target_v = (sum(weights[k] * values[k] for k in range(_ORDER)) for values in past)
        u, v = (values[0] + ratio * (values[0] - values[1]) for values in past)
        cell, share = _cells(now.log_x - v)
        row, guess = tables[cell], v
        scale = _cells_per_unit(now.log_x - v)
        for _ in range(_NEWTON_STEPS):
            slopes = _slopes(u, v, now, _evaluate(row, share - scale * (v - guess), scale))
            residual_u, residual_v = target_u + rate * slopes.u - u, target_v + rate * slopes.v - v
            change = _inverse(rate, slopes) @ jnp.stack([residual_u, residual_v])
            u, v = u + _bounded(change[0]), v + _bounded(change[1])
        return (u, *past[0][:-1], v, *past[1][:-1]), (u, v)

    start = _start(here)
    history = (*(start[k] for k in range(_ORDER)), *(jnp.zeros(()) for _ in range(_ORDER)))
    later = jax.tree.map(lambda a: a[1:], here)
    steps = (later, jnp.asarray(grid.backward), jnp.asarray(grid.rate), jnp.asarray(grid.ratio))
    _, (u, v) = jax.lax.scan(advance, history, steps)
    return jnp.append(start[0], u), jnp.append(0.0, v)


def _bounded(change: Float[Array, ""]) -> Float[Array, ""]:
    return jnp.clip(change, -_LARGEST_CHANGE, _LARGEST_CHANGE)


def _slopes(u: Array, v: Array, here: _Here, sigma: tuple[Array, Array, Array, Array]) -> _Slopes:
    """The equations of the module; `sigma` are ln <sv> and <sv>_2/<sv> at xi, and their slopes in ln xi."""
    log_sigma, moment, sigma_slope, moment_slope = sigma
    loss = jnp.exp(here.log_rate + u + log_sigma)
    gain = jnp.exp(here.log_rate + 2.0 * here.log_yeq - u + here.log_sigma)
    cooler = jnp.exp(-v)
    a, b, c = _REDSHIFT
    xi = jnp.exp(here.log_x - v)
    shape = xi + a + b / (xi + c)
    redshift = 5.0 / shape
    redshift_v = redshift / shape * xi * (1.0 - b / (xi + c) ** 2)
    heat = cooler * here.moment
    return _Slopes(
        gain - loss,
        here.gamma * (cooler - 1.0)
        + loss * (1.0 - moment)
        + gain * (heat - 1.0)
        + 1.0
        - here.hubble * (2.0 - redshift),
        -gain - loss,
        loss * sigma_slope,
        loss * (1.0 - moment) - gain * (heat - 1.0),
        -here.gamma * cooler
        - loss * sigma_slope * (1.0 - moment)
        + loss * moment_slope
        - gain * heat
        + here.hubble * redshift_v,
    )


def _inverse(rate: Array, slopes: _Slopes) -> Float[Array, "*t 2 2"]:
    """Inverse of 1 - rate times the matrix of derivatives."""
    first, second = 1.0 - rate * slopes.uu, 1.0 - rate * slopes.vv
    up, down = -rate * slopes.uv, -rate * slopes.vu
    determinant = first * second - up * down
    rows = jnp.stack([jnp.stack([second, -up], axis=-1), jnp.stack([-down, first], axis=-1)], axis=-2)
    return rows / determinant[..., None, None]


def _cells(log_x: Float[Array, "*t"]) -> tuple[Int[Array, "*t"], Float[Array, "*t"]]:
    """Interval of `temperatures()` and position in it, from 0 to 1."""
    log2 = log_x / math.log(2.0)
    early = round(PER_OCTAVE * OCTAVES)
    last = early + LATE_PER_OCTAVE * LATE_OCTAVES
    position = jnp.where(log2 < OCTAVES, PER_OCTAVE * log2, early + LATE_PER_OCTAVE * (log2 - OCTAVES))
    position = jnp.clip(position, 0.0, last - 1e-9)
    cell = jnp.floor(position).astype(jnp.int32)
    return cell, position - cell


def _cells_per_unit(log_x: Float[Array, "*t"]) -> Float[Array, "*t"]:
    """Intervals per unit of ln x."""
    return jnp.where(log_x < OCTAVES * math.log(2.0), float(PER_OCTAVE), float(LATE_PER_OCTAVE)) / math.log(2.0)


def _cubics(values: Float[Array, " x"]) -> Float[Array, "cell 4"]:
    """Coefficients of t^0 to t^3 in every interval of `temperatures()`, from four points of the same spacing."""
    early = round(PER_OCTAVE * OCTAVES)
    return jnp.concatenate([_uniform_cubics(values[: early + 1]), _uniform_cubics(values[early:])])


def _uniform_cubics(values: Float[Array, " x"]) -> Float[Array, "cell 4"]:
    def beyond(a: Array) -> Array:
        return jnp.array([4.0, -6.0, 4.0, -1.0]) @ a

    f = jnp.concatenate([beyond(values[:4])[None], values, beyond(values[:-5:-1])[None]])
    before, here, after, next_one = f[:-3], f[1:-2], f[2:-1], f[3:]
    return jnp.stack(
        [
            here,
            after - before / 3.0 - 0.5 * here - next_one / 6.0,
            0.5 * (before + after) - here,
            (next_one - before) / 6.0 + 0.5 * (here - after),
        ],
        axis=1,
    )


def _evaluate(
    row: Float[Array, "*t 8"], t: Float[Array, "*t"], per_unit: Float[Array, "*t"] | float = 0.0
) -> tuple[Array, Array, Array, Array]:
    """Both cubics at t, and their slopes in ln x for so many intervals per unit."""
    c = [row[..., k] for k in range(8)]
    values = [((c[k + 3] * t + c[k + 2]) * t + c[k + 1]) * t + c[k] for k in (0, 4)]
    slopes = [per_unit * ((3.0 * c[k + 3] * t + 2.0 * c[k + 2]) * t + c[k + 1]) for k in (0, 4)]
    return values[0], values[1], slopes[0], slopes[1]


def _logarithm(value: Float[Array, "*t"]) -> Float[Array, "*t"]:
    positive = value > 0.0
    return jnp.where(positive, jnp.log(jnp.where(positive, value, 1.0)), _LOG_FLOOR)


def _before(distance: Float[Array, " t"]) -> Float[Array, " t"]:
    """1 where the end lies ahead and 0 behind it, smooth over `_END_WIDTH` in ln x."""
    inside = jnp.clip(distance / _END_WIDTH, -1.0, 1.0)
    return 0.5 + 0.75 * inside - 0.25 * inside**3


def _scaled_k2(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """exp(x) K2(x), also where the library gives up."""
    return np.where(x < 1e8, kve(2, np.minimum(x, 1e8)), np.sqrt(np.pi / (2.0 * x)))


@functools.cache
def _interpolation() -> NDArray[np.float64]:
    """Six-point Lagrange interpolation from `rate_mesh()` to the mesh of the solver, and lines beyond, in ln x."""
    coarse = np.log(rate_mesh())
    position = (np.log(mesh().x) - coarse[0]) / (coarse[1] - coarse[0])
    count = coarse.size
    matrix = np.zeros((position.size, count))
    for row, place in zip(matrix, position, strict=True):
        points = 6 if 0.0 <= place <= count - 1 else 2
        first = int(np.clip(np.floor(place) + 1 - points // 2, 0, count - points))
        for k in range(points):
            row[first + k] = np.prod([(place - first - j) / (k - j) for j in range(points) if j != k])
    return matrix
