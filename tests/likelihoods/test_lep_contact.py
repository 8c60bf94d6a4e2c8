"""LEP-2 dileptons: contact fits and Z' limits of an independent program, the propagator, resonances, toys."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from globalfit.likelihoods.lep_contact import ENERGY_SPREAD_GEV, LepContact, expected
from globalfit.likelihoods.lep_zprime import LepZprime

from globalfit.experiment.protocol import Likelihood
from globalfit.experiment.resonance_scans import b_minus_l_portal
from globalfit.models.axial import Axial
from globalfit.physics import status
from globalfit.physics.collider import dilepton
from globalfit.physics.fermions import INDEX, z_couplings
from globalfit.physics.inputs import Inputs
from globalfit.physics.mixing import mix
from globalfit.physics.portal import DarkMatter, Portal
from globalfit.physics.predictions import NO_WORDS, Predictions

INPUTS = Inputs()
LEP = LepContact.build(LepContact.Options(), INPUTS)
AXIAL = Axial.build(Axial.Options())
E, MU, TAU = INDEX["e"], INDEX["mu"], INDEX["tau"]

# Own fits of an independent numpy program to the same 24 + 24 numbers: epsilon = sign/Lambda^2 in TeV^-2 with the
# amplitude 4 pi epsilon, its errors, and the smallest chi^2.
CONTACT = {
    "LL": (-0.005997, 0.003333, 0.003362, 38.967),
    "RR": (-0.006597, 0.003664, 0.003704, 38.957),
    "VV": (-0.002070, 0.001244, 0.001249, 39.448),
    "AA": (-0.002247, 0.001726, 0.001714, 40.534),
    "LR": (-0.003965, 0.005169, 0.005383, 41.643),
    "V0": (-0.003126, 0.001732, 0.001738, 38.961),
    "A0": (-0.001966, 0.002569, 0.002608, 41.643),
}
# Chiral couplings (e_L, e_R, l_L, l_R) of one or two heavy vectors that give these structures.
STRUCTURES = {
    "LL": ((1, 0, 1, 0),),
    "RR": ((0, 1, 0, 1),),
    "VV": ((1, 1, 1, 1),),
    "AA": ((1, -1, 1, -1),),
    "LR": ((1, 0, 0, 1),),
    "V0": ((1, 0, 1, 0), (0, 1, 0, 1)),
    "A0": ((1, 0, 0, 1), (0, 1, 1, 0)),
}
# Same program: 95 % limits (Delta chi^2 = 3.84 and 2.71) on universal vector and axial couplings at a mass in GeV.
ZPRIME = {
    5: (0.0236506, 0.0204758, 0.030035, 0.0261889),
    50: (0.0229302, 0.0198619, 0.0290972, 0.0253834),
    100: (0.0207169, 0.0180105, 0.0261644, 0.0229099),
    150: (0.0140306, 0.0121401, 0.0164524, 0.0142059),
    180: (0.00701078, 0.00611514, 0.00943497, 0.00836357),
    215: (0.0176464, 0.0168471, 0.019017, 0.0180431),
    300: (0.0540805, 0.05168, 0.0598996, 0.0569736),
    1000: (0.233846, 0.223403, 0.260001, 0.247276),
    3000: (0.71432, 0.682312, 0.794683, 0.755605),
}


def portal_of(names, masses, mixing, vector, axial):
    """Portal by hand; `vector` and `axial` map fermions to the couplings of both vectors."""
    mass2 = jnp.stack([jnp.asarray(mass, float) ** 2 for mass in masses])
    found, _ = mix(mass2, jnp.asarray(mixing, float))
    couplings = [jnp.zeros((12, 2)), jnp.zeros((12, 2))]
    for i, table in enumerate((vector, axial)):
        for fermion, values in table.items():
            couplings[i] = couplings[i].at[fermion].set(jnp.stack([jnp.asarray(value, float) for value in values]))
    idle = DarkMatter("dirac", jnp.asarray(1.0), jnp.zeros(2), jnp.zeros(2))
    return Portal(
        names,
        found,
        *couplings,
        jnp.zeros(2),
        jnp.zeros((2, 2)),
        idle,
        jnp.array(0),
    )


def predictions_of(portal):
    return Predictions(portal, INPUTS, {}, NO_WORDS.extended(LEP.provides))


def heavy_vectors(structure, epsilon):
    """Vectors of 30 TeV with the amplitude 4 pi epsilon (TeV^-2) below; the sign sits in the final lepton's charge."""
    mass = 30.0e3
    strength = jnp.sqrt(4.0 * jnp.pi * jnp.abs(epsilon)) * mass / 1000.0
    chiral = [
        [sum(charges[i] * (k == j) for j, charges in enumerate(STRUCTURES[structure])) for k in range(2)]
        for i in range(4)
    ]
    electron_left, electron_right, left, right = (strength * jnp.asarray(value, float) for value in chiral)
    left, right = -jnp.sign(epsilon) * left, -jnp.sign(epsilon) * right
    vector = {E: 0.5 * (electron_left + electron_right)} | dict.fromkeys((MU, TAU), 0.5 * (left + right))
    axial = {E: 0.5 * (electron_left - electron_right)} | dict.fromkeys((MU, TAU), 0.5 * (left - right))
    return portal_of(("c", "x"), (mass, mass * 1.0001), 0.0, vector, axial)


def chi2_of(new):
    """chi^2 of given tree-level observables, written out."""
    data, full = LEP.tables
    s = data["sqrt_s_gev"] ** 2
    known = dilepton.observables(dilepton.standard_model(INPUTS, s, ENERGY_SPREAD_GEV))
    total = jnp.zeros(())
    for i, lepton in enumerate(("mumu", "tautau")):
        rate = full[f"sigma_{lepton}_pb"] * new.rate[i] / known.rate[i]
        total += jnp.sum(((data[f"sigma_{lepton}_pb"] - rate) / data[f"sigma_{lepton}_error_pb"]) ** 2)
        asymmetry = full[f"a_fb_{lepton}"] + new.asymmetry[i] - known.asymmetry[i]
        total += jnp.sum(((data[f"a_fb_{lepton}"] - asymmetry) / data[f"a_fb_{lepton}_error"]) ** 2)
    return total


@pytest.mark.parametrize("structure", CONTACT)
def test_heavy_vectors_give_the_contact_fits(structure):
    scan = np.linspace(-0.03, 0.03, 1202)  # even: without zero, where the square root has no derivative

    def chi2_at(epsilon):
        portal = heavy_vectors(structure, epsilon)
        # contact limit: without widths, which these couplings would make very large
        s = np.asarray(LEP.tables[0]["sqrt_s_gev"]) ** 2
        new = dilepton.observables(dilepton.with_portal(portal, jnp.zeros(2), INPUTS, s, ENERGY_SPREAD_GEV))
        return chi2_of(new)

    chi2 = np.asarray(jax.jit(jax.vmap(chi2_at))(jnp.asarray(scan)))
    best = np.argmin(chi2)
    low = np.interp(-1.0 - chi2[best], -chi2[: best + 1], scan[: best + 1])
    high = np.interp(1.0 + chi2[best], chi2[best:], scan[best:])
    central, up, down, smallest = CONTACT[structure]
    assert scan[best] == pytest.approx(central, abs=0.15 * up)
    assert high - scan[best] == pytest.approx(up, rel=0.07)
    assert scan[best] - low == pytest.approx(down, rel=0.07)
    assert chi2[best] == pytest.approx(smallest, abs=0.5)


@eqx.filter_jit
def chi2_of_universal(mass, vector, axial):
    def one(vector, axial):
        leptons = range(6)
        portal = portal_of(
            ("zp", "idle"),
            (mass, 2.0 * mass),
            0.0,
            dict.fromkeys(leptons, (vector, 0.0)),
            dict.fromkeys(leptons, (axial, 0.0)),
        )
        return -2.0 * LEP.log_likelihood(predictions_of(portal))

    return jax.vmap(one)(vector, axial)


@pytest.mark.parametrize("mass", ZPRIME)
def test_limits_of_a_universal_vector(mass):
    for kind in range(2):
        published = ZPRIME[mass][2 * kind : 2 * kind + 2]
        scan = published[0] * np.linspace(0.0, 1.3, 400)
        zero = jnp.zeros_like(scan)
        couplings = (scan, zero) if kind == 0 else (zero, scan)
        chi2 = np.asarray(chi2_of_universal(jnp.asarray(float(mass)), *couplings))
        best = np.argmin(chi2)
        for rise, limit in zip((3.84, 2.71), published, strict=True):
            found = np.interp(chi2[best] + rise, chi2[best:], scan[best:])
            assert found == pytest.approx(limit, rel=0.05)


def test_the_interference_has_two_signs():
    """Equal charges interfere destructively above all energies, and the data lie below the Standard Model."""

    def limit(sign):
        scan = np.linspace(0.0, 0.4, 400)
        s = LEP.tables[0]["sqrt_s_gev"] ** 2

        def chi2(g):
            portal = portal_of(
                ("zp", "idle"), (1000.0, 2000.0), 0.0, {E: (g, 0.0), MU: (sign * g, 0.0), TAU: (sign * g, 0.0)}, {}
            )
            return chi2_of(dilepton.observables(dilepton.with_portal(portal, jnp.zeros(2), INPUTS, s, 1.0)))

        values = np.asarray(jax.jit(jax.vmap(chi2))(jnp.asarray(scan)))
        best = np.argmin(values)
        return np.interp(values[best] + 3.84, values[best:], scan[best:])

    equal, opposite = limit(1.0), limit(-1.0)
    assert 1.0 / equal == pytest.approx(4.3, rel=0.03)  # M/g in TeV
    assert opposite < 0.7 * equal


def test_amplitudes_against_the_inverse_of_the_quadratic_form():
    """Z-Z' mixing with general couplings, by matrix inversion and an integral over the angle."""
    mixing, masses = 0.3, (91.188, 400.0)
    z_vector, z_axial = z_couplings(INPUTS)
    vector = {i: (z_vector[i], 0.2 + 0.1 * i) for i in (E, MU, TAU)}
    axial = {i: (z_axial[i], 0.15 - 0.05 * i) for i in (E, MU, TAU)}
    portal = portal_of(("z", "zp"), masses, mixing, vector, axial)
    energies = np.array([130.2, 206.7])
    found = dilepton.observables(dilepton.with_portal(portal, jnp.zeros(2), INPUTS, energies**2, 1e-9))
    cosine, weight = np.polynomial.legendre.leggauss(20)
    for k, s in enumerate(energies**2):
        form = s * np.array([[1.0, mixing], [mixing, 1.0]]) - np.diag(portal.mixing.lagrangian_mass2)
        propagator = np.linalg.inv(form)
        for flavour, lepton in enumerate((MU, TAU)):

            def amplitude(initial, final, s=s, propagator=propagator, lepton=lepton):
                left = np.array(vector[E]) + initial * np.array(axial[E])
                right = np.array(vector[lepton]) + final * np.array(axial[lepton])
                return INPUTS.charge**2 / s + left @ propagator @ right

            same = amplitude(1, 1) ** 2 + amplitude(-1, -1) ** 2
            opposite = amplitude(1, -1) ** 2 + amplitude(-1, 1) ** 2

            def part(side, same=same, opposite=opposite):
                angle = 0.5 * (cosine + side)
                return 0.5 * np.sum(weight * (same * (1 + angle) ** 2 + opposite * (1 - angle) ** 2))

            forward, backward = part(1.0), part(-1.0)
            asymmetry = (forward - backward) / (forward + backward)
            np.testing.assert_allclose(found.asymmetry[flavour, k], asymmetry, rtol=1e-9)
            np.testing.assert_allclose(found.rate[flavour, k], 0.375 * (forward + backward), rtol=1e-9)


def test_an_unmixed_z_may_stand_in_the_portal_or_apart():
    z_vector, z_axial = z_couplings(INPUTS)
    new = dict.fromkeys(range(12), 0.1)
    inside = portal_of(
        ("z", "zp"),
        (INPUTS.m_z, 300.0),
        0.0,
        {i: (z_vector[i], new[i]) for i in range(12)},
        {i: (z_axial[i], 0.0) for i in range(12)},
    )
    apart = portal_of(("zp", "idle"), (300.0, 500.0), 0.0, {i: (new[i], 0.0) for i in range(12)}, {})
    np.testing.assert_allclose(expected(predictions_of(inside)), expected(predictions_of(apart)), rtol=1e-9)


def test_narrow_resonances_are_smooth_in_the_mass():
    """Steps of 0.1 GeV resolve what a B-L boson of 10 MeV does at 188.6 GeV; the status says that it is there."""
    masses, coupling = np.arange(186.0, 191.0, 0.1), jnp.asarray(0.003)
    s = LEP.tables[0]["sqrt_s_gev"] ** 2

    def chi2(mass):
        portal = b_minus_l_portal(mass, coupling)
        amplitudes = dilepton.with_portal(portal, jnp.array([0.01, 0.0]), INPUTS, s, ENERGY_SPREAD_GEV)
        return chi2_of(dilepton.observables(amplitudes))

    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(chi2)))(jnp.asarray(masses))
    assert np.all(np.isfinite(values))
    # Simpson's rule over pairs of steps: the slope has no spike between the points
    integral = 0.1 / 3.0 * (slopes[:-2:2] + 4.0 * slopes[1:-1:2] + slopes[2::2])
    np.testing.assert_allclose(np.diff(values[::2]), integral, atol=0.01 * np.ptp(values))
    for mass, flag in ((100.0, 0), (188.6, status.OUTSIDE_TABLE.bit), (215.0, 0)):
        portal = portal_of(("z", "zp"), (INPUTS.m_z, mass), 0.0, {}, {})
        assert int(LEP.status(predictions_of(portal))) == flag


def random_points(size):
    rng = np.random.default_rng(5)
    points = {
        "m_chi": 10 ** rng.uniform(0.0, 4.0, size),
        "mass_ratio": 10 ** rng.uniform(np.log10(0.05), 2.0, size),
        "epsilon": rng.uniform(-0.85, 0.85, size) * 10 ** rng.uniform(-4.0, 0.0, size),
        "alpha_d": 10 ** rng.uniform(-4.0, 1.0, size),
    }
    points["epsilon"][:10] = 0.0
    points["alpha_d"][5:15] = 0.0
    for i, mass in enumerate((130.2, 188.6, 206.7, INPUTS.m_z)):
        points["m_chi"][20 + i], points["mass_ratio"][20 + i] = mass / 2.5, 2.5
    return {name: jnp.asarray(values) for name, values in points.items()}


def test_finite_everywhere_and_the_standard_model_without_mixing():
    """Also at zero couplings and widths, and for masses that are exactly a collision energy or that of the Z."""
    s = LEP.tables[0]["sqrt_s_gev"] ** 2

    def chi2(point):
        portal = AXIAL.portal(point, INPUTS)
        # the widths proper are common to all likelihoods and slow to compile
        width = portal.mass * jnp.stack([jnp.asarray(0.03), 0.01 * point["epsilon"] ** 2])
        return chi2_of(dilepton.observables(dilepton.with_portal(portal, width, INPUTS, s, ENERGY_SPREAD_GEV)))

    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(chi2)))(random_points(300))
    assert np.all(np.isfinite(values))
    assert all(np.all(np.isfinite(slope)) for slope in slopes.values())
    point = {name: value[0] for name, value in random_points(300).items()}
    alone = LEP.log_likelihood(Predictions(AXIAL.portal(point, INPUTS), INPUTS, point))
    assert float(alone) == pytest.approx(float(LEP.no_signal), rel=1e-10)


def test_toys_give_back_the_signal():
    """Best contact strength of 600 toys at a true one: unbiased, and as wide as in the data."""
    truth, scan = -0.004, jnp.linspace(-0.014, 0.006, 200)

    def prediction(epsilon):
        return expected(predictions_of(heavy_vectors("VV", epsilon)))

    expectations, sigma = np.asarray(jax.jit(jax.vmap(prediction))(scan)), np.asarray(LEP.sigma)
    predictions = predictions_of(heavy_vectors("VV", jnp.asarray(truth)))
    keys = jax.random.split(jax.random.key(3), 600)
    toys = jax.jit(jax.vmap(lambda key: LEP.simulate(predictions, key).observed))(keys)
    chi2 = np.array([np.sum(((toy - expectations) / sigma) ** 2, axis=1) for toy in np.asarray(toys)])
    best = np.asarray(scan)[np.argmin(chi2, axis=1)]
    error = np.std(best)
    assert error == pytest.approx(0.0012, rel=0.1)
    assert np.mean(best) == pytest.approx(truth, abs=3.5 * error / np.sqrt(len(best)))


def test_describes_itself():
    assert isinstance(LEP, Likelihood)
    assert len(LEP.measurements) == 48
    assert set(LEP.conflicts) == {"lep_zprime"}
    assert set(LepZprime.conflicts) == {"lep_contact"}
    words = {item.prediction: item for item in LEP.measurements if item.prediction}
    predictions = predictions_of(portal_of(("c", "x"), (500.0, 900.0), 0.1, {E: (0.1, 0.3), MU: (0.2, 0.1)}, {}))
    pulls, measurements = LEP.pulls(predictions), LEP.measurements
    for word in LEP.provides:
        item = words[word.name]
        pull = (item.central - float(predictions[word.name])) / item.sigma
        assert pull == pytest.approx(float(pulls[measurements.index(item)]), rel=1e-10)
    assert float(LEP.no_signal) == pytest.approx(-0.5 * 42.62, abs=0.01)


@pytest.mark.slow
def test_picture_shows_the_95_percent_limit():
    curve, _ = LEP.limit_curves().curves
    found = dict(zip(np.round(curve.x), curve.y, strict=True))
    assert found[3000.0] == pytest.approx(ZPRIME[3000][0], rel=0.03)
    assert found[180.0] == pytest.approx(ZPRIME[180][0], rel=0.03)
