"""The only module that knows arviz (0.23): InferenceData on disk, and its convergence statistics.

arviz is imported late: it takes a second, warns about its successor and fails if the user's cache cannot be written.
"""

from __future__ import annotations

import functools
import os
import tempfile
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from globalfit.errors import OutputError

_ENGINE = "h5netcdf"
WEIGHTED_GROUP = "weighted"
# Its variable of a nested run: live points at the death of each point.
LIVE = "live"

Variables = Mapping[str, NDArray[Any]]


class Statistics(NamedTuple):
    """Rank-normalised split R-hat, bulk and tail effective sample size (Vehtari et al., arXiv:1903.08008)."""

    r_hat: float
    ess_bulk: float
    ess_tail: float


class Samples(NamedTuple):
    """What a result file holds: variables by name, (chain, draw), and the weighted points if the sampler gave them."""

    posterior: dict[str, NDArray[Any]]
    sample_stats: dict[str, NDArray[Any]]
    log_likelihood: dict[str, NDArray[Any]]
    weighted: dict[str, NDArray[Any]]

    def points(self, name: str) -> tuple[Float[np.ndarray, " point"], Float[np.ndarray, " point"]]:
        """Points of a variable with weights that sum to one: the weighted ones of the sampler where it has them."""
        if name in self.weighted:
            weights = np.exp(self.weighted["log_weight"])
            return self.weighted[name], weights / np.sum(weights)
        points = self.posterior[name].ravel()
        return points, np.full(len(points), 1.0 / len(points))


@functools.cache
def arviz() -> Any:
    """The module arviz."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import arviz as module
        except OSError:
            # It writes the date of its last warning to a cache folder; any folder will do.
            with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, XDG_CACHE_HOME=folder):
                import arviz as module
    return module


def statistics(chains: Float[np.ndarray, "chain draw"]) -> Statistics:
    """Convergence statistics of one variable; NaN where they are not defined (one chain, constant, infinite)."""
    if chains.shape[1] < 4 or not np.isfinite(chains).all() or np.ptp(chains) == 0.0:
        return Statistics(np.nan, np.nan, np.nan)
    az = arviz()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        r_hat = float(az.rhat(chains)) if len(chains) > 1 else np.nan
        return Statistics(r_hat, float(az.ess(chains, method="bulk")), float(az.ess(chains, method="tail")))


def save(
    path: Path, samples: Samples, meanings: Mapping[str, Mapping[str, str]], attributes: Mapping[str, Any]
) -> None:
    """Write InferenceData (netCDF 4). `meanings` holds unit and meaning by variable."""
    import xarray

    az = arviz()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = az.from_dict(
            posterior=dict(samples.posterior),
            sample_stats=dict(samples.sample_stats),
            log_likelihood=dict(samples.log_likelihood) or None,
            attrs=dict(attributes),
        )
        if samples.weighted:
            points = xarray.Dataset({name: ("point", values) for name, values in samples.weighted.items()})
            data.add_groups({WEIGHTED_GROUP: points})
        for group in data.groups():
            for name in data[group].data_vars:
                data[group][name].attrs.update(meanings.get(name, {}))
        data.to_netcdf(str(path), engine=_ENGINE)


def load(path: Path, parameters: Iterable[str] = ()) -> Samples:
    """Read what `save` wrote. Raises `OutputError` if the file is missing, is not such a file, or lacks a parameter."""
    if not path.is_file():
        raise OutputError(f"{path}: there is no such file. Is {path.parent} the folder of a finished run?")
    az = arviz()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = az.from_netcdf(str(path), engine=_ENGINE)
    except (OSError, ValueError, KeyError) as error:
        raise OutputError(f"{path}: cannot be read as a result: {error}.") from error

    def group(name: str) -> dict[str, NDArray[Any]]:
        if name not in data.groups():
            return {}
        return {str(key): np.asarray(values) for key, values in data[name].data_vars.items()}

    if "posterior" not in data.groups():
        raise OutputError(f"{path}: holds no posterior.")
    samples = Samples(group("posterior"), group("sample_stats"), group("log_likelihood"), group(WEIGHTED_GROUP))
    for kind, held in (("draws", samples.posterior), ("weighted points", samples.weighted)):
        if held and (lost := next((name for name in parameters if name not in held), "")):
            raise OutputError(f"{path}: holds no {kind} of {lost}; put the file of this run back.")
    return samples
