"""Time of the axial log density, per point, on one core in a batch of 1,024, beside an adaptive scalar solver.

    python -m benchmarks.log_density

Prints every part as microseconds of CPU time per point and as a ratio to the whole log density; the last line is the
adaptive reference of the tests (scipy quadrature and Radau) on the first points of the same batch.
"""

from __future__ import annotations

import os

# Before JAX starts: one thread, so that the numbers are those of one core.
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import time
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from globalfit import runfile
from globalfit.build import build
from globalfit.posterior import Posterior, in_chunks
from tests.reference import relic as reference

BATCH, CHUNK, REPEATS, ADAPTIVE = 1024, 64, 7, 5


def word(name: str) -> Callable[[Posterior, jax.Array], jax.Array]:
    """One prediction of one point."""
    return lambda posterior, theta: posterior.predictions(posterior.parameters.values(theta))[name]


def gradient(posterior: Posterior, theta: jax.Array) -> jax.Array:
    """Value and gradient of ln L at one point."""
    value, slope = jax.value_and_grad(posterior.log_likelihood)(theta)
    return jnp.append(slope, value)


PARTS: dict[str, Callable[[Posterior, jax.Array], jax.Array]] = {
    "omega_h2": word("omega_h2"),
    "events_lz_2024": word("events_lz_2024"),
    "log likelihood": lambda posterior, theta: posterior.log_likelihood(theta),
    "log likelihood and gradient": gradient,
}


def microseconds(part: Callable[[Posterior, jax.Array], jax.Array], posterior: Posterior, theta: jax.Array) -> float:
    """Best CPU time per point of several repetitions, compilation excluded."""
    run = eqx.filter_jit(lambda target, batch: in_chunks(lambda point: part(target, point), batch, CHUNK))
    jax.block_until_ready(run(posterior, theta))
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        jax.block_until_ready(run(posterior, theta))
        times.append(time.process_time() - start)
    return 1e6 * min(times) / len(theta)


def main() -> None:
    """Measure and print."""
    posterior = build(runfile.load("quickstart"))[0]
    u = np.random.default_rng(0).random((BATCH, posterior.ndim))
    theta = jax.vmap(posterior.transform)(jnp.asarray(u))
    times = {name: microseconds(part, posterior, theta) for name, part in PARTS.items()}
    start = time.process_time()
    for point in np.asarray(theta[:ADAPTIVE]):
        reference.omega_h2(*map(float, point), posterior.inputs)
    times["omega_h2, adaptive scalar solver"] = 1e6 * (time.process_time() - start) / ADAPTIVE
    whole = times["log likelihood"]
    print(f"{'part':<36}{'us/point':>12}{'/ log likelihood':>18}")
    for name, value in times.items():
        print(f"{name:<36}{value:>12.1f}{value / whole:>18.2f}")


if __name__ == "__main__":
    main()
