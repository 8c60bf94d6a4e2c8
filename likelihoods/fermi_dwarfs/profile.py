"""ln L of dwarf galaxies from the energy flux in each bin, and what becomes of the uncertain J factors.

For a dwarf galaxy and a bin with the energy flux F (GeV cm^-2 s^-1) the published profile is, with up to two terms i,

    ln L(F) - ln L(0) = sum_i n_i ln(1 + F/b_i) - a F.

That is a sum of Poisson counts n_i with means a_i (b_i + F), sum_i a_i = a: photon classes of low and high background.
"""

from __future__ import annotations

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy.typing import NDArray

from globalfit.physics.indirect.materialise import materialised

LN10 = math.log(10.0)
# Expected background of a bin in which no photon was counted: the mean of a Poisson law that gave nothing
# (Jeffreys prior). It matters for toys only.
_BACKGROUND_OF_NOTHING = 0.5
# Nodes of the J factor, in standard deviations.
NODES: NDArray[np.float64] = np.linspace(-4.0, 4.0, 33)
_STEP = NODES[1] - NODES[0]
_LOG_WEIGHTS = -0.5 * NODES**2 - np.log(np.sum(np.exp(-0.5 * NODES**2)))


class Profile(eqx.Module):
    """Terms of every dwarf galaxy, padded to one length by counts of zero.

    `slope` is a (bin), `count` n and `background` b (term), whose bin and place (0 or 1) in the bin are `bin`, `place`.
    """

    slope: Float[Array, "dwarf bin"]
    count: Float[Array, "dwarf term"]
    background: Float[Array, "dwarf term"]
    bin: Int[Array, "dwarf term"]
    place: Int[Array, "dwarf term"]

    def log_likelihood(
        self, flux: Float[Array, " bin"], factor: Float[Array, "dwarf node"]
    ) -> Float[Array, "dwarf node"]:
        """ln L - ln L(0) of each dwarf galaxy for the flux `factor` times `flux`."""
        # a matrix product, whose derivative is one too
        logs = _weighted_logs(self._signal(flux), self.count, factor)
        return logs - (self.slope @ flux)[:, None] * factor

    def derivatives(
        self, flux: Float[Array, " bin"], factor: Float[Array, " dwarf"]
    ) -> tuple[Float[Array, " dwarf"], Float[Array, " dwarf"]]:
        """First and second derivative of ln L with respect to ln `factor`."""
        signal = self._signal(flux) * factor[:, None]
        linear = (self.slope @ flux) * factor
        first = jnp.sum(self.count * signal / (1.0 + signal), axis=1) - linear
        return first, jnp.sum(self.count * signal / (1.0 + signal) ** 2, axis=1) - linear

    def _signal(self, flux: Float[Array, " bin"]) -> Float[Array, "dwarf term"]:
        """F/b of each term."""
        choice = jax.nn.one_hot(self.bin.reshape(-1), len(flux), axis=0, dtype=flux.dtype)
        return (materialised(flux[None]) @ choice).reshape(self.bin.shape) / self.background

    def best(self) -> Float[Array, " dwarf"]:
        """Largest ln L - ln L(0) of each dwarf galaxy for any fluxes, one for each bin, none negative."""
        count, background = self._by_bin(self.count, 0.0), self._by_bin(self.background, 1.0)
        slope = self.slope
        # the larger root of n_1/(b_1 + F) + n_2/(b_2 + F) = a
        (n_1, n_2), (b_1, b_2) = jnp.moveaxis(count, 2, 0), jnp.moveaxis(background, 2, 0)
        linear = b_1 + b_2 - (n_1 + n_2) / slope
        constant = b_1 * b_2 - (n_1 * b_2 + n_2 * b_1) / slope
        root = jnp.maximum(0.5 * (jnp.sqrt(jnp.maximum(linear**2 - 4.0 * constant, 0.0)) - linear), 0.0)
        terms = count * jnp.log1p(root[:, :, None] / background)
        return jnp.sum(terms, axis=(1, 2)) - jnp.sum(slope * root, axis=1)

    def draw(self, flux: Float[Array, "dwarf bin"], key: Array) -> Profile:
        """Counts drawn for these fluxes; bins without a count take part with a background of half a photon.

        The observed counts set the background of each term and how the exposure is shared between two terms, as
        n_i/b_i.
        """
        dwarfs, bins = self.slope.shape
        count, background = self._by_bin(self.count, 0.0), self._by_bin(self.background, 1.0)
        rate = count / background
        total = jnp.sum(rate, axis=2, keepdims=True)
        empty = total == 0.0
        alone = jnp.asarray([1.0, 0.0])[None, None, :]
        share = self.slope[:, :, None] * jnp.where(empty, alone, rate / jnp.where(empty, 1.0, total))
        background = jnp.where(empty, (_BACKGROUND_OF_NOTHING / self.slope)[:, :, None], background)
        drawn = jax.random.poisson(key, share * (background + flux[:, :, None])).astype(self.count.dtype)
        index = jnp.broadcast_to(jnp.arange(bins)[None, :, None], drawn.shape)
        place = jnp.broadcast_to(jnp.arange(2)[None, None, :], drawn.shape)
        flat = (part.reshape(dwarfs, -1) for part in (drawn, background, index, place))
        return Profile(self.slope, *flat)

    def _by_bin(self, terms: Float[Array, "dwarf term"], missing: float) -> Float[Array, "dwarf bin 2"]:
        dwarfs, bins = self.slope.shape
        rows = jnp.arange(dwarfs)[:, None]
        # terms that only pad go nowhere
        present = jnp.where(self.count > 0.0, self.bin, bins)
        return jnp.full((dwarfs, bins, 2), missing).at[rows, present, self.place].set(terms, mode="drop")


@jax.custom_vjp
def _weighted_logs(
    signal: Float[Array, "dwarf term"], count: Float[Array, "dwarf term"], factor: Float[Array, "dwarf node"]
) -> Float[Array, "dwarf node"]:
    """sum over terms of count ln(1 + signal factor)."""
    # log(1 + x) and a sum, which the compiler makes one loop of; log1p and an einsum take seven times as long
    return jnp.sum(count[:, :, None] * jnp.log(1.0 + signal[:, :, None] * factor[:, None, :]), axis=1)


def _forward(
    signal: Float[Array, "dwarf term"], count: Float[Array, "dwarf term"], factor: Float[Array, "dwarf node"]
) -> tuple[Float[Array, "dwarf node"], tuple[Array, Array, Array]]:
    return _weighted_logs(signal, count, factor), (signal, count, factor)


def _backward(
    inputs: tuple[Array, Array, Array], gradient: Float[Array, "dwarf node"]
) -> tuple[Float[Array, "dwarf term"], Float[Array, "dwarf term"], Float[Array, "dwarf node"]]:
    # nodes first, so that sums run over the slow index
    signal, count, factor = inputs
    weighted = (gradient * factor).T[:, :, None]
    by_node = signal[None, :, :] * factor.T[:, :, None]
    to_signal = count * jnp.sum(weighted / (1.0 + by_node), axis=0)
    to_count = jnp.sum(gradient.T[:, :, None] * jnp.log(1.0 + by_node), axis=0)
    shares = signal[:, :, None] / (1.0 + signal[:, :, None] * factor[:, None, :])
    return to_signal, to_count, gradient * jnp.sum(count[:, :, None] * shares, axis=1)


_weighted_logs.defvjp(_forward, _backward)


def marginalised(
    profile: Profile, flux: Float[Array, " bin"], log10_j: Float[Array, " dwarf"], sigma: Float[Array, " dwarf"]
) -> Float[Array, " dwarf"]:
    """ln of the mean of L over log-normal J factors, at 33 nodes within four standard deviations."""
    factor = jnp.exp(LN10 * (log10_j[:, None] + sigma[:, None] * NODES[None, :]))
    log_likelihood = materialised(profile.log_likelihood(flux, factor))
    return jax.nn.logsumexp(log_likelihood + _LOG_WEIGHTS[None, :], axis=1)


def profiled(
    profile: Profile, flux: Float[Array, " bin"], log10_j: Float[Array, " dwarf"], sigma: Float[Array, " dwarf"]
) -> Float[Array, " dwarf"]:
    """Largest ln L over the J factors, each with a Gaussian penalty in log10 J.

    The best node is refined by Newton steps; the derivative of the maximum needs none of the optimum.
    """
    at = jax.lax.stop_gradient(flux)
    nodes = jnp.broadcast_to(jnp.asarray(NODES)[None, :], (len(sigma), len(NODES)))
    factor = jnp.exp(LN10 * (log10_j[:, None] + sigma[:, None] * nodes))
    best = jnp.argmax(profile.log_likelihood(at, factor) - 0.5 * nodes**2, axis=1)
    z = jnp.asarray(NODES)[best]
    unit = LN10 * sigma
    for _ in range(3):
        first, second = profile.derivatives(at, jnp.exp(LN10 * (log10_j + sigma * z)))
        first, second = unit * first - z, unit**2 * second - 1.0
        curved = second < -1e-3
        step = jnp.where(curved, -first / jnp.where(curved, second, -1.0), 0.0)
        z += jnp.clip(step, -_STEP, _STEP)
    factor = jnp.exp(LN10 * (log10_j + sigma * z))[:, None]
    return profile.log_likelihood(flux, factor)[:, 0] - 0.5 * z**2


def with_fixed_j(
    profile: Profile, flux: Float[Array, " bin"], log10_j: Float[Array, " dwarf"], sigma: Float[Array, " dwarf"]
) -> Float[Array, " dwarf"]:
    """ln L at the central J factors."""
    del sigma
    return profile.log_likelihood(flux, jnp.exp(LN10 * log10_j)[:, None])[:, 0]
