"""Dark-matter halo: the truncated Maxwellian and its moments above a minimal speed, in closed form.

In the galaxy f(v) is proportional to exp(-v^2/v0^2) up to v_esc; the laboratory moves through it with v_earth. With
speeds in units of v0, e = v_earth/v0, z = v_esc/v0, N = pi^(3/2) [erf z - 2 z exp(-z^2)/sqrt(pi)] and A = pi/(N e), the
distribution of the speed u in the laboratory gives

    int dOmega u f = g(u) = A [exp(-b^2) - exp(-a^2)],   a = min(u + e, z),   b = min(u - e, z)
    eta(u) = <1/v> = int_u^inf g du',   h(u) = <v> = int_u^inf u'^2 g du'

(Lewin and Smith 1996; McCabe, 1005.0579; checked against direct quadrature in the tests). Both vanish exactly beyond
z + e, where a = b = z.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Self

import jax.numpy as jnp
from jax.scipy.special import erf
from jaxtyping import Array, Float
from pydantic import BaseModel, ConfigDict, Field, model_validator

SPEED_OF_LIGHT_KM_S = 299792.458


class Halo(BaseModel, frozen=True):
    """Standard halo model. Defaults: Baxter et al., 2105.00599, with the Earth's speed on 9 March, near its mean."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    density_gev_cm3: float = Field(default=0.3, gt=0.0, description="local dark-matter density")
    v0_km_s: float = Field(default=238.0, gt=0.0, description="most probable speed in the galaxy")
    v_esc_km_s: float = Field(default=544.0, gt=0.0, description="escape speed")
    v_earth_km_s: float = Field(default=253.7, gt=0.0, description="speed of the Earth in the galaxy")

    @model_validator(mode="after")
    def _bound(self) -> Self:
        if self.v_earth_km_s >= self.v_esc_km_s:
            raise ValueError("v_earth_km_s must be below v_esc_km_s")
        return self


class HaloMoments(NamedTuple):
    """Moments of the speed distribution above a minimal speed, speeds in units of c."""

    inverse_speed: Float[Array, "*batch"]
    """eta = <1/v>"""
    speed: Float[Array, "*batch"]
    """h = <v>"""
    slope: Float[Array, "*batch"]
    """-d eta/d v_min, so that d h/d v_min = -v_min^2 slope"""


def halo_moments(minimal_speed: Float[Array, "*batch"], halo: Halo) -> HaloMoments:
    """eta, h and the slope of eta at `minimal_speed` (units of c, >= 0); exactly zero above v_esc + v_earth."""
    v0 = halo.v0_km_s / SPEED_OF_LIGHT_KM_S
    e, z = halo.v_earth_km_s / halo.v0_km_s, halo.v_esc_km_s / halo.v0_km_s
    cut = math.exp(-z * z)
    scale = math.pi / (e * math.pi**1.5 * (math.erf(z) - 2.0 * z * cut / math.sqrt(math.pi)))
    half_root_pi = 0.5 * math.sqrt(math.pi)

    u = minimal_speed / v0
    a, b = jnp.minimum(u + e, z), jnp.minimum(u - e, z)
    erf_a, erf_b = half_root_pi * erf(a), half_root_pi * erf(b)
    exp_a, exp_b = jnp.exp(-a * a), jnp.exp(-b * b)
    erf_z = half_root_pi * math.erf(z)

    eta = scale * (erf_a - erf_b - (a - b) * cut)
    # int (t + s)^2 exp(-t^2) dt = (1/2 + s^2) sqrt(pi)/2 erf t - (t/2 + s) exp(-t^2), once with s = e and once with -e.
    moment = 0.5 + e * e
    towards = moment * (erf_z - erf_b) - (0.5 * z + e) * cut + (0.5 * b + e) * exp_b
    against = moment * (erf_z - erf_a) - (0.5 * z - e) * cut + (0.5 * a - e) * exp_a
    beyond = cut * ((z + e) ** 3 - jnp.clip(u, z - e, z + e) ** 3) / 3.0
    inside = u < z + e
    h = scale * jnp.where(inside, towards - against - beyond, 0.0)
    return HaloMoments(jnp.where(inside, eta, 0.0) / v0, h * v0, scale * (exp_b - exp_a) / v0**2)
