"""chi chibar -> V_i V_j: helicity amplitudes with explicit Dirac matrices, integrated numerically over the angle.

Arrays over (energy x angle) points run along the first axis.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
_ZERO, _ONE = np.zeros((2, 2)), np.eye(2)
# Dirac representation.
_GAMMA = np.array([np.block([[_ONE, _ZERO], [_ZERO, -_ONE]])] + [np.block([[_ZERO, p], [-p, _ZERO]]) for p in _PAULI])
_GAMMA5 = np.block([[_ZERO, _ONE], [_ONE, _ZERO]])
_LOWERED = _GAMMA * np.array([1.0, -1.0, -1.0, -1.0])[:, None, None]
_ANGLES, _WEIGHTS = np.polynomial.legendre.leggauss(28)


def flux_cross_section(
    sqrt_s: NDArray,
    dark_mass: float,
    mass: Sequence[float],
    vector: Sequence[float],
    axial: Sequence[float],
    pair: tuple[int, int],
    exchanged: float | None = None,
) -> NDArray:
    """beta_chi sigma(chi chibar -> V_i V_j), GeV^-2; zero below threshold.

    The mass of the `exchanged` particle is that of the dark matter unless it is given.
    """
    i, j = pair
    exchanged = dark_mass if exchanged is None else exchanged
    sqrt_s = np.atleast_1d(np.asarray(sqrt_s, dtype=float))
    result = np.zeros_like(sqrt_s)
    is_open = sqrt_s > mass[i] + mass[j]
    if not is_open.any():
        return result
    energy = sqrt_s[is_open]
    s = energy**2
    kaellen = (s - (mass[i] + mass[j]) ** 2) * (s - (mass[i] - mass[j]) ** 2)
    momentum2 = np.clip(1.0 - 4.0 * dark_mass**2 / s, 0.0, None) * kaellen
    shift = 2.0 * (exchanged**2 - dark_mass**2)
    z = np.maximum(np.sqrt(momentum2) / (s - mass[i] ** 2 - mass[j] ** 2 + shift), 1e-8)
    # cos = tanh(w)/z takes the poles of both channels out
    width = np.arctanh(z)
    w = width[:, None] * _ANGLES
    cos = np.clip(np.tanh(w) / z[:, None], -1.0, 1.0)
    jacobian = width[:, None] * _WEIGHTS / (z[:, None] * np.cosh(w) ** 2)
    spread = np.repeat(energy, len(_ANGLES))
    sums = _spin_sum(spread, cos.ravel(), dark_mass, exchanged, mass, vector, axial, pair).reshape(cos.shape)
    average = 0.5 * np.sum(jacobian * sums, axis=1)
    symmetry = 0.5 if i == j else 1.0
    result[is_open] = symmetry * np.sqrt(kaellen) * average / (64.0 * np.pi * s**2)
    return result


def _spin_sum(
    sqrt_s: NDArray,
    cos: NDArray,
    dark_mass: float,
    exchanged: float,
    mass: Sequence[float],
    vector: Sequence[float],
    axial: Sequence[float],
    pair: tuple[int, int],
) -> NDArray:
    """Sum over all helicities of |t channel + u channel|^2."""
    i, j = pair
    s, half, zero = sqrt_s**2, 0.5 * sqrt_s, np.zeros_like(sqrt_s)
    p = np.sqrt(np.clip(half**2 - dark_mass**2, 0.0, None))
    k = np.sqrt((s - (mass[i] + mass[j]) ** 2) * (s - (mass[i] - mass[j]) ** 2)) / (2.0 * sqrt_s)
    sin = np.sqrt(1.0 - cos**2)
    p1 = np.stack([half, zero, zero, p], axis=1)
    k1 = np.stack([np.hypot(k, mass[i]), k * sin, zero, k * cos], axis=1)
    k2 = np.stack([np.hypot(k, mass[j]), -k * sin, zero, -k * cos], axis=1)

    def vertices(out: NDArray, n: int, sign: float) -> NDArray:
        longitudinal = np.stack([k, sign * out[:, 0] * sin, zero, sign * out[:, 0] * cos], axis=1) / mass[n]
        transverse = np.stack([zero, cos, zero, -sin], axis=1), np.stack([zero, zero, zero + 1.0, zero], axis=1)
        coupling = vector[n] * np.eye(4) - axial[n] * _GAMMA5
        return np.stack([_slash(e) for e in (*transverse, longitudinal)], axis=1) @ coupling

    def exchange(out: NDArray, n: int) -> NDArray:
        invariant = mass[n] ** 2 - 2.0 * (half * out[:, 0] - p * out[:, 3]) + dark_mass**2 - exchanged**2
        return (_slash(p1 - out) + exchanged * np.eye(4)) / invariant[:, None, None]

    first, second = vertices(k1, i, 1.0)[:, :, None], vertices(k2, j, -1.0)[:, None]
    amplitude = second @ exchange(k1, i)[:, None, None] @ first + first @ exchange(k2, j)[:, None, None] @ second
    lower = p / (half + dark_mass)
    norm = np.sqrt(half + dark_mass)
    u, v = np.zeros((2, len(sqrt_s), 4, 2))
    for spin, sign in enumerate((1.0, -1.0)):
        u[:, spin, spin], u[:, 2 + spin, spin] = norm, norm * lower * sign
        v[:, spin, spin], v[:, 2 + spin, spin] = -norm * lower * sign, norm
    bar = (np.swapaxes(v, 1, 2) @ _GAMMA[0].real)[:, None, None]
    return (np.abs(bar @ amplitude @ u[:, None, None]) ** 2).sum(axis=(1, 2, 3, 4))


def _slash(momentum: NDArray) -> NDArray:
    return np.einsum("nm,mab->nab", momentum, _LOWERED)


def scalar_flux_cross_section(
    sqrt_s: float, dark_mass: float, mass: np.ndarray, coupling: np.ndarray, pair: tuple[int, int]
) -> float:
    """sigma beta_phi of phi phi* -> V_i V_j in GeV^-2: the amplitude as a tensor in numbers, contracted with the
    polarisation sums of massive vectors and integrated over the angle; zero below threshold."""
    (m_i, m_j), s = mass[list(pair)], sqrt_s**2
    if sqrt_s <= m_i + m_j:
        return 0.0
    momentum = np.sqrt((s - (m_i + m_j) ** 2) * (s - (m_i - m_j) ** 2)) / (2.0 * sqrt_s)
    dark_momentum = np.sqrt(s / 4.0 - dark_mass**2)
    metric = np.diag([1.0, -1.0, -1.0, -1.0])
    p1, p2 = (np.array([sqrt_s / 2.0, 0.0, 0.0, sign * dark_momentum]) for sign in (1.0, -1.0))
    total = 0.0
    for cosine, weight in zip(*np.polynomial.legendre.leggauss(200), strict=True):
        direction = np.array([np.sqrt(1.0 - cosine**2), 0.0, cosine])
        k1 = np.concatenate([[np.hypot(m_i, momentum)], momentum * direction])
        k2 = np.concatenate([[np.hypot(m_j, momentum)], -momentum * direction])
        t, u = ((p1 - k) @ metric @ (p1 - k) for k in (k1, k2))
        amplitude = (
            2.0 * metric
            + np.outer(2.0 * p1 - k1, 2.0 * p2 - k2) / (t - dark_mass**2)
            + np.outer(2.0 * p2 - k1, 2.0 * p1 - k2) / (u - dark_mass**2)
        )
        lower = metric @ amplitude @ metric
        first, second = (np.outer(k, k) / m**2 - metric for k, m in ((k1, m_i), (k2, m_j)))
        total += 0.5 * weight * np.einsum("ab,cd,ac,bd", lower, lower, first, second)
    identical = 0.5 if pair[0] == pair[1] else 1.0
    return identical * total * np.prod(coupling[list(pair)] ** 2) * momentum / (8.0 * np.pi * s * sqrt_s)
