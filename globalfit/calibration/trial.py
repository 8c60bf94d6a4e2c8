"""One trial: a simulated experiment, its posterior, and the ranks of the truth among posterior draws."""

from __future__ import annotations

import dataclasses
import math
import time
from typing import Annotated

import numpy as np
from jaxtyping import Float
from pydantic import BeforeValidator

from globalfit.calibration.simulation import simulate
from globalfit.posterior.flat_sheet import flattened
from globalfit.posterior.posterior import Posterior
from globalfit.progress import silent
from globalfit.random_streams import Stream, stream
from globalfit.runfile import RunFile, entry
from globalfit.samplers.batching import evaluate_cube, inverse_cube
from globalfit.samplers.draws import Draws
from globalfit.samplers.protocol import Sampler
from globalfit.samplers.weights import effective_sample_size

# The quantity besides the parameters: it depends on the data, and sees what none of the parameters does
# (Modrák et al., arXiv:2211.02383).
LOG_LIKELIHOOD = "log_likelihood"

# JSON has null for the ln L of a likelihood of zero.
Value = Annotated[float, BeforeValidator(lambda value: -math.inf if value is None else value)]

NO_DRAWS = (
    "'{}' finds the best fit and gives no draws of the posterior, among which a calibration ranks the truth; choose a "
    "sampler that does, such as `sampler: dynesty`."
)


@dataclasses.dataclass(frozen=True)
class Trial:
    """Truth and ranks by quantity, the prior draws tried, and how the fit went; `seconds` is its wall time.

    `effective` is the effective number of posterior draws. `failed` are the messages of failed convergence checks.
    """

    truth: dict[str, Value]
    ranks: dict[str, int]
    tried: int
    effective: float
    failed: tuple[str, ...]
    seconds: float

    @property
    def converged(self) -> bool:
        """Whether the fit passed its convergence checks."""
        return not self.failed

    @property
    def described(self) -> str:
        """How the fit went, in one line."""
        verdict = "converged" if self.converged else "NOT CONVERGED"
        return f"{self.seconds:.1f} s, {verdict}, {self.effective:.0f} effective draws"


def check_sampler(run: RunFile, sampler: Sampler) -> None:
    """Raise `ConfigurationError` for a sampler that gives no draws of the posterior."""
    if sampler.optimises:
        raise run.source.error(("sampler",), NO_DRAWS.format(entry(run.sampler)[0]))


def carry_out(posterior: Posterior, sampler: Sampler, number: int, seed: int, size: int) -> Trial:
    """Trial `number` of a calibration: ranks among `size` draws, determined by `seed` and `number` alone.

    The sampler must be one that `check_sampler` lets pass. Raises what sampler and simulation raise.
    """
    start = time.monotonic()
    random = stream(seed, Stream.CALIBRATION, number)
    experiment = simulate(posterior, random)
    seed_of_fit = int(random.integers(2**31))
    target = experiment.posterior if sampler.along_axes else flattened(experiment.posterior, seed_of_fit)
    draws = sampler.run(target, seed_of_fit, silent)
    assert isinstance(draws, Draws), "a sampler that returns an Optimum says so with `optimises`"
    chosen = few(draws, size, random)
    # The truth and the draws by the same function: where ln L is flat, rounding must not tell them apart.
    u = np.concatenate([experiment.u[None], inverse_cube(experiment.posterior, chosen)])
    log_likelihood = evaluate_cube(experiment.posterior, u, sampler.block)[1]
    rows = np.concatenate([experiment.theta[None], chosen])
    columns = {name: rows[:, i] for i, name in enumerate(posterior.names)} | {LOG_LIKELIHOOD: log_likelihood}
    return Trial(
        truth={name: float(column[0]) for name, column in columns.items()},
        ranks={name: rank(float(column[0]), column[1:], random) for name, column in columns.items()},
        tried=experiment.tried,
        effective=effective_size(draws),
        failed=draws.failed,
        seconds=time.monotonic() - start,
    )


def few(draws: Draws, size: int, random: np.random.Generator) -> Float[np.ndarray, "draw ndim"]:
    """`size` nearly independent draws: at random where their order means nothing, else evenly from the chains."""
    flat = draws.theta.reshape(-1, draws.theta.shape[-1])
    if draws.weighted is not None:
        return flat[random.choice(len(flat), size, replace=len(flat) < size)]
    return flat[((np.arange(size) + 0.5) * len(flat) / size).astype(int)]


def rank(truth: float, draws: Float[np.ndarray, " draw"], random: np.random.Generator) -> int:
    """Number of draws below the truth; among equal ones its place is drawn at random."""
    below, equal = np.count_nonzero(draws < truth), np.count_nonzero(draws == truth)
    return int(below + random.integers(equal + 1))


def effective_size(draws: Draws) -> float:
    """Effective number of draws: Kish's of weighted points, the smallest of the parameters for chains."""
    if draws.weighted is not None:
        return effective_sample_size(draws.weighted.log_weight)
    sizes = [check.value for check in draws.diagnostics if check.name == "ess_bulk"]
    return float(np.nan_to_num(min(sizes, default=float(draws.log_likelihood.size))))
