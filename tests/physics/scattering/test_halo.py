"""Halo moments against the numerically integrated velocity distribution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from globalfit.physics.scattering.halo import Halo, halo_moments
from tests.support.xenon_reference import C_KM_S, halo_table


@pytest.mark.parametrize(
    "halo", [Halo(), Halo(v0_km_s=220.0, v_earth_km_s=232.0), Halo(v_earth_km_s=15.0, v_esc_km_s=500.0)]
)
def test_moments_agree_with_the_integrated_distribution(halo: Halo) -> None:
    speed, eta, h = halo_table(halo.v0_km_s, halo.v_earth_km_s, halo.v_esc_km_s)
    chosen = slice(50, 7600, 151)
    moments = halo_moments(jnp.asarray(speed[chosen] / C_KM_S), halo)
    np.testing.assert_allclose(moments.inverse_speed, eta[chosen] * C_KM_S, rtol=2e-6, atol=2e-7 * C_KM_S * eta[0])
    np.testing.assert_allclose(moments.speed, h[chosen] / C_KM_S, rtol=2e-6, atol=2e-7 * h[0] / C_KM_S)


def test_no_speed_beyond_the_edge() -> None:
    edge = (544.0 + 253.7) / C_KM_S
    moments = halo_moments(edge * jnp.array([1.0 + 1e-12, 1.01, 2.0, 1e3]), Halo())
    for moment in moments:
        np.testing.assert_array_equal(moment, 0.0)


def test_slope_is_the_derivative_of_both_moments() -> None:
    speed = jnp.linspace(1.0, 790.0, 40) / C_KM_S
    eta_slope = jax.vmap(jax.grad(lambda v: halo_moments(v, Halo()).inverse_speed))(speed)
    h_slope = jax.vmap(jax.grad(lambda v: halo_moments(v, Halo()).speed))(speed)
    slope = halo_moments(speed, Halo()).slope
    np.testing.assert_allclose(eta_slope, -slope, rtol=1e-9, atol=1e-9 * float(slope.max()))
    np.testing.assert_allclose(h_slope, -(speed**2) * slope, rtol=1e-9, atol=1e-9 * float((speed**2 * slope).max()))


def test_gradient_is_finite_everywhere() -> None:
    edges = jnp.array([0.0, 544.0 - 253.7, 544.0 + 253.7, 1e4]) / C_KM_S
    for k in range(3):
        gradient = jax.vmap(jax.grad(lambda v, k=k: halo_moments(v, Halo())[k]))(edges)
        assert bool(jnp.all(jnp.isfinite(gradient)))
        assert float(gradient[-1]) == 0.0


@pytest.mark.parametrize("bad", [{"v0_km_s": -1.0}, {"v_earth_km_s": 600.0}, {"density": 0.3}, {"v_esc_km_s": np.inf}])
def test_impossible_halos_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Halo(**bad)
