"""The common vocabulary: predictions that every model makes, and the status flags that go with them."""

from __future__ import annotations

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from numpy.typing import NDArray

from globalfit.physics import fermions, status
from globalfit.physics.annihilation import channels
from globalfit.physics.annihilation.cross_section import (
    cross_sections,
    excited_vector_pairs,
    own_thresholds,
    portal_thresholds,
    resonances,
    s_channel_total,
    total_cross_section,
)
from globalfit.physics.annihilation.propagator import Energies
from globalfit.physics.annihilation.widths import Widths, widths
from globalfit.physics.cosmology.coannihilation import coannihilation_average, equilibrium_abundance, pair
from globalfit.physics.cosmology.decoupling import change, decoupling_mesh, decoupling_points
from globalfit.physics.cosmology.elastic import momentum_transfer_rate
from globalfit.physics.cosmology.estimate import estimate_mesh, estimated_yield
from globalfit.physics.cosmology.freeze_out import FreezeOut, freeze_out
from globalfit.physics.cosmology.kinetic import coupled_freeze_out
from globalfit.physics.cosmology.quadrature import COARSE, FINE, Counts, Nodes, Thresholds, nodes
from globalfit.physics.cosmology.relaxation import relaxation_rate
from globalfit.physics.cosmology.temperatures import temperatures
from globalfit.physics.cosmology.thermal_average import thermal_average
from globalfit.physics.cosmology.thermal_moments import Moments, thermal_moments
from globalfit.physics.inputs import GEV_M2_TO_CM3_S
from globalfit.physics.portal import Portal
from globalfit.physics.predictions import Prediction, Predictions, Vocabulary
from globalfit.physics.scattering.predictions import PREDICTIONS as SCATTERING
from globalfit.physics.sommerfeld.flags import VELOCITY_FREEZE_OUT, bound_states, limits_of_validity

# Relative velocity of dark matter in the Galaxy today, in units of c.
VELOCITY_TODAY = 1.0e-3
_TODAY = f"tree level with Sommerfeld factors, v_rel = {VELOCITY_TODAY:g}"
# Spin states of the particle and its antiparticle, or of both Majorana fermions.
_STATES = {"dirac": 4, "scalar": 2, "pseudo_dirac": 4}
# Below this mass, of the dark matter or of a new vector, hadronic final states are not free quarks.
_LIGHT_HADRONS_GEV = 10.0
_WIDE = 0.1
# Estimated change of the relic density from which on the temperature of dark matter may change it by 5 %.
_DEPENDS = 0.02
# Estimated change of the relic density by annihilation that is too late for the thermal average.
_LATE = 0.01
# Bound of perturbative unitarity on the Yukawa coupling of the longitudinal vectors, which is 2 g m_chi/M for an axial
# current (Kahlhoefer et al., arXiv:1510.02110) and g (m2 - m1)/M for an off-diagonal one.
_LARGEST_YUKAWA = math.sqrt(2.0 * math.pi)


def decay_widths(predictions: Predictions) -> Widths:
    """Widths of both mass eigenstates, GeV."""
    return predictions.once("decay_widths", lambda p: widths(p.portal, p.inputs))


def relic(predictions: Predictions) -> FreezeOut:
    """Freeze-out; its `sigma_v` is in GeV^-2."""
    return predictions.once("relic", _relic)


def relic_estimate(predictions: Predictions) -> Float[Array, ""]:
    """Omega h2 by the quick `globalfit.physics.cosmology.estimate`."""
    portal, inputs, x = predictions.portal, predictions.inputs, estimate_mesh()
    sigma_v = _average(predictions, x, COARSE)
    yield_today = estimated_yield(portal.dark.mass, _spins(portal), sigma_v, inputs, _abundance(portal, x))
    return yield_today * portal.dark.mass * inputs.density_per_yield


def annihilation_today(predictions: Predictions) -> dict[str, Float[Array, ""]]:
    """sigma v_rel by final state at the velocity of the Galaxy today, GeV^-2."""
    return predictions.once("annihilation_today", _annihilation_today)


def flags(predictions: Predictions) -> Int[Array, ""]:
    """Status flags of the physics, without the relic density: those of the model, wide resonances, light hadrons, and
    longitudinal vectors that couple too strongly to pseudo-Dirac dark matter."""
    wide = jnp.any(decay_widths(predictions).total > _WIDE * predictions.portal.mass)
    lightest = jnp.min(predictions.portal.mass[jnp.asarray(predictions.portal.new)])
    light = jnp.minimum(predictions.dark_matter.mass, lightest) < _LIGHT_HADRONS_GEV
    return (
        predictions.portal.status
        | jnp.where(wide, status.WIDE_RESONANCE.bit, 0)
        | jnp.where(light, status.LIGHT_HADRONS.bit, 0)
        | jnp.where(_yukawa(predictions.portal) > _LARGEST_YUKAWA, status.BEYOND_PERTURBATIVITY.bit, 0)
    )


def _yukawa(portal: Portal) -> Float[Array, ""]:
    """Largest g_k (m2 - m1)/M_k of the off-diagonal current."""
    if portal.dark.kind != "pseudo_dirac":
        return jnp.zeros(())
    coupling = portal.dark.vector @ portal.eigenvectors()
    return jnp.max(jnp.abs(coupling) / portal.mass) * portal.dark.splitting * portal.dark.mass


def relic_flags(predictions: Predictions) -> Int[Array, ""]:
    """Status flags of the relic density."""
    portal, inputs = predictions.portal, predictions.inputs
    bits = jnp.where(relic(predictions).thermalised, 0, status.NOT_THERMALISED.bit)
    bits |= jnp.where(relic(predictions).beyond > _LATE, status.LATE_ANNIHILATION.bit, 0)
    bits |= bound_states(portal, inputs) | limits_of_validity(portal, inputs, VELOCITY_FREEZE_OUT)
    decouples = _decouples(predictions)
    if follows_temperature(predictions):
        decouples &= _scatters_by_axial_current(portal)
    return bits | jnp.where(decouples, status.KINETIC_DECOUPLING.bit, 0)


def follows_temperature(predictions: Predictions) -> bool:
    """Whether the temperature of dark matter has an equation of its own: not where several states turn into each other
    (pseudo-Dirac, doublet) or where it scatters on hidden fermions, and not where the inputs say so."""
    portal = predictions.portal
    one_state = portal.dark.kind != "pseudo_dirac" and portal.doublet is None and portal.hidden is None
    return one_state and predictions.inputs.kinetic == "coupled"


def _decouples(predictions: Predictions) -> Bool[Array, ""]:
    """Whether the relic density depends on the temperature of dark matter, which is taken as that of the bath. For
    pseudo-Dirac dark matter scattering is that of a Dirac fermion, more than a splitting leaves."""
    portal, inputs = predictions.portal, predictions.inputs
    if follows_temperature(predictions):
        gamma = _relaxation_rate(predictions)[decoupling_points()]
    else:
        gamma = momentum_transfer_rate(portal, inputs, portal.dark.mass / decoupling_mesh())
    return change(portal.dark.mass, gamma, _sigma_v(predictions), relic(predictions), inputs) > _DEPENDS


def _scatters_by_axial_current(portal: Portal) -> Bool[Array, ""]:
    """Whether new vectors that dark matter makes in pairs couple to its axial current, whose scattering on them no rate
    contains."""
    axial = portal.dark.axial @ portal.eigenvectors()
    new = jnp.asarray(portal.new)
    return jnp.any((axial[new] != 0.0) & (portal.mass[new] < 2.0 * portal.dark.mass))


def vector_words(names: tuple[str, str], *channels: str) -> tuple[Prediction, ...]:
    """Words that carry the names of the mass eigenstates: `width_<vector>_gev` and fractions of bosonic channels, and
    fractions of further `channels`."""
    first, second = names
    pairs = (f"{first}_{first}", f"{first}_{second}", f"{second}_{second}", f"{first}_h", f"{second}_h", *channels)
    return tuple(_width(name, k) for k, name in enumerate(names)) + tuple(_fraction(pair) for pair in pairs)


def _relic(predictions: Predictions) -> FreezeOut:
    portal, inputs = predictions.portal, predictions.inputs
    if follows_temperature(predictions):
        gamma = _relaxation_rate(predictions)
        return coupled_freeze_out(portal.dark.mass, _spins(portal), _both_moments(predictions), gamma, inputs)
    abundance = _abundance(portal, temperatures())
    return freeze_out(portal.dark.mass, _spins(portal), _sigma_v(predictions), inputs, abundance)


def _spins(portal: Portal) -> int:
    """Spin states of dark matter, all components and antiparticles together."""
    return _STATES[portal.dark.kind] * (1 if portal.doublet is None else 2)


def _abundance(portal: Portal, x: NDArray[np.float64]) -> Float[Array, " x"] | None:
    """Factor on the equilibrium density of that many states of the lightest mass, where they have several."""
    return equilibrium_abundance(portal.dark.splitting, x) if portal.dark.kind == "pseudo_dirac" else None


def _sigma_v(predictions: Predictions) -> Float[Array, " x"]:
    """<sigma v> of all states at `temperatures()`, GeV^-2."""

    def average(predictions: Predictions) -> Float[Array, " x"]:
        if follows_temperature(predictions):
            return _both_moments(predictions).number
        return _average(predictions, temperatures(), FINE)

    return predictions.once("sigma_v", average)


def _relaxation_rate(predictions: Predictions) -> Float[Array, " t"]:
    return predictions.once("relaxation_rate", lambda p: relaxation_rate(p.portal, p.inputs))


def _both_moments(predictions: Predictions) -> Moments:
    return predictions.once("moments", _moments)


def _moments(predictions: Predictions) -> Moments:
    mesh = annihilation_nodes(predictions)
    section = total_cross_section(predictions.portal, predictions.inputs, mesh.energies)
    return thermal_moments(mesh, section, temperatures())


def _average(predictions: Predictions, x: NDArray[np.float64], counts: Counts) -> Float[Array, " x"]:
    """<sigma v> of all states at x, GeV^-2."""
    if predictions.portal.dark.kind == "pseudo_dirac":
        return _coannihilation(predictions, x, counts)
    mesh = annihilation_nodes(predictions, counts)
    section = total_cross_section(predictions.portal, predictions.inputs, mesh.energies)
    return thermal_average(mesh, section, x)


def annihilation_nodes(predictions: Predictions, counts: Counts = FINE) -> Nodes:
    """Nodes in energy of chi chibar annihilation."""
    portal, inputs = predictions.portal, predictions.inputs
    return nodes(portal.dark.mass, resonances(portal, inputs), _thresholds(predictions), counts)


def _thresholds(predictions: Predictions) -> Thresholds:
    return Thresholds(own_thresholds(predictions.portal), portal_thresholds(predictions.portal, predictions.inputs))


def _coannihilation(predictions: Predictions, x: NDArray[np.float64], counts: Counts) -> Float[Array, " x"]:
    portal, inputs = predictions.portal, predictions.inputs
    dark, poles, opens = portal.dark, resonances(portal, inputs), _thresholds(predictions)
    splitting = dark.splitting
    means = dark.mass * (1.0 + splitting * jnp.asarray([0.0, 0.5, 1.0]))
    # mapped, so that the nodes are compiled once
    meshes = jax.vmap(lambda mean: nodes(mean, poles, opens, counts))(means)
    members = ((0.0, 0.0), (0.0, splitting), (splitting, splitting))
    light, mixed, heavy = (pair(jax.tree.map(lambda a, k=k: a[k], meshes), *members[k]) for k in range(3))
    sections = (
        total_cross_section(portal, inputs, light.nodes.energies),
        s_channel_total(portal, inputs, mixed.nodes.energies),
        sum(excited_vector_pairs(portal, heavy.nodes.energies.s).values(), start=jnp.zeros(())),
    )
    return coannihilation_average((light, mixed, heavy), sections, equilibrium_abundance(splitting, x), x)


def _annihilation_today(predictions: Predictions) -> dict[str, Float[Array, ""]]:
    portal = predictions.portal
    kinetic = jnp.full(1, 2.0 / math.sqrt(1.0 - 0.25 * VELOCITY_TODAY**2) - 2.0)
    sections = cross_sections(portal, predictions.inputs, Energies.of_slow_pairs(kinetic, portal))
    return {name: 2.0 * section[0] for name, section in sections.items()}


def _sum_today(predictions: Predictions) -> Array:
    return sum(annihilation_today(predictions).values(), start=jnp.zeros(()))


@dataclasses.dataclass(frozen=True)
class _Fraction:
    """Hashable, like `_TotalWidth`, so that two vocabularies with the same words are equal and share a compilation."""

    channel: str

    def __call__(self, predictions: Predictions) -> Array:
        total = _sum_today(predictions)
        part = annihilation_today(predictions)[self.channel]
        return jnp.where(total > 0.0, part / jnp.where(total > 0.0, total, 1.0), 0.0)


@dataclasses.dataclass(frozen=True)
class _TotalWidth:
    index: int

    def __call__(self, predictions: Predictions) -> Array:
        return decay_widths(predictions).total[self.index]


def _fraction(channel: str) -> Prediction:
    meaning = f"fraction of the annihilation today into {channel.replace('_', ' ')}"
    return Prediction(f"fraction_{channel}", "", meaning, _TODAY, _Fraction(channel))


def _width(name: str, index: int) -> Prediction:
    meaning = f"total tree-level width of the {name} mass eigenstate, as in its propagator"
    return Prediction(f"width_{name}_gev", "GeV", meaning, "tree level", _TotalWidth(index))


def _invisible(predictions: Predictions) -> Array:
    partial, total = decay_widths(predictions)
    dark = partial[channels.DARK][1]
    return jnp.where(total[1] > 0.0, dark / jnp.where(total[1] > 0.0, total[1], 1.0), 0.0)


_BOLTZMANN = "Boltzmann equation, Gondolo and Gelmini 1991"

_WORDS: tuple[Prediction, ...] = (
    Prediction(
        "omega_h2",
        "",
        "relic density of dark matter, particles and antiparticles together",
        _BOLTZMANN,
        lambda p: relic(p).relic_yield * p.dark_matter.mass * p.inputs.density_per_yield,
    ),
    Prediction("x_f", "", "m_chi/T at which Y = 2.5 Yeq", _BOLTZMANN, lambda p: relic(p).x_f),
    Prediction(
        "sigma_v_freezeout_cm3_s",
        "cm^3/s",
        "thermal average of sigma v at x_f",
        _BOLTZMANN,
        lambda p: relic(p).sigma_v * GEV_M2_TO_CM3_S,
    ),
    Prediction(
        "sigma_v_today_cm3_s",
        "cm^3/s",
        "sigma v of a pair of dark-matter particles in the Galaxy today",
        _TODAY,
        lambda p: _sum_today(p) * GEV_M2_TO_CM3_S,
    ),
    Prediction("br_invisible", "", "branching fraction of the dark vector into dark matter", "tree level", _invisible),
    *(_fraction(fermion.name) for fermion in fermions.FERMIONS),
    _fraction("ww"),
    *SCATTERING,
)

VOCABULARY = Vocabulary(flags=flags).extended(_WORDS)
