"""Recoil rates against an independent numpy program that agrees with DDCalc 2.3.0 to 0.2 %."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from globalfit.models.axial import Axial
from globalfit.physics.inputs import GEV_M2_TO_CM2, Inputs
from globalfit.physics.scattering.halo import Halo
from globalfit.physics.scattering.nreft import Coefficients, nreft_coefficients
from globalfit.physics.scattering.rates import recoil_rate

WEAK = 1.0 / 246.2**2
HALOS = {"A": Halo(v0_km_s=220.0, v_earth_km_s=232.0), "B": Halo()}
POINTS = (("B", 10.0, (1.0, 5.0)), ("B", 40.0, (5.0, 30.0)), ("B", 1000.0, (5.0, 50.0)), ("A", 100.0, (5.0, 30.0)))
# dR/dE in events/(kg day keV) at `POINTS`; couplings of 1/(246.2 GeV)^2, SI with sigma_p = 1e-46 cm^2.
RATES = {
    "SI": (
        2.876583e-05, 1.324999e-06, 7.009440e-06, 3.956363e-07,
        3.385658e-07, 2.027721e-08, 3.484899e-06, 5.565978e-07,
    ),
    "O8_p": (
        3.160605e-04, 1.084669e-05, 9.388905e-05, 5.186627e-06,
        4.957581e-06, 3.984601e-07, 4.232829e-05, 7.358245e-06,
    ),
    "O8_iso": (
        1.868768e-03, 6.373266e-05, 5.510596e-04, 2.953726e-05,
        2.909078e-05, 2.242842e-06, 2.486949e-04, 4.198774e-05,
    ),
    "O9_p": (
        9.469838e-10, 2.237735e-10, 1.280446e-09, 6.354951e-10,
        6.450407e-11, 2.071008e-10, 6.531368e-10, 9.037517e-10,
    ),
    "O9_n": (
        1.149075e-06, 2.490374e-07, 1.428266e-06, 2.036673e-07,
        7.195804e-08, 9.702729e-09, 7.286004e-07, 2.896667e-07,
    ),
    "O4_p": (
        5.181533e-06, 2.420569e-07, 1.386514e-06, 9.954067e-08,
        6.985065e-08, 1.681116e-08, 7.072684e-07, 1.418260e-07,
    ),
    "O4_n": (
        6.393081e-03, 2.962779e-04, 1.701354e-03, 9.937142e-05,
        8.572138e-05, 9.765121e-06, 8.679513e-04, 1.420662e-04,
    ),
    "O8_p+O9_p": (
        3.160813e-04, 1.085219e-05, 9.391961e-05, 5.211168e-06,
        4.959119e-06, 4.048134e-07, 4.234386e-05, 7.393143e-06,
    ),
    "O8_p-O9_p": (
        3.160416e-04, 1.084165e-05, 9.386105e-05, 5.163356e-06,
        4.956173e-06, 3.925211e-07, 4.231402e-05, 7.325156e-06,
    ),
    "O8_p+O9_moments": (
        3.187763e-04, 1.138972e-05, 9.706589e-05, 5.193109e-06,
        5.117775e-06, 3.576001e-07, 4.395008e-05, 7.370241e-06,
    ),
}  # fmt: skip
# The same for O8 of the proton with q^2/(4 m_T^2) printed for q^2/(4 mu_T^2).
MISPRINTED_O8_P = (
    5.311590e-04, 6.109065e-05, 1.208410e-04, 1.525170e-05,
    4.980426e-06, 4.152859e-07, 4.583975e-05, 1.106909e-05,
)  # fmt: skip


def coefficients(**given: tuple[float, float]) -> Coefficients:
    return Coefficients(*(WEAK * jnp.asarray(given.get(name, (0.0, 0.0))) for name in Coefficients._fields))


OPERATORS = {
    "O8_p": coefficients(c8=(1.0, 0.0)),
    "O8_iso": coefficients(c8=(1.0, 1.0)),
    "O9_p": coefficients(c9=(1.0, 0.0)),
    "O9_n": coefficients(c9=(0.0, 1.0)),
    "O4_p": coefficients(c4=(1.0, 0.0)),
    "O4_n": coefficients(c4=(0.0, 1.0)),
    "O8_p+O9_p": coefficients(c8=(1.0, 0.0), c9=(1.0, 0.0)),
    "O8_p-O9_p": coefficients(c8=(1.0, 0.0), c9=(-1.0, 0.0)),
    "O8_p+O9_moments": coefficients(c8=(1.0, 0.0), c9=(2.793, -1.913)),
}


def spin_independent(mass: float) -> Coefficients:
    """sigma_p = c1^2 mu_p^2 / pi = 1e-46 cm^2."""
    reduced = mass * 0.938272 / (mass + 0.938272)
    c1 = np.sqrt(np.pi * 1e-46 / GEV_M2_TO_CM2) / reduced
    return coefficients(c1=(c1 / WEAK, c1 / WEAK))


def rates(operator: str) -> np.ndarray:
    result = []
    for halo, mass, energies in POINTS:
        couplings = spin_independent(mass) if operator == "SI" else OPERATORS[operator]
        result.append(np.asarray(recoil_rate(np.array(energies), mass, couplings, HALOS[halo])))
    return np.concatenate(result)


@pytest.mark.parametrize("operator", list(RATES))
def test_rates_of_every_operator(operator: str) -> None:
    # O9 differs by 0.14 %: mean nucleon mass here, proton mass there, squared.
    np.testing.assert_allclose(rates(operator), RATES[operator], rtol=2e-3)


def test_velocity_term_has_the_reduced_mass() -> None:
    ratio = np.array(MISPRINTED_O8_P) / rates("O8_p")
    assert ratio[1] > 5.0
    assert np.all(ratio > 1.004)


def test_no_recoil_above_the_kinematic_edge() -> None:
    # 2 mu^2 (v_esc + v_earth)^2 / m_T of 5 GeV on the lightest isotope is 2.7 keV.
    energies = np.array([2.8, 5.0, 50.0])
    np.testing.assert_array_equal(recoil_rate(energies, 5.0, OPERATORS["O8_p+O9_moments"], Halo()), 0.0)


def test_q_dependent_couplings_of_a_portal() -> None:
    point = {"m_chi": 50.0, "mass_ratio": 2.5, "epsilon": 0.02, "alpha_d": 0.1}
    portal = Axial.build(Axial.Options()).portal({k: jnp.asarray(v) for k, v in point.items()}, Inputs())
    energies = np.array([2.0, 10.0, 40.0])
    full = recoil_rate(energies, 50.0, functools.partial(nreft_coefficients, portal), Halo())
    contact = Coefficients(*(value[:, 0] for value in nreft_coefficients(portal, jnp.zeros(1))))
    # A mediator of 125 GeV is a contact interaction to q^2/m^2 = 1e-6.
    np.testing.assert_allclose(full, recoil_rate(energies, 50.0, contact, Halo()), rtol=2e-6)


def test_rate_is_differentiable_in_the_mass() -> None:
    @jax.jit
    def total(mass: jax.Array) -> jax.Array:
        return jnp.sum(recoil_rate(np.array([3.0, 10.0, 30.0]), mass, OPERATORS["O8_p"], Halo()))

    numeric = (total(jnp.asarray(40.001)) - total(jnp.asarray(39.999))) / 0.002
    slope = jax.jit(jax.grad(total))
    assert float(slope(jnp.asarray(40.0))) == pytest.approx(float(numeric), rel=1e-6)
    for mass in (1.0, 2.0, 5.0, 1e4):
        assert np.isfinite(slope(jnp.asarray(mass)))
