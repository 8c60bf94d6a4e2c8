"""A run as an object: settings that are typed and frozen, and what can be built from them."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from globalfit import runfile
from globalfit.compilation_cache import use_compilation_cache
from globalfit.errors import ConfigurationError
from globalfit.runfile import RunFile

if TYPE_CHECKING:
    from globalfit.api.posterior import Posterior


@dataclasses.dataclass(frozen=True, repr=False)
class Run:
    """The settings of one run: `model`, `parameters`, `inputs`, `likelihoods`, `sampler`, `seed`, `output`, ..."""

    settings: RunFile

    @classmethod
    def load(cls, source: str | Path | Mapping[str, Any]) -> Run:
        """A run file by its path or packaged name, or the same as a mapping.

        Raises `ConfigurationError` with the place of what is wrong, `UnknownNameError` for an unknown name.
        """
        if isinstance(source, Mapping):
            return cls(runfile.parse(source))
        return cls(runfile.load(source))

    def replace(self, **changes: Any) -> Run:
        """The same run with other settings, whole keys of the run file. Raises `ConfigurationError` as `load` does."""
        known = RunFile.model_fields
        for name in changes:
            if name not in known:
                nearest = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean '{nearest[0]}'?" if nearest else f"known: {', '.join(known)}."
                raise ConfigurationError(f"a run has no '{name}'; {hint}")
        return Run(runfile.parse(self.settings.model_dump(mode="json", exclude_unset=True) | changes))

    def posterior(self) -> Posterior:
        """The posterior, one pure function; the sampler is not looked at.

        Raises `ConfigurationError` for a run that cannot be built, `DataError` for a faulty table.
        """
        from globalfit.api.posterior import Posterior
        from globalfit.build.built import build_posterior

        use_compilation_cache()
        return Posterior.of(build_posterior(self.settings))

    def __getattr__(self, name: str) -> Any:
        """Settings by their names in the run file."""
        if name in RunFile.model_fields:
            return getattr(self.settings, name)
        raise AttributeError(f"a run has no '{name}'; its settings are {', '.join(RunFile.model_fields)}.")

    def __repr__(self) -> str:
        return f"Run of {self.settings.source.name}\n{self.to_yaml()}"

    def to_yaml(self) -> str:
        """The run file: what was set, without defaults."""
        from globalfit.runfile.document import dump

        return dump(self.settings.model_dump(mode="json", exclude_unset=True))
