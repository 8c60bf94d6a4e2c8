"""Coefficients of the nucleons from quark couplings."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from globalfit.models.axial import Axial
from globalfit.physics import fermions
from globalfit.physics.inputs import Inputs
from globalfit.physics.mixing import Mixing
from globalfit.physics.portal import DarkMatter, Portal
from globalfit.physics.predictions import Predictions, Vocabulary
from globalfit.physics.scattering.nreft import nreft_coefficients
from globalfit.physics.scattering.predictions import PREDICTIONS

INPUTS = Inputs()
AXIAL = Axial.build(Axial.Options())
POINT = {"m_chi": 50.0, "mass_ratio": 2.5, "epsilon": 0.02, "alpha_d": 0.1}


def values(**changes: float) -> dict[str, jax.Array]:
    return {name: jnp.asarray(value) for name, value in (POINT | changes).items()}


def portal(
    *,
    vector: np.ndarray | None = None,
    axial: np.ndarray | None = None,
    dark_vector: tuple[float, float] = (0.0, 0.0),
    dark_axial: tuple[float, float] = (0.0, 0.0),
    masses: tuple[float, float] = (91.0, 20.0),
    mixing: float = 0.0,
) -> Portal:
    """A portal with the given couplings; the Lagrangian masses are only right without mixing."""
    zero = jnp.zeros((len(fermions.FERMIONS), 2))
    return Portal(
        names=("z", "zp"),
        mixing=Mixing(jnp.asarray(masses) ** 2, jnp.asarray(masses) ** 2, jnp.asarray(mixing), jnp.zeros(())),
        vector=zero if vector is None else jnp.asarray(vector),
        axial=zero if axial is None else jnp.asarray(axial),
        w_pair=jnp.zeros(2),
        higgs=jnp.zeros((2, 2)),
        dark=DarkMatter("dirac", jnp.asarray(100.0), jnp.asarray(dark_vector), jnp.asarray(dark_axial)),
        status=jnp.zeros((), dtype=int),
    )


def test_axial_dark_photon_couples_to_the_charge_only_at_zero_momentum() -> None:
    point = values()
    model = AXIAL.portal(point, INPUTS)
    c = nreft_coefficients(model, jnp.zeros(1))
    g_chi = np.sqrt(4.0 * np.pi * POINT["alpha_d"])
    # 2 g_chi e epsilon / m_A'^2 with the Lagrangian mass of A' before its field is normalised.
    lagrangian_mass2 = float(model.mixing.lagrangian_mass2[1]) * (1.0 - POINT["epsilon"] ** 2)
    expected = 2.0 * g_chi * INPUTS.charge * POINT["epsilon"] / lagrangian_mass2
    assert abs(float(c.c8[0, 0])) == pytest.approx(expected, rel=1e-14)
    np.testing.assert_array_equal(c.c8[1], 0.0)
    np.testing.assert_array_equal(c.c4, 0.0)
    np.testing.assert_array_equal(c.c1, 0.0)


def test_magnetic_moments_of_the_electric_current() -> None:
    c = nreft_coefficients(AXIAL.portal(values(), INPUTS), jnp.zeros(1))
    assert float(c.c9[0, 0] / c.c8[0, 0]) == pytest.approx(2.793, abs=1e-3)
    assert float(c.c9[1, 0] / c.c8[0, 0]) == pytest.approx(-1.913, abs=1e-3)


def test_pseudo_dirac_dark_matter_does_not_scatter_elastically() -> None:
    z_vector, z_axial = fermions.z_couplings(INPUTS)
    model = portal(
        vector=np.stack([z_vector, z_vector], axis=1),
        axial=np.stack([z_axial, z_axial], axis=1),
        dark_vector=(0.1, 0.3),
    )
    assert np.all(np.asarray(nreft_coefficients(model, jnp.zeros(1)).c1) != 0.0)
    dark = DarkMatter("pseudo_dirac", jnp.asarray(100.0), model.dark.vector, model.dark.axial, jnp.asarray(0.1))
    split = eqx.tree_at(lambda m: m.dark, model, dark)
    for coefficient in nreft_coefficients(split, jnp.zeros(1)):
        np.testing.assert_array_equal(coefficient, 0.0)


def test_derivative_portal_vanishes_with_the_momentum() -> None:
    z_vector, z_axial = fermions.z_couplings(INPUTS)
    epsilon, m_z, m_zp, g_chi = 0.01, 91.0, 20.0, 0.3
    model = portal(
        vector=np.stack([z_vector, 0.0 * z_vector], axis=1),
        axial=np.stack([z_axial, 0.0 * z_axial], axis=1),
        dark_vector=(0.0, g_chi),
        masses=(m_z, m_zp),
        mixing=epsilon,
    )
    q2 = -jnp.array([0.0, 1e-6, 2.5e-3, 0.02])
    c = nreft_coefficients(model, q2)
    # 1308.6288 counts valence quarks: g_V^p is proportional to 1 - 4 sin^2 theta_W, g_V^n to -1, times e/(4 s_W c_W).
    scale = INPUTS.charge / (4.0 * INPUTS.sin_theta_w * INPUTS.cos_theta_w)
    propagator = -epsilon * q2 / ((1.0 - epsilon**2) * (q2 - m_z**2) * (q2 - m_zp**2))
    np.testing.assert_allclose(c.c1[0], g_chi * scale * (1.0 - 4.0 * INPUTS.sin2_theta_w) * propagator, rtol=1e-12)
    np.testing.assert_allclose(c.c1[1], -g_chi * scale * propagator, rtol=1e-12)
    np.testing.assert_array_equal(c.c8, 0.0)
    np.testing.assert_array_equal(c.c4, 0.0)


def test_axial_on_both_sides_takes_the_quark_spins() -> None:
    axial = np.zeros((len(fermions.FERMIONS), 2))
    isovector, strange = axial.copy(), axial.copy()
    isovector[fermions.INDEX["u"], 0], isovector[fermions.INDEX["d"], 0] = 1.0, -1.0
    strange[fermions.INDEX["s"], 0] = 1.0
    unit = 4.0 / 91.0**2
    c = nreft_coefficients(portal(axial=isovector, dark_axial=(1.0, 0.0)), jnp.zeros(1))
    # Neutron beta decay: Delta u - Delta d = g_A (PDG 2024).
    np.testing.assert_allclose(c.c4[:, 0], [1.2754 * unit, -1.2754 * unit], rtol=3e-3)
    c = nreft_coefficients(portal(axial=strange, dark_axial=(1.0, 0.0)), jnp.zeros(1))
    np.testing.assert_allclose(c.c4[:, 0], [-0.031 * unit, -0.031 * unit], rtol=1e-12)
    np.testing.assert_array_equal(c.c8, 0.0)


def test_heavy_quarks_and_leptons_do_not_enter() -> None:
    vector = np.ones((len(fermions.FERMIONS), 2))
    vector[[fermions.INDEX[name] for name in ("u", "d")]] = 0.0
    c = nreft_coefficients(portal(vector=vector, dark_vector=(1.0, 1.0), dark_axial=(1.0, 1.0)), jnp.zeros(1))
    np.testing.assert_array_equal(c.c1, 0.0)
    np.testing.assert_array_equal(c.c8, 0.0)
    np.testing.assert_array_equal(c.c9, 0.0)


def test_predictions_are_dimensionless_at_50_mev() -> None:
    point = values()
    model = AXIAL.portal(point, INPUTS)
    words = Vocabulary({word.name: word for word in PREDICTIONS})
    predictions = Predictions(model, INPUTS, point, words)
    c = nreft_coefficients(model, jnp.array([-(0.05**2)]))
    assert {name for name in words if name.startswith("c")} == {"c1_p", "c1_n", "c4_p", "c4_n", "c8_p", "c8_n"}
    assert float(predictions["c8_p"]) == pytest.approx(246.2**2 * float(c.c8[0, 0]), rel=1e-14)
    assert float(predictions["c4_n"]) == pytest.approx(246.2**2 * float(c.c4[1, 0]), rel=1e-14)
    # The neutron only couples through the momentum dependence of the Z, suppressed by q2/m_Z^2.
    assert 0.0 < abs(float(predictions["c8_n"] / predictions["c8_p"])) < 1e-6


def test_coefficients_have_finite_gradients() -> None:
    def c8(epsilon: jax.Array) -> jax.Array:
        model = AXIAL.portal(values() | {"epsilon": epsilon}, INPUTS)
        return nreft_coefficients(model, jnp.array([-2.5e-3])).c8[0, 0]

    gradient = jax.grad(c8)(jnp.asarray(0.02))
    step = 1e-6
    numeric = (c8(jnp.asarray(0.02 + step)) - c8(jnp.asarray(0.02 - step))) / (2.0 * step)
    assert float(gradient) == pytest.approx(float(numeric), rel=1e-6)


@pytest.mark.parametrize("mass", [10.0, 1000.0])
def test_cross_sections_of_a_heavy_vector(mass) -> None:
    """mu^2 g_chi^2 g_N^2/(pi M^4) for vector couplings and three times as much for axial ones, at M = 500 GeV."""

    def words(**couplings) -> list[float]:
        words = Vocabulary({word.name: word for word in PREDICTIONS})
        model = portal(masses=(91.0, 500.0), **couplings)
        model = eqx.tree_at(lambda p: p.dark.mass, model, jnp.asarray(mass))
        predictions = Predictions(model, INPUTS, values(), words)
        return [float(predictions[f"sigma_{kind}_{nucleon}_cm2"]) for kind in ("si", "sd") for nucleon in ("p", "n")]

    up = np.zeros((len(fermions.FERMIONS), 2))
    up[fermions.INDEX["u"], 1] = 0.3
    unit = (mass * 0.938919 / (mass + 0.938919) * 0.2 * 0.3 / 500.0**2) ** 2 / np.pi * 3.893794e-28
    # Two up quarks in the proton and one in the neutron; their spins are 0.897 and -0.376 of the nucleon's.
    found = words(vector=up, dark_vector=(0.0, 0.2))
    np.testing.assert_allclose(found, [4.0 * unit, unit, 0.0, 0.0], rtol=1e-5)
    found = words(axial=up, dark_axial=(0.0, 0.2))
    np.testing.assert_allclose(found, [0.0, 0.0, 3.0 * 0.897**2 * unit, 3.0 * 0.376**2 * unit], rtol=1e-5)
