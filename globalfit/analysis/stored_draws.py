"""What a run computes beside its draws: predictions, the best-fit point, how much of the prior is of no use."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from globalfit.physics import status
from globalfit.posterior.evaluated_points import Row, evaluate_batch
from globalfit.posterior.posterior import Posterior, in_chunks
from globalfit.progress import Event, Progress
from globalfit.random_streams import Stream, stream
from globalfit.samplers import batching
from globalfit.samplers.draws import Draws

MAX_DRAWS = 4000
PRIOR_DRAWS = 20_000


@dataclasses.dataclass(frozen=True)
class Stored:
    """Draws as they are stored: thinned to `MAX_DRAWS`, with all parameters and predictions, (chain, draw)."""

    parameters: dict[str, Float[np.ndarray, "chain draw"]]
    row: Row[np.ndarray]
    step: int


@dataclasses.dataclass(frozen=True)
class BestFit:
    """The sampled point with the highest ln L: all parameters, predictions and terms; by experiment the predicted
    measurements and the pulls."""

    parameters: dict[str, float]
    predictions: dict[str, float]
    terms: dict[str, float]
    predicted: dict[str, list[float]]
    pulls: dict[str, list[float]]
    log_likelihood: float
    status: int


def store(posterior: Posterior, draws: Draws, progress: Progress, seed: int | None = 0) -> tuple[Stored, BestFit]:
    """Evaluate every prediction of the vocabulary for the stored draws and the best-fit point; toys from `seed`, if it
    is given."""
    step = math.ceil(draws.theta.shape[0] * draws.theta.shape[1] / MAX_DRAWS)
    kept = draws.theta[:, ::step]
    shape = kept.shape[:2]
    theta = np.concatenate([kept.reshape(-1, posterior.ndim), best_theta(draws)[None]])
    values = all_parameters(posterior, theta)
    total = len(theta)
    row = evaluate_batch(
        posterior, values, tuple(posterior.vocabulary), lambda n: progress(Event("predictions", n, total)), seed
    )
    best = jax.tree.map(lambda leaf: leaf[-1].tolist(), row)
    stored = jax.tree.map(lambda leaf: leaf[:-1].reshape(*shape, *leaf.shape[1:]), row)
    parameters = {name: column[:-1].reshape(shape) for name, column in values.items()}
    return Stored(parameters, stored, step), _best_fit(posterior, values, best)


def best_fit(posterior: Posterior, theta: Float[np.ndarray, " ndim"]) -> BestFit:
    """Every prediction and term of the given best-fit point."""
    values = all_parameters(posterior, theta[None])
    row = evaluate_batch(posterior, values, tuple(posterior.vocabulary))
    return _best_fit(posterior, values, jax.tree.map(lambda leaf: leaf[-1].tolist(), row))


def _best_fit(posterior: Posterior, values: Mapping[str, np.ndarray], best: Row[Any]) -> BestFit:
    """`best` holds the numbers of the last point of `values`."""
    return BestFit(
        {name: float(column[-1]) for name, column in values.items()},
        {name: best.predictions[name] for name in posterior.vocabulary},
        {name: best.terms[name] for name in posterior.likelihoods},
        {name: best.predicted[name] for name in posterior.likelihoods},
        {name: best.pulls[name] for name in posterior.likelihoods},
        best.log_likelihood,
        best.status,
    )


def best_theta(draws: Draws) -> Float[np.ndarray, " ndim"]:
    """The point with the highest ln L among draws and weighted points."""
    flat, log_likelihood = draws.theta.reshape(-1, draws.theta.shape[-1]), draws.log_likelihood.reshape(-1)
    if draws.weighted is not None:
        flat = np.concatenate([flat, draws.weighted.theta])
        log_likelihood = np.concatenate([log_likelihood, draws.weighted.log_likelihood])
    return flat[int(np.argmax(np.where(np.isnan(log_likelihood), -np.inf, log_likelihood)))]


def all_parameters(posterior: Posterior, theta: Float[np.ndarray, "point ndim"]) -> dict[str, np.ndarray]:
    """Sampled, fixed and expressed parameters of a batch of sampled points."""
    values = jax.vmap(posterior.parameters.values)(jnp.asarray(theta))
    return {name: np.broadcast_to(np.asarray(column), (len(theta),)) for name, column in values.items()}


def fraction_without_solution(posterior: Posterior, seed: int, count: int = PRIOR_DRAWS) -> float:
    """Fraction of the prior in which the physical masses have no Lagrangian masses."""
    u = jnp.asarray(stream(seed, Stream.FRACTION_WITHOUT_SOLUTION).random((count, posterior.ndim)))
    flags = portal_status(posterior, np.asarray(jax.vmap(posterior.transform)(u)))
    return float(np.mean((flags & status.NO_SOLUTION.bit) != 0))


class PriorProbe(NamedTuple):
    """Prior draws with their ln L; `not_finite` is the fraction that has a solution, but no finite ln L: then something
    is wrong with the physics."""

    theta: Float[np.ndarray, "point ndim"]
    log_likelihood: Float[np.ndarray, " point"]
    not_finite: float


def probe_prior(posterior: Posterior, seed: int, count: int = batching.BLOCK) -> PriorProbe:
    """`count` prior draws.

    Samplers evaluate blocks of this size with the same compiled function, so that this costs no more than one block.
    """
    u = stream(seed, Stream.PRIOR_PROBE).random((count, posterior.ndim))
    theta, log_likelihood = batching.evaluate_cube(posterior, u, count)
    solvable = (portal_status(posterior, theta) & status.FATAL) == 0
    not_finite = float(np.mean(solvable & ~np.isfinite(log_likelihood)))
    return PriorProbe(theta, log_likelihood, not_finite)


def portal_status(posterior: Posterior, theta: Float[np.ndarray, "point ndim"]) -> Int[np.ndarray, " point"]:
    """Status flags of the model alone at a batch of sampled points."""
    return np.asarray(_portal_status(posterior, jnp.asarray(theta)))


def status_fractions(flags: Int[np.ndarray, " *draws"]) -> dict[str, float]:
    """Fraction of the draws that carry each flag, `ok` for those without any."""
    fractions = {"ok": float(np.mean(flags == 0))}
    fractions |= {flag.name: float(np.mean((flags & flag.bit) != 0)) for flag in status.FLAGS}
    return {name: fraction for name, fraction in fractions.items() if fraction > 0.0}


@eqx.filter_jit
def _portal_status(posterior: Posterior, theta: Float[Array, "point ndim"]) -> Int[Array, " point"]:
    def one(point: Float[Array, " ndim"]) -> Int[Array, ""]:
        values: Mapping[str, Array] = posterior.parameters.values(point)
        return posterior.model.portal(values, posterior.inputs).status

    return in_chunks(one, theta)
