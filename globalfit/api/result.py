"""The result of a run with what is drawn from it and written for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from globalfit.errors import OutputError, UnknownNameError
from globalfit.results import result as core

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Result(core.Result):
    """A finished run, read from its folder: evidence, draws, summary, figures, chains for other programs."""

    def corner(self, *names: str) -> Figure:
        """Corner plot of sampled parameters, all of them if none is named; a figure of matplotlib.

        Raises `OutputError` for a run without a posterior, `UnknownNameError` for a name that was not sampled.
        """
        from globalfit.report.figures import corner_figure

        if not self.shows_posterior:
            raise OutputError(f"{self.folder}: has no posterior to draw.")
        for name in names:
            if name not in self.parameters:
                raise UnknownNameError("sampled parameter", name, self.parameters)
        return corner_figure(self, names)

    def export(self, form: str, root: Path | str) -> list[Path]:
        """Write the draws for another program: "getdist", "anesthetic" or "csv"; returns the files.

        Raises `OutputError` and `UnknownNameError` as `globalfit.results.export.export` says.
        """
        from globalfit.results.export import export

        return export(self, form, root)
