"""Bayesian global fits of dark matter whose direct detection is suppressed.

    import globalfit as gf

    run = gf.load("quickstart")
    result = gf.fit(run, "out/mine")
    result.summary["m_chi"].interval(0.68)

Importing this package does not import JAX, which a name of it does as soon as something is computed; it asks for
float64 unless the environment variable JAX_ENABLE_X64 says otherwise.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

from globalfit.version import ROOT, __version__

if TYPE_CHECKING:
    from globalfit.api.calls import calibrate, check, compare, fit, load
    from globalfit.api.posterior import Point, Posterior
    from globalfit.api.result import Result
    from globalfit.api.run import Run
    from globalfit.errors import GlobalFitError

__all__ = [
    "GlobalFitError",
    "Point",
    "Posterior",
    "Result",
    "Run",
    "__version__",
    "calibrate",
    "check",
    "compare",
    "fit",
    "load",
]

_PLACES = {
    **dict.fromkeys(("calibrate", "check", "compare", "fit", "load"), "globalfit.api.calls"),
    **dict.fromkeys(("Point", "Posterior"), "globalfit.api.posterior"),
    "Result": "globalfit.api.result",
    "Run": "globalfit.api.run",
    "GlobalFitError": "globalfit.errors",
}

# In a clone the likelihoods, priors and run files stand beside this package; an installation puts them into it.
if (ROOT / "pyproject.toml").is_file() and (ROOT / "likelihoods").is_dir():
    __path__.append(str(ROOT))

os.environ.setdefault("JAX_ENABLE_X64", "1")
# XLA takes a compilation of two minutes for an error of its own, and says so, with a request to file it as a bug.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "jax" in sys.modules and os.environ["JAX_ENABLE_X64"] == "1":
    sys.modules["jax"].config.update("jax_enable_x64", True)


def __getattr__(name: str) -> Any:
    """Public names, imported when they are asked for (PEP 562)."""
    if name not in _PLACES:
        raise AttributeError(f"module 'globalfit' has no attribute '{name}'")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
