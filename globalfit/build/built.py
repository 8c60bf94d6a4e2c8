"""From a run file to the objects that compute: names are looked up here, and everything is checked before it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from globalfit import plugins
from globalfit.build.definitions import check_definitions
from globalfit.build.parameter_space import entries, parameter_space
from globalfit.errors import ConfigurationError, UnknownNameError
from globalfit.experiment.protocol import Likelihood
from globalfit.models import Model, every_parameter, variants
from globalfit.physics.inputs import PRESETS, Inputs
from globalfit.physics.predictions import Prediction, merge_vocabularies
from globalfit.posterior.posterior import Posterior
from globalfit.runfile import RunFile, entry
from globalfit.runfile.validation import validate_options
from globalfit.samplers.protocol import Sampler


def build(run: RunFile) -> tuple[Posterior, Sampler]:
    """Posterior and sampler of a run.

    Raises `ConfigurationError` with file:line:column and key of what is wrong, `DataError` for a faulty table.
    """
    posterior, sampler = build_posterior(run), build_sampler(run)
    check_definitions(run, posterior)
    if check := getattr(sampler, "check", None):
        with run.source.at("sampler"):
            check(posterior.names)
    return posterior, sampler


def build_posterior(run: RunFile) -> Posterior:
    """Posterior of a run; the sampler is not looked at."""
    model, inputs = build_model(run), build_inputs(run)
    likelihoods = build_likelihoods(run, inputs)
    groups = [model.provides, *(likelihood.provides for likelihood in likelihoods.values())]
    vocabulary = merge_vocabularies(core_vocabulary(), *groups)
    for index, (name, likelihood) in enumerate(likelihoods.items()):
        for missing in (word for word in likelihood.requires if word not in vocabulary):
            error = UnknownNameError("prediction", missing, vocabulary)
            raise run.source.error(("likelihoods", index), f"'{name}' needs an {error}")
    parameters = every_parameter(model, likelihoods.values())
    space = parameter_space(entries(run, entry(run.model)[0], parameters), parameters)
    return Posterior(space, model, likelihoods, vocabulary, inputs)


def build_sampler(run: RunFile) -> Sampler:
    """Sampler of a run with its options."""
    cls, options = _plugin(run, "sampler", run.sampler, ("sampler",))
    with run.source.at("sampler"):
        return cls.build(options)


def build_model(run: RunFile) -> Model:
    """Model of a run with its options."""
    cls, options = _plugin(run, "model", run.model, ("model",))
    with run.source.at("model"):
        return cls.build(options)


def build_inputs(run: RunFile) -> Inputs:
    """Standard-Model inputs: a preset, or single values on top of one."""
    overrides: dict[str, Any] = {"preset": run.inputs} if isinstance(run.inputs, str) else dict(run.inputs)
    preset = overrides.pop("preset", "default")
    if not isinstance(preset, str) or preset not in PRESETS:
        with run.source.at("inputs", "preset"):
            raise UnknownNameError("preset of inputs", str(preset), PRESETS)
    # Only the user's keys can be wrong, so that every error has a place in the run file.
    validate_options(Inputs, overrides, run.source, ("inputs",))
    return validate_options(Inputs, PRESETS[preset].model_dump() | overrides, run.source, ("inputs",))


def build_likelihoods(run: RunFile, inputs: Inputs) -> dict[str, Likelihood]:
    """Likelihoods of a run by name.

    Raises `ConfigurationError` for one that is asked for twice, or together with one that it is in conflict with.
    """
    result: dict[str, Likelihood] = {}
    for index, item in enumerate(run.likelihoods):
        name, _ = entry(item)
        cls, options = _plugin(run, "likelihood", item, ("likelihoods", index))
        with run.source.at("likelihoods", index):
            if name in result:
                raise ConfigurationError(f"'{name}' is given twice; its data would count twice.")
            result[name] = cls.build(options, inputs)
    for index, (name, likelihood) in enumerate(result.items()):
        for other, reason in likelihood.conflicts.items():
            if other in result:
                raise run.source.error(
                    ("likelihoods", index),
                    f"'{name}' and '{other}' cannot stand in one fit: {reason}; keep one of them.",
                )
    return result


def resolve(run: RunFile) -> RunFile:
    """The same run with every default filled in, as it is written beside its results."""
    model, inputs = build_model(run), build_inputs(run)
    parameters = every_parameter(model, build_likelihoods(run, inputs).values())
    name = entry(run.model)[0]
    preset = run.inputs if isinstance(run.inputs, str) else run.inputs.get("preset", "default")
    places = [("likelihoods", index) for index in range(len(run.likelihoods))]
    return run.model_copy(
        update={
            "model": _filled(run, "model", run.model, ("model",)),
            "parameters": {key: item.value for key, item in entries(run, name, parameters).items()},
            "inputs": {"preset": preset, **inputs.model_dump()},
            "likelihoods": [
                _filled(run, "likelihood", item, place) for item, place in zip(run.likelihoods, places, strict=True)
            ],
            "sampler": _filled(run, "sampler", run.sampler, ("sampler",)),
        }
    )


def core_vocabulary() -> tuple[Prediction, ...]:
    """Predictions that every model has."""
    from globalfit.physics.observables import VOCABULARY

    return VOCABULARY


def every_prediction() -> dict[str, Prediction]:
    """Predictions that every model has, those of single models whatever their options, and those of likelihoods with
    default options."""
    words = {word.name: word for word in core_vocabulary()}
    for name in plugins.registered("model"):
        for model in variants(plugins.load("model", name)).values():
            words |= {word.name: word for word in model.provides}
    for name in plugins.registered("likelihood"):
        likelihood = plugins.load("likelihood", name)
        words |= {word.name: word for word in likelihood.build(likelihood.Options(), PRESETS["default"]).provides}
    return words


def _plugin(run: RunFile, kind: plugins.Kind, item: Any, path: tuple[str | int, ...]) -> tuple[Any, Any]:
    """Class and validated options of an entry."""
    name, options = entry(item)
    with run.source.at(*path):
        cls = plugins.load(kind, name)
    return cls, validate_options(cls.Options, options, run.source, (*path, name))


def _filled(run: RunFile, kind: plugins.Kind, item: Any, path: tuple[str | int, ...]) -> str | dict[str, Any]:
    """An entry with all its options, a bare name if it has none."""
    name, _ = entry(item)
    _, options = _plugin(run, kind, item, path)
    values: Mapping[str, Any] = options.model_dump(mode="json")
    return {name: dict(values)} if values else name
