"""Slow, independent count of O1 and O8+O9 events: numpy, f(v) integrated numerically, every isotope on a dense grid."""

import functools

import numpy as np

from globalfit.tables import Table, read_table

C_KM_S = 299792.458
# (hbar c)^2 in GeV^2 cm^2 times c in cm/s, seconds per day, GeV per kg.
UNIT = 3.893793721718594e-28 * 2.99792458e10 * 86400.0 * 5.609588603804e26
MOMENTS = {"p": 2.7928, "n": -1.9130}
NUCLEON_MASS = 0.938918754


@functools.cache
def halo_table(v0: float = 238.0, v_earth: float = 253.7, v_esc: float = 544.0) -> tuple[np.ndarray, ...]:
    """Speeds (km/s), <1/v> and <v> above them, from f(v) integrated over angle and speed; no closed form is used."""
    speed = np.linspace(1e-3, v_esc + v_earth, 8001)
    x, w = np.polynomial.legendre.leggauss(48)
    # Cosines with |v + v_earth| < v_esc.
    top = np.clip((v_esc**2 - speed**2 - v_earth**2) / (2.0 * speed * v_earth), -1.0, 1.0)
    cosine = -1.0 + 0.5 * (top[:, None] + 1.0) * (x + 1.0)
    galactic2 = speed[:, None] ** 2 + v_earth**2 + 2.0 * speed[:, None] * v_earth * cosine
    density = speed**2 * 0.5 * (top + 1.0) * (np.exp(-galactic2 / v0**2) @ w)
    step = speed[1] - speed[0]
    density /= step * np.sum(0.5 * (density[1:] + density[:-1]))

    def above(values: np.ndarray) -> np.ndarray:
        return np.append(step * np.cumsum((0.5 * (values[1:] + values[:-1]))[::-1])[::-1], 0.0)

    return speed, above(density / speed), above(density * speed)


@functools.cache
def response_coefficients() -> dict[tuple[int, str, str], np.ndarray]:
    table = read_table("globalfit.physics.scattering", "xenon_responses.csv")
    powers = np.stack([table[f"a{k}"] for k in range(11)], axis=1)
    keys = zip(table["mass_number"], table["response"], table["nucleons"], strict=True)
    return {(int(a), str(name), str(pair)): row for (a, name, pair), row in zip(keys, powers, strict=True)}


def _response(a: int, momentum: np.ndarray, name: str, pair: str) -> np.ndarray:
    b2 = 41.467 / (45.0 * a ** (-1.0 / 3.0) - 25.0 * a ** (-2.0 / 3.0)) / 0.1973269804**2
    y = momentum**2 * b2 / 4.0
    row = response_coefficients().get((a, name, pair), np.zeros(11))
    return np.exp(-2.0 * y) * np.polynomial.polynomial.polyval(y, row)


def count(
    operator: str, mass: float, efficiency: Table, weights: np.ndarray | None, exposure: float, points: int = 8000
) -> float:
    """Events (or weighted events) for couplings of 1 GeV^-2: `O1` with c_p = c_n, or `O8` of the proton with its O9."""
    isotopes = read_table("globalfit.physics.scattering", "xenon_isotopes.csv")
    fractions = isotopes["mass_fraction"] / isotopes["mass_fraction"].sum()
    edges = np.linspace(0.5, 100.5, points + 1)  # 1.5 keV, where weights jump, and 100 keV are edges
    energy = 0.5 * (edges[1:] + edges[:-1])
    accepted = np.interp(energy, efficiency["recoil_energy_kev"], efficiency["efficiency"], left=0.0, right=0.0)
    if weights is not None:
        accepted = accepted * np.interp(np.log(energy), np.log(weights[0]), weights[1], left=0.0)
    speed, eta_above, h_above = halo_table()
    total = 0.0
    for number, nucleus, fraction in zip(isotopes["mass_number"], isotopes["nuclear_mass_gev"], fractions, strict=True):
        momentum = np.sqrt(2.0 * nucleus * energy * 1e-6)
        v_min = momentum / 2.0 * (mass + nucleus) / (mass * nucleus)
        eta = np.interp(v_min * C_KM_S, speed, eta_above, right=0.0) * C_KM_S
        h = np.interp(v_min * C_KM_S, speed, h_above, right=0.0) / C_KM_S
        f = functools.partial(_response, int(number), momentum)
        if operator == "O1":
            rate = sum(f("M", pair) for pair in ("pp", "pn", "np", "nn")) * eta
        else:
            ratio2 = (momentum / NUCLEON_MASS) ** 2
            nine = sum(MOMENTS[i] * MOMENTS[j] * f("SigmaP", i + j) for i in "pn" for j in "pn") / 16.0
            mixed = sum(MOMENTS[j] * f("DeltaSigmaP", "p" + j) for j in "pn") / 4.0
            rate = f("M", "pp") / 4.0 * (h - v_min**2 * eta) + ratio2 * (f("Delta", "pp") / 4.0 + nine - mixed) * eta
        total += fraction * float(np.sum(accepted * rate)) * (edges[1] - edges[0])
    return exposure * UNIT * 1e-6 * 0.3 / mass / (2.0 * np.pi) * total
