"""Writes `axial_omega.csv`: relic densities of the axial dark photon from `tests.reference.relic`.

python -m tests.reference.make_axial_omega
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from globalfit.physics.inputs import PRESETS
from tests.reference import cross_section, relic

TABLE = Path(__file__).with_name("axial_omega.csv")
COLUMNS = (
    "inputs", "width", "m_chi", "mass_ratio", "epsilon", "alpha_d",
    "omega_h2", "x_f", "width_z_gev", "width_ad_gev", "sigma_v_x20", "sigma_v_x1000", "sigma_v_today",
)  # fmt: skip
_HEADER = """\
# Axial dark photon: omega_h2 of chi + chibar, x_f (Y = 2.5 Yeq), total widths, and sigma v of chi chibar in GeV^-2:
# thermal average at x = 20 and at x = 1000, and at v_rel = 1e-3 (width-free longitudinal exchange).
# inputs: presets of the package; width: fixed or running, see tests/reference/cross_section.py.
# Made by python -m tests.reference.make_axial_omega: adaptive panels for the thermal average (1e-7), Radau for the
# Boltzmann equation (1e-9); omega_h2 is good to 1e-6.
"""
# m_chi, mass_ratio, epsilon, alpha_d
POINTS = (
    (10.0, 3.0, 0.01, 0.5),
    (10.0, 2.3, 0.003, 0.05),
    (10.0, 2.02, 1e-4, 0.005),
    (10.0, 1.5, 0.01, 0.1),
    (10.0, 4.0, 0.03, 0.05),
    (15.0, 0.5, 0.001, 0.002),
    (20.0, 3.0, 0.03, 0.05),
    (20.0, 1.98, 0.001, 0.01),
    (30.0, 2.05, 0.003, 0.5),
    (40.0, 2.5, 0.01, 0.05),
    (44.0, 3.0, 0.01, 0.05),
    (45.5, 3.0, 0.02, 0.05),
    (46.5, 2.5, 0.005, 0.01),
    (45.0, 2.08, 0.003, 0.05),
    (50.0, 2.1, 0.01, 0.05),
    (50.0, 1.9, 0.01, 0.05),
    (60.0, 2.3, 0.01, 0.5),
    (80.0, 2.01, 3e-4, 0.01),
    (85.0, 3.0, 0.05, 0.05),
    (100.0, 1.2, 0.001, 5e-4),
    (100.0, 0.95, 0.001, 0.005),
    (120.0, 3.0, 0.03, 0.5),
    (150.0, 2.2, 0.01, 0.02),
    (174.0, 2.6, 0.05, 0.1),
    (300.0, 2.002, 0.003, 1e-4),
    (300.0, 1.5, 0.1, 0.05),
    (400.0, 2.3, 0.03, 0.05),
    (500.0, 4.0, 0.2, 0.2),
    (1000.0, 2.5, 0.1, 0.5),
    (1000.0, 2.05, 0.01, 0.01),
)


SETTINGS = (("default", "running"), ("micromegas6", "fixed"))


def row(preset: str, width: str, point: tuple[float, float, float, float]) -> list[str]:
    """One line of the table."""
    inputs = PRESETS[preset]
    result = relic.omega_h2(*point, inputs, width=width)
    numbers = [
        result.omega_h2,
        result.x_f,
        *cross_section.widths(result.model)[1],
        float(result.sigma_v(20.0)),
        float(result.sigma_v(1000.0)),
        sum(relic.sigma_v_today(result.model, 1e-3, relic.Options(width)).values()),
    ]
    return [preset, width, *(f"{value:g}" for value in point), *(f"{value:.8g}" for value in numbers)]


def main() -> None:
    """Write the table beside this file."""
    text = io.StringIO()
    text.write(_HEADER)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(row(*setting, point) for point in POINTS for setting in SETTINGS)
    TABLE.write_text(text.getvalue())


if __name__ == "__main__":
    main()
