"""What the JSON files of a finished run hold, as types.

JSON has null for a number that is not finite; those that may be so have None here.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field, with_config

# pydantic takes those of typing from Python 3.12 on.
from typing_extensions import TypedDict

# Numbers are not read from text, nor truth from numbers; keys that are not named here are kept.
_strictly = with_config(ConfigDict(strict=True, allow_inf_nan=False, extra="allow"))

# Programs for which draws are exported.
FORMATS = ("getdist", "anesthetic", "csv")

# Shares and probabilities; a sum of weights is one to rounding.
Fraction = Annotated[float, Field(ge=0.0, le=1.0 + 1e-9)]
# Standard errors and densities.
NotNegative = Annotated[float, Field(ge=0.0)]
Pair = Annotated[list[float], Field(min_length=2, max_length=2)]
Ring = Annotated[list[Pair], Field(min_length=3)]
Triple = Annotated[list[float], Field(min_length=3, max_length=3)]


class CrossCheckRecord(TypedDict):
    """ln Z by a second method, as in `globalfit.samplers.CrossCheck`."""

    method: str
    log_evidence: float | None
    log_evidence_error: NotNegative | None
    verdict: Literal["agree", "disagree", "not computable"]
    difference_sigma: float | None
    reason: str


@_strictly
class Evidence(TypedDict):
    """`evidence.json`; beside these, the numbers that a sampler gives of itself.

    `converged` is null for a plane that is no sample. `notes` are no failures: what the posterior owes to its prior.
    """

    converged: bool | None
    failed: list[str]
    notes: NotRequired[list[str]]
    log_evidence: float | None
    log_evidence_error: NotNegative | None
    method: str
    information: float | None
    cross_check: CrossCheckRecord | None
    fraction_without_solution: Fraction
    best_log_likelihood: float
    effective_sample_size: Annotated[float, Field(gt=0.0)] | None
    fraction_not_finite: NotRequired[Fraction]


class ModelRecord(TypedDict):
    """The model of a run."""

    name: str
    title: str


class SamplerRecord(TypedDict):
    """The sampler of a run, the numbers that it gives of itself, and how many draws it has left."""

    title: str
    numbers: dict[str, float | None]
    draws: Annotated[int, Field(ge=0)]


class DiagnosticRecord(TypedDict):
    """One convergence check, as in `globalfit.samplers.Diagnostic`."""

    name: str
    value: float | None
    bound: float | None
    passed: bool
    message: str


class PriorCurve(TypedDict):
    """Density of a prior, in log10 of the parameter if the prior is logarithmic; empty where there is no prior."""

    x: list[float]
    density: list[NotNegative]


class ParameterRecord(TypedDict):
    """One parameter: its prior with its ends (null where it has none), fixed value or expression, and its value at the
    best fit, finite if it is sampled."""

    name: str
    unit: str
    meaning: str
    sampled: bool
    definition: str
    logarithmic: bool
    prior_curve: PriorCurve
    support: NotRequired[Annotated[list[float | None], Field(min_length=2, max_length=2)] | None]
    best_fit: float | None


class MeasurementRecord(TypedDict):
    """One measured quantity, and what the best fit says about it."""

    observable: str
    measured: str
    central: float | None
    sigma: NotNegative | None
    prediction: str | None
    predicted: float | None
    unit: str
    pull: float | None


class LikelihoodRecord(TypedDict):
    """One experiment: ln L at the best fit, its mean over the posterior, its maximum, its value without a signal."""

    name: str
    title: str
    log_likelihood: float
    mean_log_likelihood: float | None
    maximum: float
    no_signal: float | None
    measurements: list[MeasurementRecord]


class PredictionRecord(TypedDict):
    """One prediction at the best fit."""

    name: str
    value: float | None
    unit: str
    meaning: str


class BestFitRecord(TypedDict):
    """The best fit beside its parameters and predictions."""

    log_likelihood: float
    status: str


class StatusRecord(TypedDict):
    """How often a status occurs."""

    name: str
    fraction: Fraction
    meaning: str


# `for` is a keyword, which the other notation cannot have as a key.
Reference = TypedDict("Reference", {"for": str, "reference": str})


class AxisRecord(TypedDict):
    """One axis of a plane."""

    name: str
    unit: str
    logarithmic: bool
    low: float
    high: float
    cells: Annotated[int, Field(ge=1)]


class ExclusionRecord(TypedDict):
    """What one experiment excludes of a plane; `relic` if it measures the relic density."""

    name: str
    title: str
    rule: str
    relic: bool
    excluded_90: Fraction
    excluded_95: Fraction


class PlaneRecord(TypedDict):
    """A plane beside its table: `gaps` are the polygons (ring, vertex, x and y) in which there is no solution."""

    x: AxisRecord
    y: AxisRecord
    omega_h2: float | None
    experiments: list[ExclusionRecord]
    without_solution: Fraction
    status: list[StatusRecord]
    not_excluded: Fraction
    gaps: list[list[Ring]]


class IntervalRecord(TypedDict):
    """One confidence interval: its pieces, and the sides on which the prior ends it."""

    pieces: Annotated[list[Pair], Field(min_length=1)]
    open: str


# By confidence level.
Intervals = TypedDict("Intervals", {"68": IntervalRecord, "95": IntervalRecord})
# Depth in ln L of an interval, and of a region in two parameters.
Thresholds = TypedDict("Thresholds", {"68": Pair, "95": Pair})


class ParameterProfile(TypedDict):
    """The profile likelihood of one parameter; `at_bound` is the end of its prior where the best fit lies, if any."""

    name: str
    at_bound: str
    intervals: Intervals


class ProfileRecord(TypedDict):
    """What the report says about profile likelihoods beside their table."""

    parameters: list[ParameterProfile]
    planes: list[Annotated[list[str], Field(min_length=2, max_length=2)]]
    thresholds: Thresholds


class PredictiveRecord(TypedDict):
    """One posterior-predictive p-value, as in `globalfit.analysis.predictive.PValue`."""

    name: str
    title: str
    p_value: Fraction | None
    error: NotNegative | None
    ties: Fraction
    data: float | None
    toys: float | None
    unusual: bool
    remark: str


class ModeRecord(TypedDict):
    """One separate region of a posterior; the 16 %, 50 % and 84 % quantiles of its parameters."""

    share: Fraction
    share_error: NotNegative
    log_evidence: float | None
    best_log_likelihood: float
    parameters: dict[str, Triple]


@_strictly
class Details(TypedDict):
    """`report.json`; what a kind of run does not have is not there, or null."""

    model: ModelRecord
    sampler: SamplerRecord
    converged: bool | None
    diagnostics: list[DiagnosticRecord]
    parameters: list[ParameterRecord]
    likelihoods: list[LikelihoodRecord]
    predictions: list[PredictionRecord]
    best_fit: BestFitRecord
    status: list[StatusRecord]
    references: list[Reference]
    plane: NotRequired[PlaneRecord | None]
    profile: NotRequired[ProfileRecord]
    predictive: NotRequired[list[PredictiveRecord]]
    modes: NotRequired[list[ModeRecord]]


class GitState(TypedDict):
    """The source tree that the program was run from: its last commit, and the checksum of what was changed since."""

    commit: str | None
    changed: bool | None
    diff_sha256: NotRequired[str | None]


class Machine(TypedDict):
    """The machine of a run."""

    node: str
    system: str
    processor: str
    cores: int | None
    devices: list[str]
    float: str


@_strictly
class Provenance(TypedDict):
    """`provenance.json`."""

    globalfit: str
    git: GitState | None
    python: str
    packages: dict[str, str]
    run_file: str
    command: list[str]
    seed: int
    started: str
    finished: str
    seconds: dict[str, NotNegative]
    data_sha256: dict[str, str]
    machine: Machine
    resumed: NotRequired[bool]
