"""The script that tabulates Sommerfeld factors makes the table that is shipped."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from globalfit.physics.sommerfeld import mesh
from globalfit.tables import read_table

SCRIPT = Path(__file__).parents[2] / "scripts" / "sommerfeld_table.py"
ROWS = [1, 5, 80, 400]


@pytest.mark.parametrize("wave", [0, 1])
def test_rows_of_the_table(wave):
    specification = importlib.util.spec_from_file_location("sommerfeld_table", SCRIPT)
    script = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(script)
    table = read_table("globalfit.physics.sommerfeld", "yukawa.csv")
    strength = mesh.strengths()[ROWS]
    found = script.jost(strength, mesh.momenta_below(), wave, script.STEPS_BELOW)
    for part, values in zip("ab", found, strict=True):
        chosen = (table["wave"] == wave) & (table["part"] == part) & np.isin(table["row"], ROWS)
        shipped = np.stack([table[f"node{k + 1}"][chosen] for k in range(mesh.NODES)], axis=1)
        scaled = values * (1.0 + strength[:, None]) ** (wave + 0.5)
        np.testing.assert_allclose(scaled, shipped, rtol=1e-6, atol=1e-6)
