"""Ticks and numbers on the axes of a parameter that may be drawn as its log10."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator


def set_ticks(axis: Any, bounds: tuple[float, float], logarithmic: bool) -> None:
    """Ticks in the parameter's own units on an axis that shows its log10."""
    if not logarithmic:
        axis.set_major_locator(MaxNLocator(4, prune="both", steps=[1, 2, 2.5, 5, 10]))
        return
    edge = 0.02 * (bounds[1] - bounds[0])
    decades = range(math.ceil(bounds[0] - 1), math.floor(bounds[1]) + 1)
    inside = [float(decade) for decade in decades if bounds[0] + edge < decade < bounds[1] - edge]
    if len(inside) >= 2:
        chosen = inside[:: math.ceil(len(inside) / 4)]
        labels = [rf"$10^{{{decade:g}}}$" for decade in chosen]
    else:
        chosen, labels = _fine_ticks(bounds)
    axis.set_major_locator(FixedLocator(chosen))
    axis.set_major_formatter(FixedFormatter(labels))
    axis.set_minor_locator(FixedLocator([d + math.log10(m) for d in decades for m in range(2, 10)]))


def _fine_ticks(bounds: tuple[float, float]) -> tuple[Sequence[float], Sequence[str]]:
    """Round numbers for less than two decades."""
    low, high = 10.0 ** bounds[0], 10.0 ** bounds[1]
    if high > 6.0 * low:
        digits = (1, 3) if high > 20.0 * low else (1, 2, 5)
        candidates = [m * 10.0**d for d in range(math.floor(bounds[0]), math.floor(bounds[1]) + 1) for m in digits]
    else:
        candidates = MaxNLocator(3).tick_values(low, high)
    inner = (high / low) ** 0.04
    values = [value for value in candidates if low * inner <= value <= high / inner] or [math.sqrt(low * high)]
    # Enough digits to tell neighbours apart.
    digits = max(4, 2 - math.floor(math.log10((high - low) / high)))
    return [math.log10(value) for value in values], [f"{value:.{digits}g}" for value in values]


def interval_text(low: float, middle: float, high: float, logarithmic: bool) -> str:
    """Median and interval as TeX, e.g. `$48^{+12}_{-9}$`; the arguments are log10 of the values if `logarithmic`."""
    if logarithmic:
        low, middle, high = 10.0**low, 10.0**middle, 10.0**high
    exponent = math.floor(math.log10(abs(middle))) if middle else 0
    shift = exponent if not -2 <= exponent < 4 else 0
    scale = 10.0**shift
    decimals = max(1 - math.floor(math.log10(max(min(high - middle, middle - low) / scale, 1e-9))), 0)
    value = f"{middle / scale:.{decimals}f}^{{+{(high - middle) / scale:.{decimals}f}}}"
    value += f"_{{-{(middle - low) / scale:.{decimals}f}}}"
    return rf"$({value})\times 10^{{{shift}}}$" if shift else f"${value}$"
