"""A plane of two parameters: relic density, ln L and exclusion of every experiment in every cell."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Int

from globalfit.analysis.contours import Axis, Curve, Field, regions
from globalfit.analysis.details import status_table
from globalfit.analysis.stored_draws import all_parameters, portal_status
from globalfit.experiment.exclusion import LEVELS, significance
from globalfit.physics import status
from globalfit.posterior.evaluated_points import evaluate_batch
from globalfit.posterior.posterior import Posterior
from globalfit.progress import Event, Progress
from globalfit.results.schema import AxisRecord, PlaneRecord
from globalfit.samplers.draws import Mesh

RELIC = "omega_h2"
# Measured relic density for runs without a likelihood that knows it (Planck 2018, arXiv:1807.06209).
_OMEGA = 0.12
# The boundary of the region without a solution is found on a finer mesh, of about this many points along each axis.
_FINE = 1000
# Cells that are evaluated before the next sign of progress.
_AT_ONCE = 8192


@dataclasses.dataclass(frozen=True)
class Plane:
    """Fields by cell of y and x, predictions and `exclusion` NaN without a solution; `gaps` are the polygons there."""

    x: Axis
    y: Axis
    parameters: dict[str, Field]
    predictions: dict[str, Field]
    terms: dict[str, Field]
    exclusion: dict[str, Field]
    log_likelihood: Field
    status: Int[np.ndarray, "y x"]
    gaps: list[list[Curve]]

    @property
    def solved(self) -> Bool[np.ndarray, "y x"]:
        """Cells that the model has a solution in and in which everything could be evaluated."""
        return (self.status & status.FATAL) == 0


def evaluate_plane(posterior: Posterior, mesh: Mesh, progress: Progress) -> Plane:
    """Evaluate every cell of a mesh."""
    shape, total = mesh.theta.shape[:2], mesh.theta[..., 0].size
    values = all_parameters(posterior, mesh.theta.reshape(total, -1))
    pieces = []
    for first in range(0, total, _AT_ONCE):
        piece = {name: column[first : first + _AT_ONCE] for name, column in values.items()}
        # Every word, as for the draws, so that nothing is compiled a second time.
        row = evaluate_batch(posterior, piece, tuple(posterior.vocabulary))
        # What has several numbers for each cell is large, and not needed.
        pieces.append(row._replace(predicted={}, pulls={}))
        progress(Event("plane", min(first + _AT_ONCE, total), total))
    row = jax.tree.map(lambda *leaves: np.concatenate(leaves).reshape(*shape, *leaves[0].shape[1:]), *pieces)
    solved = (row.status & status.FATAL) == 0
    x, y = _axis(posterior, mesh, 0), _axis(posterior, mesh, 1)
    return Plane(
        x=x,
        y=y,
        parameters={name: column.reshape(shape) for name, column in values.items()},
        predictions={name: np.where(solved, row.predictions[name], np.nan) for name in _shown(posterior)},
        terms={name: row.terms[name] for name in posterior.likelihoods},
        exclusion={
            name: np.where(solved, significance(item.exclusion, row.exclusion[name]), np.nan)
            for name, item in posterior.likelihoods.items()
        },
        log_likelihood=row.log_likelihood,
        status=row.status,
        gaps=_gaps(posterior, mesh, x, y),
    )


def measured_omega(posterior: Posterior) -> float:
    """The relic density that the run's likelihood has measured."""
    found = (item for likelihood in posterior.likelihoods.values() for item in likelihood.measurements)
    return next((item.central for item in found if item.prediction == RELIC and item.central is not None), _OMEGA)


def plane_record(posterior: Posterior, plane: Plane) -> PlaneRecord:
    """What the report says about the plane beside its table."""
    units = {parameter.name: parameter.unit for parameter in posterior.every_parameter}
    cells = plane.status.size
    return {
        "x": _axis_record(plane.x, units),
        "y": _axis_record(plane.y, units),
        "omega_h2": measured_omega(posterior) if RELIC in plane.predictions else None,
        "experiments": [
            {
                "name": name,
                "title": item.title,
                "rule": item.exclusion,
                "relic": any(one.prediction == RELIC for one in item.measurements),
                "excluded_90": _fraction(plane.exclusion[name] > LEVELS[90]),
                "excluded_95": _fraction(plane.exclusion[name] > LEVELS[95]),
            }
            for name, item in posterior.likelihoods.items()
        ],
        "without_solution": float(1.0 - np.count_nonzero(plane.solved) / cells),
        "status": status_table(plane.status),
        "not_excluded": _fraction(allowed(plane)),
        "gaps": [[ring.tolist() for ring in polygon] for polygon in plane.gaps],
    }


def allowed(plane: Plane) -> Bool[np.ndarray, "y x"]:
    """Cells with a solution that no experiment excludes at 95 %."""
    result = plane.solved
    for field in plane.exclusion.values():
        result = result & ~(field > LEVELS[95])
    return result


def _shown(posterior: Posterior) -> list[str]:
    """The relic density, and what experiments with one measurement have measured."""
    measured = [item.measurements for item in posterior.likelihoods.values()]
    words = [RELIC, *(found[0].prediction for found in measured if len(found) == 1)]
    return list(dict.fromkeys(word for word in words if word and word in posterior.vocabulary))


def _axis(posterior: Posterior, mesh: Mesh, place: int) -> Axis:
    """x (place 0) or y (1). An axis ends where the prior does; a quarter of a cell (in prior quantiles) before that if
    it does not end, or begins at zero in the logarithm."""
    index = posterior.names.index(mesh.names[place])
    prior, values = posterior.parameters.prior.distributions[index], np.moveaxis(mesh.theta[..., index], place, 0)[0]
    low, high = mesh.low[place], mesh.high[place]
    ends = []
    for u, inner in ((low, 0.25), (high, -0.25)):
        end = float(prior.quantile(jnp.asarray(u)))
        drawable = np.isfinite(end) and (end > 0.0 or not prior.logarithmic)
        ends.append(end if drawable else float(prior.quantile(jnp.asarray(u + inner * (high - low) / len(values)))))
    return Axis(mesh.names[place], prior.logarithmic, values, ends[0], ends[1])


def _gaps(posterior: Posterior, mesh: Mesh, x: Axis, y: Axis) -> list[list[Curve]]:
    """Polygons in which the model has no solution, in the parameters' own units, from a finer mesh."""
    fine_x, fine_y = x.finer(_FINE), y.finer(_FINE)
    grid = np.stack(np.meshgrid(x.back(fine_x), y.back(fine_y)), axis=-1)
    order = [mesh.names.index(name) for name in posterior.names]
    flags = portal_status(posterior, grid[..., order].reshape(-1, 2)).reshape(grid.shape[:2])
    without = ((flags & status.NO_SOLUTION.bit) != 0).astype(float)
    if not without.any():
        return []
    return [
        [np.stack([x.back(ring[:, 0]), y.back(ring[:, 1])], axis=1) for ring in polygon]
        for polygon in regions(fine_x, fine_y, without, 0.5)
    ]


def _axis_record(axis: Axis, units: dict[str, str]) -> AxisRecord:
    return {
        "name": axis.name,
        "unit": units.get(axis.name, ""),
        "logarithmic": axis.logarithmic,
        "low": axis.low,
        "high": axis.high,
        "cells": len(axis.values),
    }


def _fraction(cells: Bool[np.ndarray, "y x"]) -> float:
    return float(np.mean(cells))
