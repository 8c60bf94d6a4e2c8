"""The main job from end to end, and its posterior against a mesh."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from globalfit import runfile
from globalfit.build.built import build
from globalfit.cli import cli
from globalfit.progress import silent
from globalfit.samplers.grid import Grid, GridOptions

LIKELIHOODS = ["planck_relic", "lz_2024", "pandax4t_2021"]


@pytest.mark.slow
def test_a_run_too_small_to_converge_fails_loudly(tmp_path):
    run = tmp_path / "small.yaml"
    folder = tmp_path / "small"
    run.write_text(
        f"model: axial\nlikelihoods: [planck_relic, lz_2024, pandax4t_2021]\noutput: {folder}\n"
        "sampler: {dynesty: {nlive: 50, walks: 5, moves: 1.0, dlogz: 1.0}}\n"
    )
    result = CliRunner().invoke(cli, ["run", str(run)])
    assert result.exit_code == 3
    assert (folder / "summary.csv").read_text().splitlines()[1].startswith("NOT CONVERGED")
    evidence = json.loads((folder / "evidence.json").read_text())
    assert not evidence["converged"]
    assert np.isfinite(evidence["log_evidence"])
    assert (folder / "report.html").stat().st_size > 50_000


@pytest.mark.slow
def test_dynesty_agrees_with_a_mesh():
    settings = {"model": "axial", "parameters": {"alpha_d": 0.05}, "likelihoods": LIKELIHOODS, "sampler": "dynesty"}
    _, posterior, sampler = build(runfile.parse(settings))
    mesh = Grid(GridOptions(points={"m_chi": 80, "mass_ratio": 160, "epsilon": 160})).run(posterior, 1, silent)
    runs = [sampler.run(posterior, seed, silent) for seed in (1, 2, 3)]
    for run in runs:
        assert run.converged
        error = np.hypot(run.evidence.log_evidence_error, mesh.evidence.log_evidence_error)
        assert abs(run.evidence.log_evidence - mesh.evidence.log_evidence) < 3.0 * error + 0.02
    expected = moments(mesh)
    found = [moments(run) for run in runs]
    for name, value in expected.items():
        values = [one[name] for one in found]
        # three runs estimate their own scatter badly: at least 2 % of a unit
        assert abs(np.mean(values) - value) < 3.0 * max(np.std(values, ddof=1) / 3**0.5, 0.02), name


def moments(run):
    """Means, standard deviations and shares of the modes from weighted points."""
    theta, weight = run.weighted.theta.copy(), np.exp(run.weighted.log_weight)
    m_ad, ratio = theta[:, 0] * theta[:, 1], theta[:, 1]
    # what samplers tend to miss: the resonance of the dark photon and that of the Z
    shares = {
        "share of the resonance": float(weight @ (np.abs(ratio / 2.0 - 1.0) < 0.05)),
        "share of the Z pole": float(weight @ (np.abs(m_ad - 91.188) < 5.0)),
    }
    theta[:, [0, 2]] = np.log10(theta[:, [0, 2]])
    mean = weight @ theta
    sd = np.sqrt(weight @ (theta - mean) ** 2)
    return (
        shares
        | {f"mean {i}": float(value) for i, value in enumerate(mean)}
        | {f"sd {i}": float(value) for i, value in enumerate(sd)}
    )
