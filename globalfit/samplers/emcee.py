"""Ensemble sampling with emcee: independent ensembles, started from tempered particles; a check without gradients.

Every other step is an independence proposal from a density with the shape of the particles, which stays as it is: on
thin sheets and between separate regions the moves of an ensemble alone take thousands of steps.
"""

from __future__ import annotations

from typing import Any, ClassVar

import emcee
import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, Field

from globalfit.progress import Progress
from globalfit.samplers.batching import evaluate_cube, evaluate_log_prior, log_likelihoods
from globalfit.samplers.diagnostics import at_least, chain_checks
from globalfit.samplers.draws import Diagnostic, Draws
from globalfit.samplers.options import SamplerOptions
from globalfit.samplers.pace import Pace
from globalfit.samplers.particles.kernel_density import KernelDensity, kernel_density
from globalfit.samplers.particles.tempering import Particles, tempered
from globalfit.samplers.protocol import Sampler, Target

# Fraction of the steps that is dropped at the beginning, and draws kept per ensemble at most.
BURN = 0.2
KEPT = 20_000
# Fraction of independence proposals among the steps.
INDEPENDENT = 0.5
# Particles that make the density of these proposals, at most: for few walkers it costs as much as the likelihood.
KERNELS = 1024
# Autocorrelation times that the kept steps must span, emcee's own advice.
SPAN = 50.0


class EmceeOptions(SamplerOptions):
    """Options of `emcee`."""

    presets: ClassVar = {
        "quick": {"walkers": 32, "block": 250, "particles": 256},
        "publication": {"walkers": 128, "block": 4000, "steps": 100_000, "particles": 2048},
    }

    walkers: int = Field(64, ge=8, le=4096, multiple_of=2, description="Walkers of one ensemble; more than twice ndim.")
    ensembles: int = Field(4, ge=2, le=64, description="Independent ensembles; R-hat compares them.")
    steps: int = Field(20_000, ge=100, description="Steps after which an ensemble stops even without convergence.")
    block: int = Field(500, ge=20, description="Steps before the first check of convergence.")
    particles: int = Field(512, ge=64, description="Tempered particles that the walkers of one ensemble start from.")
    prior_draws: int = Field(
        1_000_000, ge=1000, description="Prior draws after which the search for points with a solution is given up."
    )


class Emcee(Sampler):
    """Affine-invariant and differential moves over the unit cube of the prior."""

    options: EmceeOptions
    Options: ClassVar[type[BaseModel]] = EmceeOptions
    title: ClassVar[str] = "emcee, independent ensembles with differential moves"
    references: ClassVar[tuple[str, ...]] = (
        "Foreman-Mackey et al., arXiv:1202.3665",
        "Goodman & Weare, Commun. Appl. Math. Comput. Sci. 5 (2010) 65",
        "Nelson, Ford & Payne, arXiv:1311.5229",
        "Tierney, Ann. Statist. 22 (1994) 1701",
        "Vehtari et al., arXiv:1903.08008",
    )

    def run(self, target: Target, seed: int, progress: Progress) -> Draws:
        """Sample until the checks pass or the steps are used up.

        Raises `ConfigurationError` when hardly any prior point has a likelihood above zero.
        """
        options = self.options
        random = np.random.default_rng(seed)
        # Particles of their own for every ensemble: R-hat then sees what the starting points got wrong.
        starts = [
            tempered(target, options.particles, options.prior_draws, int(random.integers(2**32)), progress)
            for _ in range(options.ensembles)
        ]
        density = kernel_density(np.unique(np.concatenate([start.u for start in starts]), axis=0), random, KERNELS)
        ensembles: list[Any] = [self._ensemble(target, density, random) for _ in starts]
        states: list[Any] = [emcee.State(start.u[self._choose(random)]) for start in starts]
        pace = Pace(progress, "ensembles", float(options.steps))
        steps, checks = 0, ()
        while steps < options.steps and not (checks and all(check.passed for check in checks)):
            # A check costs as much as the steps it sees: each block is half as long as all before.
            block = min(max(options.block, steps // 2), options.steps - steps)
            for i, ensemble in enumerate(ensembles):
                states[i] = ensemble.run_mcmc(states[i], block, skip_initial_state_check=True)
            steps += block
            chains = np.stack([ensemble.get_chain(discard=int(BURN * steps)) for ensemble in ensembles])
            checks = _checks(target.names, chains)
            failed = ", ".join(check.name for check in checks if not check.passed)
            pace(steps, lambda failed=failed: f"not yet: {failed}" if failed else "converged")
        pace.finish(steps, "converged" if all(check.passed for check in checks) else "steps used up")
        return self._draws(target, ensembles, checks, steps, starts)

    def _ensemble(
        self, target: Target, density: KernelDensity | None, random: np.random.Generator
    ) -> emcee.EnsembleSampler:
        half = self.options.walkers // 2

        def log_density(u: Float[np.ndarray, "batch ndim"]) -> Float[np.ndarray, " batch"]:
            inside = np.all((u > 0.0) & (u < 1.0), axis=1)
            value = log_likelihoods(target, np.where(inside[:, None], u, 0.5), half)
            return np.where(inside, value, -np.inf)

        # Not DESnookerMove: as of emcee 3.1.6 its step and its Jacobian do not match, and it shifts the posterior.
        moves = [
            (emcee.moves.DEMove(), 0.6),
            (emcee.moves.DEMove(gamma0=1.0), 0.2),
            (emcee.moves.StretchMove(), 0.2),
        ]
        if density is not None:
            moves = [(move, weight * (1.0 - INDEPENDENT)) for move, weight in moves] + [
                (_independence_move(density), INDEPENDENT)
            ]
        ensemble = emcee.EnsembleSampler(self.options.walkers, target.ndim, log_density, moves=moves, vectorize=True)
        # Its own wrapper prints whatever passes through it, a full disk or a signal, with a traceback.
        ensemble.log_prob_fn = log_density  # pyright: ignore[reportAttributeAccessIssue]
        ensemble.random_state = np.random.RandomState(random.integers(2**32, size=8)).get_state()
        return ensemble

    def _choose(self, random: np.random.Generator) -> np.ndarray:
        """Particles to start one ensemble from, distinct if there are enough."""
        few = self.options.particles < self.options.walkers
        return random.choice(self.options.particles, self.options.walkers, replace=few)

    def _draws(
        self,
        target: Target,
        ensembles: list[Any],
        checks: tuple[Diagnostic, ...],
        steps: int,
        starts: list[Particles],
    ) -> Draws:
        """Draws of every ensemble, thinned to `KEPT` at most.

        Walker after walker: neighbours in a chain are then as correlated as they are, for whoever estimates its
        effective size.
        """
        burn, thin = int(BURN * steps), max(1, steps * self.options.walkers // KEPT)
        u = np.stack([_by_walker(e.get_chain(discard=burn, thin=thin)) for e in ensembles])
        log_likelihood = np.stack([_by_walker(e.get_log_prob(discard=burn, thin=thin)) for e in ensembles])
        theta = evaluate_cube(target, u.reshape(-1, target.ndim))[0]
        return Draws(
            names=target.names,
            theta=theta.reshape(u.shape),
            log_likelihood=log_likelihood,
            log_prior=evaluate_log_prior(target, theta).reshape(log_likelihood.shape),
            diagnostics=checks,
            numbers={
                "likelihood_calls": float(
                    sum(start.calls for start in starts) + len(ensembles) * self.options.walkers * (steps + 1)
                ),
                "steps": float(steps),
                "acceptance": float(np.mean([e.acceptance_fraction for e in ensembles])),
                "log_evidence_tempering": float(np.mean([start.log_evidence for start in starts])),
            },
        )


def _by_walker(values: Float[np.ndarray, "step walker ..."]) -> Float[np.ndarray, "draw ..."]:
    """The steps of one walker after those of another."""
    return np.swapaxes(values, 0, 1).reshape(-1, *values.shape[2:])


def _independence_move(density: KernelDensity) -> emcee.moves.MHMove:
    """The move of every walker to a draw of a density that stays as it is."""

    def propose(
        u: Float[np.ndarray, "walker ndim"], random: np.random.RandomState
    ) -> tuple[Float[np.ndarray, "walker ndim"], Float[np.ndarray, " walker"]]:
        proposal = density.sample(len(u), np.random.default_rng(random.randint(2**32, size=4, dtype=np.uint64)))
        before, after = np.split(density.log_density(np.concatenate([u, proposal])), 2)
        return proposal, before - after

    return emcee.moves.MHMove(propose)


def _checks(names: tuple[str, ...], chains: Float[np.ndarray, "ensemble step walker ndim"]) -> tuple[Diagnostic, ...]:
    """R-hat between ensembles; effective sizes and autocorrelation time from the single walkers."""
    ensembles, steps, walkers, ndim = chains.shape
    single = chains.transpose(0, 2, 1, 3).reshape(ensembles * walkers, steps, ndim)
    # A walker that never moved has no autocorrelation time.
    moved = bool(np.all(np.ptp(single, axis=1) > 0.0))
    times = [emcee.autocorr.integrated_time(chain, c=5, tol=0, quiet=True) for chain in chains if moved]
    longest = float(np.max(times)) if moved else np.inf
    return (
        *chain_checks(names, chains.reshape(ensembles, steps * walkers, ndim), single),
        at_least(
            "autocorrelation_times",
            steps / longest,
            SPAN,
            f"kept steps in units of the longest integrated autocorrelation time, {longest:.0f} steps",
        ),
    )
