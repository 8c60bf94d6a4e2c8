"""The grid as a plane: its mesh, what it says about the posterior, and its complaints."""

from __future__ import annotations

import numpy as np
import pytest

from globalfit.errors import ConfigurationError, UnknownNameError
from globalfit.progress import silent
from globalfit.samplers.grid import Grid, GridOptions
from tests.support.targets import Gaussian, Sheet


def run(target, **options):
    return Grid.build(GridOptions(**options)).run(target, 1, silent)


def test_mesh_by_cells_of_y_and_x():
    draws = run(Gaussian.of(2), x="x1", y="x0", points={"x0": 3, "x1": 4}, ranges={"x1": [0.5, 1.0]})
    mesh = draws.mesh
    assert mesh.names == ("x1", "x0")
    assert (mesh.low, mesh.high) == ((0.5, 0.0), (1.0, 1.0))
    assert mesh.theta.shape == (3, 4, 2)
    # The box is [-6, 6] in both, the upper half of it in x1.
    np.testing.assert_allclose(mesh.theta[:, 0, 0], [-4.0, 0.0, 4.0], atol=1e-12)
    np.testing.assert_allclose(mesh.theta[0, :, 1], [0.75, 2.25, 3.75, 5.25], atol=1e-12)
    np.testing.assert_allclose(mesh.theta[1, 2], [0.0, 3.75], atol=1e-12)


def test_evidence_only_if_the_mesh_resolves_the_posterior():
    fine = run(Gaussian.of(2), x="x0", y="x1", points=100)
    assert fine.converged is True
    assert fine.evidence.log_evidence == pytest.approx(Gaussian.of(2).log_evidence, abs=1e-6)
    assert run(Gaussian.of(2), points=100).mesh is None
    narrow = Gaussian.of(2, half=600.0)
    coarse = run(narrow, x="x0", y="x1", points=100)
    assert coarse.evidence is None
    assert coarse.converged is None
    assert not run(narrow, points=100).converged


def test_errors():
    with pytest.raises(UnknownNameError, match="unknown free parameter for an axis of the plane 'x7'"):
        run(Gaussian.of(2), x="x0", y="x7")
    for options in ({"x": "x0"}, {"y": "x0"}, {"x": "x0", "y": "x0"}):
        with pytest.raises(ConfigurationError, match="two different parameters: give both x and y"):
            run(Gaussian.of(2), **options)
    with pytest.raises(ConfigurationError, match=r"but x2, x3 are: fix each .*`x2: 0.05`.* express it .*2 \* x0"):
        run(Sheet.of(4), x="x0", y="x1")
    with pytest.raises(ConfigurationError, match="but x2 is: fix"):
        run(Gaussian.of(3), x="x0", y="x1")
