"""Coordinates of the prior in which the relic density is flat.

Where dark matter must have the measured density the posterior is a thin curved sheet. Along the line of one parameter,
all others fixed, the sheet is crossed where an estimate of the relic density is the measured one, at c(others) in the
unit cube. Shifted by it,

    u_axis = v_axis + c(others) - 1/2  (mod 1),

the sheet lies at v_axis = 1/2, whatever the others are. The map is a shear of the unit cube, with ends that meet: it
keeps volumes whatever c is, so that posterior and evidence are the same. A bad estimate, a line that crosses twice or
not at all only leave the sheet curved.
"""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from globalfit.physics.dark_matter_fraction import OMEGA_H2
from globalfit.physics.observables import relic_estimate
from globalfit.physics.predictions import Predictions
from globalfit.posterior.posterior import Posterior, in_chunks
from globalfit.random_streams import Stream, stream

# Values of the estimate along a line, both ends first.
_VALUES = 6
# Lines of the prior that choose the axis, the share of them that must cross the sheet, and the largest relative change
# of a mass along them: poles and thresholds, where the estimate is worst, must stay where they are.
_LINES, _CROSSING, _SAME_MASS = 256, 0.05, 0.02
# A relative error of the measured density above which there is no thin sheet.
_THIN = 0.2
# Stands for a density that is none.
_NO_DENSITY = 700.0


class FlatSheet(eqx.Module):
    """A posterior in these coordinates, for samplers."""

    posterior: Posterior
    axis: Int[Array, ""]
    log_density: Float[Array, ""]

    @property
    def names(self) -> tuple[str, ...]:
        """Sampled parameters."""
        return self.posterior.names

    @property
    def ndim(self) -> int:
        """Number of sampled parameters."""
        return self.posterior.ndim

    def transform(self, u: Float[Array, " ndim"]) -> Float[Array, " ndim"]:
        """Flat coordinates (v of the module) to parameters, one point."""
        return self.posterior.transform(self._shifted(u, self.crossing(u) - 0.5))

    def inverse(self, theta: Float[Array, " ndim"]) -> Float[Array, " ndim"]:
        """Parameters to flat coordinates, one point."""
        u = self.posterior.inverse(theta)
        return self._shifted(u, 0.5 - self.crossing(u))

    def log_prior(self, theta: Float[Array, " ndim"]) -> Float[Array, ""]:
        """Log prior density in the parameters."""
        return self.posterior.log_prior(theta)

    def log_likelihood(self, theta: Float[Array, " ndim"]) -> Float[Array, ""]:
        """ln L of one point."""
        return self.posterior.log_likelihood(theta)

    def crossing(self, u: Float[Array, " ndim"]) -> Float[Array, ""]:
        """Where the line through u crosses the sheet, from 0 to 1; the nearer end if it does not.

        Its derivative is that of the implicit function, and zero where there is no crossing.
        """

        @jax.custom_jvp
        def found(u: Float[Array, " ndim"]) -> Float[Array, ""]:
            return _root(lambda place: self._excess(u.at[self.axis].set(place)))

        @found.defjvp
        def _(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
            place = found(*primals)
            _, change = jax.linearize(self._excess, primals[0].at[self.axis].set(place))
            slope = change(jnp.zeros_like(primals[0]).at[self.axis].set(1.0))
            crosses = (place > 0.0) & (place < 1.0) & (slope != 0.0)
            moved = change(tangents[0].at[self.axis].set(0.0))
            return place, jnp.where(crosses, -moved / jnp.where(crosses, slope, 1.0), 0.0)

        return found(u)

    def predictions(self, u: Float[Array, " ndim"]) -> Predictions:
        """Predictions of a point of the posterior's own unit cube."""
        return self.posterior.predictions(self.posterior.parameters.values(self.posterior.transform(u)))

    def _excess(self, u: Float[Array, " ndim"]) -> Float[Array, ""]:
        excess = jnp.log(relic_estimate(self.predictions(u))) - self.log_density
        return jnp.where(jnp.isfinite(excess), excess, _NO_DENSITY)

    def _shifted(self, u: Float[Array, " ndim"], shift: Float[Array, ""]) -> Float[Array, " ndim"]:
        moved = u[self.axis] + shift
        return u.at[self.axis].set(moved - jnp.floor(moved))


def flattened(posterior: Posterior, seed: int) -> Posterior | FlatSheet:
    """The posterior in flat coordinates along the coupling that most lines of the prior cross the sheet with; itself
    where no measurement pins the density of all dark matter, or where hardly a line crosses."""
    measured = _measured_density(posterior)
    if measured is None or posterior.ndim < 2:
        return posterior
    u = jnp.asarray(stream(seed, Stream.COORDINATES).random((_LINES, posterior.ndim)))
    sheets = [FlatSheet(posterior, jnp.asarray(k), jnp.log(measured)) for k in range(posterior.ndim)]
    share = [float(_crossing_share(sheet, u)) for sheet in sheets]
    best = int(np.argmax(share))
    return sheets[best] if share[best] > _CROSSING else posterior


def _measured_density(posterior: Posterior) -> float | None:
    """Omega h2 of a measurement that pins it, if there is one."""
    if posterior.dark_matter != "all":
        return None
    for likelihood in posterior.likelihoods.values():
        for one in likelihood.measurements:
            if OMEGA_H2 in (one.prediction, one.observable) and one.central is not None and one.sigma is not None:
                return one.central if 0.0 < one.sigma < _THIN * one.central else None
    return None


@eqx.filter_jit
def _crossing_share(sheet: FlatSheet, u: Float[Array, "line ndim"]) -> Float[Array, ""]:
    """Share of the lines through u that cross the sheet, without those along which masses change."""

    def masses(point: Float[Array, " ndim"]) -> Float[Array, " mass"]:
        portal = sheet.predictions(point).portal
        return jnp.append(portal.mass, portal.dark.mass)

    def crosses(point: Float[Array, " ndim"]) -> Array:
        place = sheet.crossing(point)
        here, there = (masses(point.at[sheet.axis].set(place)) for place in (0.25, 0.75))
        return (place > 0.0) & (place < 1.0) & jnp.all(jnp.abs(there - here) < _SAME_MASS * here)

    return jnp.mean(in_chunks(crosses, u))


def _root(excess: Callable[[Array], Array]) -> Float[Array, ""]:
    """Root in [0, 1] by the Illinois method, an end if there is none."""

    def step(k: Int[Array, ""], state: tuple[Array, ...]) -> tuple[Array, ...]:
        kept, at_kept, last, at_last, stayed = state
        place = jnp.where(k < 2, jnp.asarray(k, float), _secant(kept, at_kept, last, at_last))
        value = excess(place)
        stays = (value * at_last > 0.0) & (k > 1)
        halved = jnp.where(stayed & (at_kept * at_last < 0.0), 0.5 * at_kept, at_kept)
        return jnp.where(stays, kept, last), jnp.where(stays, halved, at_last), place, value, stays

    zero = jnp.zeros(())
    state = (zero, zero, zero, zero, jnp.zeros((), bool))
    kept, at_kept, last, at_last, _ = jax.lax.fori_loop(0, _VALUES, step, state)
    return _secant(kept, at_kept, last, at_last)


def _secant(first: Array, at_first: Array, second: Array, at_second: Array) -> Array:
    """Where the straight line through two values is zero, between their places."""
    rise = at_second - at_first
    found = (first * at_second - second * at_first) / jnp.where(rise == 0.0, 1.0, rise)
    return jnp.clip(found, jnp.minimum(first, second), jnp.maximum(first, second))
