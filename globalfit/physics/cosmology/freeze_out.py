"""Thermal freeze-out: the full Boltzmann equation for Y = (n_chi + n_chibar)/s, from x = 1 to x = 10^8.

    dY/dt = -Lambda (Y^2 - Yeq^2),   t = ln x,   Lambda = sqrt(pi/45) M_Pl m g_*^(1/2) <sigma v> / (2 x)

(Gondolo and Gelmini 1991, Eq. 3.20; <sigma v>/2 because Y counts particles and antiparticles). Until x = 300 it is
solved for z = ln(Y/Yeq), which is smooth both before and after freeze-out: with the third-order backward
differentiation formula every step is one monotonic equation z + A sinh z = b, and stiffness costs nothing. Afterwards
Yeq is nothing and 1/Y grows by the integral of Lambda, which a resonance just above threshold feeds until very late.

Dark matter has the temperature of the bath all the time; `globalfit.physics.cosmology.kinetic` has an equation for it.
For a constant <sigma v> it does not matter. A Sommerfeld factor grows as 1/v until v = M_V/m, faster once dark matter
cools as T^2: Omega would be lower by 2 to 20 % for a decoupling at x_kd = 10^3, by 0.1 to 4 % for 10^4 and by less than
1 % for 10^5 (alpha = 0.02 to 0.1 and M_V/m = 0.01 to 0.05, or 0.001 to alpha = 0.05).
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float
from numpy.typing import NDArray
from scipy.special import kve

from globalfit.physics.cosmology.degrees_of_freedom import degrees_of_freedom
from globalfit.physics.cosmology.temperatures import (
    EARLY,
    LATE_OCTAVES,
    LATE_PER_OCTAVE,
    PER_OCTAVE,
    refined,
    temperatures,
)
from globalfit.physics.inputs import Inputs

# Steps of the solver per interval of the early mesh.
_SUBSTEPS = 6
_NEWTON_STEPS = 2
# Backward differentiation: u_new = sum_k _BACKWARD[k] u_(n-k) + _BACKWARD_RATE h u'(new).
_BACKWARD, _BACKWARD_RATE = (18.0 / 11.0, -9.0 / 11.0, 2.0 / 11.0), 6.0 / 11.0
# micrOMEGAs' definition of the freeze-out temperature: Y = 2.5 Yeq.
_FREEZE_OUT_EXCESS = math.log(2.5)


class FreezeOut(NamedTuple):
    """Yield today of all states together, x at which Y = 2.5 Yeq, <sigma v> there (in the unit of the input), whether
    annihilation was ever faster than the expansion, and by how much, relative and by estimate, the yield changes with
    annihilation beyond the temperatures of the input."""

    relic_yield: Float[Array, ""]
    x_f: Float[Array, ""]
    sigma_v: Float[Array, ""]
    thermalised: Bool[Array, ""]
    beyond: Float[Array, ""]


def freeze_out(
    dark_mass: Float[Array, ""],
    spins: int,
    sigma_v: Float[Array, " x"],
    inputs: Inputs,
    abundance: Float[Array, " x"] | None = None,
) -> FreezeOut:
    """Freeze-out of a particle and its antiparticle with `spins` states in total.

    Args:
        dark_mass: GeV.
        spins: degrees of freedom of particle plus antiparticle (4 for a Dirac fermion).
        sigma_v: thermal average of chi chibar annihilation at `temperatures()`, GeV^-2.
        inputs: Planck mass and degrees of freedom.
        abundance: factor on the equilibrium density at `temperatures()`, where not all states have the mass `dark_mass`
            (`globalfit.physics.cosmology.coannihilation`, which says what `sigma_v` is then).
    """
    x = temperatures()
    early, late = slice(None, EARLY + 1), slice(EARLY, None)
    bath = degrees_of_freedom(dark_mass / x, inputs.g_star)
    scale = math.sqrt(math.pi / 45.0) * inputs.planck_mass * dark_mass
    log_sigma = logarithm(sigma_v)
    log_rate = log_sigma + jnp.log(bath.root * scale) - jnp.asarray(np.log(2.0 * x))
    states = -jnp.log(bath.entropy[early])
    if abundance is not None:
        states += jnp.log(abundance[early])

    fine_x = _fine_mesh(x[early])
    log_lambda = refined(log_rate[early], _SUBSTEPS)
    log_yeq = jnp.asarray(log_equilibrium(spins, fine_x)) + refined(states, _SUBSTEPS)
    z = _solve(log_lambda + log_yeq, log_yeq, math.log(2.0) / (PER_OCTAVE * _SUBSTEPS))
    afterwards = jnp.exp(log_rate[late])
    if inputs.annihilation_ends_gev > 0.0:
        afterwards *= _coverage(jnp.log(dark_mass / (inputs.annihilation_ends_gev * x[late])))
    relic_yield = 1.0 / (jnp.exp(-(z[-1] + log_yeq[-1])) + jnp.sum(afterwards * _simpson()))

    x_f, log_sigma_f = crossing(z, jnp.asarray(np.log(fine_x)), refined(log_sigma[early], _SUBSTEPS))
    thermalised = jnp.max(log_lambda + log_yeq) > -math.log(2.0)
    return FreezeOut(relic_yield, x_f, jnp.exp(log_sigma_f), thermalised, afterwards[-1] * relic_yield)


def log_equilibrium(spins: int, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """ln of Yeq times the entropy degrees of freedom h, for `spins` states (Gondolo and Gelmini 1991, Eq. 3.18)."""
    return np.log(45.0 * spins / (4.0 * math.pi**4) * x**2 * kve(2, x)) - x


def logarithm(value: Float[Array, "*t"]) -> Float[Array, "*t"]:
    """ln, and -700 where there is nothing."""
    positive = value > 0.0
    return jnp.where(positive, jnp.log(jnp.where(positive, value, 1.0)), -700.0)


def crossing(
    z: Float[Array, " t"], log_x: Float[Array, " t"], log_sigma: Float[Array, " t"]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """x at which Y = 2.5 Yeq, z = ln(Y/Yeq), and the value of `log_sigma` there."""
    after = jnp.clip(jnp.sum(z < _FREEZE_OUT_EXCESS), 1, z.size - 1)
    rise = z[after] - z[after - 1]
    share = jnp.clip((_FREEZE_OUT_EXCESS - z[after - 1]) / jnp.where(rise > 0.0, rise, 1.0), 0.0, 1.0)
    x_f = jnp.exp(log_x[after - 1] + share * (log_x[after] - log_x[after - 1]))
    return x_f, log_sigma[after - 1] + share * (log_sigma[after] - log_sigma[after - 1])


def _solve(log_rate: Float[Array, " t"], log_yeq: Float[Array, " t"], step: float) -> Float[Array, " t"]:
    """z = ln(Y/Yeq) on the fine mesh, from equilibrium; `log_rate` is ln(Lambda Yeq)."""
    order = len(_BACKWARD)

    def advance(
        state: tuple[tuple[Array, ...], tuple[Array, Array]], now: tuple[Array, Array]
    ) -> tuple[tuple[tuple[Array, ...], tuple[Array, Array]], Array]:
        history, (z, z_before) = state
        rate, yeq = now
        stiffness = 2.0 * _BACKWARD_RATE * step * jnp.exp(rate)
        target = sum(weight * u for weight, u in zip(_BACKWARD, history, strict=True)) - yeq
        z_new = _sinh_root(stiffness, target, 2.0 * z - z_before)
        return ((z_new + yeq, *history[:-1]), (z_new, z)), z_new

    zero = jnp.zeros_like(log_yeq[0])
    # Before the mesh the particle is in equilibrium, with ln Yeq a straight line.
    slope = log_yeq[1] - log_yeq[0]
    start = tuple(log_yeq[0] - k * slope for k in range(order))
    _, z = jax.lax.scan(advance, (start, (zero, zero)), (log_rate[1:], log_yeq[1:]))
    return jnp.concatenate([zero[None], z])


def _sinh_root(stiffness: Float[Array, ""], target: Float[Array, ""], guess: Float[Array, ""]) -> Float[Array, ""]:
    """Root of z + A sinh z = b, A > 0, by Newton's method; its derivative is the implicit one."""
    a, b = jax.lax.stop_gradient((stiffness, target))
    upper = jnp.minimum(jnp.abs(b), jnp.arcsinh(jnp.abs(b) / a))
    z = jnp.clip(jax.lax.stop_gradient(guess), -upper, upper)
    for _ in range(_NEWTON_STEPS):
        sinh, cosh = _hyperbolic(z)
        z = z - (z + a * sinh - b) / (1.0 + a * cosh)
    sinh, cosh = _hyperbolic(z)
    return z - (z + stiffness * sinh - target) / (1.0 + a * cosh)


def _hyperbolic(z: Float[Array, ""]) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """sinh and cosh from one exponential, with the absolute accuracy that a root needs."""
    up = jnp.exp(z)
    down = 1.0 / up
    return 0.5 * (up - down), 0.5 * (up + down)


def _fine_mesh(x: NDArray[np.float64]) -> NDArray[np.float64]:
    log_x = np.log(x)
    return np.exp(np.linspace(log_x[0], log_x[-1], (x.size - 1) * _SUBSTEPS + 1))


def _coverage(distance: Float[Array, " x"]) -> Float[Array, " x"]:
    """Share of each interval of the late mesh before the end, `distance` in ln x ahead: smooth in the dark mass."""
    step = distance * LATE_PER_OCTAVE / math.log(2.0)
    inside = jnp.clip(step, -1.0, 1.0)
    return jnp.where(inside < 0.0, 0.5 * (1.0 + inside) ** 2, 1.0 - 0.5 * (1.0 - inside) ** 2)


@functools.cache
def _simpson() -> NDArray[np.float64]:
    """Simpson weights of the late mesh in ln x (an even number of intervals)."""
    weights = np.full(LATE_PER_OCTAVE * LATE_OCTAVES + 1, 2.0)
    weights[1::2] = 4.0
    weights[[0, -1]] = 1.0
    return weights * math.log(2.0) / (3.0 * LATE_PER_OCTAVE)
