"""A plug-in that returns nonsense is named by one error before anything is sampled."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from click.testing import CliRunner

from globalfit import runfile
from globalfit.analysis.stored_draws import probe_prior
from globalfit.build.built import build_posterior
from globalfit.cli import cli
from globalfit.errors import ConfigurationError
from globalfit.fitting.fit import fit
from globalfit.physics.predictions import Prediction
from globalfit.posterior.plugin_trial import check_values, try_plugins
from globalfit.progress import silent
from globalfit.samplers.diagnostics import LARGEST, rounding
from globalfit.samplers.grid import Grid, GridOptions
from tests.support import toy
from tests.support.targets import Gaussian

pytestmark = pytest.mark.usefixtures("toys")

RUN = {"model": "toy", "likelihoods": ["gauss"], "sampler": "toy_sampler"}
NUMBER = r"one real number \(a scalar of floats, finite or -inf\)"
SHAPES = {
    "log_likelihood": {
        "complex": (lambda p: p["signal"] + 1j, rf"log_likelihood must return {NUMBER}; found complex128 of the shape"),
        "vector": (lambda p: p["signal"] * jnp.ones(3), rf"{NUMBER}; found float64 of the shape \(3,\)"),
        "nothing": (lambda _: None, f"{NUMBER}; found None"),
        "text": (lambda _: "-3.0", f"{NUMBER}; found '-3.0'"),
        "integer": (lambda _: 3, f"{NUMBER}; found int64"),
        "truth": (lambda p: p["signal"] > 3.0, f"{NUMBER}; found bool"),
    },
    "predicted": {
        "scalar": (lambda p: p["signal"], "predicted must return 1 real numbers; found float64 of the shape")
    },
    "pulls": {"too many": (lambda _: jnp.zeros(2), "pulls must return 1 real numbers")},
    "status": {"float": (lambda _: 0.0, "status must return one integer; found float64")},
}
VALUES = {
    "not a number": (lambda p: jnp.nan * p["signal"], r"returned nan at each of \d+ draws"),
    "infinite": (lambda p: jnp.inf + 0.0 * p["signal"], r"returned inf at each of \d+ draws"),
    "huge": (lambda p: 1e300 + p["signal"], r"returned 1e\+300, which double precision rounds to"),
}


def replaced(monkeypatch, member, function):
    monkeypatch.setattr(toy.Gauss, member, lambda _, predictions: function(predictions))


@pytest.mark.parametrize(("member", "case"), [(member, case) for member, cases in SHAPES.items() for case in cases])
def test_another_shape_or_type_is_named_before_sampling(member, case, monkeypatch, tmp_path):
    function, message = SHAPES[member][case]
    replaced(monkeypatch, member, function)
    monkeypatch.setattr(toy.ToySampler, "run", None)
    with pytest.raises(ConfigurationError, match=f"the likelihood 'gauss' is faulty: .*{message}"):
        fit(runfile.parse(RUN), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_every_command_names_it(monkeypatch, tmp_path):
    replaced(monkeypatch, "log_likelihood", lambda p: p["signal"] + 1j)
    (tmp_path / "fit.yaml").write_text("model: toy\nlikelihoods: [gauss]\nsampler: toy_sampler\n")
    point = ["--set", "mass=3", "--set", "coupling=0.5"]
    for words in (["check", "fit.yaml"], ["run", "fit.yaml", "--output", "o"], ["evaluate", "fit.yaml", *point]):
        found = CliRunner().invoke(cli, words)
        assert found.exit_code == 2, found.output
        assert found.stderr.splitlines()[-1].startswith("error: the likelihood 'gauss' is faulty: log_likelihood must")


@pytest.mark.parametrize("case", VALUES)
def test_values_that_are_no_likelihood_are_named_before_sampling(case, monkeypatch, tmp_path):
    function, message = VALUES[case]
    replaced(monkeypatch, "log_likelihood", function)
    monkeypatch.setattr(toy.ToySampler, "run", None)
    with pytest.raises(ConfigurationError, match=f"the likelihood 'gauss' is faulty: log_likelihood {message}"):
        fit(runfile.parse(RUN), tmp_path / "out")


def test_a_likelihood_that_is_zero_everywhere_is_not_faulty(monkeypatch):
    replaced(monkeypatch, "log_likelihood", lambda p: -jnp.inf + 0.0 * p["signal"])
    posterior = build_posterior(runfile.parse(RUN))
    check_values(posterior, probe_prior(posterior, 1).theta)


def test_faulty_members_of_other_kinds(monkeypatch):
    posterior = build_posterior(runfile.parse(RUN))
    try_plugins(posterior)
    monkeypatch.setattr(toy.Gauss, "simulate", lambda *_: None)
    with pytest.raises(ConfigurationError, match="'gauss' is faulty: simulate must return a Gauss; found None"):
        try_plugins(posterior)
    monkeypatch.setattr(toy.ToyModel, "portal", lambda *_: {})
    with pytest.raises(ConfigurationError, match="the model 'toy' is faulty: portal must return a Portal, not dict"):
        try_plugins(posterior)


def test_a_prediction_is_a_number(monkeypatch):
    word = Prediction("signal", "GeV", "meaning", "source", lambda _: jnp.ones(2))
    monkeypatch.setattr(toy.ToyModel, "provides", property(lambda _: (word,)))
    monkeypatch.setattr(toy.Gauss, "pulls", lambda *_: jnp.zeros(1))
    monkeypatch.setattr(toy.Gauss, "predicted", lambda *_: jnp.zeros(1))
    with pytest.raises(ConfigurationError, match=r"the model 'toy' is faulty: the prediction 'signal' must return one"):
        try_plugins(build_posterior(runfile.parse({**RUN, "likelihoods": []})))


@pytest.mark.parametrize("offset", [1e6, -1e12])
def test_a_constant_in_ln_l_changes_ln_z_alone(offset):
    plain = Gaussian.of(2)
    moved = eqx.tree_at(lambda target: target.log_norm, plain, plain.log_norm + offset)
    one, other = (Grid(GridOptions(points=40)).run(target, 1, silent) for target in (plain, moved))
    # 10^12 is rounded to 1.2e-4.
    assert other.evidence.log_evidence - offset == pytest.approx(one.evidence.log_evidence, abs=1e-3)
    np.testing.assert_allclose(np.std(other.theta, axis=1), np.std(one.theta, axis=1), rtol=0.02)
    assert other.converged
    assert rounding(float(np.max(other.log_likelihood))) == ()


def test_a_constant_that_spoils_ln_z_is_a_failed_check():
    (found,) = rounding(-2.0 * LARGEST)
    assert not found.passed
    assert "subtract a constant from the likelihood" in found.message
