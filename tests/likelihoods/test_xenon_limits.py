"""Xenon searches: published limits come back, signals are judged as by an independent program, options work."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from globalfit.likelihoods.lz_2022 import LZ2022
from globalfit.likelihoods.lz_2024 import LZ2024
from globalfit.likelihoods.pandax4t_2021 import PandaX4T2021
from globalfit.likelihoods.pandax4t_2024 import PandaX4T2024
from globalfit.likelihoods.xenon1t_2018 import XENON1T2018
from globalfit.likelihoods.xenonnt_2023 import XENONnT2023
from pydantic import ValidationError

from globalfit.experiment.protocol import LN_10, Likelihood
from globalfit.experiment.xenon_limit import XenonLimit, limit_of_counts
from globalfit.models.axial import Axial
from globalfit.physics import status
from globalfit.physics.inputs import PRESETS
from globalfit.physics.predictions import NO_WORDS, Predictions
from globalfit.physics.scattering.halo import Halo

QUALITY = {
    (LZ2022, "observed_power_constrained"): 0.20,
    (LZ2024, "observed_unconstrained"): 0.15,
    (PandaX4T2024, "observed"): 0.06,
    (XENONnT2023, "observed_power_constrained"): 0.10,
    (XENONnT2023, "observed_unconstrained"): 0.08,
    (XENON1T2018, "observed"): 0.06,
}
INPUTS = PRESETS["micromegas6"]
EXPERIMENTS = (LZ2022, LZ2024, PandaX4T2021, PandaX4T2024, XENONnT2023, XENON1T2018)
AXIAL = Axial.build(Axial.Options())
POINT = {"m_chi": 32.3911082, "mass_ratio": 2.19510957, "epsilon": 0.0419606398, "alpha_d": 0.27437078}


def build(experiment: type[XenonLimit], **options: object) -> XenonLimit:
    return experiment.build(experiment.Options(**options), INPUTS)


def predictions(point: dict[str, float], *likelihoods: XenonLimit) -> Predictions:
    values = {name: jnp.asarray(value) for name, value in point.items()}
    vocabulary = NO_WORDS.extended(*(likelihood.provides for likelihood in likelihoods))
    return Predictions(AXIAL.portal(values, INPUTS), INPUTS, values, vocabulary)


def spin_independent_limit(likelihood: XenonLimit, mass: float) -> float:
    """Cross section per nucleon in cm^2 at which s = 1."""
    return float(limit_of_counts(likelihood.weighted, jnp.asarray(mass)))


# Published 90 % limits on the spin-independent cross section in cm^2: LZ 2022 power-constrained (outside
# 18 to 70 GeV, where no recoil spectrum follows the fluctuation; HEPData where the constraint does not act), LZ 2024
# power-constrained (HEPData 155182 v2), PandaX-4T 2021 and 2024, XENON1T 2018, XENONnT 2023 power-constrained (outside
# 18 to 45 GeV, where the constraint acts and the curve has a kink that no recoil spectrum has).
@pytest.mark.parametrize(
    ("experiment", "tolerance", "published"),
    [
        (LZ2022, 0.13, {13: 3.90182e-47, 78: 2.04389e-47, 110: 2.9321e-47, 1008: 2.7471e-46, 10000: 2.73165e-45}),
        (LZ2024, 0.06, {13: 1.21436e-47, 19: 3.91941e-48, 40: 2.18168e-48, 129: 4.20892e-48, 1008: 3.05600e-47}),
        (PandaX4T2024, 0.10, {12: 2.63323e-46, 20: 3.43410e-47, 40: 1.59688e-47, 100: 2.43205e-47, 1000: 2.13550e-46}),
        (XENONnT2023, 0.10, {12: 2.11372e-46, 50: 3.445e-47, 100: 6.02794e-47, 1000: 5.87220e-46}),
        (XENON1T2018, 0.15, {20: 5.66e-47, 40: 4.48e-47, 100: 9.12e-47, 1000: 8.24e-46}),
        (PandaX4T2021, 0.10, {12: 2.39137e-46, 20: 5.58699e-47, 40: 3.86429e-47, 100: 6.40606e-47, 1000: 5.01918e-46}),
    ],
)
def test_published_limits_come_back(
    experiment: type[XenonLimit], tolerance: float, published: dict[int, float]
) -> None:
    likelihood = build(experiment)
    for mass, limit in published.items():
        assert spin_independent_limit(likelihood, float(mass)) == pytest.approx(limit, rel=tolerance)


def test_the_limit_of_lz_2022_that_is_constrained_at_the_median_comes_back() -> None:
    """The digitised curve, which published fits have used."""
    likelihood = build(LZ2022, limit="observed_constrained_at_median")
    published = {12: 1.09878e-46, 20: 2.77068e-47, 36: 1.85702e-47, 100: 2.89652e-47, 1000: 2.82912e-46}
    for mass, limit in published.items():
        assert spin_independent_limit(likelihood, float(mass)) == pytest.approx(limit, rel=0.06)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_tabulated_limit_comes_back(experiment: type[XenonLimit]) -> None:
    tables = {table.name.rpartition("/")[2]: table for table in build(experiment).tables}
    limits = tables["limits.csv"]
    for kind in sorted(set(limits["limit"])):
        chosen = (limits["limit"] == kind) & (limits["dark_matter_mass_gev"] >= 12.0)
        likelihood = build(experiment, limit=kind)
        found = [spin_independent_limit(likelihood, mass) for mass in limits["dark_matter_mass_gev"][chosen]]
        deviation = np.log(np.array(found) / limits["cross_section_cm2"][chosen])
        # Root mean square: fluctuations and power constraints leave features that positive weights follow less well.
        assert np.sqrt(np.mean(deviation**2)) < QUALITY.get((experiment, kind), 0.045)


# Axial dark photon: (m_chi, mass_ratio, epsilon, alpha_d) and the energy-weighted counts of LZ 2024 and PandaX-4T 2021
# with O8 and O9 (magnetic moments), from an independent numpy program.
@pytest.mark.parametrize(
    ("point", "lz_2024", "pandax"),
    [
        ((18.7688804, 2.2609072, 0.000116490325, 0.00214030972), 4.62744598e-05, 2.7955461e-06),
        ((15.5005082, 2.06825701, 0.000587535423, 0.141331116), 0.138743139, 0.00908736846),
        ((32.3911082, 2.19510957, 0.0419606398, 0.27437078), 202.305593, 11.4785068),
        ((13.8955645, 3.9080799, 0.00670160043, 0.00458254391), 0.0474139527, 0.00334695011),
        ((63.5374948, 2.02656977, 0.000246009124, 0.00451577127), 1.04126334e-05, 5.99463992e-07),
        ((249.923032, 2.824029, 0.0151723397, 0.00114766141), 3.93878109e-06, 2.34715706e-07),
        ((579.06969, 2.6501666, 0.0316837402, 0.0199734737), 6.02309046e-06, 3.61209657e-07),
    ],
)
def test_axial_dark_photon(point: tuple[float, ...], lz_2024: float, pandax: float) -> None:
    given = predictions(dict(zip(POINT, point, strict=True)))
    for experiment, expected in ((LZ2024, lz_2024), (PandaX4T2021, pandax)):
        log_likelihood = build(experiment).log_likelihood(given)
        assert float(log_likelihood) == pytest.approx(-LN_10 * expected, rel=5e-4)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_protocol(experiment: type[XenonLimit]) -> None:
    likelihood = build(experiment)
    assert isinstance(likelihood, Likelihood)
    (events,) = likelihood.provides
    assert events.name == f"events_{likelihood.name}"
    assert hash(events) == hash(build(experiment).provides[0])
    assert len(likelihood.tables) == 3
    (measurement,) = likelihood.measurements
    assert "cm2" in measurement.summary
    assert measurement.prediction == events.name
    for table in likelihood.tables:
        assert set(table.provenance.supersedes) == set(likelihood.conflicts)


def test_summary_quotes_the_best_limit() -> None:
    assert "2.18e-48 cm2 at 40 GeV" in build(LZ2024).measurements[0].summary
    assert "9.07e-48 cm2 at 40 GeV" in build(LZ2022).measurements[0].summary
    assert "1.86e-47 cm2 at 36 GeV" in build(LZ2022, limit="observed_constrained_at_median").measurements[0].summary


def test_the_default_of_lz_2022_is_the_limit_of_its_abstract() -> None:
    """9.2e-48 cm2 at 36 GeV in the table; what the weights make of it is up to 1.5 times that, never the median."""
    implied, published = build(LZ2022).limit_curves().curves
    assert dict(zip(published.x, published.y, strict=True))[36.0] == pytest.approx(9.2e-48, rel=1e-4)
    found = np.exp(np.interp(np.log(published.x), np.log(implied.x), np.log(implied.y)))
    heavy = published.x >= 12.0
    assert np.min((found / published.y)[heavy]) > 0.87
    assert np.max((found / published.y)[heavy]) < 1.55


def test_no_weight_makes_a_search_blind_to_hard_recoils() -> None:
    for kind in ("observed_power_constrained", "observed_constrained_at_median", "median_sensitivity"):
        tables = {table.name.rpartition("/")[2]: table for table in build(LZ2022).tables}
        assert np.min(tables["limit_weights.csv"][kind]) > 0.0


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_events_pull_and_no_signal(experiment: type[XenonLimit]) -> None:
    likelihood = build(experiment)
    given = predictions(POINT, likelihood)
    assert float(given[f"events_{likelihood.name}"]) > -float(likelihood.log_likelihood(given)) / LN_10
    expected = np.sqrt(-2.0 * float(likelihood.log_likelihood(given)))
    assert float(likelihood.pulls(given)[0]) == pytest.approx(-expected, rel=1e-12)
    silent = predictions(POINT | {"alpha_d": 0.0}, likelihood)
    assert float(likelihood.log_likelihood(silent)) == 0.0
    assert float(likelihood.pulls(silent)[0]) == 0.0
    assert float(likelihood.no_signal) == 0.0
    assert float(silent[f"events_{likelihood.name}"]) == 0.0


def test_events_scale_with_exposure_where_the_efficiency_is_the_same() -> None:
    likelihoods = build(LZ2022), build(LZ2024)
    given = predictions(POINT, *likelihoods)
    ratio = float(given["events_lz_2024"] / given["events_lz_2022"])
    assert ratio == pytest.approx(4.2 / (5.5 * 60.0 / 365.25), rel=1e-12)


def test_mass_outside_the_fitted_domain_is_flagged() -> None:
    likelihood = build(LZ2022)
    flags = [int(likelihood.status(predictions(POINT | {"m_chi": m}))) for m in (8.9, 9.0, 500.0, 1e4, 1.1e4)]
    outside = status.OUTSIDE_TABLE.bit
    assert flags == [outside, 0, 0, 0, outside]


def test_options() -> None:
    given = predictions(POINT)
    default = float(build(LZ2024).log_likelihood(given))
    median = float(build(LZ2024, limit="median_sensitivity").log_likelihood(given))
    denser = float(build(LZ2024, halo=Halo(density_gev_cm3=0.6)).log_likelihood(given))
    # The power-constrained limit at 32 GeV is stronger than the median one.
    assert default < median < 0.0
    assert denser == pytest.approx(2.0 * default, rel=1e-12)
    for bad in ({"limit": "published"}, {"colour": "red"}, {"halo": {"v0_km_s": -3.0}}):
        with pytest.raises(ValidationError):
            LZ2024.Options(**bad)


def test_gradient_is_finite_over_the_prior() -> None:
    likelihoods = [build(experiment) for experiment in EXPERIMENTS]

    def total(theta: jax.Array) -> jax.Array:
        values = dict(zip(POINT, theta, strict=True))
        given = Predictions(AXIAL.portal(values, INPUTS), INPUTS, values)
        return sum((item.log_likelihood(given) for item in likelihoods), start=jnp.zeros(()))

    random = np.random.default_rng(1)
    low, high = np.log([1.0, 0.1, 1e-6, 1e-4]), np.log([1e4, 10.0, 0.5, 3.0])
    theta = jnp.asarray(np.exp(random.uniform(low, high, (500, 4))))
    value, gradient = jax.jit(jax.vmap(jax.value_and_grad(total)))(theta)
    assert bool(jnp.all(jnp.isfinite(value)))
    assert bool(jnp.all(jnp.isfinite(gradient)))
    assert bool(jnp.all(value <= 0.0))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_toys_are_unbiased(experiment: type[XenonLimit]) -> None:
    likelihood, given = build(experiment), predictions(POINT)
    expected = LN_10 * float(likelihood.weighted(given))
    keys = jax.random.split(jax.random.key(1), 2000)
    counts = np.asarray(jax.vmap(lambda key: likelihood.simulate(given, key).observed)(keys))
    # ln L = n ln(mu) - mu is highest at mu = n, so the counts are the estimates.
    assert np.mean(counts) == pytest.approx(expected, abs=4.0 * np.sqrt(expected / len(keys)))
    toy = likelihood.simulate(given, keys[0])
    assert float(toy.maximum - 0.5 * toy.pulls(given)[0] ** 2) == pytest.approx(float(toy.log_likelihood(given)))


def test_dark_matter_fraction_scales_the_counts() -> None:
    likelihood = build(LZ2024)
    values = {name: jnp.asarray(value) for name, value in POINT.items()}
    whole = Predictions(AXIAL.portal(values, INPUTS), INPUTS, values)
    part = Predictions(AXIAL.portal(values, INPUTS), INPUTS, values, NO_WORDS, lambda _: jnp.asarray(0.25))
    ratio = float(likelihood.log_likelihood(part) / likelihood.log_likelihood(whole))
    assert ratio == pytest.approx(0.25, rel=1e-12)


def test_picture_shows_the_published_limit_beside_the_implied_one() -> None:
    implied, published = build(LZ2024).limit_curves().curves
    found = np.exp(np.interp(np.log(published.x), np.log(implied.x), np.log(implied.y)))
    np.testing.assert_allclose(found, published.y, rtol=0.05)
