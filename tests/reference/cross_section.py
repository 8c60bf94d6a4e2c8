"""Annihilation cross sections and widths of the axial dark photon in the basis of the physical vectors, plain numpy.

The s-channel amplitude of the axial dark current a_k into a final state with couplings f_l is sum_kl a_k D_kl f_l with

    fixed             D the pole sum, i M_k Gamma_k;
    running           D the inverse of (s - M_k^2) delta_kl + i s rho_kl(s), rho of fermions alone, and i s Gamma_k/M_k
                      from the decays of the vectors to bosons; for W W the numerator of that inverse has no widths.

rho of W W grows as s^2 for the Z and its resummation without the vertex corrections that cancel it would remove the Z
from every amplitude far above 2 M_W; a width in the numerator would spoil the cancellation of photon and Z in W W.

Longitudinal exchange is proportional to
sum_k a_k f_k/M_k^2 = 0 without widths and is left out; `unitary=True` keeps the q q/M^2 terms of a fixed-width
unitary-gauge propagator instead, as programs with that propagator have them.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from tests.reference.axial_model import Model

_BOSONS = ("ww", "z_h", "ad_h")


def _beta(s: NDArray, mass: float) -> NDArray:
    return np.sqrt(np.clip(1.0 - 4.0 * mass**2 / s, 0.0, None))


def _momentum(s: NDArray, first: float, second: float) -> NDArray:
    kaellen = (s - (first + second) ** 2) * (s - (first - second) ** 2)
    return np.where(s > (first + second) ** 2, np.sqrt(np.clip(kaellen, 0.0, None)) / (2.0 * np.sqrt(s)), 0.0)


def channels(model: Model, s: NDArray) -> dict[str, list[tuple[NDArray, NDArray]]]:
    """For every visible s-channel final state its terms: couplings to both vectors, and rho(s) per coupling squared."""
    table = {}
    for f in model.fermions:
        beta, r = _beta(s, f.mass), f.mass**2 / s
        scale = f.colours / (12.0 * np.pi)
        table[f.name] = [(f.vector, scale * beta * (1.0 + 2.0 * r)), (f.axial, scale * beta**3)]
    r = model.m_w**2 / s
    # Gamma(Z' -> W W) = g^2 M beta^3 (1 + 20 r + 12 r^2)/(192 pi r^2), triple-gauge vertex of the Standard Model
    table["ww"] = [(model.w_pair, _beta(s, model.m_w) ** 3 * (1.0 + 20.0 * r + 12.0 * r**2) / (192.0 * np.pi * r**2))]
    for k, name in enumerate(("z_h", "ad_h")):
        p = _momentum(s, model.mass[k], model.m_h)
        table[name] = [(model.higgs[k], p * (3.0 + (p / model.mass[k]) ** 2) / (24.0 * np.pi * s**1.5))]
    return table


def dark_channel(model: Model, s: NDArray) -> list[tuple[NDArray, NDArray]]:
    """chi chibar, in the form of `channels`."""
    return [(model.dark_axial, _beta(s, model.m_chi) ** 3 / (12.0 * np.pi))]


def widths(model: Model) -> tuple[dict[str, NDArray], NDArray]:
    """Partial widths by final state and total widths of both vectors, GeV."""
    s = model.mass**2
    table = channels(model, s) | {"dark": dark_channel(model, s)}
    partial = {name: model.mass * sum(c**2 * rho for c, rho in terms) for name, terms in table.items()}
    return partial, np.sum(list(partial.values()), axis=0)


def propagator(model: Model, sqrt_s: NDArray, width: str, channel: str = "") -> NDArray:
    """D_kl for one final state, shape (2, 2, energy); `width` as in the module's docstring."""
    s = sqrt_s**2
    gap = (sqrt_s - model.mass[:, None]) * (sqrt_s + model.mass[:, None])
    partial, total = widths(model)
    if width == "fixed":
        return _diagonal(1.0 / (gap + 1j * (model.mass * total)[:, None]))
    bosonic = sum(partial[name] for name in _BOSONS)
    running = channels(model, s) | {"dark": dark_channel(model, s)}
    running = {name: terms for name, terms in running.items() if name not in _BOSONS}
    inverse = _diagonal(gap + 1j * s * (bosonic / model.mass)[:, None])
    for coupling, rho in itertools.chain.from_iterable(running.values()):
        inverse += 1j * np.multiply.outer(np.outer(coupling, coupling), s * rho)
    if channel == "ww":
        return _diagonal(gap[::-1] / (inverse[0, 0] * inverse[1, 1] - inverse[0, 1] * inverse[1, 0]))
    return np.moveaxis(np.linalg.inv(np.moveaxis(inverse, -1, 0)), 0, -1)


def _diagonal(values: NDArray) -> NDArray:
    return np.einsum("ke,kl->kle", values, np.eye(2)).astype(complex)


def s_channel(model: Model, sqrt_s: NDArray, width: str, unitary: bool = False) -> dict[str, NDArray]:
    """sigma beta_chi by final state, GeV^-2."""
    s = sqrt_s**2
    common = propagator(model, sqrt_s, width)
    flux = s * _beta(s, model.m_chi) ** 2
    result = {}
    for name, terms in channels(model, s).items():
        matrix = propagator(model, sqrt_s, width, name) if name == "ww" else common
        amplitude = np.einsum("k,kle->le", model.dark_axial, matrix)
        result[name] = flux * sum(abs(coupling @ amplitude) ** 2 * rho for coupling, rho in terms)
    if unitary:
        total = widths(model)[1]
        gap = (sqrt_s - model.mass[:, None]) * (sqrt_s + model.mass[:, None])
        # (1 - s/M^2)/(s - M^2 + i M Gamma), the coefficient of q q/s
        longitudinal = -gap / (model.mass[:, None] ** 2 * (gap + 1j * (model.mass * total)[:, None]))
        for f in model.fermions:
            strength = abs((model.dark_axial * f.axial) @ longitudinal) ** 2
            result[f.name] = result[f.name] + (
                f.colours * _beta(s, f.mass) * (model.m_chi * f.mass) ** 2 * strength / (np.pi * s)
            )
        for k, name in enumerate(("z_h", "ad_h")):
            p = _momentum(s, model.mass[k], model.m_h)
            strength = abs((model.dark_axial * model.higgs[k]) @ longitudinal) ** 2
            # |q.J_chi|^2 = 2 m_chi^2 s summed over spins (4 times the average), |q.epsilon|^2 = s p^2/M_V^2
            result[name] = result[name] + strength * model.m_chi**2 * p**3 / (4.0 * np.pi * model.mass[k] ** 2 * s**1.5)
    return result
