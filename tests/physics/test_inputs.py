"""Standard-Model inputs against the particle table of the Scikit-HEP package, and derived couplings."""

import math

import pytest
from particle import Particle

from globalfit.physics.inputs import PRESETS, Inputs

PDG_ID = {
    "m_z": 23, "m_w": 24, "m_h": 25, "m_e": 11, "m_mu": 13, "m_tau": 15,
    "m_u": 2, "m_d": 1, "m_s": 3, "m_c": 4, "m_b": 5, "m_t": 6,
}  # fmt: skip


@pytest.mark.parametrize("name", PDG_ID)
@pytest.mark.parametrize("preset", PRESETS)
def test_masses_of_the_particle_table(name, preset):
    listed = Particle.from_pdgid(PDG_ID[name])
    assert listed.mass is not None
    # editions differ by less than two standard deviations; micrOMEGAs rounds the light leptons
    tolerance = max(2.0 * (listed.mass_upper or 0.0), 2e-4 * listed.mass if preset == "micromegas6" else 0.0)
    assert 1e3 * getattr(PRESETS[preset], name) == pytest.approx(listed.mass, abs=tolerance, rel=1e-8)


def test_derived_couplings():
    inputs = Inputs()
    assert inputs.charge**2 / (4.0 * math.pi) == pytest.approx(1.0 / 127.951, rel=1e-14)
    assert inputs.sin_theta_w**2 + inputs.cos_theta_w**2 == pytest.approx(1.0, rel=1e-14)
    assert inputs.tan_theta_w == pytest.approx(math.tan(math.asin(math.sqrt(0.23122))), rel=1e-12)
    # v = (sqrt(2) G_F)^(-1/2) with G_F = 1.1663788e-5 GeV^-2 (MuLan)
    assert inputs.higgs_vev == pytest.approx((math.sqrt(2.0) * 1.1663788e-5) ** -0.5, rel=1e-7)
