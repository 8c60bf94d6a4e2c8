"""`report.json`: everything the report says beside the draws, as plain data, so that it can be made again later."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

from globalfit.analysis.stored_draws import BestFit, Stored, status_fractions
from globalfit.experiment.protocol import Likelihood, Measurement
from globalfit.physics import status
from globalfit.posterior.posterior import Posterior
from globalfit.posterior.prior import Distribution, named
from globalfit.results.schema import (
    Details,
    DiagnosticRecord,
    LikelihoodRecord,
    MeasurementRecord,
    ParameterRecord,
    PriorCurve,
    Reference,
    StatusRecord,
)
from globalfit.samplers.draws import Draws, Optimum
from globalfit.samplers.protocol import Sampler

# Tools that every result rests on; models, experiments and samplers bring their own references.
_TOOLS = {
    "JAX": "Bradbury et al., JAX: composable transformations of Python+NumPy programs (2018)",
    "ArviZ": "Kumar et al., J. Open Source Softw. 4 (2019) 1143",
    "corner": "Foreman-Mackey, J. Open Source Softw. 1 (2016) 24",
    "second evidence (bridge sampling)": "Meng & Wong, Stat. Sinica 6 (1996) 831; Gronau et al., arXiv:1703.05984",
}
_CURVE_POINTS = 200


def details(
    posterior: Posterior, sampler: Sampler, draws: Draws | Optimum, stored: Stored | None, best: BestFit
) -> Details:
    """Plain data of the report; `stored` is None for an optimiser, which has no draws."""
    return {
        "model": {"name": posterior.model.name, "title": posterior.model.title},
        "sampler": {"title": sampler.title, "numbers": dict(draws.numbers), "draws": _count(draws)},
        "converged": draws.converged,
        "diagnostics": [DiagnosticRecord(**dataclasses.asdict(diagnostic)) for diagnostic in draws.diagnostics],
        "parameters": parameter_table(posterior, best),
        "likelihoods": likelihood_table(posterior, stored, best),
        "predictions": [
            {"name": word.name, "value": best.predictions[word.name], "unit": word.unit, "meaning": word.meaning}
            for word in posterior.vocabulary.values()
        ],
        "best_fit": {
            "log_likelihood": best.log_likelihood,
            "status": status.describe(best.status),
        },
        "status": [] if stored is None else status_table(stored.row.status),
        "references": references(posterior, sampler),
    }


def status_table(flags: Int[np.ndarray, "*point"]) -> list[StatusRecord]:
    """How often each status occurs among points, and what it means."""
    return [
        {"name": name, "fraction": fraction, "meaning": _meaning(name)}
        for name, fraction in status_fractions(flags).items()
    ]


def parameter_table(posterior: Posterior, best: BestFit) -> list[ParameterRecord]:
    """Every parameter: unit, meaning, prior or definition, value at the best fit, and the prior's curve."""
    space = posterior.parameters
    known = {parameter.name: parameter for parameter in posterior.every_parameter}
    sampled = dict(zip(space.prior.names, space.prior.distributions, strict=True))
    table: list[ParameterRecord] = []
    for name in [*known, *(name for name in best.parameters if name not in known)]:
        parameter, prior = known.get(name), sampled.get(name)
        table.append(
            {
                "name": name,
                "unit": parameter.unit if parameter else "",
                "meaning": parameter.meaning if parameter else "auxiliary parameter of the run file",
                "sampled": prior is not None,
                "definition": definition(name, posterior),
                "logarithmic": prior is not None and prior.logarithmic,
                "support": None if prior is None else [end if math.isfinite(end) else None for end in prior.support],
                "prior_curve": {"x": [], "density": []} if prior is None else prior_curve(prior),
                "best_fit": best.parameters[name],
            }
        )
    return table


def likelihood_table(posterior: Posterior, stored: Stored | None, best: BestFit) -> list[LikelihoodRecord]:
    """Every experiment: ln L at the best fit, its mean over the posterior, its maximum and its value without a signal;
    its measurements with their pulls."""
    return [
        {
            "name": name,
            "title": item.title,
            "log_likelihood": best.terms[name],
            "mean_log_likelihood": None if stored is None else float(np.mean(stored.row.terms[name])),
            "maximum": float(item.maximum),
            "no_signal": None if item.no_signal is None else float(item.no_signal),
            "measurements": [
                _measurement_row(posterior, measurement, predicted, pull)
                for measurement, predicted, pull in zip(
                    item.measurements, best.predicted[name], best.pulls[name], strict=True
                )
            ],
        }
        for name, item in posterior.likelihoods.items()
    ]


def _measurement_row(
    posterior: Posterior, measurement: Measurement, predicted: float, pull: float
) -> MeasurementRecord:
    word = posterior.vocabulary[measurement.prediction] if measurement.prediction else None
    return {
        "observable": measurement.observable,
        "measured": measurement.summary,
        "central": measurement.central,
        "sigma": measurement.sigma,
        "prediction": word.name if word else None,
        "predicted": predicted,
        "unit": word.unit if word else "",
        "pull": pull,
    }


def references(posterior: Posterior, sampler: Sampler) -> list[Reference]:
    """What to cite, and for what."""
    groups = [(posterior.model.title, posterior.model.references)]
    groups += [(item.title, (*item.references, *_sources(item))) for item in posterior.likelihoods.values()]
    groups += [(sampler.title, sampler.references)]
    listed: list[Reference] = [{"for": what, "reference": text} for what, texts in groups for text in texts]
    return listed + [{"for": what, "reference": text} for what, text in _TOOLS.items()]


def _sources(item: Likelihood) -> tuple[str, ...]:
    """Sources of an experiment's tables that its references do not name."""
    sources = dict.fromkeys(re.sub(r"v\d+$", "", table.provenance.source) for table in item.tables)
    return tuple(source for source in sources if not any(source in reference for reference in item.references))


def prior_curve(prior: Distribution) -> PriorCurve:
    """Density of a prior over its support, in log10 of the parameter if the prior is logarithmic.

    Where the support does not end (or, in log10, has no beginning), the curve does at a tail probability of 0.1 %.
    """
    low, high = (
        edge if math.isfinite(edge) and (edge > 0.0 or not prior.logarithmic) else float(prior.quantile(jnp.asarray(u)))
        for edge, u in zip(prior.support, (1e-3, 1.0 - 1e-3), strict=True)
    )
    if prior.logarithmic:
        x = np.geomspace(low, high, _CURVE_POINTS)
        coordinate, slope = np.log10(x), x * math.log(10.0)
    else:
        x = np.linspace(low, high, _CURVE_POINTS)
        coordinate, slope = x, 1.0
    density = np.exp(np.asarray(prior.log_density(jnp.asarray(x)))) * slope
    return {"x": coordinate.tolist(), "density": density.tolist()}


def definition(name: str, posterior: Posterior) -> str:
    """Prior, fixed value or expression of a parameter, e.g. `log-uniform [10, 1000]`."""
    space = posterior.parameters
    if name in space.fixed:
        return f"fixed to {space.fixed[name]:g}"
    if name in space.expressions:
        return f"= {space.expressions[name].text}"
    kind, numbers = named(space.prior.distributions[space.prior.names.index(name)])
    text = ", ".join(f"{number:g}".replace("e-0", "e-") for number in numbers)
    return f"{kind.replace('_', '-')} [{text}]"


def variable_meanings(posterior: Posterior) -> Mapping[str, Mapping[str, str]]:
    """Unit and meaning of the variables of a result file."""
    known = {parameter.name: parameter for parameter in posterior.every_parameter}
    words = {**posterior.vocabulary, **known}
    return {name: {"unit": word.unit, "meaning": word.meaning} for name, word in words.items()}


def _count(draws: Draws | Optimum) -> int:
    return int(draws.theta[..., 0].size) if isinstance(draws, Draws) else 0


def _meaning(name: str) -> str:
    return next((flag.meaning for flag in status.FLAGS if flag.name == name), "No flag applies.")
