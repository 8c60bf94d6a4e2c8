"""What was measured, and its covariance: experiment, missing higher orders, inputs of the predictions."""

from __future__ import annotations

import functools
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from globalfit.models import Parameter
from globalfit.physics.electroweak.shifts import pseudo_observables, unmixed
from globalfit.physics.electroweak.standard_model import DECAYS, Nuisances, StandardModel, standard_model
from globalfit.tables import Table, read_table

Average = Literal["without_cdf", "average", "cdf"]
# Names of the sampled inputs start like this, so that they cannot be taken for parameters of a model.
PREFIX = "ewpo_"
_MEANINGS = {
    "m_z": ("GeV", "mass of the Z in electroweak predictions"),
    "m_t": ("GeV", "pole mass of the top quark in electroweak predictions"),
    "m_h": ("GeV", "mass of the Higgs boson in electroweak predictions"),
    "alpha_s": ("", "alpha_s(M_Z) in electroweak predictions"),
    "delta_alpha": ("", "running of alpha to M_Z by leptons and five quarks in electroweak predictions"),
}
# Domain of the sampled inputs in standard deviations: the predictions are expansions.
_DOMAIN = 10.0


class Measured(NamedTuple):
    """The data in their order: names, words of the predictions, values and experimental errors."""

    name: tuple[str, ...]
    prediction: tuple[str, ...]
    value: Float[np.ndarray, " observable"]
    error: Float[np.ndarray, " observable"]


@functools.cache
def measured(average: Average) -> Measured:
    """The 22 measurements; the W mass stands last."""
    table, w_mass = _table("measurements.csv"), _table("w_mass.csv")
    chosen = list(w_mass["average"]).index(average)
    return Measured(
        (*map(str, table["observable"]), "M_W"),
        (*map(str, table["prediction"]), "m_w_gev"),
        np.append(table["value"], w_mass["m_w_gev"][chosen]),
        np.append(table["error"], w_mass["error_gev"][chosen]),
    )


def central_nuisances() -> Nuisances:
    """Measured values of the inputs."""
    table = _table("nuisances.csv")
    return Nuisances(**dict(zip(map(str, table["parameter"]), map(float, table["value"]), strict=True)))


def nuisance_parameters() -> tuple[Parameter, ...]:
    """The inputs as parameters of a run, with their measurements as priors."""
    table = _table("nuisances.csv")
    rows = zip(map(str, table["parameter"]), map(float, table["value"]), map(float, table["error"]), strict=True)
    return tuple(_parameter(name, value, error) for name, value, error in rows)


def standard_values() -> Float[np.ndarray, " observable"]:
    """The 22 observables in the Standard Model at the measured values of the inputs."""
    return _expansion()[0]


def covariance(average: Average, *, parametric: bool) -> Float[np.ndarray, "observable observable"]:
    """Covariance of data and predictions; `parametric` adds the errors of the inputs to those of missing orders."""
    _, of_inputs, of_missing_orders = _expansion()
    result = _experimental(average) + of_missing_orders @ of_missing_orders.T
    return result + of_inputs @ of_inputs.T if parametric else result


def data_tables() -> tuple[Table, ...]:
    """Tables of the data, the inputs and the errors of the predictions."""
    names = ("measurements.csv", "correlations.csv", "w_mass.csv", "nuisances.csv", "theory_errors.csv")
    return tuple(map(_table, names))


def published_limit() -> Table:
    """The limit of another analysis, for the picture."""
    return _table("published_limit.csv")


def _experimental(average: Average) -> Float[np.ndarray, "observable observable"]:
    found, table = measured(average), _table("correlations.csv")
    correlation = np.eye(len(found.name))
    for one, other, value in zip(table["observable"], table["other"], table["correlation"], strict=True):
        i, j = found.name.index(one), found.name.index(other)
        correlation[i, j] = correlation[j, i] = value
    return correlation * np.outer(found.error, found.error)


@functools.cache
def _expansion() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Standard-Model values, and what they move by, to first order, when each input or each quantity with missing
    higher orders moves by its error: one column for each."""
    inputs, missing = _table("nuisances.csv"), _table("theory_errors.csv")
    count = len(inputs["error"])

    def displaced(sigmas: Float[Array, " source"]) -> tuple[Float[Array, " observable"], Float[Array, " observable"]]:
        nuisances = jnp.asarray(central_nuisances()) + sigmas[:count] * inputs["error"]
        standard = standard_model(Nuisances(*nuisances))
        for i, name in enumerate(map(str, missing["quantity"])):
            standard = _displaced(standard, name, sigmas[count + i] * missing["error"][i])
        words = pseudo_observables(standard, unmixed(standard))
        values = jnp.stack([words[name] for name in measured("without_cdf").prediction])
        return values, values

    sources = count + len(missing["error"])
    columns, values = jax.jit(jax.jacfwd(displaced, has_aux=True))(jnp.zeros(sources))
    return np.asarray(values), np.asarray(columns[:, :count]), np.asarray(columns[:, count:])


def _parameter(name: str, value: float, error: float) -> Parameter:
    low, high = round(value - _DOMAIN * error, 10), round(value + _DOMAIN * error, 10)
    return Parameter(PREFIX + name, *_MEANINGS[name], low, high, ("truncated_normal", (value, error, low, high)))


def _displaced(standard: StandardModel, name: str, error: Float[Array, ""]) -> StandardModel:
    if name == "sin2_lepton":
        lepton = jnp.asarray([1.0 if decay in ("e", "mu", "tau") else 0.0 for decay in DECAYS])
        return standard._replace(sin2_eff=standard.sin2_eff + error * lepton)
    return standard._replace(**{name: getattr(standard, name) + error})


def _table(name: str) -> Table:
    return read_table("globalfit.likelihoods.ewpo", name)
