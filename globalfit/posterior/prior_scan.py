"""What each likelihood looks like over the prior, before anything is sampled: finite, solvable, smooth.

Draws of the unit cube are paired with neighbours at a distance `STEP` in a random direction. Along such a segment a
smooth ln L changes by half the sum of its slopes at both ends times the distance (trapezoid rule): where it does not,
the gradient is wrong, or the likelihood has structure finer than the segment.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from globalfit.physics import status
from globalfit.posterior.assessment import assess, where_possible
from globalfit.posterior.posterior import Posterior, in_chunks

# Length of the segments in the unit cube, where the prior is uniform.
STEP = 1e-4
# A segment is off if ln L differs from the trapezoid rule by more than this part of the change, and by more than
# `ROUNDING` times 1 + |ln L|.
TOLERANCE = 0.01
ROUNDING = 1e-9
# Fraction of the segments from which on a likelihood counts as rough.
MANY = 0.05
# Points per call of the compiled function.
BLOCK = 512


class Segments(NamedTuple):
    """Pairs of neighbouring points of the unit cube, and the same points as parameters.

    If there are no parameters, `u` has one dimension that nothing depends on.
    """

    u: Float[np.ndarray, "2 draw dimension"]
    theta: Float[np.ndarray, "2 draw ndim"]

    @property
    def draws(self) -> Float[np.ndarray, "draw ndim"]:
        """The draws of the prior, without their neighbours."""
        return self.theta[0]


class PriorScan(NamedTuple):
    """One likelihood at both ends of every segment. The gradient in the unit cube is None if it was not asked for.

    `seconds` is the time of one point without compilation.
    """

    value: Float[np.ndarray, "2 draw"]
    gradient: Float[np.ndarray, "2 draw dimension"] | None
    status: Int[np.ndarray, "2 draw"]
    seconds: float

    @property
    def solvable(self) -> Bool[np.ndarray, "2 draw"]:
        """Where the physics has a solution: elsewhere the likelihood is zero by definition."""
        return (self.status & status.FATAL) == 0


class Verdict(NamedTuple):
    """What was found of one likelihood: fractions of the draws, then counts, and the remarks that follow from them.

    `still` is the fraction of the segments whose gradient is exactly zero (without gradients: along which ln L does
    not change), `rough` that of the segments on which gradient and change disagree. `offender` is the first point
    with a bad value or gradient.
    """

    finite: float
    unsolvable: float
    bad_values: int
    bad_gradients: int | None
    still: float
    rough: float | None
    lowest: float
    highest: float
    seconds: float
    offender: Float[np.ndarray, " ndim"] | None
    remarks: tuple[str, ...]

    @property
    def failed(self) -> bool:
        """Whether a value or a gradient is not finite, or no draw has a likelihood."""
        return self.offender is not None or self.finite == 0.0


def segments(posterior: Posterior, count: int, seed: int) -> Segments:
    """Draws of the prior with their neighbours; a single point if every parameter is fixed."""
    random = np.random.default_rng(seed)
    start = random.random((count, posterior.ndim) if posterior.ndim else (1, 1))
    direction = random.normal(size=start.shape)
    step = STEP * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    end = start + step
    # Back into the cube.
    end = np.where((end > 0.0) & (end < 1.0), end, start - step)
    u = np.stack([start, end])
    return Segments(u, np.asarray(jax.vmap(jax.vmap(partial(_theta, posterior)))(jnp.asarray(u))))


def scan_prior(
    posterior: Posterior,
    name: str | None,
    where: Segments,
    gradients: bool = True,
    watch: Callable[[int], None] = lambda _: None,
) -> PriorScan:
    """Evaluate one likelihood, or the model's status alone if `name` is None. `watch` is told the points done."""
    u = np.concatenate(where.u)
    parts, seconds = [], []
    for first in range(0, len(u), BLOCK):
        index = np.minimum(np.arange(first, first + BLOCK), len(u) - 1)
        start = time.perf_counter()
        parts.append(jax.tree.map(np.asarray, _block(posterior, jnp.asarray(u[index]), name, gradients)))
        seconds.append((time.perf_counter() - start) / BLOCK)
        watch(min(first + BLOCK, len(u)))
    shape = where.u.shape[:2]
    value, gradient, flags = jax.tree.map(
        lambda *leaves: np.concatenate(leaves)[: len(u)].reshape(*shape, *leaves[0].shape[1:]), *parts
    )
    # The first call compiles.
    return PriorScan(value, gradient, flags, min(seconds[1:], default=float("nan")))


def diagnose(found: PriorScan, where: Segments) -> Verdict:
    """Count what is wrong with a likelihood."""
    solvable, value, gradient = found.solvable, found.value, found.gradient
    finite = np.isfinite(value)
    bad_value = solvable & ~finite
    bad_gradient = None if gradient is None else ~np.isfinite(gradient).all(axis=2)
    bad = bad_value if bad_gradient is None else bad_value | bad_gradient
    # Segments with both ends in order.
    use = (solvable & ~bad).all(axis=0)
    values = value[:, use]
    change = values[1] - values[0]
    rough = None
    if gradient is None:
        still = change == 0.0
    else:
        slopes = gradient[:, use]
        still = (slopes == 0.0).all(axis=(0, 2))
        expected = 0.5 * np.sum(np.sum(slopes, axis=0) * (where.u[1] - where.u[0])[use], axis=1)
        allowed = TOLERANCE * np.maximum(np.abs(change), np.abs(expected)) + ROUNDING * (1.0 + np.abs(values[0]))
        rough = _mean(np.abs(change - expected) > allowed)
    offenders = where.theta[bad]
    return Verdict(
        finite=_mean(finite[0] & solvable[0]),
        unsolvable=_mean(~solvable[0]),
        bad_values=int(np.sum(bad_value)),
        bad_gradients=None if bad_gradient is None else int(np.sum(bad_gradient)),
        still=_mean(still),
        rough=rough,
        lowest=float(np.min(values, initial=np.inf)),
        highest=float(np.max(values, initial=-np.inf)),
        seconds=found.seconds,
        offender=offenders[0] if len(offenders) else None,
        # Where every parameter is fixed, everything is constant.
        remarks=_remarks(values, still, rough) if where.theta.shape[-1] else (),
    )


def _remarks(
    values: Float[np.ndarray, "2 draw"], still: Bool[np.ndarray, " draw"], rough: float | None
) -> tuple[str, ...]:
    """What the shape of a likelihood means for a sampler."""
    if not values.size:
        return ("no draw has a likelihood",)
    if np.ptp(values) == 0.0:
        return ("constant here: no draw changes it",)
    remarks = []
    if (stepwise := _mean(_on_steps(values[0], still))) > MANY:
        remarks.append(f"stepwise: {100.0 * stepwise:.0f} % of the draws lie on flat steps of different height")
    if rough is not None and rough > MANY:
        remarks.append(f"rough: on {100.0 * rough:.0f} % of the short segments it does not change as its gradient says")
    return tuple(remarks)


def _on_steps(values: Float[np.ndarray, " draw"], still: Bool[np.ndarray, " draw"]) -> Bool[np.ndarray, " draw"]:
    """Draws around which nothing changes, but the largest set of equal ones: where a search sees nothing, ln L is flat
    without steps."""
    # What differs by rounding only is equal.
    height = (1.0 + np.abs(values)).astype(np.float32)
    found, count = np.unique(height[still], return_counts=True)
    return still & (height != found[np.argmax(count)]) if len(found) else still


def _theta(posterior: Posterior, u: Float[Array, " dimension"]) -> Float[Array, " ndim"]:
    """Parameters of a point of the unit cube, if there are any."""
    return posterior.transform(u) if posterior.ndim else u[:0]


def _mean(flags: Bool[np.ndarray, " draw"]) -> float:
    return float(np.mean(flags)) if flags.size else 0.0


@eqx.filter_jit
def _block(
    posterior: Posterior, u: Float[Array, "point dimension"], name: str | None, gradients: bool
) -> tuple[Float[Array, " point"], Float[Array, "point dimension"] | None, Int[Array, " point"]]:
    """ln L as the likelihood gives it (-inf without a solution), its gradient in the unit cube, and the status."""

    def term(point: Float[Array, " dimension"]) -> tuple[Float[Array, ""], Int[Array, ""]]:
        predictions = posterior.predictions(posterior.parameters.values(_theta(posterior, point)))
        if name is None:
            return jnp.zeros(()), predictions.flags
        found = assess(predictions, {name: posterior.likelihoods[name]})
        # That a value is not finite is the finding here, not a reason to hide it.
        flags = found.status & ~status.NON_FINITE.bit
        return where_possible(flags, found.raw[name]), flags

    def one(
        point: Float[Array, " dimension"],
    ) -> tuple[Float[Array, ""], Float[Array, " dimension"] | None, Int[Array, ""]]:
        if not gradients:
            value, flags = term(point)
            return value, None, flags
        (value, flags), gradient = jax.value_and_grad(term, has_aux=True)(point)
        return value, gradient, flags

    return in_chunks(one, u)
