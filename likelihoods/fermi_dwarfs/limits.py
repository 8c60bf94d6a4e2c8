"""Limits on sigma v by annihilation channel and mass, all masses at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy.typing import NDArray

from globalfit.experiment.limit_curves import ONE_SIDED_95, Curve, LimitCurves
from globalfit.physics.indirect.spectra import CHANNELS, INDEX, PhotonSpectra
from globalfit.tables import Table

# Where limits lie, cm^3/s.
_SCAN = np.logspace(-29.0, -18.0, 265)
_BISECTIONS = 45
_SHOWN = {"b": "b bbar", "tau": "tau tau", "W": "W W", "mu": "mu mu"}


def limits_of(
    of_flux: Callable[[Float[Array, " bin"]], Float[Array, ""]],
    spectra: PhotonSpectra,
    channels: Sequence[str],
    mass: NDArray[np.float64],
    rise: float,
) -> NDArray[np.float64]:
    """sigma v (cm^3/s) of self-conjugate dark matter at which -2 ln L is `rise` above its minimum.

    One for each pair of a channel and a mass (GeV).
    """

    def one(m: Float[Array, ""], weights: Float[Array, " channel"]) -> Float[Array, ""]:
        flux = spectra.energies(m, weights) / (8.0 * math.pi * m**2)

        def excess(log_sigma_v: Float[Array, ""]) -> Float[Array, ""]:
            return -2.0 * of_flux(jnp.exp(log_sigma_v) * flux)

        scan = jnp.log(jnp.asarray(_SCAN))
        values = jax.lax.map(excess, scan)
        least = jnp.argmin(values)
        target = values[least] + rise

        def halve(_: Int[Array, ""], ends: tuple[Array, Array]) -> tuple[Array, Array]:
            middle = 0.5 * (ends[0] + ends[1])
            above = excess(middle) > target
            return jnp.where(above, ends[0], middle), jnp.where(above, middle, ends[1])

        low, high = jax.lax.fori_loop(0, _BISECTIONS, halve, (scan[least], scan[-1]))
        return jnp.exp(0.5 * (low + high))

    weights = np.eye(len(CHANNELS))[[INDEX[channel] for channel in channels]]
    return np.asarray(jax.jit(jax.vmap(one))(jnp.asarray(mass), jnp.asarray(weights)))


def show_limits(
    title: str,
    of_flux: Callable[[Float[Array, " bin"]], Float[Array, ""]],
    as_published: Callable[[Float[Array, " bin"]], Float[Array, ""]],
    spectra: PhotonSpectra,
    published: Table,
) -> LimitCurves:
    """95 % limits on four channels; beside the published ones those that the same treatment of the data gives."""
    masses = {channel: np.geomspace(82.0 if channel == "W" else 6.0, 1e4, 16) for channel in _SHOWN}
    channels = [channel for channel, mass in masses.items() for _ in mass]
    limits = limits_of(of_flux, spectra, channels, np.concatenate(list(masses.values())), ONE_SIDED_95)
    curves = [
        Curve(label, masses[channel], limit)
        for (channel, label), limit in zip(_SHOWN.items(), np.split(limits, len(_SHOWN)), strict=True)
    ]
    for channel in ("b", "tau"):
        row = published["channel"] == channel
        mass, label = published["mass_gev"][row], _SHOWN[channel]
        again = limits_of(as_published, spectra, [channel] * len(mass), mass, ONE_SIDED_95)
        curves.append(Curve(f"{label}, 41 with profiled J", mass, again, "compared"))
        curves.append(Curve(f"{label}, published (the same 41)", mass, published["sigma_v_cm3_s"][row], "published"))
    return LimitCurves(
        title=f"{title}: 95 % limits",
        x_label="dark-matter mass (GeV)",
        y_label="sigma v (cm3/s), self-conjugate dark matter",
        curves=tuple(curves),
    )
