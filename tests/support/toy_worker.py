"""Preloaded by Dask workers, and imported by other processes of tests: they know the toys in place of the real
plug-ins, and draw no figures."""

from __future__ import annotations

import tempfile
from pathlib import Path

import jax
import pytest

from tests.support import toy


def dask_setup(worker):
    patch = pytest.MonkeyPatch()
    jax.config.update("jax_enable_x64", True)
    toy.register(patch, Path(tempfile.mkdtemp()))
    patch.setattr("globalfit.fitting.fit.make_report", lambda folder: (folder / "report.html").write_text(""))
    patch.setattr("globalfit.comparison.page.comparison_figure", lambda *_: None)
