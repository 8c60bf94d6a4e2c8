"""Default priors of a model, with the reason for their bounds."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError

from globalfit import plugins
from globalfit.runfile.document import Source, read
from globalfit.runfile.schema import ParameterEntry
from globalfit.runfile.validation import located


class DefaultPrior(BaseModel):
    """Prior of one parameter (or its fixed value, or an expression) and why it has these bounds."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    prior: ParameterEntry
    reason: str


class DefaultPriors(RootModel[dict[str, DefaultPrior]]):
    """All default priors of a model by parameter."""


def default_priors(model: str) -> tuple[dict[str, DefaultPrior], Source]:
    """Default priors of a model, empty if it has none.

    They stand in `<model>.yaml`, in the package `globalfit.priors` or, for a model of another package, beside the
    module of the model. Raises `ConfigurationError` for a faulty file.
    """
    path = next((path for path in _candidates(model) if path.is_file()), None)
    if path is None:
        return {}, Source(f"default priors of '{model}'")
    document = read(path)
    try:
        priors = DefaultPriors.model_validate_json(json.dumps(document.data), strict=True).root
    except ValidationError as error:
        raise located(error, document.source, DefaultPrior.model_fields) from error
    return priors, document.source


def models_with_priors() -> dict[str, Path]:
    """Files of default priors that come with the package, by model."""
    return {path.stem: path for path in sorted(Path(str(files("globalfit.priors"))).glob("*.yaml"))}


def _candidates(model: str) -> list[Path]:
    paths = [models_with_priors().get(model)]
    if model in plugins.registered("model"):
        folder = plugins.folder(plugins.registered("model")[model])
        paths.append(folder / f"{model}.yaml" if folder else None)
    return [path for path in paths if path is not None]
