"""Grid: ln L on a mesh of the unit cube, the brute-force referee for up to about five parameters.

With `x` and `y` it is a plane: the mesh comes along, so that relic density and exclusions can be drawn on it. A plane
is a picture, often of a line thinner than its cells: its evidence is only quoted if the mesh resolves the posterior,
and the run does not fail if it does not.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Annotated, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, Field
from scipy.special import logsumexp

from globalfit.errors import ConfigurationError, UnknownNameError
from globalfit.progress import Progress
from globalfit.samplers.batching import BLOCK, evaluate_cube, evaluate_log_prior, log_likelihoods, transform_cube
from globalfit.samplers.diagnostics import at_least, at_most
from globalfit.samplers.draws import Diagnostic, Draws, Evidence, Mesh, Weighted
from globalfit.samplers.options import SamplerOptions
from globalfit.samplers.pace import Pace
from globalfit.samplers.protocol import Sampler, Target
from globalfit.samplers.weights import effective_sample_size, resample

# Weighted points further than this below the best ln L are dropped (not from the evidence).
DROP = 30.0

# Change of ln Z at half the resolution, and effective number of cells, that a resolved posterior keeps.
RESOLUTION_BOUND = 0.1
CELLS_BOUND = 100.0
# Points between two progress events and two prunings of the kept ones.
STRIDE = 64 * BLOCK

# Half of one cell would be that cell again, and the check of the resolution no check.
Points = Annotated[int, Field(ge=2, le=100_000)]
Quantile = Annotated[float, Field(ge=0.0, le=1.0)]
Quantiles = Annotated[list[Quantile], Field(min_length=2, max_length=2)]


class GridOptions(SamplerOptions):
    """Options of `grid`."""

    presets: ClassVar = {"quick": {"points": 10}, "publication": {"points": 50}}

    points: Points | dict[str, Points] = Field(
        20, description="Cells per parameter: one number for all, or one per parameter by name."
    )
    ranges: dict[str, Quantiles] = Field(
        {}, description="Part of a parameter's axis as two prior quantiles; the likelihood outside counts as zero."
    )
    draws: int = Field(4000, ge=1, description="Equally weighted draws, scattered within their cells.")
    most: int = Field(20_000_000, ge=1, description="Cells beyond which the grid is refused.")
    x: str | None = Field(None, description="Horizontal parameter of a plane; needs y and no other free parameter.")
    y: str | None = Field(None, description="Vertical parameter of a plane.")


class Grid(Sampler):
    """Midpoint rule over the unit cube, in bounded memory."""

    options: GridOptions
    Options: ClassVar[type[BaseModel]] = GridOptions
    title: ClassVar[str] = "grid over the unit cube of the prior (midpoint rule)"
    references: ClassVar[tuple[str, ...]] = ()
    along_axes: ClassVar[bool] = True

    def run(self, target: Target, seed: int, progress: Progress) -> Draws:
        """Evaluate the mesh, and one of half the resolution whose difference is the error of ln Z.

        Raises `ConfigurationError` for a mesh without any likelihood above zero, and what `check` raises.
        """
        self.check(target.names)
        shape, low, high = self._mesh(target.names)
        log_volume = float(np.sum(np.log(high - low)))
        fine = _sweep(target, shape, low, high, Pace(progress, "grid", float(math.prod(shape))))
        if fine.log_mean == -np.inf:
            raise ConfigurationError(
                "no cell of the grid has a likelihood above zero; use more points or narrower priors."
            )
        half = tuple(n // 2 for n in shape)
        coarse = _sweep(target, half, low, high, Pace(progress, "grid, half resolution", float(math.prod(half))))
        log_evidence = fine.log_mean + log_volume
        log_weight = fine.log_likelihood - logsumexp(fine.log_likelihood)
        information = float(np.sum(np.exp(log_weight) * fine.log_likelihood)) - log_evidence
        error = abs(fine.log_mean - coarse.log_mean)

        random = np.random.default_rng(seed)
        chosen = resample(log_weight, self.options.draws, random)
        cell = (high - low) / np.array(shape)
        u = fine.u[chosen] + cell * (random.random((len(chosen), target.ndim)) - 0.5)
        theta, log_likelihood = evaluate_cube(target, u)
        inside = np.isfinite(log_likelihood)
        theta, log_likelihood = theta[inside], log_likelihood[inside]
        checks, mesh = _checks(error, effective_sample_size(log_weight)), self._plane(target, shape, low, high)
        resolved = all(check.passed for check in checks)
        return Draws(
            names=target.names,
            theta=theta[None],
            log_likelihood=log_likelihood[None],
            log_prior=evaluate_log_prior(target, theta)[None],
            diagnostics=checks if mesh is None or resolved else (),
            evidence=Evidence(log_evidence, error, "grid", information) if mesh is None or resolved else None,
            weighted=Weighted(fine.theta, log_weight, fine.log_likelihood),
            mesh=mesh,
            numbers={
                "likelihood_calls": float(math.prod(shape) + math.prod(half) + len(chosen)),
                "prior_fraction_with_solution": fine.solved / math.prod(shape),
            },
        )

    def check(self, names: tuple[str, ...]) -> None:
        """Whether the mesh fits these parameters.

        Raises `ConfigurationError` for too many cells, an empty range, or a plane that has not two free parameters;
        `UnknownNameError` for a name that is not sampled.
        """
        self._mesh(names)
        x, y = self.options.x, self.options.y
        if x is None and y is None:
            return
        if x is None or y is None or x == y:
            raise ConfigurationError("a plane needs two different parameters: give both x and y.")
        for name in (x, y):
            if name not in names:
                raise UnknownNameError("free parameter for an axis of the plane", name, names)
        if others := [name for name in names if name not in (x, y)]:
            raise ConfigurationError(
                f"in the plane of {x} and {y} nothing else can be free, but {', '.join(others)} "
                f"{'is' if len(others) == 1 else 'are'}: fix each to a number in `parameters` (`{others[0]}: 0.05`) or "
                f'express it through others (`{others[0]}: "2 * {x}"`).'
            )

    def _plane(self, target: Target, shape: tuple[int, ...], low: np.ndarray, high: np.ndarray) -> Mesh | None:
        """The mesh by cells of y and x, None if no plane was asked for."""
        if self.options.x is None or self.options.y is None:
            return None
        names = self.options.x, self.options.y
        order = [target.names.index(name) for name in names]
        u = low + (high - low) * (np.indices(shape).reshape(len(shape), -1).T + 0.5) / np.array(shape)
        theta = np.asarray(jax.vmap(target.transform)(jnp.asarray(u))).reshape(*shape, len(shape))
        by_cell = theta.transpose(order[1], order[0], 2)
        quantiles = [(float(bound[order[0]]), float(bound[order[1]])) for bound in (low, high)]
        return Mesh(names, quantiles[0], quantiles[1], by_cell)

    def _mesh(self, names: tuple[str, ...]) -> tuple[tuple[int, ...], np.ndarray, np.ndarray]:
        """Cells per axis and the edges of every axis in prior quantiles."""
        points = self.options.points
        named: Mapping[str, object] = points if isinstance(points, dict) else {}
        for name in itertools.chain(named, self.options.ranges):
            if name not in names:
                raise UnknownNameError("grid parameter", name, names)
        if isinstance(points, dict) and len(points) < len(names):
            missing = ", ".join(sorted(set(names) - set(points)))
            raise ConfigurationError(f"the grid needs a number of points for every parameter; missing: {missing}.")
        shape = tuple(points[name] if isinstance(points, dict) else points for name in names)
        if math.prod(shape) > self.options.most:
            raise ConfigurationError(f"the grid has {math.prod(shape)} cells, more than most: {self.options.most}.")
        edges = np.array([self.options.ranges.get(name, [0.0, 1.0]) for name in names])
        if np.any(edges[:, 0] >= edges[:, 1]):
            raise ConfigurationError("a range of the grid needs its lower quantile first.")
        return shape, edges[:, 0], edges[:, 1]


class _Sweep(NamedTuple):
    """Log of the mean likelihood over all cells, the cells within `DROP` of the best, and how many have a solution."""

    log_mean: float
    u: Float[np.ndarray, "point ndim"]
    theta: Float[np.ndarray, "point ndim"]
    log_likelihood: Float[np.ndarray, " point"]
    solved: int


def _sweep(target: Target, shape: tuple[int, ...], low: np.ndarray, high: np.ndarray, pace: Pace) -> _Sweep:
    total, log_sum, solved = math.prod(shape), -np.inf, 0
    kept = (np.empty((0, target.ndim)), np.empty(0))
    for first in range(0, total, STRIDE):
        index = np.stack(np.unravel_index(np.arange(first, min(first + STRIDE, total)), shape), axis=1)
        u = low + (high - low) * (index + 0.5) / np.array(shape)
        value = log_likelihoods(target, u)
        solved += int(np.count_nonzero(np.isfinite(value)))
        log_sum = np.logaddexp(log_sum, logsumexp(value))
        u, value = (np.concatenate(pair) for pair in zip(kept, (u, value), strict=True))
        near = np.isfinite(value) & (value > np.max(value) - DROP)
        kept = (u[near], value[near])
        best = float(value.max())
        pace(first + len(index), lambda best=best: f"best ln L = {best:.2f}")
    log_mean = float(log_sum - math.log(total))
    pace.finish(total, f"log mean likelihood = {log_mean:.3f}")
    u, value = kept
    theta = transform_cube(target, u) if len(u) else u
    return _Sweep(log_mean, u, theta, value, solved)


def _checks(error: float, effective: float) -> tuple[Diagnostic, ...]:
    return (
        at_most(
            "half_resolution",
            error,
            RESOLUTION_BOUND,
            "change of ln Z at half the resolution: the mesh resolves the posterior",
        ),
        at_least("effective_cells", effective, CELLS_BOUND, "cells that share the posterior (Kish)"),
    )
