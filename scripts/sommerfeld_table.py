"""Table of the Sommerfeld factor of an attractive Yukawa potential: `globalfit/physics/sommerfeld/yukawa.csv`.

    python scripts/sommerfeld_table.py > globalfit/physics/sommerfeld/yukawa.csv

The radial equation of the partial wave l in rho = m_V r, with strength L = alpha m/m_V and q = k/m_V,

    phi'' + [q^2 + L exp(-rho)/rho - l(l+1)/rho^2] phi = 0,     phi -> rho^(l+1)/(2l+1)!!  for rho -> 0,

ends in phi -> A j(rho) + B n(rho) with the free solutions j -> sin(q rho - l pi/2)/q^(l+1) and
n -> q^l cos(q rho - l pi/2), so that S = 1/(A^2 + q^(4l+2) B^2). It is solved by its power series close to rho = 0 and
then by Numerov's method in sqrt(rho), where the wave length is about constant, for all L and q at once. What is
tabulated, and at which L and q, is what `globalfit.physics.sommerfeld.yukawa` reads.
"""

from __future__ import annotations

import sys

import jax
import numpy as np
from jaxtyping import Float
from scipy.special import factorial

from globalfit.physics.sommerfeld.mesh import NODES, ROWS, momenta_above, momenta_below, strengths
from globalfit.physics.sommerfeld.yukawa import coulomb

# Terms of the power series, and L rho or q rho up to which it goes; what is neglected of the potential at the last rho.
TERMS, SERIES_END, TAIL = 40, 3.0, 1e-13
# Steps in sqrt(rho) of the slow and of the fast part.
STEPS_BELOW, STEPS_ABOVE = 16_000, 60_000

Solutions = Float[np.ndarray, "strength momentum"]


def jost(strength: Float[np.ndarray, " strength"], q: Float[np.ndarray, " momentum"], wave: int, steps: int) -> tuple:
    """A and B of every pair of L and q."""
    big, q2 = np.maximum(np.maximum(strength, 1.0)[:, None], q[None, :]), q[None, :] ** 2
    start, end = np.sqrt(SERIES_END / big), np.sqrt(np.log(big / TAIL))
    step = (end - start) / steps

    def curvature(s: Solutions) -> Solutions:
        return 4.0 * (q2 * s**2 + strength[:, None] * np.exp(-(s**2))) - (4.0 * wave * (wave + 1) + 0.75) / s**2

    # y = phi/sqrt(s) obeys y'' = -curvature y
    before, now = (series(strength, q2, s**2, wave) / np.sqrt(s) for s in (start, start + step))
    twelfth = step**2 / 12.0
    weight_before, weight = (1.0 + twelfth * curvature(s) for s in (start, start + step))
    for i in range(2, steps + 1):
        weight_next = 1.0 + twelfth * curvature(start + i * step)
        before, now = now, ((12.0 - 10.0 * weight) * now - weight_before * before) / weight_next
        weight_before, weight = weight, weight_next
    # two values fix the two constants
    r1, r2 = (end - step) ** 2, end**2
    j1, n1, j2, n2 = (*free(q[None, :], r1, wave), *free(q[None, :], r2, wave))
    f1, f2 = before * np.sqrt(end - step), now * np.sqrt(end)
    det = j1 * n2 - j2 * n1
    return (f1 * n2 - f2 * n1) / det, (j1 * f2 - j2 * f1) / det


def series(strength: Float[np.ndarray, " strength"], q2: Solutions, rho: Solutions, wave: int) -> Solutions:
    """phi by its power series."""
    shape = np.broadcast_shapes((strength.size, 1), q2.shape)
    c = [np.ones(shape)]
    for n in range(TERMS):
        pull = sum((-1.0) ** j / factorial(j) * c[n - j] for j in range(n + 1)) * strength[:, None]
        if n > 0:
            pull = pull + q2 * c[n - 1]
        c.append(-pull / ((n + 1.0) * (n + 2.0 * wave + 2.0)))
    total = np.zeros(shape)
    for coefficient in c[::-1]:
        total = total * rho + coefficient
    return total * rho ** (wave + 1) / (1.0, 3.0)[wave]


def free(q: Solutions, rho: Solutions, wave: int) -> tuple[Solutions, Solutions]:
    """The two free solutions j and n."""
    z = q * rho
    j0, n0 = rho * np.sinc(z / np.pi), np.cos(z)
    if wave == 0:
        return j0, n0
    safe = np.maximum(z, 1e-2)
    sphere = np.where(
        z < 1e-2, (1.0 - z**2 / 10.0 + z**4 / 280.0) / 3.0, (np.sin(safe) / safe - np.cos(safe)) / safe**2
    )
    return rho**2 * sphere, np.cos(z) / rho + q * np.sin(z)


def main() -> None:
    """Print the table."""
    jax.config.update("jax_enable_x64", True)
    strength = strengths()
    print(",".join(["wave", "part", "row", *(f"node{k + 1}" for k in range(NODES))]))
    for wave in (0, 1):
        scale = (1.0 + strength[:, None]) ** (wave + 0.5)
        a, b = jost(strength, momenta_below(), wave, STEPS_BELOW)
        q = momenta_above()
        high_a, high_b = jost(strength, q, wave, STEPS_ABOVE)
        factor = 1.0 / (high_a**2 + q ** (4 * wave + 2) * high_b**2)
        ratio = np.log(factor / np.asarray(coulomb(strength[:, None], q[None, :]))[wave]) * q
        # without a potential S is 1, free of rounding errors
        a[0], b[0], ratio[0] = 1.0, 0.0, 0.0
        for part, values in (("a", a * scale), ("b", b * scale), ("r", ratio)):
            for row in range(ROWS):
                print(f"{wave},{part},{row}," + ",".join(f"{value:.8g}" for value in values[row]))
        print(f"wave {wave} done", file=sys.stderr)


if __name__ == "__main__":
    main()
