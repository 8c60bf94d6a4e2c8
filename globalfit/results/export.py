"""Chains of a finished run in the files of other programs: GetDist, anesthetic, and a plain table.

GetDist's files are described at https://getdist.readthedocs.io (chains `root_1.txt` of weight, minus log posterior and
parameters; `root.paramnames`; `root.ranges`), anesthetic's by its `read_csv`: two index columns, number and weight, and
two header rows, name and LaTeX label.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from globalfit.errors import OutputError, UnknownNameError
from globalfit.results import folder as names
from globalfit.results.labels import experiment, latex
from globalfit.results.result import Result
from globalfit.results.schema import FORMATS
from globalfit.storage.files import replaced


def export(result: Result, form: str, root: Path | str) -> list[Path]:
    """Write the draws of a run for another program; the files that were written.

    `root` is the beginning of their names. Draws have equal weights and hold every parameter that is not fixed, every
    prediction, and ln L of every likelihood. Raises `OutputError` for a run without draws, and for a file that exists
    or cannot be written; `UnknownNameError` for an unknown format.
    """
    if form not in FORMATS:
        raise UnknownNameError("format", form, FORMATS)
    if not result.has_draws:
        raise OutputError(f"{result.folder}: holds no draws; {names.PROFILE} has the profiles of an optimiser as CSV.")
    written = {"getdist": _getdist, "anesthetic": _anesthetic, "csv": _csv}[form](result, Path(root))
    if taken := next((path for path in written if path.exists()), None):
        raise OutputError(f"{taken}: exists already; remove it, or choose another name.")
    for path, write in written.items():
        write(path)
    return list(written)


Writers = dict[Path, Callable[[Path], None]]


def _getdist(result: Result, root: Path) -> Writers:
    """One text file for each chain; draws of a nested run are one chain."""
    columns, draws = list(_columns(result)), result.draws
    minus_log_posterior = -(draws["loglike"] + draws["logprior"]).to_numpy()
    table = np.column_stack([np.ones(len(draws)), minus_log_posterior, *(draws[name] for name in columns)])

    def chain(number: int) -> Callable[[Path], None]:
        def write(path: Path) -> None:
            with replaced(path) as stream:
                np.savetxt(stream, table[draws["chain"] == number], fmt="%.10g")

        return write

    def parameter_names(path: Path) -> None:
        labels = _labels(result)
        with replaced(path) as stream:
            for name in columns:
                stream.write(f"{name}{'' if name in result.parameters else '*'} {labels[name]}\n")

    def ranges(path: Path) -> None:
        with replaced(path) as stream:
            for name, (low, high) in _bounds(result).items():
                stream.write(f"{name} {'N' if low is None else low} {'N' if high is None else high}\n")

    chains = {Path(f"{root}_{number + 1}.txt"): chain(number) for number in range(result.chains or 1)}
    return {**chains, Path(f"{root}.paramnames"): parameter_names, Path(f"{root}.ranges"): ranges}


def _anesthetic(result: Result, root: Path) -> Writers:
    """What `anesthetic.read_csv` reads."""

    def table(path: Path) -> None:
        columns, draws, labels = list(_columns(result)), result.draws, _labels(result)
        with replaced(path) as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(["", "", *columns, "logL"])
            writer.writerow(["labels", "", *(f"${labels[name]}$" for name in columns), r"$\ln\mathcal{L}$"])
            writer.writerow(["", "weights", *[""] * (len(columns) + 1)])
            held = zip(*(draws[name] for name in (*columns, "loglike")), strict=True)
            writer.writerows([number, 1.0, *row] for number, row in enumerate(held))

    return {root.with_name(f"{root.name}.csv"): table}


def _csv(result: Result, root: Path) -> Writers:
    """Every column of `Result.draws`."""

    def table(path: Path) -> None:
        with replaced(path) as stream:
            result.draws.to_csv(stream, index=False)

    return {root.with_name(f"{root.name}.csv"): table}


def _columns(result: Result) -> Iterator[str]:
    """Sampled parameters, then all other columns that vary."""
    yield from result.parameters
    for name, values in result.draws.items():
        known = name in result.parameters or name in ("chain", "draw", "weight", "loglike", "logprior")
        if not known and np.isfinite(values).all() and np.ptp(values) > 0.0:
            yield str(name)


def _labels(result: Result) -> dict[str, str]:
    """LaTeX of every column without dollar signs."""
    units = {row["name"]: row["unit"] for row in (*result.details["parameters"], *result.details["predictions"])}
    experiments = {
        f"loglike_{row['name']}": experiment(row["name"]).replace(" ", r"\ ") for row in result.details["likelihoods"]
    }
    return {
        str(name): rf"\ln L_{{\rm {experiments[name]}}}" if name in experiments else latex(name, units.get(name, ""))
        for name in map(str, result.draws)
    }


def _bounds(result: Result) -> dict[str, tuple[float | None, float | None]]:
    """Ends of the prior of every sampled parameter, None where it has none."""
    known = {name: row.get("support") for name, row in result.parameters.items()}
    return {name: (ends[0], ends[1]) for name, ends in known.items() if ends is not None}
