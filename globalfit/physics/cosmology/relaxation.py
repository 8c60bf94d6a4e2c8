"""The momentum-transfer rate on the mesh of the coupled equations, interpolated from fewer temperatures."""

from __future__ import annotations

import functools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

from globalfit.physics.cosmology.elastic import smooth_rates, total_rate
from globalfit.physics.cosmology.implicit_steps import mesh
from globalfit.physics.cosmology.temperatures import lagrange
from globalfit.physics.inputs import Inputs
from globalfit.physics.portal import Portal

# Temperatures per octave, and the octaves of x between which they lie; beyond, the smooth rates are powers of x.
_PER_OCTAVE, _OCTAVES = 1.0, (2.0, 13.0)
# Rate that stands for none, GeV.
_NO_RATE = 1e-280


def relaxation_rate(portal: Portal, inputs: Inputs) -> Float[Array, " t"]:
    """gamma at m/`mesh().x`, GeV."""
    rates = smooth_rates(portal, inputs, portal.dark.mass / _rate_mesh())
    # without mixing there is no scattering, and no derivative of its logarithm
    scatters = jnp.log(jnp.where(rates > _NO_RATE, rates, _NO_RATE))
    here = jnp.exp(scatters @ jnp.asarray(_interpolation().T))
    return total_rate(portal, here, portal.dark.mass / mesh().x)


@functools.cache
def _rate_mesh() -> NDArray[np.float64]:
    """Mesh of x on which gamma is calculated."""
    first, last = _OCTAVES
    return 2.0 ** np.linspace(first, last, round((last - first) * _PER_OCTAVE) + 1)


@functools.cache
def _interpolation() -> NDArray[np.float64]:
    """Six-point Lagrange interpolation from `_rate_mesh()` to the mesh of the solver, and lines beyond, in ln x."""
    coarse = np.log(_rate_mesh())
    position = (np.log(mesh().x) - coarse[0]) / (coarse[1] - coarse[0])
    count = coarse.size
    matrix = np.zeros((position.size, count))
    for row, place in zip(matrix, position, strict=True):
        points = 6 if 0.0 <= place <= count - 1 else 2
        first = int(np.clip(np.floor(place) + 1 - points // 2, 0, count - points))
        row[first : first + points] = lagrange(np.array([place - first]), points)[0]
    return matrix
