"""From a run file to the objects that compute: names are looked up here, and everything is checked before it runs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from pydantic import BaseModel

from globalfit import plugins
from globalfit.build.definitions import check_definitions
from globalfit.build.parameter_space import entries, parameter_space
from globalfit.errors import ConfigurationError, UnknownNameError
from globalfit.experiment.protocol import Likelihood, every_parameter
from globalfit.models import variants
from globalfit.physics.dark_matter_fraction import OMEGA_H2
from globalfit.physics.inputs import PRESETS, Inputs
from globalfit.physics.predictions import Prediction, Vocabulary
from globalfit.posterior.posterior import Posterior
from globalfit.runfile import RunFile, entry, label
from globalfit.runfile.validation import validate_options
from globalfit.samplers.protocol import Sampler


class Built(NamedTuple):
    """A run with every default filled in, as it is written beside its results, and what computes it."""

    run: RunFile
    posterior: Posterior
    sampler: Sampler


def build(run: RunFile) -> Built:
    """Everything that a run names.

    Raises `ConfigurationError` with file:line:column and key of what is wrong, `DataError` for a faulty table.
    """
    posterior, filled = _posterior(run)
    choice = _chosen(run, "sampler", run.sampler, ("sampler",))
    with run.source.at("sampler"):
        sampler = choice.cls.build(choice.options)
    check_definitions(run, posterior)
    with run.source.at("sampler"):
        sampler.check(posterior.names)
    return Built(run.model_copy(update={**filled, "sampler": choice.entry}), posterior, sampler)


def check_jax() -> None:
    """Raise `ConfigurationError` if JAX has no device, or none with double precision, which a relic density takes."""
    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:  # JAX asserts that there is a backend of the platform asked for
        asked = f"JAX_PLATFORMS='{os.environ.get('JAX_PLATFORMS', '')}'"
        raise ConfigurationError(f"JAX finds no device with {asked}: unset it, or set it to cpu.") from error
    if jnp.result_type(float) != jnp.float64:
        raise ConfigurationError(
            "JAX calculates in single precision, in which the relic density is wrong: unset JAX_ENABLE_X64 or set it "
            "to 1, or call jax.config.update('jax_enable_x64', True)."
        )


def build_posterior(run: RunFile) -> Posterior:
    """Posterior of a run; the sampler is not looked at."""
    return _posterior(run)[0]


def build_inputs(run: RunFile) -> tuple[Inputs, dict[str, Any]]:
    """Standard-Model inputs, a preset or values on top of one; and the same as a run file writes them in full."""
    overrides: dict[str, Any] = {"preset": run.inputs} if isinstance(run.inputs, str) else dict(run.inputs)
    preset = overrides.pop("preset", "default")
    if not isinstance(preset, str) or preset not in PRESETS:
        with run.source.at("inputs", "preset"):
            raise UnknownNameError("preset of inputs", str(preset), PRESETS)
    # Only the user's keys can be wrong, so that every error has a place in the run file.
    validate_options(Inputs, overrides, run.source, ("inputs",))
    inputs = validate_options(Inputs, PRESETS[preset].model_dump() | overrides, run.source, ("inputs",))
    return inputs, {"preset": preset, **inputs.model_dump()}


def core_vocabulary() -> Vocabulary:
    """Predictions that every model has, and the status flags of the physics."""
    from globalfit.physics.observables import VOCABULARY

    return VOCABULARY


def every_prediction() -> dict[str, Prediction]:
    """Predictions that every model has, those of single models whatever their options, and those of likelihoods with
    default options."""
    words = dict(core_vocabulary())
    for name in plugins.registered("model"):
        for model in variants(plugins.load("model", name)).values():
            words |= {word.name: word for word in model.provides}
    for name in plugins.registered("likelihood"):
        likelihood = plugins.load("likelihood", name)
        if plugins.needs_options(likelihood):
            continue
        words |= {word.name: word for word in likelihood.build(likelihood.Options(), PRESETS["default"]).provides}
    return words


class _Choice(NamedTuple):
    """A plug-in that a run file names, with its validated options."""

    name: str
    cls: Any
    options: BaseModel

    @property
    def entry(self) -> str | dict[str, Any]:
        """As a run file writes it with all its options; a bare name if it has none."""
        values = self.options.model_dump(mode="json")
        return {self.name: values} if values else self.name


def _chosen(run: RunFile, kind: plugins.Kind, item: Any, path: tuple[str | int, ...]) -> _Choice:
    name, options = entry(item)
    with run.source.at(*path):
        cls = plugins.load(kind, name)
    return _Choice(name, cls, validate_options(cls.Options, options, run.source, (*path, name)))


def _posterior(run: RunFile) -> tuple[Posterior, dict[str, Any]]:
    """The posterior, and the settings behind it with every default filled in."""
    check_jax()
    choice = _chosen(run, "model", run.model, ("model",))
    with run.source.at("model"):
        model = choice.cls.build(choice.options)
    inputs, inputs_entry = build_inputs(run)
    choices = [_chosen(run, "likelihood", item, ("likelihoods", index)) for index, item in enumerate(run.likelihoods)]
    likelihoods = _likelihoods(run, choices, inputs)
    vocabulary = core_vocabulary().extended(model.provides, *(item.provides for item in likelihoods.values()))
    if run.dark_matter == "component" and OMEGA_H2 not in vocabulary:
        raise run.source.error(("dark_matter",), f"'component' needs the prediction '{OMEGA_H2}', which nothing makes.")
    parameters = every_parameter(model, likelihoods.values())
    required = {name for item in likelihoods.values() for name in item.requires}
    known = entries(run, choice.name, parameters, required)
    _check_requirements(run, likelihoods, {*vocabulary, *known})
    filled = {
        "model": choice.entry,
        "parameters": {name: item.value for name, item in known.items()},
        "inputs": inputs_entry,
        "likelihoods": [item.entry for item in choices],
    }
    space = parameter_space(known, parameters)
    return Posterior(space, model, likelihoods, vocabulary, inputs, run.dark_matter), filled


def _likelihoods(run: RunFile, choices: Sequence[_Choice], inputs: Inputs) -> dict[str, Likelihood]:
    """Likelihoods by name.

    Raises `ConfigurationError` for one that is asked for twice, or together with one that it is in conflict with.
    """
    result: dict[str, Likelihood] = {}
    for index, (choice, item) in enumerate(zip(choices, run.likelihoods, strict=True)):
        name = label(item)
        with run.source.at("likelihoods", index):
            if name in result:
                raise ConfigurationError(f"'{name}' is given twice; its data would count twice.")
            built = choice.cls.build(choice.options, inputs)
            result[name] = built.for_component() if run.dark_matter == "component" else built
    for index, (name, likelihood) in enumerate(result.items()):
        for other, reason in likelihood.conflicts.items():
            if other in result:
                raise run.source.error(
                    ("likelihoods", index),
                    f"'{name}' and '{other}' cannot stand in one fit: {reason}; keep one of them.",
                )
    return result


def _check_requirements(run: RunFile, likelihoods: Mapping[str, Likelihood], known: set[str]) -> None:
    for index, (name, likelihood) in enumerate(likelihoods.items()):
        for missing in sorted(set(likelihood.requires) - known):
            error = UnknownNameError("prediction", missing, known)
            raise run.source.error(("likelihoods", index), f"'{name}' needs an {error}")
