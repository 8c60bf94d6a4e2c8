"""The posterior of a run with two more methods: one point by the names of its parameters, and a table of points."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from globalfit.errors import ConfigurationError, UnknownNameError
from globalfit.physics import status
from globalfit.posterior import posterior as core
from globalfit.posterior.evaluated_points import check_domain, evaluate_batch, needed
from globalfit.posterior.points_table import evaluate_rows, kept_columns, parameter_columns

if TYPE_CHECKING:
    import pandas as pd


class Posterior(core.Posterior):
    """Priors, model and likelihoods as one pure function of the parameter vector `theta`, in the order of `names`.

    `log_likelihood`, `log_prior` and `evaluate` take one point of shape `(ndim,)`; `jax.jit`, `jax.grad` and `jax.vmap`
    work on them.
    """

    @classmethod
    def of(cls, posterior: core.Posterior) -> Posterior:
        """The same posterior with the methods of this class."""
        return cls(*(getattr(posterior, field.name) for field in dataclasses.fields(posterior)))

    def point(self, **values: float) -> Point:
        """Everything about one point given by its parameters; what the run fixes or expresses may be left out.

        Raises `UnknownNameError` for a name that is no parameter of the run, `ConfigurationError` for one that is
        missing or a value outside its domain.
        """
        check_domain(self, values)
        if missing := needed(self, set(values)):
            raise ConfigurationError(f"no value for {', '.join(missing)}; give every sampled parameter.")
        return Point(self, values)

    def table(self, points: pd.DataFrame | Mapping[str, Any], predict: Sequence[str] = ("omega_h2",)) -> pd.DataFrame:
        """The points with a column for each prediction in `predict`, `loglike_<likelihood>`, `loglike`, `logprior` and
        `status`, as `globalfit evaluate` writes them.

        A row that cannot be evaluated keeps its place, with NaN and the reason in `status`. A column of `points` with
        the name of a new one is kept as `input_<name>`. Raises `PointsError` if the column of a parameter is missing,
        `UnknownNameError` for an unknown prediction.
        """
        import pandas as pd

        frame = pd.DataFrame(points)
        columns = [str(name) for name in frame.columns]
        used = parameter_columns(self, columns, "the table of points")
        rows = [[str(value) for value in row] for row in frame.itertuples(index=False)]
        names = [*predict, *(f"loglike_{name}" for name in self.likelihoods), "loglike", "logprior", "status"]
        cells = evaluate_rows(self, columns, rows, used, list(predict))
        found = pd.DataFrame(cells, columns=names, index=frame.index)
        for name in names[:-1]:
            found[name] = pd.to_numeric(found[name])
        kept = frame.set_axis(kept_columns(columns, names), axis=1)
        return pd.concat([kept, found], axis=1)

    def __hash__(self) -> int:
        """By identity: `jax.jit` takes only functions with a hash."""
        return id(self)

    def __repr__(self) -> str:
        likelihoods = ", ".join(self.likelihoods) or "no likelihood"
        return f"Posterior of {self.model.title} in {', '.join(self.names)}; {likelihoods}"


class Point(Mapping[str, float]):
    """One point: predictions by name, computed when they are asked for, and its likelihood."""

    def __init__(self, posterior: Posterior, values: Mapping[str, float]) -> None:
        self.posterior, self.values_given = posterior, dict(values)
        self._predictions: dict[str, float] = {}
        self._row = self._evaluated(())

    def _evaluated(self, names: Sequence[str]) -> Any:
        columns = {name: np.array([float(value)]) for name, value in self.values_given.items()}
        return evaluate_batch(self.posterior, columns or {"": np.zeros(1)}, names)

    @property
    def log_likelihood(self) -> float:
        """ln L of all experiments, -inf where the model has no solution."""
        return float(self._row.log_likelihood[0])

    @property
    def log_prior(self) -> float:
        """Log prior density, -inf outside the prior."""
        return float(self._row.log_prior[0])

    @property
    def terms(self) -> dict[str, float]:
        """ln L of each experiment."""
        return {name: float(term[0]) for name, term in self._row.terms.items()}

    @property
    def status(self) -> str:
        """`ok`, or what limits the result at this point."""
        return status.describe(int(self._row.status[0]))

    def __getitem__(self, name: str) -> float:
        """A prediction. Raises `UnknownNameError` with the nearest known name."""
        if name not in self.posterior.vocabulary:
            raise UnknownNameError("prediction", name, self.posterior.vocabulary)
        if name not in self._predictions:
            self._predictions[name] = float(self._evaluated((name,)).predictions[name][0])
        return self._predictions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.posterior.vocabulary)

    def __len__(self) -> int:
        return len(self.posterior.vocabulary)

    def __contains__(self, name: object) -> bool:
        return name in self.posterior.vocabulary

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value:g}" for name, value in self.values_given.items())
        terms = "".join(f"\n  {name}: ln L = {value:.4f}" for name, value in self.terms.items())
        return f"Point({given}): {self.status}, ln L = {self.log_likelihood:.4f}{terms}"
