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
differentiation formula on a constant mesh and Newton's method in every step. <sv> at xi is a cubic in ln xi up to
8 10^7, which xi reaches long before x does, and constant beyond. Derivatives are those of the implicit solution.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit.physics.cosmology.degrees_of_freedom import degrees_of_freedom
from globalfit.physics.cosmology.freeze_out import FreezeOut, crossing, log_equilibrium, logarithm
from globalfit.physics.cosmology.implicit_steps import ORDER, mesh
from globalfit.physics.cosmology.temperatures import (
    LATE_PER_OCTAVE,
    cells,
    cells_per_unit,
    cubics,
    evaluate,
    temperatures,
)
from globalfit.physics.cosmology.thermal_moments import Moments
from globalfit.physics.inputs import Inputs

_NEWTON_STEPS = 3
# Largest change of u and v in one iteration.
_LARGEST_CHANGE = 2.0
# <sigma v> that stands for none, GeV^-2: derivatives of ratios of smaller numbers overflow.
_NOTHING = 1e-150
# Width in ln x over which annihilation ends, where the inputs say that it does.
_END_WIDTH = 0.25
# R(x) = 5/(x + a + b/(x + c)) of a thermal distribution, 1e-3 for x > 4.
_REDSHIFT = (4.5304, -5.6651, 25.6252)


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
    dark_mass: Float[Array, ""], spins: int, sigma_v: Moments, gamma: Float[Array, " t"], inputs: Inputs
) -> FreezeOut:
    """`globalfit.physics.cosmology.freeze_out.freeze_out` without kinetic equilibrium.

    Args:
        dark_mass: GeV.
        spins: degrees of freedom of particle plus antiparticle.
        sigma_v: moments of chi chibar annihilation at `temperatures()`, GeV^-2.
        gamma: momentum-transfer rate at m/`mesh().x`, GeV.
        inputs: Planck mass and degrees of freedom.
    """
    tables, here = _prepare(dark_mass, spins, sigma_v, gamma, inputs)
    u, v = _solve(tables, here)
    z = u - here.log_yeq
    x_f, log_sigma = crossing(z, jnp.asarray(np.log(mesh().x)), here.log_sigma)
    strongest = jnp.max(here.log_rate + here.log_sigma + here.log_yeq)
    beyond = _beyond(u, v, here, logarithm(sigma_v.number[-2:]))
    return FreezeOut(jnp.exp(u[-1]), x_f, jnp.exp(log_sigma), strongest > -math.log(2.0), beyond)


def _beyond(
    u: Float[Array, " t"], v: Float[Array, " t"], here: _Here, log_sigma: Float[Array, " 2"]
) -> Float[Array, ""]:
    """Change of u if <sv> kept its last slope beyond the last of the temperatures, `log_sigma` being ln <sv> at the
    last two of them, and what is left of annihilation at the end."""
    octaves = jnp.maximum((here.log_x - v - math.log(temperatures()[-1])) / math.log(2.0), 0.0)
    growth = jnp.exp((log_sigma[1] - log_sigma[0]) * LATE_PER_OCTAVE * octaves)
    loss = jnp.exp(here.log_rate + u + log_sigma[1])
    return jnp.trapezoid(loss * jnp.abs(growth - 1.0), here.log_x) + loss[-1] * growth[-1]


def _prepare(
    dark_mass: Float[Array, ""], spins: int, sigma_v: Moments, gamma: Float[Array, " t"], inputs: Inputs
) -> tuple[Float[Array, "cell 8"], _Here]:
    x = mesh().x
    some = sigma_v.number > _NOTHING
    log_sigma = logarithm(jnp.where(some, sigma_v.number, 0.0))
    moment = jnp.where(some, sigma_v.pressure / jnp.where(some, sigma_v.number, 1.0), 1.0)
    tables = jnp.concatenate([cubics(log_sigma), cubics(moment)], axis=1)
    bath = degrees_of_freedom(dark_mass / x, inputs.g_star)
    scale = math.sqrt(math.pi / 45.0) * inputs.planck_mass * dark_mass
    log_rate = jnp.log(bath.root * scale) - jnp.asarray(np.log(2.0 * x))
    if inputs.annihilation_ends_gev > 0.0:
        log_rate += logarithm(_before(jnp.log(dark_mass / inputs.annihilation_ends_gev) - jnp.asarray(np.log(x))))
    # H~ = s/(2 lambda), with s = 2 pi^2 h T^3/45
    entropy = 2.0 * math.pi**2 / 45.0 * bath.entropy * (dark_mass / x) ** 3
    cell, share = cells(jnp.asarray(np.log(x)))
    now = evaluate(tables[cell], share)
    return tables, _Here(
        jnp.asarray(np.log(x)),
        log_rate,
        jnp.asarray(log_equilibrium(spins, x)) - jnp.log(bath.entropy),
        now[0],
        now[1],
        gamma * bath.root * scale / (entropy * x),
        bath.root * jnp.sqrt(bath.energy) / bath.entropy,
    )


@jax.custom_jvp
def _solve(tables: Float[Array, "cell 8"], here: _Here) -> tuple[Float[Array, " t"], Float[Array, " t"]]:
    """u and v on the mesh, accurate to the square of the last Newton step."""
    grid = mesh()

    def advance(
        history: tuple[Array, ...], step: tuple[_Here, Array, Array, Array]
    ) -> tuple[tuple[Array, ...], tuple[Array, Array]]:
        now, weights, rate, ratio = step
        past = history[:ORDER], history[ORDER:]
        target_u, target_v = (sum(weights[k] * values[k] for k in range(ORDER)) for values in past)
        u, v = (values[0] + ratio * (values[0] - values[1]) for values in past)
        for _ in range(_NEWTON_STEPS):
            slopes = _slopes(u, v, now, _looked_up(tables, now.log_x - v))
            residual_u, residual_v = target_u + rate * slopes.u - u, target_v + rate * slopes.v - v
            change_u, change_v = _newton(rate, slopes, residual_u, residual_v)
            u, v = u + _bounded(change_u), v + _bounded(change_v)
        return (u, *past[0][:-1], v, *past[1][:-1]), (u, v)

    start = _start(here)
    history = (*(start[k] for k in range(ORDER)), *(jnp.zeros(()) for _ in range(ORDER)))
    later = jax.tree.map(lambda a: a[1:], here)
    steps = (later, jnp.asarray(grid.backward), jnp.asarray(grid.rate), jnp.asarray(grid.ratio))
    _, (u, v) = jax.lax.scan(advance, history, steps)
    return jnp.append(start[0], u), jnp.append(0.0, v)


@_solve.defjvp
def _solve_jvp(primals: tuple[Array, _Here], tangents: tuple[Array, _Here]) -> tuple[tuple, tuple]:
    """Derivatives of the implicit solution: the equations of every step, linear in the changes of u and v."""
    u, v = _solve(*primals)
    grid = mesh()
    rate, weights = jnp.asarray(grid.rate), jnp.asarray(grid.backward)

    def right(tables: Float[Array, "cell 8"], here: _Here) -> tuple[_Slopes, Float[Array, " order"]]:
        return _slopes(u, v, here, _looked_up(tables, here.log_x - v)), _start(here)

    (slopes, _), (change, start) = jax.jvp(right, primals, tangents)
    later = jax.tree.map(lambda a: a[1:], slopes)

    def advance(history: tuple[Array, ...], step: tuple[Array, Array, _Slopes, Array, Array]) -> tuple[tuple, tuple]:
        weight, factor, at, from_u, from_v = step
        past = history[:ORDER], history[ORDER:]
        target_u, target_v = (sum(weight[k] * values[k] for k in range(ORDER)) for values in past)
        new = _newton(factor, at, target_u + factor * from_u, target_v + factor * from_v)
        return (new[0], *past[0][:-1], new[1], *past[1][:-1]), new

    history = (*(start[k] for k in range(ORDER)), *(jnp.zeros(()) for _ in range(ORDER)))
    steps = (weights, rate, later, change.u[1:], change.v[1:])
    _, (du, dv) = jax.lax.scan(advance, history, steps)
    return (u, v), (jnp.append(start[0], du), jnp.append(0.0, dv))


def _start(here: _Here) -> Float[Array, " order"]:
    """ln Yeq at the first point of the mesh and before it, where it is a straight line."""
    return here.log_yeq[0] - jnp.arange(ORDER) * (here.log_yeq[1] - here.log_yeq[0])


def _looked_up(tables: Float[Array, "cell 8"], log_xi: Float[Array, "*t"]) -> tuple[Array, Array, Array, Array]:
    """ln <sv> and <sv>_2/<sv> at xi, and their slopes in ln xi."""
    cell, share = cells(log_xi)
    return evaluate(tables[cell], share, cells_per_unit(log_xi))


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


def _newton(rate: Array, slopes: _Slopes, residual_u: Array, residual_v: Array) -> tuple[Array, Array]:
    """Solution of (1 - rate times the matrix of derivatives) change = residual."""
    first, second = 1.0 - rate * slopes.uu, 1.0 - rate * slopes.vv
    up, down = rate * slopes.uv, rate * slopes.vu
    scale = 1.0 / (first * second - up * down)
    return scale * (second * residual_u + up * residual_v), scale * (first * residual_v + down * residual_u)


def _before(distance: Float[Array, " t"]) -> Float[Array, " t"]:
    """1 where the end lies ahead and 0 behind it, smooth over `_END_WIDTH` in ln x."""
    inside = jnp.clip(distance / _END_WIDTH, -1.0, 1.0)
    return 0.5 + 0.75 * inside - 0.25 * inside**3
