"""The files of a plane.

`plane.csv` has one row per cell, y by y: every parameter, `omega_h2` and what the experiments measure, then for every
likelihood `loglike_<name>` and `exclusion_<name>` (the significance z of `globalfit.experiment.exclusion`: 1.28 is 90 %
CL, 1.64 is 95 %), `loglike`, `status`. `curves.csv` has the lines of the figure: where the relic density is the
measured one, and the 90 % and 95 % limits.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from globalfit.analysis.contours import Curve, plane_lines
from globalfit.analysis.planes import RELIC, Plane, measured_omega
from globalfit.analysis.stored_draws import portal_status
from globalfit.experiment.exclusion import LEVELS
from globalfit.physics import status
from globalfit.posterior.posterior import Posterior
from globalfit.storage.files import replaced

# Prefix of the column with the significance at which an experiment excludes a cell.
EXCLUSION = "exclusion_"


def write_plane(path: Path, plane: Plane) -> None:
    """`plane.csv`; what is not defined is empty."""
    words = {code: status.describe(int(code)) for code in np.unique(plane.status)}
    columns = {name: plane.parameters[name] for name in (plane.x.name, plane.y.name)} | plane.parameters
    columns |= plane.predictions
    columns |= {f"loglike_{name}": field for name, field in plane.terms.items()}
    columns |= {f"{EXCLUSION}{name}": field for name, field in plane.exclusion.items()}
    columns["loglike"] = plane.log_likelihood
    table = np.stack([field.ravel() for field in columns.values()], axis=1).tolist()
    with replaced(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*columns, "status"])
        for numbers, code in zip(table, plane.status.ravel(), strict=True):
            writer.writerow([*("" if np.isnan(number) else f"{number:.10g}" for number in numbers), words[code]])


def write_curves(path: Path, posterior: Posterior, plane: Plane) -> None:
    """`curves.csv`: `curve` (`omega_h2` or a likelihood), `level` (its value, or the CL in %), `line`, x and y."""
    curves = _curves(posterior, plane)
    with replaced(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["curve", "level", "line", plane.x.name, plane.y.name])
        for number, (name, level, line) in enumerate(_cut(posterior, plane, curves), start=1):
            writer.writerows([name, f"{level:g}", number, *(f"{value:.10g}" for value in point)] for point in line)


def _curves(posterior: Posterior, plane: Plane) -> list[tuple[str, float, Curve]]:
    """Name, level and points of the lines of the figure."""
    found: list[tuple[str, float, Curve]] = []
    if RELIC in plane.predictions:
        omega, field = measured_omega(posterior), np.log(plane.predictions[RELIC])
        found += [(RELIC, omega, line) for line in plane_lines(plane.x, plane.y, field, np.log(omega))]
    for name, field in plane.exclusion.items():
        for cl, z in LEVELS.items():
            found += [(name, cl, line) for line in plane_lines(plane.x, plane.y, field, z)]
    return found


def _cut(posterior: Posterior, plane: Plane, curves: list[tuple[str, float, Curve]]) -> list[tuple[str, float, Curve]]:
    """The pieces of the lines that lie where the model has a solution."""
    if not curves:
        return []
    order = [(plane.x.name, plane.y.name).index(name) for name in posterior.names]
    flags = portal_status(posterior, np.concatenate([line for *_, line in curves])[:, order])
    solvable = np.split((flags & status.NO_SOLUTION.bit) == 0, np.cumsum([len(line) for *_, line in curves])[:-1])
    return [
        (name, level, piece)
        for (name, level, line), inside in zip(curves, solvable, strict=True)
        for piece in _pieces(line, inside)
    ]


def _pieces(line: Curve, inside: Bool[np.ndarray, " point"]) -> list[Curve]:
    cuts = np.flatnonzero(np.diff(inside)) + 1
    pieces = zip(np.split(line, cuts), np.split(inside, cuts), strict=True)
    return [piece for piece, kept in pieces if kept[0]]
