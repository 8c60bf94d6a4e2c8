"""Best fit and profile likelihoods by gradient ascent of ln L from many starts: the frequentist view of a run."""

from __future__ import annotations

import functools
from typing import Annotated, ClassVar

import numpy as np
from jaxtyping import Float, Int
from pydantic import BaseModel, Field
from scipy.spatial import KDTree
from scipy.stats import qmc

from globalfit.errors import ConfigurationError, UnknownNameError
from globalfit.progress import Progress
from globalfit.random_streams import Stream, stream
from globalfit.samplers.batching import too_few_solutions, transform_cube
from globalfit.samplers.diagnostics import at_least, at_most
from globalfit.samplers.draws import Diagnostic, Optimum, Profile
from globalfit.samplers.optimize.ascent import ARRIVED
from globalfit.samplers.optimize.maxima import EDGE, Ascents, Points
from globalfit.samplers.optimize.profiles import Settled, plane, profiles, with_node
from globalfit.samplers.options import SamplerOptions
from globalfit.samplers.pace import Pace
from globalfit.samplers.particles.tempering import tempered
from globalfit.samplers.protocol import Sampler, Target

# Maxima whose ln L agrees to this are the same, and how many starts must find the highest one.
AGREE = 0.01
AGREEING = 3.0
# Bound on what the quadratic model still expects at the best fit, and on what the last sweep changed in a profile.
GAIN_BOUND = 1e-3
SWEEP_BOUND = 0.05
# Inverse temperature at which annealed particles end: they lie within a fifth of a standard deviation of a maximum.
# Prior draws that may be needed for their beginning.
ANNEALED = 30.0
PRIOR_DRAWS = 1_000_000
# Ends of two ascents closer than this in every coordinate of the cube are one.
SAME = 1e-3
# Nearest neighbours that a scan point must beat to count as the top of a hill.
NEIGHBOURS = 10

Pair = Annotated[list[str], Field(min_length=2, max_length=2)]


class OptimizeOptions(SamplerOptions):
    """Options of `optimize`."""

    presets: ClassVar = {
        "quick": {"scan": 4096, "starts": 16, "particles": 128, "profile_points": 10},
        "publication": {
            "scan": 131_072,
            "starts": 512,
            "particles": 1024,
            "profile_points": 40,
            "profile_starts": 6,
        },
    }

    scan: int = Field(
        16_384,
        ge=64,
        le=2**26,
        description="Points of the first scan of the prior (Sobol), up to the next power of two.",
    )
    starts: int = Field(
        64,
        ge=4,
        le=100_000,
        description="Gradient ascents from the scan; half as many from annealed particles.",
    )
    particles: int = Field(
        256, ge=64, le=100_000, description="Particles that temperatures lead from the prior to the highest ln L."
    )
    steps: int = Field(400, ge=8, description="Evaluations of ln L with its gradient per ascent at most.")
    profiles: bool = Field(True, description="Profile likelihood of every parameter, with its intervals.")
    profile_points: int = Field(20, ge=5, le=1000, description="Nodes of a profile in each of three rounds.")
    profile_starts: int = Field(3, ge=1, le=100, description="Gradient ascents per node.")
    planes: list[Pair] = Field([], description="Pairs of parameters whose joint profile likelihood is mapped.")
    plane_points: int = Field(30, ge=5, le=500, description="Nodes per axis of such a plane.")


class Optimize(Sampler):
    """Many quasi-Newton ascents at once; profiles by ascents with a parameter held."""

    options: OptimizeOptions
    Options: ClassVar[type[BaseModel]] = OptimizeOptions
    optimises: ClassVar[bool] = True
    along_axes: ClassVar[bool] = True
    title: ClassVar[str] = "gradient ascent of ln L from many starts, with profile likelihoods"
    references: ClassVar[tuple[str, ...]] = (
        "Bertsekas, SIAM J. Control Optim. 20 (1982) 221",
        "Rolke, Lopez & Conrad, arXiv:physics/0403059",
    )

    def check(self, names: tuple[str, ...]) -> list[tuple[int, int]]:
        """Indices of the parameters of the planes.

        Raises `UnknownNameError` for one that is not sampled, `ConfigurationError` for a pair of the same.
        """
        return [_axes(pair, names) for pair in self.options.planes]

    def run(self, target: Target, seed: int, progress: Progress) -> Optimum:
        """Scan, ascend, profile. The prior only gives the box and its measure: what is maximised is ln L.

        Raises `ConfigurationError` when no point of the scan has a likelihood above zero, `UnknownNameError` for a
        plane of a parameter that is not sampled.
        """
        options, names = self.options, target.names
        planes = self.check(names)
        pace = Pace(progress, "optimise")
        stage = ["scan"]
        ascents = Ascents(target, options.profile_starts, options.steps, lambda n: pace(n, lambda: stage[0]))
        scan = ascents.evaluate(_sobol(options.scan, target.ndim, seed))
        solved = np.flatnonzero(np.isfinite(scan.log_likelihood))
        if not len(solved):
            raise too_few_solutions(0, len(scan.u), 1)
        known = scan.at(solved)
        stage[0] = f"best ln L = {known.log_likelihood.max():.3f} before the ascents"
        begun = _starts(known, options.starts)
        first = ascents.ascend(known.u[begun])
        annealed, calls = self._annealed(target, len(solved) / len(scan.u), seed, progress)
        ascents.calls += calls
        known = known.and_also(annealed)
        again = ascents.ascend(annealed.u[: options.starts // 2])
        maxima = Points(first.u, first.log_likelihood).and_also(Points(again.u, again.log_likelihood))
        gain = np.concatenate([first.gain, again.gain])
        top = int(np.argmax(maxima.log_likelihood))
        tops = _distinct(maxima)
        best, known = tops.at(np.array([0])), known.and_also(tops)
        stage[0] = f"profiles, best ln L = {best.log_likelihood[0]:.3f}"
        settled: list[Settled] = []
        if options.profiles or planes:
            settled = profiles(ascents, options.profile_points, tops, known)
            known = functools.reduce(Points.and_also, (one.nodes for one in settled), known)
        maps: list[Settled] = []
        for i, j in planes:
            stage[0] = f"plane of {names[i]} and {names[j]}"
            maps.append(plane(ascents, (i, j), options.plane_points, (settled[i], settled[j]), known))
            known = known.and_also(maps[-1].nodes)
        pace.finish(ascents.calls + ascents.gradients, f"best ln L = {known.log_likelihood.max():.4f}")
        # On a flat ridge all maxima are equal: the one that the ascents found stays unless another is higher.
        beaten = known.log_likelihood.max() > best.log_likelihood[0] + ARRIVED
        if beaten:
            best = known.at(np.array([np.argmax(known.log_likelihood)]))
            settled = [with_node(one, best, i) for i, one in enumerate(settled)]
        return Optimum(
            names=names,
            theta=transform_cube(target, best.u)[0],
            log_likelihood=float(best.log_likelihood[0]),
            at_bound=tuple("low" if x < 2.0 * EDGE else "high" if x > 1.0 - 2.0 * EDGE else "" for x in best.u[0]),
            profiles=tuple(
                Profile((names[i],), transform_cube(target, one.nodes.u), one.nodes.log_likelihood)
                for i, one in enumerate(settled)
            ),
            planes=tuple(
                Profile((names[i], names[j]), transform_cube(target, one.nodes.u), one.nodes.log_likelihood)
                for (i, j), one in zip(planes, maps, strict=True)
            ),
            diagnostics=_checks(maxima, len(begun), float(gain[top]), known, [*settled, *maps]),
            numbers={
                "likelihood_calls": float(ascents.calls + ascents.gradients),
                "gradients": float(ascents.gradients),
                "starts": float(len(maxima.u)),
                "prior_fraction_with_solution": len(solved) / len(scan.u),
            },
        )

    def _annealed(self, target: Target, solved: float, seed: int, progress: Progress) -> tuple[Points, int]:
        """Particles in random order, with the calls they took; none where too little of the prior has a solution."""
        random, count = stream(seed, Stream.PARTICLES), self.options.particles
        if count > 0.5 * solved * PRIOR_DRAWS:
            return Points(np.empty((0, target.ndim)), np.empty(0)), 0
        found = tempered(target, count, PRIOR_DRAWS, int(random.integers(2**31)), progress, ANNEALED)
        order = random.permutation(count)
        return Points(found.u[order], found.log_likelihood[order]), found.calls


def _axes(pair: list[str], names: tuple[str, ...]) -> tuple[int, int]:
    """Indices of the two parameters of a plane."""
    for name in pair:
        if name not in names:
            raise UnknownNameError("parameter of a plane", name, names)
    first, second = (names.index(name) for name in pair)
    if first == second:
        raise ConfigurationError(f"a plane needs two different parameters, found '{pair[0]}' twice.")
    return first, second


def _sobol(count: int, ndim: int, seed: int) -> Float[np.ndarray, "point ndim"]:
    """At least `count` quasi-random points of the unit cube (scrambled Sobol sequence)."""
    sequence = qmc.Sobol(ndim, rng=np.random.default_rng(seed))
    return np.clip(sequence.random_base2((count - 1).bit_length()), EDGE, 1.0 - EDGE)


def _starts(known: Points, count: int) -> Int[np.ndarray, " start"]:
    """Indices of points to ascend from: half of them tops of different hills of the scan, then the best of the rest."""
    _, near = KDTree(known.u).query(known.u, k=min(NEIGHBOURS + 1, len(known.u)))
    near = np.atleast_2d(near.T).T
    top = known.log_likelihood >= np.max(known.log_likelihood[near], axis=1)
    order = np.argsort(-known.log_likelihood, kind="stable")
    hills = order[top[order]][: count // 2]
    return np.concatenate([hills, order[~np.isin(order, hills)]])[:count]


def _distinct(maxima: Points) -> Points:
    """Each maximum once, of all the ascents that ended there."""
    order = np.argsort(-maxima.log_likelihood, kind="stable")
    _, first = np.unique(np.round(maxima.u[order] / SAME), axis=0, return_index=True)
    return maxima.at(order[np.sort(first)])


def _checks(maxima: Points, begun: int, gain: float, known: Points, profiles: list[Settled]) -> tuple[Diagnostic, ...]:
    """Of the ascents, the first `begun` started from the scan of the prior, the others from annealed particles."""
    best = float(np.max(maxima.log_likelihood))
    there = maxima.log_likelihood > best - AGREE
    alone = int(np.count_nonzero(there[:begun]))
    checks = [
        at_least(
            "starts_at_best",
            float(np.count_nonzero(there)),
            AGREEING,
            f"ascents that reached the highest ln L to within {AGREE:g}; {alone} of the {begun} from the scan did",
        ),
        at_most("gain", gain, GAIN_BOUND, "what the quadratic model still expects to gain in ln L at the best fit"),
    ]
    if profiles:
        excess = float(np.max(known.log_likelihood)) - best
        checks += [
            at_most(
                "profile_excess", excess, AGREE, "how far a profile found a higher ln L than the ascents before it"
            ),
            at_most(
                "profile_sweep",
                max(float(one.last_gain.max()) for one in profiles),
                SWEEP_BOUND,
                "largest change of a profile when every node is ascended again from its neighbours",
            ),
        ]
    return tuple(checks)
