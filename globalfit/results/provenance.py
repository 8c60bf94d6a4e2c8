"""Where a result comes from: versions, commit, data checksums, seed, machine, times."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import sys
from collections.abc import Mapping

from globalfit.experiment.protocol import Likelihood
from globalfit.results.run_identity import code
from globalfit.results.schema import Provenance
from globalfit.storage.files import readable

_PACKAGES = (
    *("arviz", "corner", "dynesty", "emcee", "equinox", "h5netcdf", "jax", "jaxlib", "matplotlib", "numpy"),
    *("nautilus-sampler", "numpyro", "pydantic", "scikit-learn", "scipy", "xarray"),
)


def provenance(
    likelihoods: Mapping[str, Likelihood],
    seed: int,
    source: str,
    started: datetime.datetime,
    seconds: Mapping[str, float],
) -> Provenance:
    """Everything that is needed to say how a result came about; `seconds` are wall times by stage."""
    import jax

    version, git = code()
    return {
        "globalfit": version,
        "git": git,
        "python": platform.python_version(),
        "packages": versions(),
        "run_file": readable(source),
        "command": [readable(argument) for argument in sys.argv],
        "seed": seed,
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seconds": {stage: round(value, 3) for stage, value in seconds.items()},
        "data_sha256": data_checksums(likelihoods),
        "machine": {
            "node": platform.node(),
            "system": platform.platform(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "devices": [str(device.device_kind) for device in jax.devices()],
            "float": str(jax.numpy.zeros(()).dtype),
        },
    }


def data_checksums(likelihoods: Mapping[str, Likelihood]) -> dict[str, str]:
    """SHA-256 of every table behind the likelihoods."""
    return {table.name: table.provenance.sha256 for item in likelihoods.values() for table in item.tables}


def versions() -> dict[str, str]:
    """Versions of the packages that take part in a result."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
