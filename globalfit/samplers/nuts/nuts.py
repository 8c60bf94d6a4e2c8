"""Hamiltonian sampling with numpyro's NUTS: a check through the gradient that agrees or fails the run.

Chains begin at tempered particles, some in every separate region of these, each with coordinates and a mass matrix of
its own. Chains that visit the same regions are put together and must mix; regions that no chain leaves are weighted by
their evidence (`globalfit.samplers.nuts.combine_modes`).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from numpyro.infer.hmc import hmc
from pydantic import BaseModel, Field

from globalfit.checkpoint.recording import recorded
from globalfit.progress import Progress
from globalfit.random_streams import Stream, stream
from globalfit.samplers.batching import CHUNK, log_likelihood
from globalfit.samplers.diagnostics import BFMI_BOUND, at_least, at_most, chain_checks, energy_fraction
from globalfit.samplers.draws import Diagnostic, Draws
from globalfit.samplers.nuts.combine_modes import combine_modes, connected, starts
from globalfit.samplers.nuts.coordinates import Coordinates, coordinates
from globalfit.samplers.nuts.triangular_map import MappedCoordinates, fit_maps
from globalfit.samplers.options import SamplerOptions
from globalfit.samplers.pace import Pace
from globalfit.samplers.particles.tempering import tempered
from globalfit.samplers.protocol import Sampler, Target

# Steps between two progress events; one compiled scan.
BLOCK = 50
# What is kept of every step.
RECORD = ("theta", "log_likelihood", "log_prior", "diverging", "n_steps", "energy", "acceptance")


class NutsOptions(SamplerOptions):
    """Options of `nuts`."""

    presets: ClassVar = {
        "quick": {"warmup": 500, "draws": 500, "particles": 512},
        "publication": {"chains": 8, "warmup": 2000, "draws": 5000, "particles": 4096},
    }

    chains: int = Field(4, ge=2, le=256, description="Chains in each separate region, advanced together.")
    warmup: int = Field(1000, ge=100, description="Steps that tune the step size and the mass matrix, then dropped.")
    draws: int = Field(1500, ge=100, description="Draws per chain.")
    target_accept: float = Field(0.9, gt=0.5, lt=1.0, description="Acceptance that the step size is tuned to.")
    tree_depth: int = Field(10, ge=3, le=14, description="Doublings of a trajectory at most.")
    dense_mass: bool = Field(True, description="Full covariance as mass matrix instead of its diagonal.")
    particles: int = Field(1024, ge=64, description="Tempered particles that the chains start from.")
    straighten: bool = Field(
        True,
        description="Learn from the particles coordinates in which a thin curved sheet is flat, if there is one.",
    )
    prior_draws: int = Field(
        1_000_000, ge=1000, description="Prior draws after which the search for points with a solution is given up."
    )


class Nuts(Sampler):
    """The No-U-Turn sampler in unbounded coordinates; regions without solution are walls of infinite potential."""

    options: NutsOptions
    Options: ClassVar[type[BaseModel]] = NutsOptions
    title: ClassVar[str] = "NUTS (numpyro) in unbounded coordinates"
    references: ClassVar[tuple[str, ...]] = (
        "Hoffman & Gelman, arXiv:1111.4246",
        "Phan, Pradhan & Jankowiak, arXiv:1912.11554",
        "Betancourt, arXiv:1701.02434",
        "Vehtari et al., arXiv:1903.08008",
    )

    def __init__(self, options: NutsOptions) -> None:
        super().__init__(options)
        # Kept for the next target that differs in its arrays only, as simulated data do.
        self._kernel: _Kernel | None = None

    def run(self, target: Target, seed: int, progress: Progress) -> Draws:
        """Sample.

        Raises `ConfigurationError` when hardly any prior point has a likelihood above zero.
        """
        options = self.options
        start = tempered(target, options.particles, options.prior_draws, seed, progress)
        groups = starts(start.u)
        steps = len(groups) * (options.warmup + options.draws)
        pace = Pace(progress, "NUTS", float(steps))
        parts = [self._chains(target, start.u[group], [seed, number], pace) for number, group in enumerate(groups)]
        together = [
            self._draws(target, [parts[i] for i in members])
            for members in connected(target, [part.stats["theta"] for part in parts])
        ]
        draws = together[0] if len(together) == 1 else combine_modes(target, together, seed)
        pace.finish(steps, f"{draws.numbers['gradients']:.0f} gradients")
        calls = draws.numbers["likelihood_calls"] + start.calls
        numbers = draws.numbers | {"likelihood_calls": calls, "log_evidence_tempering": start.log_evidence}
        return dataclasses.replace(draws, numbers=numbers)

    def _chains(self, target: Target, u: np.ndarray, seed: list[int], pace: Pace) -> _Chains:
        """Chains that begin at some of these particles, in coordinates learnt from all of them."""
        options = self.options
        chart = self._chart(target, u, seed[0])
        particles = np.asarray(_from_cube(chart, jnp.asarray(u)))
        random = stream(seed[0], Stream.SAMPLER, seed[1])
        first = random.choice(len(particles), options.chains, replace=options.chains > len(particles))
        key = jax.random.PRNGKey(int(random.integers(2**31)))
        state, advance = self._start(target, chart, particles, first, key)
        done, gradients = 0, 0.0
        kept: list[dict[str, np.ndarray]] = []
        while done < options.warmup + options.draws:
            state, record = advance(state)
            record = {name: np.asarray(values) for name, values in record.items()}
            kept.append(record)
            done += BLOCK
            gradients += float(record["n_steps"].sum())
            stage = "warm-up" if done <= options.warmup else "sampling"
            pace(
                seed[1] * (options.warmup + options.draws) + done,
                lambda stage=stage, record=record: f"{stage}, {record['n_steps'].mean():.0f} gradients per draw",
            )
        window = slice(options.warmup, options.warmup + options.draws)
        stats = {name: np.concatenate([record[name] for record in kept])[window].swapaxes(0, 1) for name in kept[0]}
        return _Chains(stats, gradients, len(chart.maps))

    def _chart(self, target: Target, u: np.ndarray, seed: int) -> MappedCoordinates:
        """The target's coordinates, straightened if that is asked for and helps."""
        base = coordinates(target)
        if not self.options.straighten:
            return MappedCoordinates(base, ())
        return MappedCoordinates(base, fit_maps(target, np.asarray(_from_cube(base, jnp.asarray(u))), seed))

    def _start(
        self, target: Target, chart: Coordinates, particles: np.ndarray, first: np.ndarray, key: PRNGKeyArray
    ) -> tuple[Any, Callable[[Any], Any]]:
        """State of all chains, and the function that advances it by `BLOCK` steps."""
        arrays, static = eqx.partition((target, chart), eqx.is_array)
        if self._kernel is None or not eqx.tree_equal(self._kernel.static, static):
            self._kernel = _compiled(static, self.options)
        begin, block = self._kernel.begin, self._kernel.block
        covariance = np.atleast_2d(np.cov(particles.T)) + 1e-12 * np.eye(target.ndim)
        scale = jnp.asarray(covariance if self.options.dense_mass else np.diag(covariance))
        keys = jax.random.split(key, self.options.chains)
        state = begin(jnp.asarray(particles[first]), keys, scale, arrays)
        structure = jax.tree.structure((state, dict.fromkeys(RECORD, 0)))

        def advance(state: Any) -> Any:
            return jax.tree.unflatten(structure, jax.tree.leaves(block(arrays, state)))

        # As NumPy arrays like every later state, so that all have the same types and one compilation.
        return jax.tree.map(np.asarray, state), advance

    def _draws(self, target: Target, parts: list[_Chains]) -> Draws:
        """The draws of chains that belong together, with their checks."""
        stats = {name: np.concatenate([part.stats[name] for part in parts]) for name in parts[0].stats}
        theta = stats.pop("theta")
        gradients = sum(part.gradients for part in parts)
        diverged = int(stats["diverging"].sum())
        saturated = float(np.mean(stats["n_steps"] >= 2**self.options.tree_depth - 1))
        checks: tuple[Diagnostic, ...] = (
            *chain_checks(target.names, theta, theta),
            at_most("divergences", float(diverged), 0.0, "trajectories that failed: regions that NUTS cannot enter"),
            at_most("tree_depth", saturated, 0.01, "fraction of trajectories cut at the largest depth"),
            at_least("e_bfmi", energy_fraction(stats["energy"]), BFMI_BOUND, "smallest energy fraction of the chains"),
        )
        return Draws(
            names=target.names,
            theta=theta,
            log_likelihood=stats.pop("log_likelihood"),
            log_prior=stats.pop("log_prior"),
            diagnostics=checks,
            stats=stats,
            numbers={
                "likelihood_calls": gradients,
                "gradients": gradients,
                "divergences": float(diverged),
                "triangular_maps": float(sum(part.maps for part in parts)),
            },
        )


class _Chains(NamedTuple):
    """Chains that began together: what `RECORD` names of every draw (chain, draw), gradients, learnt maps."""

    stats: dict[str, np.ndarray]
    gradients: float
    maps: int


class _Kernel(NamedTuple):
    """Compiled functions of all chains for targets whose parts other than arrays are `static`: the state at the
    beginning, and `BLOCK` steps. The arrays are their arguments."""

    static: Any
    begin: Callable[..., Any]
    block: Callable[..., Any]


def _compiled(static: Any, options: NutsOptions) -> _Kernel:
    def potential(arrays: Any) -> Callable[[Float[Array, " ndim"]], Float[Array, ""]]:
        target, chart = eqx.combine(arrays, static)
        return lambda z: -log_density(target, chart, z)[0]

    init, step = hmc(potential_fn_gen=potential, algo="NUTS")

    def begin(z: Float[Array, " ndim"], key: PRNGKeyArray, scale: Array, arrays: Any) -> Any:
        return init(
            z,
            options.warmup,
            step_size=0.1,
            inverse_mass_matrix=scale,
            dense_mass=options.dense_mass,
            target_accept_prob=options.target_accept,
            max_tree_depth=options.tree_depth,
            model_args=(arrays,),
            rng_key=key,
        )

    @recorded
    @jax.jit
    def block(arrays: Any, state: Any) -> Any:
        target, chart = eqx.combine(arrays, static)

        def one(state: Any, _: None) -> Any:
            state = jax.vmap(lambda chain: step(chain, (arrays,)))(state)
            of_point = functools.partial(parts, target, chart)
            theta, likelihood, prior = jax.vmap(of_point)(state.z, state.potential_energy)
            of_step = state.diverging, state.num_steps, state.energy, state.accept_prob
            return state, dict(zip(RECORD, (theta, likelihood, prior, *of_step), strict=True))

        return jax.lax.scan(one, state, None, length=BLOCK)

    return _Kernel(static, jax.jit(jax.vmap(begin, in_axes=(0, 0, None, None))), block)


def log_density(
    target: Target, chart: Coordinates, z: Float[Array, " ndim"]
) -> tuple[Float[Array, ""], Float[Array, " ndim"]]:
    """Log posterior density in the coordinates of the chart, not normalised, and the parameters."""
    theta, log_prior = chart.to_theta(z)
    value = log_likelihood(target, theta) + log_prior
    return jnp.where(jnp.isfinite(value), value, -jnp.inf), theta


def parts(
    target: Target, chart: Coordinates, z: Float[Array, " ndim"], potential: Float[Array, ""]
) -> tuple[Float[Array, " ndim"], Array, Array]:
    """Parameters, ln L and log prior density (in the parameters) of one point with this potential energy."""
    theta, log_prior = chart.to_theta(z)
    return theta, -potential - log_prior, target.log_prior(theta)


@eqx.filter_jit
def _from_cube(chart: Coordinates, u: Float[Array, "batch ndim"]) -> Float[Array, "batch ndim"]:
    return jax.lax.map(chart.from_cube, u, batch_size=CHUNK)
