"""`LimitCurves`: what a likelihood implies, as plain numbers that the command line and the report can draw."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import brentq

# -2 ln L above its minimum: 95 % for one parameter, two-sided; 95 % one-sided.
TWO_SIDED_95, ONE_SIDED_95 = 3.841458820694124, 2.705543454095404


@dataclasses.dataclass(frozen=True)
class Curve:
    """One line of a picture.

    `style` is `published` for numbers of a table, `implied` for what the likelihood finds and `compared` for what it
    would find with other settings. Curves whose labels agree up to the first comma share a colour.
    """

    label: str
    x: Float[np.ndarray, " point"]
    y: Float[np.ndarray, " point"]
    style: Literal["implied", "compared", "published"] = "implied"


@dataclasses.dataclass(frozen=True)
class LimitCurves:
    """Curves in one plane, both axes logarithmic unless `logarithmic` says otherwise (x, y)."""

    title: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    logarithmic: tuple[bool, bool] = (True, True)


def upper_limit(
    log_likelihood: Callable[[Float[Array, " batch"]], Float[Array, " batch"]],
    scan: Float[np.ndarray, " scan"],
    rise: float = ONE_SIDED_95,
) -> float:
    """Largest coupling at which -2 ln L lies `rise` above its minimum over `scan` (ascending); NaN if it never does.

    `log_likelihood` maps couplings to ln L.
    """
    values = -2.0 * np.asarray(log_likelihood(jnp.asarray(scan)))
    excess = values - np.min(values) - rise
    above = np.flatnonzero((excess[:-1] <= 0.0) & (excess[1:] > 0.0))
    if not above.size:
        return float("nan")
    low, high = scan[above[-1]], scan[above[-1] + 1]
    compiled = jax.jit(log_likelihood)

    def crossing(logarithm: float) -> float:
        coupling = jnp.asarray([np.exp(logarithm)])
        return float(-2.0 * compiled(coupling)[0] - np.min(values) - rise)

    # brentq returns a tuple only if asked to, which its annotation does not know.
    root: Any = brentq(crossing, np.log(low), np.log(high), xtol=1e-10)
    return float(np.exp(root))
