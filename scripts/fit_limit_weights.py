"""Fit the weights w(E) of a xenon search to its published limits on the spin-independent cross section.

    python scripts/fit_limit_weights.py pandax4t_2024

reads `efficiency.csv` and `limits.csv` of the likelihood and prints its `limit_weights.csv`. The energy-weighted count
s(m) = sum_k w_k N_k(m) at the published cross section, with N_k the count of a weight that is a hat function of ln E
around knot k (constant above the last knot), is to be one at every tabulated mass above `LIGHTEST_GEV`:

    minimise  sum_m (s(m) - 1)^2 + SMOOTHNESS sum_k (w_{k+1} - 2 w_k + w_{k-1})^2 / <w>^2   with w_k >= floor_k,

a least-squares problem with bounds. The first term alone would leave the weights free to oscillate. The floor is
`FLOOR` times the weights of the median limit, zero for those and where there is none: a downward fluctuation at some
masses must not leave a search blind to recoils of other energies. The tables of LZ 2024 and PandaX-4T 2021, and the
columns of LZ 2022 but the power-constrained one, are an older fit of the same kind without the knot at 2.2 keV; they
differ within its quality.
"""

from __future__ import annotations

import csv
import sys

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.optimize import lsq_linear

from globalfit import plugins
from globalfit.experiment.xenon_limit import XenonLimit, limit_of_counts, weighted_counts
from globalfit.physics.scattering.halo import Halo
from globalfit.tables import Table, read_table

KNOTS_KEV = np.array([1.5, 2.2, 3.0, 4.5, 6.5, 9.0, 13.0, 19.0, 28.0])
LIGHTEST_GEV = 9.0
SMOOTHNESS = 1e-4
MEDIAN, FLOOR = "median_sensitivity", 0.25


def hat(k: int, energy: Float[np.ndarray, " e"]) -> Float[np.ndarray, " e"]:
    """Weight that is one at knot k and zero at the others, linear in ln E, constant above the last knot."""
    return np.interp(np.log(energy), np.log(KNOTS_KEV), np.eye(len(KNOTS_KEV))[k], left=0.0)


def fit(
    experiment: type[XenonLimit], halo: Halo, limits: Table, kind: str, floor: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weights at the knots, none below the floor, and the relative deviations of the limits that they imply."""
    chosen = (limits["limit"] == kind) & (limits["dark_matter_mass_gev"] >= LIGHTEST_GEV)
    masses, cross_sections = limits["dark_matter_mass_gev"][chosen], limits["cross_section_cm2"][chosen]
    counts = [weighted_counts(experiment, halo, lambda energy, k=k: hat(k, energy)) for k in range(len(KNOTS_KEV))]
    unit = np.array([[1.0 / limit_of_counts(count, jnp.asarray(mass)) for count in counts] for mass in masses])
    matrix = cross_sections[:, None] * unit
    scale = 1.0 / np.mean(matrix.sum(axis=1))
    second = np.diff(np.eye(len(KNOTS_KEV)), 2, axis=0) / scale
    weights = lsq_linear(
        np.concatenate([matrix, np.sqrt(SMOOTHNESS * len(masses)) * second]),
        np.concatenate([np.ones(len(masses)), np.zeros(len(second))]),
        bounds=(floor, np.inf),
    ).x
    return weights, 1.0 / (matrix @ weights) - 1.0


def main(name: str) -> None:
    """Print the table of weights; the quality of the fit goes to the standard error."""
    experiment = plugins.load("likelihood", name)
    limits = read_table(experiment.__module__, "limits.csv")
    kinds = list(dict.fromkeys(limits["limit"]))
    halo = experiment.Options().halo
    none = np.zeros(len(KNOTS_KEV))
    floor = FLOOR * fit(experiment, halo, limits, MEDIAN, none)[0] if MEDIAN in kinds else none
    fits = {kind: fit(experiment, halo, limits, kind, none if kind == MEDIAN else floor) for kind in kinds}
    for kind, (_, deviation) in fits.items():
        print(
            f"{name} {kind}: rms {100.0 * np.sqrt(np.mean(deviation**2)):.1f} %, "
            f"largest {100.0 * np.max(np.abs(deviation)):.1f} %",
            file=sys.stderr,
        )
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["recoil_energy_kev", *kinds])
    for k, knot in enumerate(KNOTS_KEV):
        writer.writerow([f"{knot:g}", *(f"{weights[k]:.5g}" for weights, _ in fits.values())])


if __name__ == "__main__":
    main(*sys.argv[1:])
