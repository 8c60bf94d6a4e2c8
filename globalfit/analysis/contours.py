"""Contours of a field that is known in the cells of a plane: lines of a level, and the regions above it as polygons.

Interpolation is linear, in the logarithm of a parameter with a logarithmic prior. NaN marks cells without a value.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import contourpy
import numpy as np
from jaxtyping import Float

Field = Float[np.ndarray, "_ _"]
Coordinate = Float[np.ndarray, " _"]
Curve = Float[np.ndarray, "_ 2"]

# Regions are open upwards; contourpy wants a number.
_TOP = 1e300
# Points of a line for each cell that it crosses.
_STEPS = 4


@dataclasses.dataclass(frozen=True)
class Axis:
    """Values of a parameter in the middle of its cells, and where the axis begins and ends."""

    name: str
    logarithmic: bool
    values: Float[np.ndarray, " cell"]
    low: float
    high: float

    @property
    def coordinate(self) -> Coordinate:
        """Midpoints and both ends, log10 of a logarithmic parameter."""
        points = np.concatenate([[self.low], self.values, [self.high]])
        return np.log10(points) if self.logarithmic else points

    def back(self, coordinate: Coordinate) -> Coordinate:
        """Coordinates to values of the parameter."""
        return 10.0**coordinate if self.logarithmic else coordinate

    def finer(self, count: int) -> Coordinate:
        """About `count` coordinates from end to end, a whole number of steps in each cell."""
        points = self.coordinate
        steps = max(1, round(count / len(points)))
        return np.interp(np.arange((len(points) - 1) * steps + 1) / steps, np.arange(len(points)), points)


def plane_lines(x: Axis, y: Axis, field: Field, level: float) -> list[Curve]:
    """Lines of a level in the units of the parameters; they go on into a region without values by two cells."""
    masked = np.ma.masked_invalid(_to_the_edges(_into_gaps(field)))
    generator = contourpy.contour_generator(x.coordinate, y.coordinate, masked, line_type=contourpy.LineType.Separate)
    found: Any = generator.lines(level)
    return [_in_units(line, x, y) for line in found]


def plane_regions(x: Axis, y: Axis, field: Field, level: float) -> list[list[Curve]]:
    """Polygons above a level in the units of the parameters: each its outer ring, then its holes."""
    found = regions(x.coordinate, y.coordinate, _to_the_edges(_into_gaps(field)), level)
    return [[_in_units(ring, x, y) for ring in polygon] for polygon in found]


def regions(x: Coordinate, y: Coordinate, field: Field, level: float) -> list[list[Curve]]:
    """Polygons in which a field is above `level`, in the coordinates in which it is given."""
    masked = np.ma.masked_invalid(field)
    generator = contourpy.contour_generator(x, y, masked, fill_type=contourpy.FillType.OuterOffset)
    found: Any = generator.filled(level, _TOP)
    return [[ring[first:last] for first, last in itertools.pairwise(cuts)] for ring, cuts in zip(*found, strict=True)]


def _in_units(line: Curve, x: Axis, y: Axis) -> Curve:
    """A line with points between the points, so that it stays right when an axis is stretched."""
    place = np.arange((len(line) - 1) * _STEPS + 1) / _STEPS
    fine = [np.interp(place, np.arange(len(line)), line[:, i]) for i in (0, 1)]
    return np.stack([x.back(fine[0]), y.back(fine[1])], axis=1)


def _to_the_edges(field: Field) -> Float[np.ndarray, "_ _"]:
    """One more point on each side: the value half a cell beyond the outermost midpoints, continued linearly."""
    for axis in (0, 1):
        rows = np.moveaxis(field, axis, 0)
        ends = []
        for first, second in ((0, min(1, len(rows) - 1)), (-1, max(-2, -len(rows)))):
            end = 1.5 * rows[first] - 0.5 * rows[second]
            ends.append(np.where(np.isnan(end), rows[first], end)[None])
        field = np.moveaxis(np.concatenate([ends[0], rows, ends[1]]), 0, axis)
    return field


def _into_gaps(field: Field, steps: int = 2) -> Field:
    """The field continued by `steps` cells into regions without values, so that lines reach the boundary in between.

    A cell takes the mean of what its neighbours promise, 2 f1 - f2 along each axis (f1 where f2 has no value).
    """
    for _ in range(steps):
        padded = np.pad(field, 2, constant_values=np.nan)
        promises = []
        for axis in (0, 1):
            for sign in (-1, 1):
                near, far = (np.roll(padded, sign * distance, axis)[2:-2, 2:-2] for distance in (1, 2))
                promises.append(np.where(np.isnan(far), near, 2.0 * near - far))
        stack = np.stack(promises)
        known = np.isfinite(stack)
        mean = np.sum(np.where(known, stack, 0.0), axis=0) / np.maximum(np.sum(known, axis=0), 1)
        field = np.where(np.isnan(field) & np.any(known, axis=0), mean, field)
    return field
