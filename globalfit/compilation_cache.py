"""JAX's persistent compilation cache: ten seconds of compiling become two at the second run."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path


def use_compilation_cache() -> None:
    """Keep compiled programs in the user's cache folder, by jaxlib version; without a writable one, keep none."""
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = base / "globalfit" / f"jax-{version('jaxlib')}"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # the latter for a user without a home
        return
    if not os.access(folder, os.W_OK):
        return
    import jax

    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
