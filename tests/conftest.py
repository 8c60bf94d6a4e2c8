"""Settings of every test: float64, no silent rank promotion; and fixtures that several files share."""

import gc
import os
from pathlib import Path

# Before JAX starts: compilation is most of the time of the tests, and the speed of the compiled code hardly any.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false")

import jax
import pytest
from jaxtyping import install_import_hook

import tests.support.type_checker  # noqa: F401 - the hook finds it by name

install_import_hook("globalfit", "tests.support.type_checker.checked")

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(autouse=True, scope="module")
def _forget_compiled_functions():
    """Files share hardly any compiled function, and the programs of all of them would take gigabytes."""
    yield
    jax.clear_caches()
    gc.collect()


@pytest.fixture
def toys(monkeypatch, tmp_path):
    """Toys in place of the real plug-ins, in an empty working directory."""
    from tests.support import toy

    toy.register(monkeypatch, tmp_path)
    monkeypatch.chdir(tmp_path)
    # The compilation cache is a setting of the whole process: not of the tests.
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "")


@pytest.fixture
def no_report(monkeypatch):
    """An empty page in place of the report of a run."""

    def empty(folder: Path) -> None:
        (folder / "report.html").write_text("")

    monkeypatch.setattr("globalfit.fitting.fit.make_report", empty)


@pytest.fixture
def no_figures(monkeypatch, no_report):
    """No figures of runs and comparisons."""
    monkeypatch.setattr("globalfit.comparison.page.comparison_figure", lambda *_: None)
