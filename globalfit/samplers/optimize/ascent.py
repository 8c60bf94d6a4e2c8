"""Many gradient ascents of ln L at once, in the unit cube with bounds of its own for each.

Projected quasi-Newton ascent: the damped BFGS update of Powell (Nocedal & Wright, Numerical Optimization, 2nd ed.,
sec. 18.3) for the curvature, coordinates at a bound that the gradient pushes out are left there (Bertsekas, SIAM J.
Control Optim. 20 (1982) 221), and a step that does not gain enough is made shorter. All ascents make one evaluation of
ln L and its gradient per step, so that none waits for the line search of another. A coordinate with equal bounds is
fixed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from globalfit.checkpoint.recording import recorded
from globalfit.samplers.batching import log_likelihood
from globalfit.samplers.protocol import Target

# Ascents that advance together in one call, and steps per call; finished ones make room for others after each.
LANES, STEPS = 32, 8
# First and longest step in any coordinate of the cube.
FIRST, LONGEST = 0.03, 0.25
# A step must gain this part of what its slope promises.
ARMIJO = 1e-4
# An ascent has arrived when the quadratic model expects less than this from the maximum.
ARRIVED = 1e-6
# Step fractions at which the curvature is forgotten, and at which the ascent is given up.
FORGET, GIVE_UP = 1e-3, 1e-7
# An ascent along a kink has no vanishing gradient: it ends when a mean of what it lately gained, which forgets this
# part of it with every evaluation, falls below this.
FADE, STALLED = 0.3, 1e-5
# Distance at which a coordinate counts as being at its bound.
NEAR = 1e-3


class Maxima(NamedTuple):
    """Where the ascents ended, what the quadratic model still expects to gain, and the evaluations with gradient."""

    u: Float[np.ndarray, "ascent ndim"]
    log_likelihood: Float[np.ndarray, " ascent"]
    gain: Float[np.ndarray, " ascent"]
    evaluations: int


class _State(NamedTuple):
    """One ascent. `curvature` is the positive model of minus the Hessian; `learnt`: it holds more than a scale."""

    u: Float[Array, " ndim"]
    value: Float[Array, ""]
    gradient: Float[Array, " ndim"]
    curvature: Float[Array, "ndim ndim"]
    fraction: Float[Array, ""]
    gain: Float[Array, ""]
    lately: Float[Array, ""]
    begun: Bool[Array, ""]
    learnt: Bool[Array, ""]
    done: Bool[Array, ""]


def ascend(
    target: Target,
    u: Float[np.ndarray, "ascent ndim"],
    low: Float[np.ndarray, "ascent ndim"],
    high: Float[np.ndarray, "ascent ndim"],
    steps: int,
    tick: Callable[[int], None],
) -> Maxima:
    """Ascend from every point, `steps` evaluations at most; a start with ln L = -inf stays where it is."""
    state, evaluations = _begin(np.clip(u, low, high)), 0
    for _ in range(-(-steps // STEPS)):
        todo = np.flatnonzero(~state["done"])
        for lanes in np.split(todo, range(LANES, len(todo), LANES)):
            if not len(lanes):
                break
            filled = np.resize(lanes, LANES)
            given = {name: jnp.asarray(leaf[filled]) for name, leaf in state.items()}
            moved = _advance(target, _State(**given), jnp.asarray(low[filled]), jnp.asarray(high[filled]))
            for name, leaf in state.items():
                leaf[lanes] = np.asarray(getattr(moved, name))[: len(lanes)]
            evaluations += STEPS * len(lanes)
            tick(evaluations)
    return Maxima(state["u"], state["value"], state["gain"], evaluations)


def _begin(u: Float[np.ndarray, "ascent ndim"]) -> dict[str, np.ndarray]:
    """Leaves of the states before their first evaluation."""
    count, ndim = u.shape
    return {
        "u": u,
        "value": np.full(count, -np.inf),
        "gradient": np.zeros((count, ndim)),
        "curvature": np.tile(np.eye(ndim), (count, 1, 1)),
        "fraction": np.ones(count),
        "gain": np.full(count, np.inf),
        "lately": np.ones(count),
        "begun": np.zeros(count, dtype=bool),
        "learnt": np.zeros(count, dtype=bool),
        "done": np.zeros(count, dtype=bool),
    }


@functools.partial(recorded, make=_State)
@eqx.filter_jit
def _advance(target: Target, state: _State, low: Float[Array, "lane ndim"], high: Float[Array, "lane ndim"]) -> _State:
    """`STEPS` evaluations of every lane; one that is done stays."""

    def one(state: _State, low: Float[Array, " ndim"], high: Float[Array, " ndim"]) -> _State:
        return jax.tree.map(lambda old, new: jnp.where(state.done, old, new), state, _step(target, state, low, high))

    return jax.lax.fori_loop(0, STEPS, lambda _, state: jax.vmap(one)(state, low, high), state)


def _step(target: Target, state: _State, low: Float[Array, " ndim"], high: Float[Array, " ndim"]) -> _State:
    """One evaluation: a step that is taken, or a shorter fraction for the next one."""
    u, g = state.u, state.gradient
    newton, gain = _direction(state, low, high)
    longest = jnp.max(jnp.abs(newton))
    newton = newton * jnp.where(longest > LONGEST, LONGEST / jnp.where(longest > LONGEST, longest, 1.0), 1.0)
    arrived = state.begun & (gain < ARRIVED)
    trial = jnp.where(arrived, u, jnp.clip(u + state.fraction * newton, low, high))
    value, gradient = jax.value_and_grad(lambda u: log_likelihood(target, target.transform(u)))(trial)
    solved = jnp.isfinite(value)
    gradient = jnp.where(solved & jnp.isfinite(gradient), gradient, 0.0)

    move = trial - u
    promised = jnp.sum(g * move)
    accept = solved & (~state.begun | (value > state.value + ARMIJO * promised))
    shorter = _shorter(promised, jnp.where(solved, value - jnp.where(state.begun, state.value, 0.0), -jnp.inf))
    fraction = jnp.where(accept, 1.0, state.fraction * shorter)
    gained = jnp.where(accept & state.begun, value - jnp.where(state.begun, state.value, 0.0), 0.0)
    lately = (1.0 - FADE) * state.lately + FADE * gained
    # With the curvature forgotten, the next step follows the gradient and is as long as the last one.
    forget = ~accept & state.learnt & (fraction < FORGET)
    restart = _scale(g, jnp.sqrt(jnp.sum(move**2)))
    first = _scale(gradient, jnp.asarray(FIRST))
    curvature = jnp.where(accept, _update(state, move, g - gradient), jnp.where(forget, restart, state.curvature))
    return _State(
        u=jnp.where(accept, trial, u),
        value=jnp.where(accept, value, state.value),
        gradient=jnp.where(accept, gradient, g),
        curvature=jnp.where(state.begun, curvature, first),
        fraction=jnp.where(forget, 1.0, fraction),
        gain=jnp.where(state.begun, gain, jnp.inf),
        lately=lately,
        begun=state.begun | solved,
        learnt=(state.learnt | (accept & state.begun)) & ~forget,
        done=arrived | (~state.begun & ~solved) | (~state.learnt & (fraction < GIVE_UP)) | (lately < STALLED),
    )


def _direction(
    state: _State, low: Float[Array, " ndim"], high: Float[Array, " ndim"]
) -> tuple[Float[Array, " ndim"], Float[Array, ""]]:
    """Newton step of the free coordinates, the way to the bound for those that are pushed there, and what to expect."""
    u, g = state.u, state.gradient
    down, up = (u - low < NEAR) & (g < 0.0), (high - u < NEAR) & (g > 0.0)
    free = (low < high) & ~down & ~up
    slope = jnp.where(free, g, 0.0)
    matrix = jnp.where(free[:, None] & free[None, :], state.curvature, jnp.eye(len(u)))
    newton = jnp.linalg.solve(matrix, slope)
    rest = jnp.where(down, low - u, 0.0) + jnp.where(up, high - u, 0.0)
    return newton + rest, 0.5 * jnp.sum(slope * newton) + jnp.sum(g * rest)


def _update(state: _State, move: Float[Array, " ndim"], change: Float[Array, " ndim"]) -> Float[Array, "ndim ndim"]:
    """Damped BFGS update with a step and the change of minus the gradient; positive definite always."""
    agree, size = jnp.sum(move * change), jnp.sum(move**2)
    rescale = ~state.learnt & (agree > 0.0)
    scale = jnp.where(rescale, jnp.sum(change**2) / jnp.where(rescale, agree, 1.0), 1.0)
    old = jnp.where(rescale, scale * jnp.eye(len(move)), state.curvature)
    along = old @ move
    energy = jnp.sum(move * along)
    usable = (size > 0.0) & (energy > 0.0)
    energy = jnp.where(usable, energy, 1.0)
    gap = energy - agree
    damped = usable & (agree < 0.2 * energy)
    weight = jnp.where(damped, 0.8 * energy / jnp.where(damped, gap, 1.0), 1.0)
    mixed = weight * change + (1.0 - weight) * along
    norm = jnp.where(usable, jnp.sum(move * mixed), 1.0)
    new = old - along[:, None] * along[None, :] / energy + mixed[:, None] * mixed[None, :] / norm
    return jnp.where(usable, new, state.curvature)


def _shorter(promised: Float[Array, ""], gained: Float[Array, ""]) -> Float[Array, ""]:
    """Factor to the maximum of the parabola through both ends, between a tenth and a half."""
    missing = promised - gained
    usable = jnp.isfinite(missing) & (missing > 0.0)
    return jnp.where(usable, jnp.clip(0.5 * promised / jnp.where(usable, missing, 1.0), 0.1, 0.5), 0.1)


def _scale(gradient: Float[Array, " ndim"], length: Float[Array, ""]) -> Float[Array, "ndim ndim"]:
    """Curvature whose Newton step has the given length."""
    steep = jnp.sqrt(jnp.sum(gradient**2))
    usable = (steep > 0.0) & (length > 0.0)
    return jnp.eye(len(gradient)) * jnp.where(usable, steep / jnp.where(usable, length, 1.0), 1.0)
