"""Samples on disk in the layout of ArviZ's InferenceData, and the only module that knows ArviZ (0.23 and 1).

The file is netCDF 4 with one group for each kind of variable, which every version of ArviZ reads. ArviZ itself is
imported late: it takes a second, warns about its successor and fails if the user's cache cannot be written.
"""

from __future__ import annotations

import functools
import os
import tempfile
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple
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
        except (OSError, RuntimeError):
            # It writes the date of its last warning to a cache folder, which a user without a home has not; any folder
            # will do.
            with tempfile.TemporaryDirectory() as folder, _homes(folder):
                import arviz as module
    return module


def _homes(folder: str) -> Any:
    """A folder in place of the user's cache, and of the home directory where there is none."""
    return mock.patch.dict(os.environ, {"HOME": folder, **os.environ, "XDG_CACHE_HOME": folder})


def rank_r_hat(chains: Float[np.ndarray, "chain draw"]) -> float:
    """Rank-normalised split R-hat of one variable; NaN where it is not defined (constant, infinite, too few draws)."""
    return _statistic(chains, lambda az: az.rhat(chains, method="rank"))


def effective_size(chains: Float[np.ndarray, "chain draw"], kind: Literal["bulk", "tail"]) -> float:
    """Bulk or tail effective sample size of one variable; NaN where it is not defined, as for `rank_r_hat`."""
    return _statistic(chains, lambda az: az.ess(chains, method=kind))


def statistics(chains: Float[np.ndarray, "chain draw"]) -> Statistics:
    """Convergence statistics of one variable; NaN where they are not defined, R-hat for a single chain too."""
    r_hat = rank_r_hat(chains) if len(chains) > 1 else np.nan
    return Statistics(r_hat, effective_size(chains, "bulk"), effective_size(chains, "tail"))


def _statistic(chains: Float[np.ndarray, "chain draw"], of: Callable[[Any], Any]) -> float:
    if chains.shape[1] < 4 or not np.isfinite(chains).all() or np.ptp(chains) == 0.0:
        return np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(of(arviz()))


def save(
    path: Path, samples: Samples, meanings: Mapping[str, Mapping[str, str]], attributes: Mapping[str, Any]
) -> None:
    """Write samples as netCDF 4. `meanings` holds unit and meaning by variable."""
    import xarray

    xarray.Dataset(attrs=dict(attributes)).to_netcdf(path, mode="w", engine=_ENGINE)
    for group, variables in samples._asdict().items():
        if variables:
            data = xarray.Dataset(
                {
                    name: (("point",) if group == WEIGHTED_GROUP else ("chain", "draw"), values, meanings.get(name, {}))
                    for name, values in variables.items()
                }
            )
            data = data.assign_coords({name: np.arange(size) for name, size in data.sizes.items() if name != "point"})
            data.to_netcdf(path, mode="a", group=group, engine=_ENGINE)


def inference_data(path: Path) -> Any:
    """The file as ArviZ has it: `InferenceData` (ArviZ 0.23) or `DataTree` (ArviZ 1), with the weighted group."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return arviz().from_netcdf(str(path), engine=_ENGINE)


def load(path: Path, parameters: Iterable[str] = ()) -> Samples:
    """Read what `save` wrote. Raises `OutputError` if the file is missing, is not such a file, or lacks a parameter."""
    if not path.is_file():
        raise OutputError(f"{path}: there is no such file. Is {path.parent} the folder of a finished run?")
    import xarray

    try:
        groups = xarray.open_groups(path, engine=_ENGINE)
        held = {
            name.strip("/"): {str(key): np.asarray(values) for key, values in data.data_vars.items()}
            for name, data in groups.items()
        }
        for data in groups.values():
            data.close()
    except (OSError, ValueError, KeyError) as error:
        raise OutputError(f"{path}: cannot be read as a result: {error}.") from error
    if not held.get("posterior"):
        raise OutputError(f"{path}: holds no posterior.")
    samples = Samples(*(held.get(name, {}) for name in Samples._fields))
    for kind, held in (("draws", samples.posterior), ("weighted points", samples.weighted)):
        if held and (lost := next((name for name in parameters if name not in held), "")):
            raise OutputError(f"{path}: holds no {kind} of {lost}; put the file of this run back.")
    return samples
