"""A clone that nobody installed finds its own models, likelihoods, priors and run files."""

import subprocess
import sys
from pathlib import Path

# Hides what an installation of the package adds to the interpreter.
NOT_INSTALLED = """
import importlib.metadata as metadata, sys
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
known = metadata.entry_points
metadata.entry_points = lambda **chosen: [point for point in known(**chosen) if point.dist.name != "globalfit"]
from globalfit import plugins, runfile
from globalfit.runfile.defaults import default_priors
print(runfile.load("quickstart").model, plugins.load("likelihood", "planck_relic").__module__)
print(*default_priors("axial")[0])
"""


def test_a_clone_runs_without_an_installation(tmp_path):
    root = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-c", NOT_INSTALLED]
    told = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(root)}, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.split() == [
        *("axial", "globalfit.likelihoods.planck_relic", "m_chi", "mass_ratio", "epsilon", "alpha_d")
    ]
