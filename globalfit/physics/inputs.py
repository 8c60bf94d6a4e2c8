"""Standard-Model inputs: the one place of couplings, masses and choices that other programs make differently.

Scheme: tree-level amplitudes with the MS-bar couplings at M_Z (alpha(M_Z), sin^2 theta_W(M_Z)) at every scale, and with
independent measured masses. The mixing parameter epsilon of a model is therefore the one at M_Z too.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

# Conversion of a cross section times velocity: (hbar c)^2 c in GeV^2 cm^3 / s (CODATA 2018, exact constants).
GEV_M2_TO_CM2 = 3.893793721718594e-28
SPEED_OF_LIGHT_CM_S = 2.99792458e10
GEV_M2_TO_CM3_S = GEV_M2_TO_CM2 * SPEED_OF_LIGHT_CM_S

# Scale that makes effective couplings dimensionless, in GeV (Anand et al. 1308.6288 quote 246.2).
WEAK_SCALE_GEV = 246.2

# Masses in GeV, bounded so that no slip of a unit or an exponent goes unseen.
Heavy = Annotated[float, Field(ge=10.0, le=1000.0)]
Light = Annotated[float, Field(gt=0.0, le=10.0)]


class Inputs(BaseModel):
    """Inputs of a calculation, GeV. Defaults: Review of Particle Physics 2024 (masses, MS-bar couplings at M_Z).

    Light quarks u, d, s carry their MS-bar masses at 2 GeV, c and b theirs at their own scale, t its pole mass.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    alpha_em_inv: float = Field(default=127.951, gt=100.0, lt=200.0, description="1/alpha in the MS-bar scheme at M_Z")
    sin2_theta_w: float = Field(
        default=0.23122, gt=0.1, lt=0.4, description="sin^2 theta_W in the MS-bar scheme at M_Z"
    )
    higgs_vev: float = Field(default=246.21965, ge=10.0, le=1000.0, description="v = (sqrt(2) G_F)^(-1/2)")
    planck_mass: float = Field(default=1.22089e19, ge=1e18, le=1e20, description="Planck mass (CODATA 2022)")
    density_per_yield: float = Field(
        default=2.74383e8,
        ge=1e8,
        le=1e9,
        description="s_0 h^2/rho_c in GeV^-1: 2891.2 cm^-3 over 1.05371e-5 GeV cm^-3 (RPP 2024)",
    )
    m_z: Heavy = 91.1880
    m_w: Heavy = 80.3692
    m_h: Heavy = 125.20
    m_e: Light = 0.00051099895
    m_mu: Light = 0.1056583755
    m_tau: Light = 1.77693
    m_u: Light = 0.00216
    m_d: Light = 0.0047
    m_s: Light = 0.0935
    m_c: Light = 1.2730
    m_b: Light = 4.183
    m_t: Heavy = 172.57
    width: Literal["running", "fixed"] = Field(
        default="running", description="mediator widths: sqrt(s) Gamma(sqrt(s)) as a matrix, or M Gamma(M) pole by pole"
    )
    g_star: Literal["saikawa_shirai", "drees_hajkarim_schmitz"] = Field(
        default="saikawa_shirai", description="effective degrees of freedom of the early universe"
    )
    annihilation_ends_gev: float = Field(
        default=0.0, ge=0.0, le=1.0, description="temperature below which annihilation no longer counts (0: never ends)"
    )
    kinetic: Literal["equilibrium", "coupled"] = Field(
        default="coupled",
        description="temperature of dark matter during freeze-out: that of the bath, or an equation of its own",
    )
    sommerfeld: Literal["on", "off"] = Field(
        default="on", description="attraction of dark matter by light vectors before it annihilates, or tree level"
    )

    @property
    def charge(self) -> float:
        """Positron charge e = sqrt(4 pi alpha)."""
        return math.sqrt(4.0 * math.pi / self.alpha_em_inv)

    @property
    def sin_theta_w(self) -> float:
        """Sine of the Weinberg angle."""
        return math.sqrt(self.sin2_theta_w)

    @property
    def cos_theta_w(self) -> float:
        """Cosine of the Weinberg angle."""
        return math.sqrt(1.0 - self.sin2_theta_w)

    @property
    def tan_theta_w(self) -> float:
        """Tangent of the Weinberg angle."""
        return self.sin_theta_w / self.cos_theta_w


PRESETS: dict[str, Inputs] = {
    "default": Inputs(),
    # Inputs of the micrOMEGAs 6 comparison: light fermions as in its Standard Model file, fixed Breit-Wigner widths.
    # That its Boltzmann equation ends at 1 MeV is inferred from two points on a pole at threshold, where it matters.
    "micromegas6": Inputs(
        planck_mass=1.22091e19,
        density_per_yield=2.742e8,
        m_z=91.1876,
        m_w=80.377,
        m_h=125.25,
        m_e=0.000511,
        m_mu=0.10566,
        m_tau=1.77686,
        m_c=1.27,
        m_b=4.18,
        width="fixed",
        g_star="drees_hajkarim_schmitz",
        annihilation_ends_gev=1e-3,
        kinetic="equilibrium",
        sommerfeld="off",
    ),
}
