"""Isotopes and responses of xenon."""

import numpy as np
import pytest

from globalfit.physics.scattering.nuclei import RESPONSES, xenon


def test_mass_fractions_are_those_of_natural_xenon() -> None:
    fractions = {isotope.mass_number: isotope.mass_fraction for isotope in xenon()}
    assert sum(fractions.values()) == pytest.approx(1.0, abs=1e-14)
    # DDCalc 2.3.0, without 124Xe and 126Xe.
    ddcalc = {128: 0.01861, 129: 0.2592, 130: 0.04028, 131: 0.2117, 132: 0.2704, 134: 0.1064, 136: 0.09168}
    for number, fraction in ddcalc.items():
        assert fractions[number] == pytest.approx(fraction / sum(ddcalc.values()), rel=2.5e-3)


def test_coherent_response_counts_protons_and_neutrons() -> None:
    for isotope in xenon():
        z, n = 54.0, isotope.mass_number - 54.0
        response = isotope.response("M", np.zeros(1))[..., 0]
        np.testing.assert_allclose(response, [[z * z, z * n], [n * z, n * n]], rtol=1e-3)


def test_spinless_isotopes_have_the_coherent_response_only() -> None:
    momentum = np.array([0.02, 0.1])
    for isotope in xenon():
        for name in RESPONSES[1:]:
            present = bool(np.any(isotope.response(name, momentum)))
            assert present == (isotope.mass_number in (129, 131))


@pytest.mark.parametrize(("number", "spin", "proton", "neutron"), [(129, 0.5, 0.007, 0.248), (131, 1.5, 0.005, 0.199)])
def test_spin_expectation_values(number: int, spin: float, proton: float, neutron: float) -> None:
    # |<S_p>| and |<S_n>| of 1203.3542; F_Sigma' + F_Sigma'' = 4 (J+1)/J <S>^2 at zero momentum (3 for a free nucleon).
    isotope = next(item for item in xenon() if item.mass_number == number)
    total = (isotope.response("SigmaP", np.zeros(1)) + isotope.response("SigmaPP", np.zeros(1)))[..., 0]
    found = np.sqrt(np.diagonal(total) * spin / (4.0 * (spin + 1.0)))
    np.testing.assert_allclose(found, [proton, neutron], atol=6e-4)
