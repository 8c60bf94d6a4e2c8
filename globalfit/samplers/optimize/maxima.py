"""Maxima of ln L with some coordinates held, by ascents from the best known points: what a profile is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from globalfit.samplers.batching import log_likelihoods
from globalfit.samplers.optimize.ascent import Maxima, ascend
from globalfit.samplers.protocol import Target

# The cube ends here: quantiles 0 and 1 of an unbounded prior lie at infinity.
EDGE = 1e-6
# Known points that are tried per node: the best ones among the nearest, and the best ones of all.
NEAREST, BEST_NEAR, BEST_OF_ALL = 256, 12, 4

# Rise over a node's own ln L from which the maximum of a neighbour is worth an ascent.
RISE = 1e-3


class Points(NamedTuple):
    """Points of the unit cube with their ln L."""

    u: Float[np.ndarray, "point ndim"]
    log_likelihood: Float[np.ndarray, " point"]

    def and_also(self, other: Points) -> Points:
        """Both sets together."""
        return Points(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))

    def at(self, index: Int[np.ndarray, " chosen"]) -> Points:
        """Some of the points."""
        return Points(self.u[index], self.log_likelihood[index])


class Ascents:
    """Gradient ascents of one target; counts its evaluations and tells `tick` of them."""

    def __init__(self, target: Target, starts: int, steps: int, tick: Callable[[int], None]) -> None:
        self.target, self._starts, self._steps, self._tick = target, starts, steps, tick
        self.calls = self.gradients = 0

    def evaluate(self, u: Float[np.ndarray, "point ndim"]) -> Points:
        """The same points with their ln L."""
        self.calls += len(u)
        return Points(u, log_likelihoods(self.target, u))

    def ascend(self, u: Float[np.ndarray, "point ndim"], held: Bool[np.ndarray, "point ndim"] | None = None) -> Maxima:
        """Maxima reached from every start with the coordinates `held` as they are."""
        held = np.zeros(u.shape, dtype=bool) if held is None else held
        low, high = np.where(held, u, EDGE), np.where(held, u, 1.0 - EDGE)
        maxima = ascend(self.target, u, low, high, self._steps, lambda n: self._tick(self.calls + self.gradients + n))
        self.gradients += maxima.evaluations
        return maxima

    def conditional(
        self, held: Bool[np.ndarray, "node ndim"], values: Float[np.ndarray, "node ndim"], known: Points
    ) -> Points:
        """Maximum of every node, whose coordinates `held` have its values."""
        moved = self._moved(known.u[_nearby(held, values, known)], held, values)
        best = np.argsort(-moved.log_likelihood, axis=1)[:, : self._starts]
        return self._best(np.take_along_axis(moved.u, best[:, :, None], axis=1), held, np.ones(best.shape, dtype=bool))

    def sweep(
        self,
        held: Bool[np.ndarray, "node ndim"],
        nodes: Points,
        others: Int[np.ndarray, "node other"],
        all_nodes: Points,
    ) -> Points:
        """`nodes` ascended again from the maxima of their neighbours `others` (closest first), the better of both.

        Starts are the best maximum after its move onto the node, and those that are higher than the node's own: of the
        closest neighbours and the highest one. Where two solutions compete, the better one is seldom the closer one.
        """
        moved = self._moved(all_nodes.u[others], held, nodes.u)
        rows, own = np.arange(len(others)), all_nodes.log_likelihood[others]
        use = np.zeros(others.shape, dtype=bool)
        use[:, : 2 * int(held[0].sum())] = True
        use[rows, np.argmax(own, axis=1)] = True
        use &= own > nodes.log_likelihood[:, None] + RISE
        use[rows, np.argmax(moved.log_likelihood, axis=1)] = True
        found = self._best(moved.u, held, use)
        better = found.log_likelihood > nodes.log_likelihood
        return Points(
            np.where(better[:, None], found.u, nodes.u), np.where(better, found.log_likelihood, nodes.log_likelihood)
        )

    def _best(
        self,
        starts: Float[np.ndarray, "node start ndim"],
        held: Bool[np.ndarray, "node ndim"],
        use: Bool[np.ndarray, "node start"],
    ) -> Points:
        """The highest maximum that the starts in `use` of each node lead to."""
        maxima = self.ascend(starts[use], np.repeat(held, use.sum(axis=1), axis=0))
        value, u = np.full(use.shape, -np.inf), starts.copy()
        value[use], u[use] = maxima.log_likelihood, maxima.u
        # A node whose starts all fail keeps the first one that was tried.
        winner = np.where(np.isinf(value).all(axis=1), np.argmax(use, axis=1), np.argmax(value, axis=1))
        rows = np.arange(len(use))
        return Points(u[rows, winner], value[rows, winner])

    def _moved(
        self,
        u: Float[np.ndarray, "node start ndim"],
        held: Bool[np.ndarray, "node ndim"],
        values: Float[np.ndarray, "node ndim"],
    ) -> Points:
        """Several starts per node, moved onto its values (arrays with the axes node and start)."""
        u = np.where(held[:, None, :], values[:, None, :], u)
        tried = self.evaluate(u.reshape(-1, u.shape[-1]))
        return Points(u, tried.log_likelihood.reshape(u.shape[:2]))


def _nearby(
    held: Bool[np.ndarray, "node ndim"], values: Float[np.ndarray, "node ndim"], known: Points
) -> Int[np.ndarray, "node start"]:
    """Indices of known points to start a node from: good ones whose held coordinates are close, and the best of all."""
    order = np.argsort(-known.log_likelihood, kind="stable")
    rows = []
    for mask, value in zip(held, values, strict=True):
        distance = np.max(np.abs(known.u[:, mask] - value[mask]), axis=1)
        near = np.argsort(distance, kind="stable")[:NEAREST]
        good = near[np.argsort(-known.log_likelihood[near], kind="stable")][:BEST_NEAR]
        rows.append(np.concatenate([good, order[:BEST_OF_ALL]]))
    return np.stack(rows)
