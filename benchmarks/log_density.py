"""Time of the axial log density, per point, on one core in a batch of 1,024, beside an adaptive scalar solver.

    python -m benchmarks.log_density                # relic density, and all experiments without gradient: two minutes
    python -m benchmarks.log_density --every-part   # each experiment by itself too, with gradients: compiles for long

Prints parts of the full fit `axial` as microseconds of CPU time per point, value and value with gradient: an experiment
by itself with the predictions that it needs, then all of them together, which share predictions. The last line is the
adaptive reference of the tests (scipy quadrature and Radau) on the first points of the same batch.
"""

from __future__ import annotations

import os

# Before JAX starts: one thread, so that the numbers are those of one core.
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import argparse
import dataclasses
import time
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from globalfit import runfile
from globalfit.build.built import build
from globalfit.posterior.posterior import CHUNK, Posterior, in_chunks
from tests.reference import relic as reference

BATCH, REPEATS, ADAPTIVE = 1024, 5, 5

Part = Callable[[Posterior, jax.Array], jax.Array]


def word(name: str) -> Part:
    """One prediction of one point."""
    return lambda posterior, theta: posterior.predictions(posterior.parameters.values(theta))[name]


def log_likelihood(posterior: Posterior, theta: jax.Array) -> jax.Array:
    """ln L of one point."""
    return posterior.log_likelihood(theta)


def with_gradient(part: Part) -> Part:
    """Value and gradient of a part at one point."""

    def value_and_gradient(posterior: Posterior, theta: jax.Array) -> jax.Array:
        value, slope = jax.value_and_grad(lambda point: part(posterior, point))(theta)
        return jnp.append(slope, value)

    return value_and_gradient


def microseconds(part: Part, posterior: Posterior, theta: jax.Array) -> float:
    """Best CPU time per point of several repetitions, compilation excluded."""
    run = eqx.filter_jit(lambda target, batch: in_chunks(lambda point: part(target, point), batch, CHUNK))
    jax.block_until_ready(run(posterior, theta))
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        jax.block_until_ready(run(posterior, theta))
        times.append(time.process_time() - start)
    return 1e6 * min(times) / len(theta)


def main(every_part: bool) -> None:
    """Measure and print, line by line."""
    posterior = build(runfile.load("axial")).posterior
    u = np.random.default_rng(0).random((BATCH, posterior.ndim))
    theta = jax.vmap(posterior.transform)(jnp.asarray(u))
    print(f"{'part':<34}{'us/point':>10}{'with gradient':>15}{'ratio':>8}")
    parts: dict[str, tuple[Part, Posterior]] = {"omega_h2": (word("omega_h2"), posterior)}
    if every_part:
        parts |= {
            name: (log_likelihood, dataclasses.replace(posterior, likelihoods={name: item}))
            for name, item in posterior.likelihoods.items()
        }
    parts["all experiments"] = (log_likelihood, posterior)
    for name, (part, target) in parts.items():
        value = microseconds(part, target, theta)
        print(f"{name:<34}{value:>10.1f}", end="", flush=True)
        if every_part or name == "omega_h2":
            gradient = microseconds(with_gradient(part), target, theta)
            print(f"{gradient:>15.1f}{gradient / value:>8.2f}", end="")
        print(flush=True)
    start = time.process_time()
    for point in np.asarray(theta[:ADAPTIVE]):
        reference.omega_h2(*map(float, point), posterior.inputs)
    print(f"{'omega_h2, adaptive scalar solver':<34}{1e6 * (time.process_time() - start) / ADAPTIVE:>10.0f}")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Time of the axial log density.")
    arguments.add_argument("--every-part", action="store_true", help="each experiment by itself, with gradients")
    main(arguments.parse_args().every_part)
