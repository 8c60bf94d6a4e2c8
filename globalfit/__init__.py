"""Bayesian global fits of dark matter whose direct detection is suppressed.

Importing this package does not import JAX; it asks for float64 unless the environment variable JAX_ENABLE_X64 says
otherwise.
"""

import os
import sys

__version__ = "0.1.0"

os.environ.setdefault("JAX_ENABLE_X64", "1")
if "jax" in sys.modules and os.environ["JAX_ENABLE_X64"] == "1":
    sys.modules["jax"].config.update("jax_enable_x64", True)
