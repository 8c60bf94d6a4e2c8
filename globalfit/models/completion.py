"""Ultraviolet completions of the derivative portal: what takes the place of epsilon as a parameter.

Loops of neutral fermions mix the Z with the Z' (`loop_mixing`): a Majorana fermion of mass m_n with the Yukawa
couplings y_nu to a lepton doublet and y_psi to a fermion psi_L of the gauge group of the Z'. Next to kinetic mixing

- there is mass mixing, delta_m2 (1 + h/v)^2 Z.Z' to leading order in y_nu, with a vertex 2 delta_m2/v h Z.Z', and
  scattering does not vanish with q2:

      D_ZZ' = (delta_m2 - epsilon q2)/[(q2 - m1^2)(q2 - m2^2) - (epsilon q2 - delta_m2)^2];

- the Z' decays, and dark matter annihilates, to pairs of the three neutral fermions at tree level. With the share p_i
  of psi_L in state i the squared couplings are g_psi^2 p_i p_j. The couplings of the Z are left as they are: to the
  massless state it couples less than to a neutrino of the Standard Model, by the factor 1 - p_0 (`psi_share`).
  Universality allows p_0 < 1e-3, which is not imposed, for the doublet can be a new one;
- epsilon and delta_m2 are constants only below the mass m_1 of the lighter massive state, which is small for a large
  m_n. Beyond, what is right is scattering, at q2 = 0, and what does not need the mixing: annihilation to hidden
  fermions and to Z' Z'.

With the gauge group SU(2) instead of U(1) (`su2xsu2`) dark matter and psi_L are doublets. The Z' is the neutral vector,
with the couplings +-g_chi/2, and comes with charged W' of the same mass (`globalfit.physics.annihilation.doublet`).
Both components of dark matter have the same mass and are stable. The component of psi_L that does not mix stays
massless, with unsuppressed couplings: dark matter annihilates to it first of all, and it adds 0.05 to the effective
number of neutrinos if it decouples above the mass of the top quark (not counted here). The doublet that has to join a
single one, for an odd number of them has no consistent gauge theory (Witten), is taken to be heavy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from globalfit.models import Parameter
from globalfit.models.loop_mixing import Completion, LoopMixing, fermions_of, loop_mixing, psi_charge
from globalfit.physics.inputs import Inputs
from globalfit.physics.portal import Doublet, Hidden
from globalfit.physics.predictions import Prediction, Predictions


class Completed(NamedTuple):
    """Mixing that follows from the parameters of a completion, the fermions and the vectors that it brings, and the
    coupling of the Z' to dark matter."""

    mixing: LoopMixing
    hidden: Hidden
    doublet: Doublet | None
    coupling: Float[Array, ""]


def completed(completion: Completion, parameters: Mapping[str, Array], inputs: Inputs) -> Completed:
    """One point, given by `m_zp`, `g_chi` (the gauge coupling) and the parameters of `loop_parameters`."""
    states = fermions_of(completion, **_arguments(parameters), inputs=inputs)
    mass = jnp.stack([jnp.zeros_like(states.lighter), -states.lighter, states.heavier])
    coupling = psi_charge(completion) * parameters["g_chi"]
    mixing = loop_mixing(states, coupling, inputs)
    coupling2 = coupling**2 * states.shares[:, None] * states.shares[None, :]
    if completion == "su2xu1":
        return Completed(mixing, Hidden(mass, coupling2), None, coupling)
    hidden = Hidden(jnp.pad(mass, (0, 1)), jnp.pad(coupling2, (0, 1)).at[-1, -1].set(coupling**2))
    doublet = Doublet(parameters["g_chi"], mass, 2.0 * coupling**2 * states.shares)
    return Completed(mixing, hidden, doublet, coupling)


def loop_parameters(largest_coupling: float) -> tuple[Parameter, ...]:
    """Parameters of the neutral fermions."""
    return (
        Parameter("m_n", "GeV", "Majorana mass of the heavy neutral fermion", 1.0, 1.0e6),
        Parameter("y_nu", "", "its Yukawa coupling to a lepton doublet", 0.0, largest_coupling),
        Parameter("y_psi", "", "its Yukawa coupling to a fermion of the dark gauge group", 0.0, largest_coupling),
    )


def words(completion: Completion) -> tuple[Prediction, ...]:
    """What the loops predict."""
    kinetic, mass = "kinetic mixing -(epsilon/2) Z.Z'", "mass mixing delta_m2 Z.Z'"
    share = "share of the dark fermion in the massless neutrino, by which it couples less to the Z"
    return (
        Prediction("epsilon", "", kinetic, "one loop", _kinetic_mixing),
        Prediction("delta_m2_gev2", "GeV^2", mass, "one loop", _mass_mixing),
        Prediction("psi_share", "", share, "tree level", _Share(completion)),
    )


@dataclasses.dataclass(frozen=True)
class _Share:
    """Hashable, so that two vocabularies with the same words are equal and share a compilation."""

    completion: Completion

    def __call__(self, predictions: Predictions) -> Array:
        arguments = _arguments(predictions.parameters)
        return fermions_of(self.completion, **arguments, inputs=predictions.inputs).shares[0]


def _kinetic_mixing(predictions: Predictions) -> Array:
    return predictions.portal.mixing.kinetic


def _mass_mixing(predictions: Predictions) -> Array:
    return predictions.portal.mixing.mass_mixing


def _arguments(parameters: Mapping[str, Array]) -> dict[str, Array]:
    return {name: parameters[name] for name in ("m_zp", "g_chi", "m_n", "y_nu", "y_psi")}
