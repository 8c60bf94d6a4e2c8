"""Planck 2018: energy from annihilation between recombination and the first stars would have changed the CMB.

    p_ann = f^2 f_eff <sigma v>/m     (half of it where particle and antiparticle differ)

for dark matter at rest, but for its Sommerfeld factor, that is the fraction f of all (arXiv:1807.06209); f_eff is the
part of the energy that heats and ionises the gas (arXiv:1506.03811). The limit p_ann < 3.2e-28 cm^3/(s GeV) at 95 %
becomes a half-Gaussian:

    ln L = -p_ann^2/(2 sigma^2),   p_ann >= 0.

A vector that decays in flight deposits energy like pairs of particles with half of its energy each, and a pair Z h like
the mean of Z Z and h h.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from globalfit.experiment.gaussian_data import GaussianData
from globalfit.experiment.limit_curves import TWO_SIDED_95, Curve, LimitCurves, upper_limit
from globalfit.experiment.protocol import Measurement, NoOptions
from globalfit.physics import status
from globalfit.physics.indirect.annihilation import (
    VELOCITY_RECOMBINATION,
    Moving,
    decays,
    enhancement,
    enhancement_flags,
    final_states,
    pair_fraction,
)
from globalfit.physics.inputs import GEV_M2_TO_CM3_S, Inputs
from globalfit.physics.predictions import Prediction, Predictions
from globalfit.tables import Table, read_table

from .efficiency import PAIRS, TABLE, Efficiency

# Dark-matter masses for which f_eff is known, GeV; below 5 GeV for electrons and muons only.
_DOMAIN = (5.0, 1e4)
_SHOWN = {"e": "e e", "mu": "mu mu", "tau": "tau tau", "b": "b bbar", "W": "W W"}


class PlanckCMB(GaussianData):
    """Planck limit on annihilation. `observed` is the most likely p_ann: 0, or what a toy has drawn."""

    title: ClassVar = "Planck 2018 annihilation"
    references: ClassVar = (
        "Planck Collaboration, arXiv:1807.06209",
        "T. Slatyer, arXiv:1506.03811",
        "PPPC 4 DM ID, Cirelli et al., arXiv:1012.4515",
    )
    exclusion: ClassVar = "two_sided"

    data: tuple[Table, ...] = eqx.field(static=True)

    @classmethod
    def build(cls, options: NoOptions, inputs: Inputs) -> Self:  # noqa: ARG003 - the base's signature
        limit, curves = read_table("globalfit.likelihoods.planck_cmb", "planck_2018.csv"), read_table(*TABLE)
        return cls(
            observed=jnp.zeros(1),
            sigma=jnp.asarray(limit["sigma"]),
            data=(limit, curves),
        )

    @property
    def provides(self) -> tuple[Prediction, ...]:
        return (_P_ANN,)

    @property
    def tables(self) -> tuple[Table, ...]:
        return self.data

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        summary = f"f_eff sigma v/m < {self.data[0]['p_ann_limit'][0]:.2g} cm3/(s GeV) (95 %)"
        return (Measurement("annihilation before reionisation", summary, _P_ANN.name),)

    @property
    def no_signal(self) -> Float[Array, ""]:
        return self.log_density(jnp.zeros(1))

    def predicted(self, predictions: Predictions) -> Float[Array, " 1"]:
        return p_ann(predictions)[None]

    def limit_curves(self) -> LimitCurves:
        """95 % limits on sigma v against the dark-matter mass; points are the published p_ann over tabulated f_eff."""
        p_ann = np.linspace(0.0, 1e-27, 101)
        limit = upper_limit(lambda p: -0.5 * ((self.observed - p) / self.sigma) ** 2, p_ann, TWO_SIDED_95)
        published = float(self.data[0]["p_ann_limit"][0])
        table, curves = self.data[1], []
        for channel, label in _SHOWN.items():
            rows = table["channel"] == channel
            mass, f_eff = table["mass_gev"][rows], table["f_eff"][rows]
            fine = np.geomspace(mass[0], mass[-1], 60)
            own = jax.vmap(Efficiency.read())(jnp.asarray(fine))[:, PAIRS.index(channel)]
            curves.append(Curve(label, fine, limit * fine / np.asarray(own)))
            curves.append(
                Curve(f"{label}, limit on p_ann over tabulated f_eff", mass, published * mass / f_eff, "published")
            )
        return LimitCurves(
            title=f"{self.title}: 95 % limits",
            x_label="dark-matter mass (GeV)",
            y_label="sigma v (cm3/s), self-conjugate dark matter",
            curves=tuple(curves),
        )

    def status(self, predictions: Predictions) -> Int[Array, ""]:
        """`outside_table` outside 5 GeV to 10 TeV, where f_eff is held for all but electrons and muons, and flags of
        the Sommerfeld factor."""
        mass = predictions.dark_matter.mass
        outside = jnp.where((mass < _DOMAIN[0]) | (mass > _DOMAIN[1]), status.OUTSIDE_TABLE.bit, 0)
        return outside | enhancement_flags(predictions, VELOCITY_RECOMBINATION)


def p_ann(predictions: Predictions) -> Float[Array, ""]:
    """f^2 f_eff sigma v/m in cm^3/(s GeV), as of self-conjugate dark matter that makes up all of it."""
    return predictions.once("p_ann", _p_ann)


def _p_ann(predictions: Predictions) -> Float[Array, ""]:
    mass, efficiency = predictions.dark_matter.mass, Efficiency.read()
    states = final_states(predictions)
    deposited = _deposited(efficiency, states.pairs, mass)
    for particle in states.moving:
        for number, energy in zip(particle.number, particle.energy, strict=True):
            share = number * energy / (2.0 * mass)
            deposited += share * _in_flight(efficiency, predictions, particle, energy)
    scale = pair_fraction(predictions) * predictions.dark_matter_fraction**2 * GEV_M2_TO_CM3_S
    return enhancement(predictions, VELOCITY_RECOMBINATION) * scale * deposited / mass


def _in_flight(
    efficiency: Efficiency, predictions: Predictions, particle: Moving, energy: Float[Array, ""]
) -> Float[Array, ""]:
    # below its mass a particle cannot be made; anything finite will do
    energy = jnp.maximum(energy, particle.mass)
    if particle.vector is None:
        return _deposited(efficiency, {"h": jnp.ones(())}, energy)
    return _deposited(efficiency, decays(predictions, particle.vector), 0.5 * energy)


def _deposited(
    efficiency: Efficiency, pairs: Mapping[str, Float[Array, ""]], energy: Float[Array, ""]
) -> Float[Array, ""]:
    """sum over pairs of their weight times f_eff."""
    return jnp.stack([pairs.get(name, jnp.zeros(())) for name in PAIRS]) @ efficiency(energy)


_P_ANN = Prediction(
    "p_ann_cm3_s_gev",
    "cm^3/(s GeV)",
    "f^2 f_eff sigma v/m before reionisation, halved where particle and antiparticle differ",
    "arXiv:1506.03811 for f_eff",
    p_ann,
)
