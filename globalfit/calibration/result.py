"""What the trials of a calibration say together: a test of uniform ranks for each quantity, and a verdict."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from globalfit.calibration.trial import LOG_LIKELIHOOD, Trial
from globalfit.calibration.uniformity import (
    P_BOUND,
    Band,
    Bins,
    Coverage,
    Uniformity,
    band,
    binned,
    coverage,
    false_alarm,
    likelihood_remark,
    remark,
    uniformity,
)

LEVELS = (0.68, 0.95)
# Part of the fits that may fail a convergence check.
MOST_FAILED = 0.1


@dataclasses.dataclass(frozen=True)
class Quantity:
    """Ranks of one parameter, or of ln L, and what is found in them."""

    name: str
    ranks: Int[np.ndarray, " draw"]
    bins: Bins
    test: Uniformity
    coverages: tuple[Coverage, ...]
    band: Band
    remark: str

    @property
    def uniform(self) -> bool:
        """Whether the tests are passed."""
        return self.test.p_value > P_BOUND


@dataclasses.dataclass(frozen=True)
class Calibration:
    """The trials with ranks among `size` posterior draws, and the quantities that were looked at."""

    size: int
    trials: tuple[Trial, ...]
    quantities: tuple[Quantity, ...]

    @property
    def failed(self) -> tuple[Quantity, ...]:
        """Quantities whose ranks are not uniform."""
        return tuple(item for item in self.quantities if not item.uniform)

    @property
    def calibrated(self) -> bool:
        """Whether the ranks of every quantity are uniform, and come from fits most of which converged."""
        return not self.failed and not self.unfit

    @property
    def unfit(self) -> bool:
        """Whether so many fits failed a check that the ranks say nothing of those that pass."""
        return self.not_converged > MOST_FAILED * len(self.trials)

    @property
    def not_converged(self) -> int:
        """Trials whose fit failed a convergence check."""
        return sum(not trial.converged for trial in self.trials)

    @property
    def too_few(self) -> int:
        """Trials worth fewer posterior draws than the ranks ask for."""
        return sum(trial.effective < self.size for trial in self.trials)

    @property
    def without_solution(self) -> float:
        """Fraction of the prior draws that had no solution and were drawn again."""
        return 1.0 - len(self.trials) / sum(trial.tried for trial in self.trials)

    @property
    def seconds(self) -> float:
        """Wall time of all trials."""
        return sum(trial.seconds for trial in self.trials)

    @property
    def chance(self) -> str:
        """How many quantities were looked at, and what that means for the verdict."""
        count = len(self.quantities)
        return (
            f"{count} quantities were looked at: of what is calibrated, about {100.0 * false_alarm(count):.1f} % have "
            f"one below p = {P_BOUND:g} by chance"
        )


def assess(trials: Sequence[Trial], size: int) -> Calibration:
    """The result of trials with ranks among `size` draws."""
    return Calibration(size, tuple(trials), tuple(_quantity(name, trials, size) for name in trials[0].ranks))


def _quantity(name: str, trials: Sequence[Trial], size: int) -> Quantity:
    ranks = np.array([trial.ranks[name] for trial in trials])
    test = uniformity(ranks, size)
    words = likelihood_remark if name == LOG_LIKELIHOOD else remark
    said = "" if test.p_value > P_BOUND else words(ranks, size)
    coverages = tuple(coverage(ranks, size, level) for level in LEVELS)
    return Quantity(name, ranks, binned(ranks, size), test, coverages, band(ranks, size), said)
