"""The files of a calibration: a self-contained page, the ranks as CSV, the numbers as JSON, the figures."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup

from globalfit.analysis.details import definition
from globalfit.calibration.figure import calibration_figures
from globalfit.calibration.result import Calibration, Quantity
from globalfit.calibration.trial import LOG_LIKELIHOOD, Trial
from globalfit.calibration.uniformity import P_BOUND
from globalfit.posterior.posterior import Posterior
from globalfit.report.figures import figure_style
from globalfit.report.page import data_uri, page_environment
from globalfit.results import folder as names
from globalfit.results.run_identity import code
from globalfit.runfile import RunFile
from globalfit.runfile.document import dump
from globalfit.storage.files import replaced, write_json

RECORD, TABLE = "sbc.json", "ranks.csv"
PRIOR = (
    "Prior draws without a solution were drawn again: what is calibrated is the prior on condition that there is a "
    "solution."
)
REFERENCES = (
    "Cook, Gelman & Rubin, J. Comput. Graph. Stat. 15 (2006) 675",
    "Talts et al., arXiv:1804.06788",
    "Säilynoja, Bürkner & Vehtari, arXiv:2103.10522",
    "Modrák et al., arXiv:2211.02383",
)


def write_calibration(
    calibration: Calibration,
    full: RunFile,
    posterior: Posterior,
    sampler: str,
    provenance: Mapping[str, Any],
    folder: Path,
) -> None:
    """Write all files of a calibration; those of a shorter one are replaced. Raises `OutputError`."""
    content = record(calibration, full, posterior, sampler, provenance)
    write_json(folder / RECORD, content)
    write_ranks(folder / TABLE, calibration.trials)
    pictures = folder / names.FIGURES
    pictures.mkdir(exist_ok=True)
    uris = {}
    for name, figure in calibration_figures(calibration).items():
        with figure_style():
            for suffix in ("png", "pdf"):
                figure.savefig(pictures / f"{name}.{suffix}", dpi=160, bbox_inches="tight", pad_inches=0.1)
        uris[name] = data_uri(pictures / f"{name}.png")
    with replaced(folder / names.REPORT) as stream:
        stream.write(render(content, uris))


def record(
    calibration: Calibration, full: RunFile, posterior: Posterior, sampler: str, provenance: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything that the page says, as plain data."""
    return {
        "globalfit": str(code()),
        "calibrated": calibration.calibrated,
        "verdict": verdict(calibration),
        "failed": [item.name for item in calibration.failed],
        "p_bound": P_BOUND,
        "chance": calibration.chance,
        "model": posterior.model.title,
        "likelihoods": [{"name": name, "title": item.title} for name, item in posterior.likelihoods.items()],
        "sampler": sampler,
        "draws": len(calibration.trials),
        "ranks_among": calibration.size,
        "prior": PRIOR,
        "fraction_without_solution": calibration.without_solution,
        "not_converged": calibration.not_converged,
        "unfit": calibration.unfit,
        "too_few_draws": calibration.too_few,
        "seconds_per_draw": calibration.seconds / len(calibration.trials),
        "quantities": [_quantity(item, posterior) for item in calibration.quantities],
        "settings": full.model_dump(mode="json"),
        "provenance": dict(provenance),
        "references": list(REFERENCES),
    }


def verdict(calibration: Calibration) -> str:
    """The outcome in one sentence."""
    if calibration.calibrated:
        return f"calibrated: the ranks of all {len(calibration.quantities)} quantities are uniform."
    found = [f"{item.name} (p = {item.test.p_value:.2g}: {item.remark})" for item in calibration.failed]
    if calibration.unfit:
        found.append(f"{calibration.not_converged} of {len(calibration.trials)} fits did not converge")
    return f"NOT CALIBRATED: {'; '.join(found)}."


def write_ranks(path: Path, trials: Sequence[Trial]) -> None:
    """`ranks.csv`: truth and rank of every quantity, a row for each draw."""
    quantities = list(trials[0].ranks)
    with replaced(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(
            ["draw", *quantities, *(f"rank_{name}" for name in quantities), "converged", "effective_draws", "seconds"]
        )
        for number, trial in enumerate(trials, start=1):
            truth = [repr(trial.truth[name]) for name in quantities]
            ranks = [trial.ranks[name] for name in quantities]
            fit = [str(trial.converged).lower(), repr(trial.effective), repr(trial.seconds)]
            writer.writerow([number, *truth, *ranks, *fit])


def render(content: dict[str, Any], figures: Mapping[str, str]) -> str:
    """The page as HTML; `figures` are data URIs by name."""
    template = page_environment().from_string(_text("globalfit.calibration", "calibration.html"))
    return template.render(
        style=Markup(_text("globalfit.report", "style.css")),  # noqa: S704
        figures=figures,
        run_file=dump(content["settings"]),
        **content,
    )


def _quantity(item: Quantity, posterior: Posterior) -> dict[str, Any]:
    of_data = item.name == LOG_LIKELIHOOD
    return {
        "name": item.name,
        "prior": "ln L at the parameters" if of_data else definition(item.name, posterior),
        "uniform": item.uniform,
        "remark": item.remark,
        **item.test._asdict(),
        "bins": item.bins.found.tolist(),
        "expected": item.bins.expected.tolist(),
        "coverage": [one._asdict() for one in item.coverages],
        "within_band": bool(item.band.inside.all()),
        "ranks": item.ranks.tolist(),
    }


def _text(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")
