"""Likelihoods that a run file states itself: `gaussian` and `limit`."""

import csv
import hashlib
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from globalfit import runfile
from globalfit.build.built import build, build_posterior
from globalfit.errors import ConfigurationError
from globalfit.experiment.exclusion import LEVELS, significance, statistic
from globalfit.physics import status
from globalfit.posterior.evaluated_points import evaluate_batch
from globalfit.posterior.points_table import evaluate_table
from globalfit.results.provenance import data_checksums

pytestmark = pytest.mark.usefixtures("toys")

TABLE = "mass,limit\n10,1\n100,10\n1000,10\n"
LIMIT = "limit: {table: my.csv, x: mass, y: signal, confidence: 0.9, kind: upper}"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "my.csv").write_text(TABLE)
    return tmp_path


def loaded(folder, *likelihoods):
    path = folder / "fit.yaml"
    path.write_text("model: toy\nlikelihoods:\n" + "".join(f"- {item}\n" for item in likelihoods))
    return runfile.load(path)


def terms(posterior, mass, signal):
    """ln L of every experiment at a point with this mass and signal."""
    given = {"mass": np.array([mass]), "coupling": np.array([math.sqrt(signal / mass)])}
    row = evaluate_batch(posterior, given)
    return {name: float(term[0]) for name, term in row.terms.items()} | {"status": int(row.status[0])}


def test_a_gaussian_is_the_textbook_one(folder):
    posterior = build_posterior(loaded(folder, "gaussian: {prediction: signal, mean: 3, sigma: 0.5}"))
    expected = -0.5 * (1.0 / 0.5) ** 2 - 0.5 * math.log(2.0 * math.pi * 0.5**2)
    assert terms(posterior, 100.0, 4.0)["gaussian"] == pytest.approx(expected, rel=1e-12)


def test_several_of_a_kind_on_expressions_have_a_column_each(folder):
    run = loaded(
        folder,
        "gaussian: {name: first, prediction: 'sqrt(signal) + mass', mean: 100, sigma: 1}",
        "gaussian: {name: second, prediction: coupling, mean: 0.2, sigma: 0.1}",
        LIMIT,
    )
    posterior = build_posterior(run)
    found = terms(posterior, 100.0, 4.0)
    norm = 0.5 * math.log(2.0 * math.pi)
    assert found["first"] == pytest.approx(-0.5 * 2.0**2 - norm, rel=1e-12)
    assert found["second"] == pytest.approx(-norm - math.log(0.1), rel=1e-12)
    (folder / "points.csv").write_text("mass,coupling\n100,0.2\n")
    evaluate_table(posterior, folder / "points.csv", folder / "out.csv", ())
    with (folder / "out.csv").open() as stream:
        (row,) = csv.DictReader(stream)
    assert {name for name in row if name.startswith("loglike_")} == {
        f"loglike_{n}" for n in ("first", "second", "limit")
    }
    with pytest.raises(ConfigurationError, match=r"fit.yaml:4:3: likelihoods\[1\]: 'gaussian' is given twice"):
        build_posterior(loaded(folder, *["gaussian: {prediction: signal, mean: 3, sigma: 0.5}"] * 2))


def test_a_parameter_of_ones_own_may_be_used_by_a_likelihood_alone(folder):
    run = loaded(folder, "gaussian: {prediction: signal * factor, mean: 8, sigma: 1}")
    posterior = build_posterior(run.model_copy(update={"parameters": {"factor": {"uniform": [1.0, 3.0]}}}))
    assert posterior.names == ("mass", "coupling", "factor")
    point = {"mass": np.array([4.0]), "coupling": np.array([1.0])}
    row = evaluate_batch(posterior, point | {"factor": np.array([2.0])})
    assert row.pulls["gaussian"][0, 0] == pytest.approx(0.0, abs=1e-9)
    with pytest.raises(ConfigurationError, match="no value for the parameter 'factor'"):
        evaluate_batch(posterior, point)


def test_a_limit_is_a_gaussian_in_the_signal_strength_about_zero(folder):
    posterior = build_posterior(loaded(folder, LIMIT))
    z = 1.6448536269514722
    for mass, signal, strength in ((10.0, 0.5, 0.5), (math.sqrt(1000.0), math.sqrt(10.0), 1.0), (300.0, 25.0, 2.5)):
        assert terms(posterior, mass, signal)["limit"] == pytest.approx(-0.5 * (strength * z) ** 2, rel=1e-9)
    (item,) = posterior.likelihoods.values()
    implied, published = item.limit_curves().curves
    np.testing.assert_allclose(implied.y, published.y, rtol=1e-3)


def test_the_limit_excludes_at_its_own_confidence_level(folder):
    (item,) = (posterior := build_posterior(loaded(folder, LIMIT))).likelihoods.values()
    at = posterior.predictions({"mass": jnp.asarray(100.0), "coupling": jnp.asarray(math.sqrt(0.1))})
    assert float(significance(item.exclusion, np.asarray(statistic(item, at)))) == pytest.approx(LEVELS[90], abs=1e-9)


def test_a_lower_limit_and_a_coupling(folder):
    lower = LIMIT.replace("upper", "lower, power: 2")
    posterior = build_posterior(loaded(folder, lower))
    z = 1.6448536269514722
    assert terms(posterior, 10.0, 4.0)["limit"] == pytest.approx(-0.5 * (z / 16.0) ** 2, rel=1e-9)
    assert math.isfinite(terms(posterior, 10.0, 0.0)["limit"])


def test_beyond_the_table_there_is_no_limit_and_nothing_jumps(folder):
    posterior = build_posterior(loaded(folder, LIMIT))
    outside, edge, near = (terms(posterior, mass, 20.0 * 0.4) for mass in (1.03e3, 1e3, 1e3 * (1.0 + 1e-9)))
    assert outside["limit"] == 0.0
    assert outside["status"] & status.OUTSIDE_TABLE.bit
    assert not edge["status"] & status.OUTSIDE_TABLE.bit
    assert near["limit"] == pytest.approx(edge["limit"], rel=1e-6)


def test_a_file_without_an_end_is_refused(folder):
    endless = "limit: {table: /dev/zero, x: mass, y: coupling, confidence: 0.9}"
    with pytest.raises(ConfigurationError, match=r"/dev/zero: is larger than 10000000 bytes, which no limit needs"):
        build_posterior(loaded(folder, endless))


@pytest.mark.parametrize("text", [LIMIT, "gaussian: {prediction: signal, mean: 3, sigma: 0.5, theory_error: 0.1}"])
def test_pulls_and_toys_belong_to_the_likelihood(folder, text):
    (item,) = (posterior := build_posterior(loaded(folder, text))).likelihoods.values()
    point = posterior.predictions({"mass": jnp.asarray(100.0), "coupling": jnp.asarray(0.2)})
    (pull,) = np.asarray(item.pulls(point))
    assert float(item.log_likelihood(point)) == pytest.approx(float(item.maximum) - 0.5 * pull**2, abs=1e-9)
    assert len(item.measurements) == len(item.predicted(point)) == 1
    keys = jax.random.split(jax.random.key(1), 4000)
    chi2 = jax.vmap(lambda key: 2.0 * ((toy := item.simulate(point, key)).maximum - toy.log_likelihood(point)))(keys)
    assert float(jnp.mean(chi2)) == pytest.approx(1.0, abs=0.1)


def test_the_table_lies_beside_the_run_file_and_its_checksum_is_kept(folder, monkeypatch):
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    built = build(loaded(folder, LIMIT))
    assert data_checksums(built.posterior.likelihoods) == {"limit/my.csv": hashlib.sha256(TABLE.encode()).hexdigest()}
    # The run as it is written beside its results is the same from any folder.
    again = build(runfile.parse(built.run.model_dump(mode="json")))
    assert again.run.likelihoods == built.run.likelihoods
    assert built.run.likelihoods[0]["limit"]["table"] == str(folder / "my.csv")


TABLES = {
    None: "No such file",
    "mass,limit\n10,1\n": "has not two columns with two rows",
    "mass,limit,other\n10,1,1\n20,1,1\n": "has not two columns with two rows",
    "mass,limit\n10,one\n20,2\n": "could not convert",
    "mass,limit\n10,1\n10,2\n": "does not ascend",
    "mass,limit\n10,1\n20,-2\n": "is not above zero",
    "mass,limit\n10,1\n20,nan\n": "is not above zero",
}


@pytest.mark.parametrize("content", TABLES)
def test_one_error_says_what_the_table_should_be(folder, content):
    (folder / "my.csv").unlink()
    if content is not None:
        (folder / "my.csv").write_text(content)
    wanted = r"two columns: mass, ascending, and the upper limit on signal at 90 % CL"
    with pytest.raises(
        ConfigurationError, match=rf"fit.yaml:3:3: likelihoods\[0\]: .*my.csv: .*{TABLES[content]}.*{wanted}"
    ):
        build_posterior(loaded(folder, LIMIT))


MISTAKES = {
    "gaussian": "likelihoods[0].gaussian.prediction: is missing",
    "gaussian: {prediction: sigmal, mean: 1, sigma: 1}": "needs an unknown prediction 'sigmal'; did you mean 'signal'?",
    "gaussian: {prediction: 'open(1)', mean: 1, sigma: 1}": "is not allowed; use numbers",
    "gaussian: {prediction: signal, mean: 1, sigma: 0}": "gaussian.sigma: must be greater than 0",
    "gaussian: {prediction: signal, mean: 1, sigma: 1.0e-200}": "sigma = 1e-200 is too small",
    "gaussian: {name: 'a b', prediction: signal, mean: 1, sigma: 1}": "gaussian.name: must match pattern",
    LIMIT.replace("0.9", "90"): "limit.confidence: must be less than 1",
    LIMIT.replace("confidence: 0.9, ", ""): "limit.confidence: is missing",
    LIMIT.replace("upper", "middle"): "limit.kind: must be 'upper' or 'lower'",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_an_error_with_its_place(folder, text):
    with pytest.raises(ConfigurationError) as caught:
        build_posterior(loaded(folder, text))
    assert "fit.yaml:3:" in str(caught.value)
    assert MISTAKES[text] in str(caught.value)
