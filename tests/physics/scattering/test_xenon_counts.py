"""Event counts: against a dense integral, against numbers of an independent program, and at the edges."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from globalfit.errors import DataError
from globalfit.models.axial import Axial
from globalfit.physics.inputs import Inputs
from globalfit.physics.predictions import NO_WORDS, Predictions
from globalfit.physics.scattering.halo import Halo
from globalfit.physics.scattering.momentum import MOMENTA, energy_range_kev
from globalfit.physics.scattering.nreft import NEUTRON_MOMENT, PROTON_MOMENT, Coefficients
from globalfit.physics.scattering.xenon import XenonCounts, efficiency
from globalfit.tables import Table, read_table
from tests.support import xenon_reference

WEAK = 1.0 / 246.2**2
LZ_2022_EXPOSURE = 3.3e5
EFFICIENCY = {
    name: read_table(f"globalfit.likelihoods.{name}", "efficiency.csv") for name in ("lz_2022", "pandax4t_2021")
}
WEIGHTS = {
    name: (table["recoil_energy_kev"], table[column])
    for name, column in (("lz_2022", "observed_constrained_at_median"), ("pandax4t_2021", "observed"))
    for table in (read_table(f"globalfit.likelihoods.{name}", "limit_weights.csv"),)
}


def constant(**given: tuple[float, float]) -> Coefficients:
    spread = jnp.ones(len(MOMENTA))
    return Coefficients(*(jnp.outer(jnp.asarray(given.get(name, (0.0, 0.0))), spread) for name in Coefficients._fields))


O1 = constant(c1=(1.0, 1.0))
O8_WITH_MOMENTS = constant(c8=(1.0, 0.0), c9=(PROTON_MOMENT, NEUTRON_MOMENT))


def counts(name: str, *, weighted: bool = False, exposure: float = LZ_2022_EXPOSURE) -> XenonCounts:
    accept = efficiency(EFFICIENCY[name])
    knots, values = WEIGHTS[name]
    if weighted:
        return XenonCounts(
            lambda e: accept(e) * np.interp(np.log(e), np.log(knots), values, left=0.0), exposure, Halo()
        )
    return XenonCounts(accept, exposure, Halo())


# Relative accuracy by dark-matter mass in GeV: the kinematic edge of light dark matter lies inside the acceptance.
TOLERANCES = {6.0: 2e-3, 9.0: 2e-4, 10.0: 2e-4, 12.0: 1e-4, 40.0: 1e-4, 300.0: 1e-4, 1e4: 1e-4}


@pytest.mark.parametrize("name", ["lz_2022", "pandax4t_2021"])
@pytest.mark.parametrize("weighted", [False, True])
def test_counts_agree_with_a_dense_integral(name: str, weighted: bool) -> None:
    integrator = counts(name, weighted=weighted)
    weights = WEIGHTS[name] if weighted else None
    for operator, couplings in (("O1", O1), ("O8", O8_WITH_MOMENTS)):
        for mass, tolerance in TOLERANCES.items():
            slow = xenon_reference.count(operator, mass, EFFICIENCY[name], weights, LZ_2022_EXPOSURE)
            assert float(integrator.count(jnp.asarray(mass), couplings)) == pytest.approx(slow, rel=tolerance)


# LZ 2022, 3.3e5 kg day: events and energy-weighted counts for couplings of 1/(246.2 GeV)^2, from an independent numpy
# program that agrees with DDCalc 2.3.0 to 0.2 %.
@pytest.mark.parametrize(
    ("couplings", "mass", "events", "weighted"),
    [
        (constant(c8=(1.0, 0.0)), 10.0, 8.503, 3.29044),
        (constant(c8=(1.0, 0.0)), 20.0, 111.948, 41.2450),
        (constant(c8=(1.0, 0.0)), 40.0, 240.6, None),
        (constant(c8=(1.0, 0.0)), 100.0, 193.531, 46.5263),
        (constant(c8=(1.0, 0.0)), 400.0, 60.4889, 13.4846),
        (constant(c8=(1.0, 0.0)), 1000.0, 24.97, None),
        (constant(c8=(1.0, 1.0)), 100.0, 1114.09, 269.759),
        (constant(c8=(1.0, 0.0), c9=(1.0, 0.0)), 100.0, 193.988, 46.5788),
        (constant(c8=(1.0, 0.0), c9=(2.793, -1.913)), 20.0, 117.447, 43.2189),
        (constant(c8=(1.0, 0.0), c9=(2.793, -1.913)), 400.0, 61.9438, 14.0267),
        (O1, 100.0, 3.81201e9, 9.35768e8),
    ],
)
def test_counts_of_lz_2022(couplings: Coefficients, mass: float, events: float, weighted: float | None) -> None:
    scaled = Coefficients(*(WEAK * value for value in couplings))
    assert float(counts("lz_2022").count(jnp.asarray(mass), scaled)) == pytest.approx(events, rel=5e-4)
    if weighted is not None:
        found = counts("lz_2022", weighted=True).count(jnp.asarray(mass), scaled)
        assert float(found) == pytest.approx(weighted, rel=6e-4)


def test_counts_do_not_have_the_misprinted_velocity() -> None:
    # With q^2/(4 m_T^2) in place of q^2/(4 mu_T^2) the first count would be 40.06, 4.7 times as many.
    scaled = Coefficients(*(WEAK * value for value in constant(c8=(1.0, 0.0))))
    assert float(counts("lz_2022").count(jnp.asarray(10.0), scaled)) < 0.25 * 40.06


# Derivative portal with g_chi = 0.2, epsilon = 0.01, g_V^p = 0.013910, g_V^n = -0.185175: the coupling
# g_chi g_V^N D_12(t) depends strongly on q^2. Events of LZ 2022 and of 0.63 t yr of PandaX-4T, same program.
@pytest.mark.parametrize(
    ("mass", "m_zp", "lz", "pandax"),
    [
        (100.0, 0.01, 7.67298e3, 4.10639e3),
        (100.0, 0.03, 5.01052e3, 2.73416e3),
        (100.0, 0.3, 2.05912e1, 1.31503e1),
        (100.0, 10.0, 1.94039e-5, 1.26689e-5),
        (1000.0, 0.1, 9.79731e1, 6.07750e1),
    ],
)
def test_counts_of_the_derivative_portal(mass: float, m_zp: float, lz: float, pandax: float) -> None:
    t = -jnp.asarray(MOMENTA**2)
    propagator = -0.01 * t / ((t - 91.1876**2) * (t - m_zp**2) - 0.01**2 * t**2)
    c1 = 0.2 * jnp.outer(jnp.array([0.013910, -0.185175]), propagator)
    couplings = Coefficients(c1, *(jnp.zeros_like(c1),) * 3)
    assert float(counts("lz_2022").count(jnp.asarray(mass), couplings)) == pytest.approx(lz, rel=1e-3)
    exposure = 0.63 * 365.25e3
    found = counts("pandax4t_2021", exposure=exposure).count(jnp.asarray(mass), couplings)
    assert float(found) == pytest.approx(pandax, rel=1e-3)


def test_nothing_below_threshold_and_never_nan() -> None:
    integrator = counts("lz_2022", weighted=True)
    masses = jnp.concatenate([jnp.geomspace(1.0, 1e4, 300), jnp.linspace(3.0, 5.0, 200)])
    both = jax.jit(jax.vmap(jax.value_and_grad(lambda m: integrator.count(m, O8_WITH_MOMENTS))))
    value, gradient = both(masses)
    assert bool(jnp.all(jnp.isfinite(value) & jnp.isfinite(gradient)))
    assert bool(jnp.all(value >= 0.0))
    light = masses < 2.7
    np.testing.assert_array_equal(value[light], 0.0)
    np.testing.assert_array_equal(gradient[light], 0.0)
    assert bool(jnp.all(value[masses > 6.0] > 0.0))


def test_gradients_agree_with_finite_differences() -> None:
    integrator = counts("pandax4t_2021")

    @jax.jit
    def log_count(log_mass: jax.Array) -> jax.Array:
        return jnp.log(integrator.count(jnp.exp(log_mass), O8_WITH_MOMENTS))

    slope = jax.jit(jax.grad(log_count))
    for mass in (10.0, 30.0, 1000.0):
        x = jnp.log(jnp.asarray(mass))
        numeric = (log_count(x + 1e-5) - log_count(x - 1e-5)) / 2e-5
        assert float(slope(x)) == pytest.approx(float(numeric), rel=1e-6)


def test_counts_of_a_portal_scale_with_the_dark_matter_fraction() -> None:
    point = {"m_chi": 50.0, "mass_ratio": 2.5, "epsilon": 0.02, "alpha_d": 0.1}
    values = {name: jnp.asarray(value) for name, value in point.items()}
    portal = Axial.build(Axial.Options()).portal(values, Inputs())
    integrator = counts("lz_2022")
    alone = integrator(Predictions(portal, Inputs(), values))
    part = integrator(Predictions(portal, Inputs(), values, NO_WORDS, lambda _: jnp.asarray(0.25)))
    assert float(alone) > 0.0
    assert float(part) == pytest.approx(0.25 * float(alone), rel=1e-14)


def test_an_efficiency_beyond_the_integration_range_is_refused() -> None:
    table = EFFICIENCY["lz_2022"]
    low, high = energy_range_kev()
    assert low < 0.75
    assert high > 100.0
    wide = {"recoil_energy_kev": np.array([0.1, 50.0, 200.0]), "efficiency": np.array([0.0, 1.0, 0.5])}
    with pytest.raises(DataError, match="accepts recoils outside"):
        efficiency(Table("wide.csv", wide, table.provenance))
