"""The run file's schema: what a user writes, typed. Names and numbers are checked against the plug-ins by `build`."""

from __future__ import annotations

import os
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, PrivateAttr, Tag

from globalfit.runfile.document import Source

MAX_SEED = 2**32 - 1

Options = dict[str, Any]


def _kind(value: Any) -> str | None:
    """Tag of the alternatives below; None for what none of them takes (bool is not a number here)."""
    match value:
        case bool():
            return None
        case str():
            return "text"
        case int() | float():
            return "number"
        case dict():
            return "mapping"
    return None


def _choice(kind: str, example: str) -> Discriminator:
    return Discriminator(
        _kind, "choice", f"must be the name of a {kind}, or {{name: {{option: value}}}}, e.g. {example}"
    )


# A bare name, or a mapping of one name to its options.
_Entry = (
    Annotated[Annotated[str, Field(min_length=1)], Tag("text")]
    | Annotated[Annotated[dict[str, Options | None], Field(min_length=1, max_length=1)], Tag("mapping")]
)
ModelEntry = Annotated[_Entry, _choice("model", "`axial` or `dpdm: {ww: none}`")]
LikelihoodEntry = Annotated[_Entry, _choice("likelihood", "`planck_relic` or `planck_relic: {theory_error: 0.02}`")]
SamplerEntry = Annotated[_Entry, _choice("sampler", "`dynesty` or `dynesty: {nlive: 1000}`")]
PriorEntry = Annotated[dict[str, list[float]], Field(min_length=1, max_length=1)]
ParameterEntry = Annotated[
    Annotated[float, Tag("number")]
    | Annotated[Annotated[str, Field(min_length=1)], Tag("text")]
    | Annotated[PriorEntry, Tag("mapping")],
    Discriminator(
        _kind,
        "choice",
        "must be a number (fixed), an expression of other parameters in quotes, or a prior such as {uniform: [1, 2]}",
    ),
]
InputsEntry = Annotated[
    Annotated[Annotated[str, Field(min_length=1)], Tag("text")] | Annotated[Options, Tag("mapping")],
    Discriminator(
        _kind, "choice", "must be the name of a preset or a mapping such as {preset: micromegas6, width: running}"
    ),
]


def _folder(path: str) -> str:
    """The path with the home directory in place of `~`; variables of a shell are not known here."""
    if "\0" in path:
        raise ValueError("must not hold a NUL character")
    if re.search(r"\$[A-Za-z_{]", path):
        raise ValueError("must not hold a variable such as $SCRATCH, which nothing here replaces")
    return os.path.expanduser(path)


FolderName = Annotated[str, Field(min_length=1), AfterValidator(_folder)]


class RunFile(BaseModel):
    """Settings of one run."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    model: ModelEntry = Field(description="Name of the model, or {name: options}.")
    parameters: dict[str, ParameterEntry] = Field(
        default_factory=dict,
        description="Prior, fixed value or expression of each parameter; the rest comes from the model's default "
        "priors. Names that the model does not have may be used in expressions.",
    )
    inputs: InputsEntry = Field("default", description="Standard-Model inputs: a preset, or a mapping on top of one.")
    likelihoods: list[LikelihoodEntry] = Field(
        default_factory=list, description="Names of the experiments, or {name: options}; empty: the prior alone."
    )
    dark_matter: Literal["all", "component"] = Field(
        "all",
        description="The particle is all of the dark matter, or at most all of it: then the relic density is an upper "
        "limit, and direct detection sees the fraction f = omega_h2/0.12, indirect detection f squared.",
    )
    sampler: SamplerEntry = Field("dynesty", description="Name of the sampler, or {name: options}.")
    seed: int = Field(1, ge=0, le=MAX_SEED, description="Seed of every random number of the run.")
    output: FolderName | None = Field(
        None, description="Output folder, relative to the folder in which the command runs."
    )

    _source: Source = PrivateAttr(default_factory=lambda: Source("run"))
    _advice: str = PrivateAttr(default="")

    @property
    def source(self) -> Source:
        """Where the settings came from, for error messages."""
        return self._source

    @property
    def advice(self) -> str:
        """How to write today what the file writes as it was written before; empty if it does not."""
        return self._advice


def entry(item: str | dict[str, Options | None]) -> tuple[str, Options]:
    """Name and options of a model, likelihood or sampler entry."""
    if isinstance(item, str):
        return item, {}
    ((name, options),) = item.items()
    return name, options or {}


def label(item: str | dict[str, Options | None]) -> str:
    """What a likelihood is called in a run: its option `name` if it has one, so that there may be several of a kind."""
    name, options = entry(item)
    own = options.get("name")
    return own if isinstance(own, str) else name
