"""Profile likelihoods in one and two parameters.

The nodes of a one-dimensional profile gather where ln L changes, so that an interval far narrower than the prior is
resolved. Sweeps offer every node the maxima of its neighbours until nothing improves.
"""

from __future__ import annotations

import functools
import itertools
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from globalfit.samplers.optimize.maxima import EDGE, Ascents, Points

# Rounds that place the nodes of a profile, and the share of the nodes of each that covers the whole axis.
ROUNDS = 3
EVEN = 0.2
# Smallest distance of two nodes.
APART = 1e-9
# Local maxima that become nodes, and digits to which their coordinates must differ.
TOPS, DIGITS = 8, 3
# A profile is followed this far below the best ln L: the 95 % regions of one and two parameters with a margin.
DEPTH = 6.0
# Sweeps at most, and the gain in ln L below which no other follows.
SWEEPS = 6
SETTLED = 0.01
# Neighbours whose maxima a sweep offers, in nodes: a maximum that one node has found reaches all others fast.
REACH = (1, 2, 5, 12)


class Settled(NamedTuple):
    """Nodes of a profile with their maxima, and how much ln L of each rose in the last sweep."""

    nodes: Points
    last_gain: Float[np.ndarray, " node"]


def profiles(ascents: Ascents, per_round: int, tops: Points, known: Points) -> list[Settled]:
    """Profile of every coordinate, nodes in its order; local maxima `tops`, best first, are among them."""
    ndim = tops.u.shape[1]
    tops = tops.at(np.flatnonzero(tops.log_likelihood > tops.log_likelihood[0] - DEPTH)[:TOPS])
    nodes = [tops.at(np.unique(np.round(tops.u[:, i], DIGITS), return_index=True)[1]) for i in range(ndim)]
    even = np.linspace(EDGE, 1.0 - EDGE, per_round)
    values = [_new(even, one.u[:, i]) for i, one in enumerate(nodes)]
    for _ in range(ROUNDS):
        held = np.repeat(np.eye(ndim, dtype=bool), [len(new) for new in values], axis=0)
        at = np.where(held, np.concatenate(values)[:, None], 0.0)
        found = ascents.conditional(held, at, functools.reduce(Points.and_also, nodes, known))
        for i in range(ndim):
            both = nodes[i].and_also(found.at(np.flatnonzero(held[:, i])))
            nodes[i] = both.at(np.argsort(both.u[:, i]))
            values[i] = _where_it_changes(nodes[i].u[:, i], nodes[i].log_likelihood, per_round)
    sizes = [len(one.u) for one in nodes]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    neighbours = np.concatenate([start + _line_neighbours(size) for start, size in zip(starts, sizes, strict=True)])
    groups = np.repeat(np.arange(ndim), sizes)
    settled = _settle(ascents, np.eye(ndim, dtype=bool)[groups], functools.reduce(Points.and_also, nodes), neighbours)
    return [
        Settled(settled.nodes.at(chosen := np.flatnonzero(groups == i)), settled.last_gain[chosen]) for i in range(ndim)
    ]


def with_node(settled: Settled, point: Points, axis: int) -> Settled:
    """The profile of a coordinate through one more point, which is higher than any node near it."""
    others = np.flatnonzero(np.abs(settled.nodes.u[:, axis] - point.u[0, axis]) > APART)
    nodes, gain = settled.nodes.at(others).and_also(point), np.append(settled.last_gain[others], 0.0)
    order = np.argsort(nodes.u[:, axis])
    return Settled(nodes.at(order), gain[order])


def plane(
    ascents: Ascents, axes: tuple[int, int], per_axis: int, ranges: tuple[Settled, Settled], known: Points
) -> Settled:
    """Profile of two coordinates on a mesh (row-major), over the ranges that their own profiles do not exclude."""
    edges = [_extent(settled.nodes, axis) for settled, axis in zip(ranges, axes, strict=True)]
    values = np.array(list(itertools.product(*(np.linspace(low, high, per_axis) for low, high in edges))))
    at = np.zeros((len(values), known.u.shape[1]))
    at[:, axes] = values
    held = np.zeros(at.shape, dtype=bool)
    held[:, axes] = True
    return _settle(ascents, held, ascents.conditional(held, at, known), _mesh_neighbours(per_axis))


def _settle(
    ascents: Ascents,
    held: Bool[np.ndarray, "node ndim"],
    nodes: Points,
    neighbours: Int[np.ndarray, "node side"],
) -> Settled:
    """Sweeps over the nodes whose neighbours improved, until none does; what lies below `DEPTH` does not count."""
    improved = np.ones(len(nodes.u), dtype=bool)
    gain = np.full(len(nodes.u), np.inf)
    for _ in range(SWEEPS):
        todo = np.flatnonzero(improved[neighbours].any(axis=1))
        swept = ascents.sweep(held[todo], nodes.at(todo), neighbours[todo], nodes)
        before, nodes = nodes, Points(nodes.u.copy(), nodes.log_likelihood.copy())
        nodes.u[todo], nodes.log_likelihood[todo] = swept
        floor = np.max(nodes.log_likelihood) - DEPTH
        gain = np.maximum(nodes.log_likelihood, floor) - np.maximum(before.log_likelihood, floor)
        improved = gain > SETTLED
        if not improved.any():
            break
    return Settled(nodes, gain)


def _where_it_changes(
    x: Float[np.ndarray, " node"], log_likelihood: Float[np.ndarray, " node"], count: int
) -> Float[np.ndarray, " count"]:
    """New nodes between the old ones, so that steps of the distance in standard deviations, sqrt(2 Delta ln L), plus
    some of that along the axis become as equal as can be: one after the other halves, thirds, ... the longest step."""
    depth = np.minimum(np.max(log_likelihood) - log_likelihood, DEPTH)
    change = np.abs(np.diff(np.sqrt(2.0 * depth)))
    length = (1.0 - EVEN) * change / max(change.sum(), 1e-9) + EVEN * np.diff(x)
    pieces = np.ones(len(length), dtype=int)
    for _ in range(count):
        pieces[np.argmax(length / pieces)] += 1
    return np.concatenate([np.linspace(x[i], x[i + 1], n + 1)[1:-1] for i, n in enumerate(pieces)])


def _new(values: Float[np.ndarray, " value"], nodes: Float[np.ndarray, " node"]) -> Float[np.ndarray, " new"]:
    """The values that are no nodes yet."""
    return values[np.min(np.abs(values[:, None] - nodes[None, :]), axis=1) > APART]


def _extent(nodes: Points, axis: int) -> tuple[float, float]:
    """Range of a coordinate in which its profile lies less than `DEPTH` below the maximum, and a node more."""
    inside = np.flatnonzero(nodes.log_likelihood > np.max(nodes.log_likelihood) - DEPTH)
    x = nodes.u[:, axis]
    return float(x[max(inside[0] - 1, 0)]), float(x[min(inside[-1] + 1, len(x) - 1)])


def _line_neighbours(count: int) -> Int[np.ndarray, "node side"]:
    """Indices of the neighbours along a line, the last one where it ends."""
    index = np.arange(count)
    return np.stack([np.clip(index + side * far, 0, count - 1) for far in REACH for side in (-1, 1)], axis=1)


def _mesh_neighbours(count: int) -> Int[np.ndarray, "node side"]:
    """Indices of the neighbours along both axes of a square mesh, the last one where it ends."""
    row, column = np.divmod(np.arange(count * count), count)
    shifts = [(far * down, far * right) for far in REACH for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1))]
    ends = count - 1
    return np.stack(
        [np.clip(row + down, 0, ends) * count + np.clip(column + right, 0, ends) for down, right in shifts], axis=1
    )
