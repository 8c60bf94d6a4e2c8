"""dynesty's proposals in batches: a queue of random walks advances in one compiled kernel.

dynesty has no batched interface, but it hands its `pool.map` the whole queue of proposals at once. Here the "function"
of that call takes the queue itself, so that every step of all its walks is one batch of the likelihood. The steps are
those of `globalfit.samplers.particles.metropolis` above the threshold of ln L: first independence proposals to anywhere
among the live points that no walk begins at, separate regions included, then moves within an ellipsoid or along a
difference of two live points. dynesty sees points of the unit cube only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from dynesty.internal_samplers import InternalSampler, SamplerReturn
from dynesty.sampler import Sampler as DynestySampler
from dynesty.utils import LoglOutput
from jaxtyping import Float, Int

from globalfit.samplers.batching import CHUNK, log_likelihoods
from globalfit.samplers.particles.independence import independence_proposals
from globalfit.samplers.particles.local_moves import LocalMoves
from globalfit.samplers.particles.metropolis import advance
from globalfit.samplers.protocol import Target

# Steps at the beginning of a walk that are independence proposals.
INDEPENDENT = 10
# Acceptance that the size of the ellipsoid steps is tuned to, dynesty's own choice.
ACCEPTANCE = 0.5


class QueuePool:
    """The pool of dynesty's interface: `function` takes the whole queue, which `prepare_sampler` made."""

    def __init__(self, size: int) -> None:
        self.size = size

    @staticmethod
    def map(function: Callable[[Any], list[SamplerReturn]], items: Iterable[Any]) -> list[SamplerReturn]:
        """Proposals of the queue."""
        return function(items)


class Queue(NamedTuple):
    """What dynesty asks for: `size` new points above the threshold."""

    threshold: float
    size: int
    axes: Float[np.ndarray, "queue ndim ndim"]
    seed: np.random.SeedSequence
    nested: DynestySampler


class BatchedSampler(InternalSampler):
    """Common part of the two phases: the whole queue is prepared and sampled at once, unlike in the base class."""

    def __init__(self, target: Target) -> None:
        super().__init__(ndim=target.ndim)
        self.target = target

    def _new_from_template(self, template_kwargs: dict[str, Any]) -> BatchedSampler:  # noqa: ARG002
        """Itself: dynesty's template holds nothing that this sampler uses."""
        return self

    def prepare_sampler(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        loglstar: float,
        axes: list[np.ndarray],
        seeds: list[np.random.SeedSequence],
        nested_sampler: DynestySampler,
        **_: Any,
    ) -> Queue:
        """The queue, in dynesty's argument names; the start points are chosen in `sample`."""
        return Queue(loglstar, len(axes), np.stack(axes), seeds[0], nested_sampler)


class CubeDraws(BatchedSampler):
    """Draws from the whole prior until enough lie above the threshold: dynesty's first phase."""

    def sample(self, queue: Queue) -> list[SamplerReturn]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """New points; each is charged with the draws since the one before."""
        random = np.random.default_rng(queue.seed)
        found: list[SamplerReturn] = []
        calls = 0
        while len(found) < queue.size:
            u = random.random((CHUNK, self.target.ndim))
            log_likelihood = log_likelihoods(self.target, u, CHUNK)
            above = np.flatnonzero(log_likelihood > queue.threshold)[: queue.size - len(found)]
            for i, since in zip(above, np.diff(above, prepend=-1 - calls), strict=True):
                found.append(_proposal(u[i], float(log_likelihood[i]), int(since)))
            calls = CHUNK - 1 - int(above[-1]) if len(above) else calls + CHUNK
        return [*found[:-1], found[-1]._replace(ncalls=found[-1].ncalls + calls)]


class RandomWalks(BatchedSampler):
    """Random walks from live points.

    The size of the ellipsoid steps is tuned to `ACCEPTANCE`. A walk that accepted an independence proposal stands
    anywhere; the others, a fraction f, need `moves` accepted local moves: the number of steps, at least `walks`, grows
    to 50 times `walks` at most until there are f `moves` accepted local moves on average. Points that come from one
    another by local moves alone are of one lineage: they are not as independent as others.
    """

    def __init__(self, target: Target, walks: int, moves: float) -> None:
        super().__init__(target)
        # The first of the lineage of a point, both as bytes; those that are not here are the first of theirs.
        self._first: dict[bytes, bytes] = {}
        self.fewest, self.moves, self.steps = walks, moves, walks
        self.accepted = self.relocated = self.tried = self.walked = self.stuck = 0
        self._last_moves, self._last_accepted, self._last_stayed = float(moves), ACCEPTANCE, 1.0

    def sample(self, queue: Queue) -> list[SamplerReturn]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """New points, from start points that are distinct if there are enough."""
        nested = queue.nested
        above = np.flatnonzero(nested.live_logl > queue.threshold)
        start = nested.rstate.choice(above, queue.size, replace=queue.size > len(above))
        others = nested.live_u[np.setdiff1d(above, start)]
        proposals = independence_proposals(nested.live_u[start], others, INDEPENDENT, nested.rstate)
        local = LocalMoves(jnp.asarray(nested.live_u), jnp.asarray(float(self.scale) * queue.axes))
        key = jax.random.key(queue.seed.generate_state(1, np.uint32)[0])
        begin = nested.live_u[start], nested.live_logl[start]
        end = advance(self.target, *begin, proposals, local, self.steps, key, log_threshold=queue.threshold)
        u, log_likelihood, _, relocations, moves, tried, accepted = (np.asarray(part) for part in end)
        self._last_moves, self._last_accepted = float(moves.mean()), float(accepted.sum() / max(tried.sum(), 1))
        self._last_stayed = float(np.mean(relocations == 0))
        self.relocated += int(np.count_nonzero(relocations))
        self.accepted += int(moves.sum())
        self.tried += self.steps * queue.size
        self.walked += queue.size
        self.stuck += int(np.count_nonzero(relocations + moves == 0))
        for i in np.flatnonzero(relocations == 0):
            self._first[u[i].tobytes()] = self._first_of(nested.live_u[start[i]])
        return [_proposal(*point, self.steps) for point in zip(u, log_likelihood, strict=True)]

    def lineages(self, u: Float[np.ndarray, "point ndim"]) -> Int[np.ndarray, " point"]:
        """Number of the lineage of each point of the run."""
        return np.unique([self._first_of(point) for point in u], return_inverse=True)[1]

    def _first_of(self, u: Float[np.ndarray, " ndim"]) -> bytes:
        key = u.tobytes()
        return self._first.get(key, key)

    def tune(self, tuning_info: dict[str, Any], update: bool = False) -> None:  # noqa: ARG002
        """Step size and number of steps for the next queue, from the one that is used up (`update`)."""
        if update:
            self.scale *= math.exp((self._last_accepted - ACCEPTANCE) / self.target.ndim / ACCEPTANCE)
            wanted = self.steps * self.moves * self._last_stayed / max(self._last_moves, 0.1 * self.moves)
            # Half way in the logarithm: one queue is a noisy measurement.
            self.steps = int(np.clip(math.sqrt(self.steps * wanted), self.fewest, 50 * self.fewest))


def _proposal(u: Float[np.ndarray, " ndim"], log_likelihood: float, calls: int) -> SamplerReturn:
    return SamplerReturn(
        u=u,
        v=u,
        logl=LoglOutput(float(log_likelihood), False),
        ncalls=calls,
        evaluation_history=[],
        tuning_info={},
        proposal_stats=None,
    )
