"""`Result`: a finished run, read from its folder; nothing is computed and nothing is written."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from jaxtyping import Float

from globalfit import runfile
from globalfit.errors import OutputError
from globalfit.results import folder as names
from globalfit.results.checksums import verify
from globalfit.results.marginals import Marginal, Summary, read_summary
from globalfit.results.records import convergence, read_details, read_evidence, read_provenance, sampled_parameters
from globalfit.results.run_identity import Code
from globalfit.results.schema import Details, Evidence, ParameterRecord, Provenance
from globalfit.runfile import RunFile
from globalfit.samplers.nested.dead_points import other_log_weights
from globalfit.storage.inference_data import LIVE, Samples, inference_data, load

if TYPE_CHECKING:
    import pandas as pd


@dataclasses.dataclass(frozen=True, repr=False)
class Result:
    """One finished run as its folder holds it.

    `samples` is empty for an optimiser. `text` is the run file with every default, `rows` the rows of `summary.csv`.
    """

    folder: Path
    name: str
    settings: RunFile
    text: str
    evidence: Evidence
    rows: list[dict[str, str]]
    details: Details
    provenance: Provenance
    samples: Samples

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """The run of an output folder.

        Raises `OutputError` if it is not finished, or if a file is missing or is not what a run writes.
        """
        if Path(folder).is_dir() and not (Path(folder) / names.REPORT).is_file():
            raise OutputError(f"{folder}: is not the folder of a finished run.")
        return cls.without_report(folder)

    @classmethod
    def without_report(cls, folder: Path | str) -> Self:
        """The same of a folder that lacks nothing but its report."""
        folder = Path(folder)
        if not folder.is_dir():
            raise OutputError(f"{folder}: is not a folder of a run.")
        if not (folder / names.RUN).is_file() or not (folder / names.SUMMARY).is_file():
            missing = next(name for name in (names.RUN, names.SUMMARY) if not (folder / name).is_file())
            raise OutputError(f"{folder}: is not the folder of a finished run: it has no {missing}.")
        verify(folder)
        try:
            text, table = ((folder / name).read_text(encoding="utf-8") for name in (names.RUN, names.SUMMARY))
        except UnicodeDecodeError as error:
            raise OutputError(f"{folder}: {names.RUN} or {names.SUMMARY} is not what a run writes: {error}.") from error
        settings, details = runfile.load(folder / names.RUN), read_details(folder)
        profile = details.get("profile") is not None
        return cls(
            folder,
            folder.name,
            settings,
            text,
            read_evidence(folder),
            read_summary(folder / names.SUMMARY, table, details),
            details,
            read_provenance(folder),
            Samples({}, {}, {}, {}) if profile else load(folder / names.POSTERIOR, sampled_parameters(details)),
        )

    @property
    def converged(self) -> bool | None:
        """Whether every convergence check passed; None for a plane that is no sample."""
        return self.evidence["converged"]

    @property
    def failed(self) -> list[str]:
        """What each failed check says."""
        return self.evidence["failed"]

    @property
    def notes(self) -> list[str]:
        """What the posterior owes to its prior: parameters that it cuts off, or that the data do not constrain."""
        return self.evidence.get("notes", [])

    @property
    def log_evidence(self) -> float | None:
        """ln Z; None for a sampler that gives none."""
        return self.evidence["log_evidence"]

    @property
    def log_evidence_error(self) -> float | None:
        """Standard error of ln Z; None for a sampler that gives none."""
        return self.evidence["log_evidence_error"]

    @property
    def best_fit(self) -> dict[str, float | None]:
        """Parameters at the highest ln L that was found."""
        return {row["name"]: row["best_fit"] for row in self.details["parameters"]}

    @property
    def parameters(self) -> dict[str, ParameterRecord]:
        """The sampled parameters."""
        return sampled_parameters(self.details)

    @property
    def program(self) -> str:
        """Version of the program that made the run, with the commit of its source where that is known."""
        return str(Code.of(self.provenance))

    @property
    def has_draws(self) -> bool:
        """False for an optimiser."""
        return bool(self.samples.posterior)

    @property
    def chains(self) -> int | None:
        """Chains of the draws; None without draws, and for independent ones with weights."""
        if not self.has_draws or self.samples.weighted:
            return None
        return len(next(iter(self.samples.posterior.values())))

    @property
    def shows_posterior(self) -> bool:
        """False without draws, and for a plane whose mesh is too coarse for the posterior."""
        return self.has_draws and (self.details.get("plane") is None or self.log_evidence is not None)

    @property
    def other_weights(self) -> Float[np.ndarray, "history point"] | None:
        """Weights that the points of a nested run could have as well, in other histories of the volumes."""
        if LIVE not in self.samples.weighted:
            return None
        points = self.samples.weighted
        return np.exp(other_log_weights(points["log_likelihood"], points[LIVE], np.random.default_rng(0)))

    def points(self, name: str) -> tuple[Float[np.ndarray, " point"], Float[np.ndarray, " point"]]:
        """Points of a parameter or prediction with weights that sum to one: those of the sampler where it has them.

        Raises `OutputError` for a run without draws.
        """
        if not self.has_draws:
            raise OutputError(f"{self.folder}: holds no draws; an optimiser leaves a best fit and profiles.")
        return self.samples.points(name)

    @functools.cached_property
    def summary(self) -> Summary:
        """Marginal posteriors of parameters and predictions by name; empty for an optimiser."""
        rows = {row["name"]: row["unit"] for row in (*self.details["parameters"], *self.details["predictions"])}
        held = {name: rows.get(name, "") for name in self.samples.posterior}
        return Summary(tuple(held), lambda name: Marginal(name, held[name], *self.points(name)))

    @functools.cached_property
    def draws(self) -> pd.DataFrame:
        """Draws of equal weight, one row each: `chain` and `draw`, parameters, predictions, `loglike_<likelihood>`,
        `loglike`, `logprior` and `weight`, which sums to one."""
        import pandas as pd

        posterior, stats = self.samples.posterior, self.samples.sample_stats
        shape = next(iter(posterior.values()), np.empty((0, 0))).shape
        chain, draw = np.indices(shape)
        columns = {"chain": chain, "draw": draw, **posterior}
        columns |= {f"loglike_{name}": values for name, values in self.samples.log_likelihood.items()}
        columns |= {"loglike": stats["log_likelihood"], "logprior": stats["log_prior"]} if posterior else {}
        columns["weight"] = np.full(shape, 1.0 / max(1, chain.size))
        return pd.DataFrame({name: np.ravel(values) for name, values in columns.items()})

    @functools.cached_property
    def weighted(self) -> pd.DataFrame:
        """The sampler's own weighted points, one row each: sampled parameters, `loglike` and `weight`, which sums to
        one. A sampler without weights has its draws here, each with the same weight."""
        import pandas as pd

        points = self.samples.weighted
        if not points:
            return self.draws.filter([*self.parameters, "loglike", "weight"])
        weight = np.exp(points["log_weight"] - np.max(points["log_weight"]))
        columns = {name: points[name] for name in self.parameters}
        return pd.DataFrame(columns | {"loglike": points["log_likelihood"], "weight": weight / np.sum(weight)})

    def inference_data(self) -> Any:
        """The draws as ArviZ has them: `InferenceData` (ArviZ 0.23) or `DataTree` (ArviZ 1).

        Raises `OutputError` for a run without draws.
        """
        if not self.has_draws:
            raise OutputError(f"{self.folder}: holds no draws; an optimiser leaves a best fit and profiles.")
        return inference_data(self.folder / names.POSTERIOR)

    def __repr__(self) -> str:
        state = ": ".join((convergence(self.converged), *(["; ".join(self.failed)] if self.failed else [])))
        evidence = ""
        if self.log_evidence is not None:
            error = "" if self.log_evidence_error is None else f" +- {self.log_evidence_error:.3f}"
            evidence = f"ln Z = {self.log_evidence:.3f}{error}\n"
        known = {name: value for name, value in self.best_fit.items() if value is not None}
        fit = "\n".join(f"{name} = {value:.5g} at the best fit" for name, value in known.items())
        marginals = "\n".join(repr(self.summary[name]) for name in self.parameters if name in self.summary)
        return f"Result of {self.details['model']['title']} in {self.folder}: {state}\n{evidence}{marginals or fit}"
