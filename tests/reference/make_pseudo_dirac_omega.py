"""Writes `pseudo_dirac_omega.csv`: relic densities of pseudo-Dirac dark matter from `tests.reference.pseudo_dirac`.

Run as `python -m tests.reference.make_pseudo_dirac_omega`; takes two minutes.
"""

from __future__ import annotations

from pathlib import Path

from globalfit.physics.inputs import PRESETS
from tests.reference import pseudo_dirac

TABLE = Path(__file__).with_name("pseudo_dirac_omega.csv")
_HEADER = """\
# Pseudo-Dirac dark matter, hypercharge-mixed dark photon of physical mass mass_ratio m1, splitting (m2 - m1)/m1, inputs
# micromegas6: omega_h2 and x_f (Y = 2.5 Yeq, x = m1/T).
# Made by python -m tests.reference.make_pseudo_dirac_omega: adaptive panels, Radau; omega_h2 is good to 1e-4.
m_chi,splitting,mass_ratio,epsilon,alpha_d,omega_h2,x_f
"""
# A pole far above, just above and at m1 + m2; pairs of vectors; W W, fermions and Z h with a small splitting.
POINTS = (
    (50.0, 0.0, 3.0, 0.01, 0.05),
    (50.0, 0.1, 3.0, 0.01, 0.05),
    (50.0, 0.4, 3.0, 0.01, 0.05),
    (100.0, 0.1, 2.15, 1e-3, 0.01),
    (100.0, 0.1, 2.1001, 1e-3, 1e-3),
    (100.0, 0.05, 2.04, 1e-3, 0.01),
    (60.0, 0.1, 0.5, 0.01, 0.003),
    (80.0, 0.3, 0.1, 0.003, 0.003),
    (200.0, 0.03, 0.9, 1e-3, 0.02),
    (300.0, 0.01, 1.5, 0.1, 0.05),
    (700.0, 0.002, 2.5, 0.05, 0.1),
    (44.0, 0.04, 1.5, 0.05, 0.1),
)


def main() -> None:
    """Write the table beside this file."""
    lines = []
    for point in POINTS:
        result = pseudo_dirac.omega_h2(*point, PRESETS["micromegas6"])
        lines.append(",".join([*(f"{value:g}" for value in point), f"{result.omega_h2:.8g}", f"{result.x_f:.6g}"]))
    TABLE.write_text(_HEADER + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
