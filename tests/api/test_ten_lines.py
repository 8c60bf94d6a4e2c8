"""The lines that the README shows, on a small run, in a notebook and as a script."""

from __future__ import annotations

import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.slow

LINES = """\
import globalfit as gf
run = gf.load("quickstart").replace(parameters={"mass_ratio": 2.1, "alpha_d": 0.05}, likelihoods=["planck_relic"])
run = run.replace(sampler={"dynesty": {"preset": "quick"}}, seed=2)
posterior = run.posterior()
point = posterior.point(m_chi=50.0, epsilon=1e-3)
print(point["omega_h2"] > 0.0, point.log_likelihood == sum(point.terms.values()), point.status)
print(len(posterior.table({"m_chi": [50.0, 60.0], "epsilon": [1e-3, 1e-4]})))
result = gf.fit(run, "out/mine")
print(result, list(result.draws)[:4])
print(len(result.corner("m_chi", "epsilon").axes), [path.name for path in result.export("csv", "chains/mine")])
"""


def test_as_a_script(tmp_path):
    told = subprocess.run([sys.executable, "-c", LINES], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("True True ok\n2\nResult of ")
    assert told.stdout.endswith("4 ['mine.csv']\n")
    assert "predictions:" in told.stderr


def test_in_a_notebook(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(line) for line in LINES.splitlines()])
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}})
    client.execute()
    shown = [output for cell in notebook.cells for output in cell["outputs"]]
    text = "".join(output.get("text", "") for output in shown)
    assert "True True ok" in text
    assert "4 ['mine.csv']" in text
    assert any(
        "report" in output["data"].get("text/plain", "") for output in shown if output["output_type"] != "stream"
    )
