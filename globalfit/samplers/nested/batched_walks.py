"""dynesty's proposals in lockstep: a queue of random walks advances in one compiled kernel.

dynesty has no batched interface, but it hands its `pool.map` the whole queue of proposals at once. Here the "function"
of that call takes the queue itself, so that every step of all its walks is one batch of the likelihood. The first steps
of a walk are hops to anywhere among the live points that no walk begins at, separate regions included. The others go to
a point of an ellipsoid around the walk (Skilling 2006) or along a difference of two live points; these are symmetric,
so that walks which refuse to leave the cube and to fall to the threshold leave the constrained prior invariant.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from dynesty.internal_samplers import InternalSampler, SamplerReturn
from dynesty.sampler import Sampler as DynestySampler
from dynesty.utils import LoglOutput
from jaxtyping import Array, Float, Int, PRNGKeyArray

from globalfit.checkpoint.recording import recorded
from globalfit.samplers.batching import CHUNK, cube_batch, cube_block
from globalfit.samplers.particles.independence import Hops, hops
from globalfit.samplers.particles.proposals import differences, in_ball, inside_cube
from globalfit.samplers.protocol import Target

# Steps at the beginning of a walk that are hops.
HOPS = 48
# Fraction of the other steps along a difference of live points.
DIFFERENCES = 0.5
# Acceptance that the size of the ellipsoid steps is tuned to, dynesty's own choice.
ACCEPTANCE = 0.5


class Walks(NamedTuple):
    """State of a queue of walks. Per walk: ln q of the hops where it stands, while it hops; numbers of accepted hops,
    of other accepted steps, of ellipsoid steps, and of accepted ones of these."""

    u: Float[Array, "queue ndim"]
    theta: Float[Array, "queue ndim"]
    log_likelihood: Float[Array, " queue"]
    log_density: Float[Array, " queue"]
    hopped: Int[Array, " queue"]
    accepted: Int[Array, " queue"]
    tried: Int[Array, " queue"]
    hits: Int[Array, " queue"]


@functools.partial(recorded, make=Walks)
@eqx.filter_jit
def advance(
    target: Target,
    walks: Walks,
    candidates: Hops,
    axes: Float[Array, "queue ndim ndim"],
    live: Float[Array, "live ndim"],
    scale: Float[Array, ""],
    steps: Int[Array, ""],
    threshold: Float[Array, ""],
    key: PRNGKeyArray,
) -> Walks:
    """`steps` steps of random walks above a threshold of ln L, the first ones hops to `candidates`.

    `steps` is an argument, not part of the compilation, and hops are no branch: the likelihood is compiled once.
    """
    queue, ndim = walks.u.shape

    def step(i: Int[Array, ""], walks: Walks) -> Walks:
        ball_key, difference_key, choice_key = jax.random.split(jax.random.fold_in(key, i), 3)
        ellipsoid = jax.random.bernoulli(choice_key, 1.0 - DIFFERENCES, (queue,))
        in_ellipsoid = scale * jnp.einsum("qij,qj->qi", axes, in_ball(ball_key, queue, ndim))
        move = jnp.where(ellipsoid[:, None], in_ellipsoid, differences(difference_key, queue, live))
        hop = i < HOPS
        candidate, log_density, bar = candidates.at(i)
        proposal = jnp.where(hop, candidate, walks.u + move)
        inside = inside_cube(proposal) & (~hop | (walks.log_density > bar))
        proposal = jnp.where(inside[:, None], proposal, walks.u)
        theta, log_likelihood = cube_batch(target, proposal)
        accept = inside & (log_likelihood > threshold)
        return Walks(
            jnp.where(accept[:, None], proposal, walks.u),
            jnp.where(accept[:, None], theta, walks.theta),
            jnp.where(accept, log_likelihood, walks.log_likelihood),
            jnp.where(accept & hop, log_density, walks.log_density),
            walks.hopped + (accept & hop),
            walks.accepted + (accept & ~hop),
            walks.tried + (ellipsoid & ~hop),
            walks.hits + (accept & ellipsoid & ~hop),
        )

    return jax.lax.fori_loop(0, steps, step, walks)


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


class Lockstep(InternalSampler):
    """Common part of the two phases: the whole queue is prepared and sampled at once, unlike in the base class."""

    def __init__(self, target: Target) -> None:
        super().__init__(ndim=target.ndim)
        self.target = target

    def _new_from_template(self, template_kwargs: dict[str, Any]) -> Lockstep:  # noqa: ARG002
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


class CubeDraws(Lockstep):
    """Draws from the whole prior until enough lie above the threshold: dynesty's first phase."""

    def sample(self, queue: Queue) -> list[SamplerReturn]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """New points; each is charged with the draws since the one before."""
        random = np.random.default_rng(queue.seed)
        found: list[SamplerReturn] = []
        calls = 0
        while len(found) < queue.size:
            u = random.random((CHUNK, self.target.ndim))
            theta, log_likelihood = (np.asarray(part) for part in cube_block(self.target, jnp.asarray(u)))
            above = np.flatnonzero(log_likelihood > queue.threshold)[: queue.size - len(found)]
            for i, since in zip(above, np.diff(above, prepend=-1 - calls), strict=True):
                found.append(_proposal(u[i], theta[i], float(log_likelihood[i]), int(since)))
            calls = CHUNK - 1 - int(above[-1]) if len(above) else calls + CHUNK
        return [*found[:-1], found[-1]._replace(ncalls=found[-1].ncalls + calls)]


class RandomWalks(Lockstep):
    """Random walks from live points.

    The size of the ellipsoid steps is tuned to `ACCEPTANCE`. A walk that has hopped stands anywhere; the others, a
    fraction f, need `moves` accepted steps: the number of steps, at least `walks`, grows to 50 times `walks` at most
    until there are f `moves` accepted steps besides the hops on average. Points that come from one another by walks
    without a hop are a family: they are not as independent as others.
    """

    def __init__(self, target: Target, walks: int, moves: float) -> None:
        super().__init__(target)
        # The first of the family of a point, both as bytes; those that are not here are the first of theirs.
        self._first: dict[bytes, bytes] = {}
        self.fewest, self.moves, self.steps = walks, moves, walks
        self.accepted = self.hopped = self.tried = self.walked = self.stuck = 0
        self._last_moves, self._last_hits, self._last_stayed = float(moves), ACCEPTANCE, 1.0

    def sample(self, queue: Queue) -> list[SamplerReturn]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """New points, from start points that are distinct if there are enough."""
        nested = queue.nested
        above = np.flatnonzero(nested.live_logl > queue.threshold)
        start = nested.rstate.choice(above, queue.size, replace=queue.size > len(above))
        live, zero = jnp.asarray(nested.live_u), jnp.zeros(queue.size, int)
        theta, log_likelihood = jnp.asarray(nested.live_v[start]), jnp.asarray(nested.live_logl[start])
        others = nested.live_u[np.setdiff1d(above, start)]
        candidates = hops(nested.live_u[start], others, HOPS, nested.rstate)
        walks = Walks(live[start], theta, log_likelihood, candidates.log_density_start, zero, zero, zero, zero)
        key = jax.random.key(queue.seed.generate_state(1, np.uint32)[0])
        steps, scale = jnp.asarray(self.steps), jnp.asarray(float(self.scale))
        axes, threshold = jnp.asarray(queue.axes), jnp.asarray(float(queue.threshold))
        end = advance(self.target, walks, candidates, axes, live, scale, steps, threshold, key)
        hopped, accepted, tried, hits = (np.asarray(part) for part in (end.hopped, end.accepted, end.tried, end.hits))
        self._last_moves, self._last_hits = float(accepted.mean()), float(hits.sum() / max(tried.sum(), 1))
        self._last_stayed = float(np.mean(hopped == 0))
        self.hopped += int(np.count_nonzero(hopped))
        self.accepted += int(accepted.sum())
        self.tried += self.steps * queue.size
        self.walked += queue.size
        self.stuck += int(np.count_nonzero(hopped + accepted == 0))
        u, theta, log_likelihood = (np.asarray(part) for part in (end.u, end.theta, end.log_likelihood))
        for i in np.flatnonzero(hopped == 0):
            self._first[u[i].tobytes()] = self._first_of(nested.live_u[start[i]])
        return [_proposal(*point, self.steps) for point in zip(u, theta, log_likelihood, strict=True)]

    def families(self, u: Float[np.ndarray, "point ndim"]) -> Int[np.ndarray, " point"]:
        """Number of the family of each point of the run."""
        return np.unique([self._first_of(point) for point in u], return_inverse=True)[1]

    def _first_of(self, u: Float[np.ndarray, " ndim"]) -> bytes:
        key = u.tobytes()
        return self._first.get(key, key)

    def tune(self, tuning_info: dict[str, Any], update: bool = False) -> None:  # noqa: ARG002
        """Step size and number of steps for the next queue, from the one that is used up (`update`)."""
        if update:
            self.scale *= math.exp((self._last_hits - ACCEPTANCE) / self.target.ndim / ACCEPTANCE)
            wanted = self.steps * self.moves * self._last_stayed / max(self._last_moves, 0.1 * self.moves)
            # Half way in the logarithm: one queue is a noisy measurement.
            self.steps = int(np.clip(math.sqrt(self.steps * wanted), self.fewest, 50 * self.fewest))


def _proposal(u: np.ndarray, theta: np.ndarray, log_likelihood: float, calls: int) -> SamplerReturn:
    return SamplerReturn(
        u=u,
        v=theta,
        logl=LoglOutput(float(log_likelihood), False),
        ncalls=calls,
        evaluation_history=[],
        tuning_info={},
        proposal_stats=None,
    )
