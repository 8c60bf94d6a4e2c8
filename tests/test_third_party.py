"""A model and two likelihoods of another package: installed, found by their entry points and used by a run file."""

import sys
import textwrap

import numpy as np
import pytest

from globalfit import plugins, runfile
from globalfit.build.built import build_posterior
from globalfit.posterior.evaluated_points import evaluate_batch

# The whole package, in fewer than 60 lines.
MODULE = '''\
"""A axial dark photon with its coupling tied to its mixing."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from globalfit.experiment.counting import Counting
from globalfit.experiment.gaussian import Gaussian
from globalfit.experiment.limit_curves import Curve, LimitCurves
from globalfit.experiment.protocol import Measurement, NoOptions
from globalfit.models import Model, Parameter
from globalfit.models.axial import Axial


class Tied(Model):
    Options: ClassVar = NoOptions
    name: ClassVar = "tied"
    title: ClassVar = "axial dark matter with alpha_d = epsilon"
    parameters: ClassVar = (Parameter("m_chi", "GeV", "mass", 1.0, 1e4), Parameter("epsilon", "", "mixing", 0.0, 0.5))

    @classmethod
    def build(cls, options):
        return cls()

    def portal(self, parameters, inputs):
        ratio = jnp.asarray(3.0)
        return Axial().portal({**parameters, "mass_ratio": ratio, "alpha_d": parameters["epsilon"]}, inputs)


class Mixing(Gaussian):
    title: ClassVar = "measured mixing"

    @classmethod
    def build(cls, options, inputs):
        return cls.of("log10(epsilon)", mean=-2.0, sigma=0.5)


class Events(Counting):
    title: ClassVar = "counting experiment"
    measurements = (Measurement("events", "4 seen, 3 expected"),)

    @classmethod
    def build(cls, options, inputs):
        return cls(observed=jnp.asarray(4.0), background=jnp.asarray(3.0))

    def expected_signal(self, predictions):
        return 1e4 * predictions.parameters["epsilon"] ** 2

    def limit_curves(self):
        return LimitCurves("counting experiment", "epsilon", "events", (Curve("seen", jnp.ones(1), jnp.ones(1)),))
'''
ENTRY_POINTS = """\
[globalfit.models]
tied = third_party:Tied
[globalfit.likelihoods]
mixing = third_party:Mixing
events = third_party:Events
"""
PRIORS = """\
m_chi: {prior: {log_uniform: [10, 1000]}, reason: invented}
epsilon: {prior: {log_uniform: [1e-4, 0.1]}, reason: invented}
"""


@pytest.fixture
def _installed(tmp_path, monkeypatch):
    site = tmp_path / "site"
    metadata = site / "third_party-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    (site / "third_party.py").write_text(MODULE)
    (site / "tied.yaml").write_text(PRIORS)
    monkeypatch.syspath_prepend(str(site))
    plugins.registered.cache_clear()
    yield
    plugins.registered.cache_clear()
    sys.modules.pop("third_party", None)


@pytest.mark.usefixtures("_installed")
def test_a_run_file_uses_a_model_and_likelihoods_of_another_package(tmp_path):
    assert sum(len(text.splitlines()) for text in (MODULE, ENTRY_POINTS, PRIORS)) < 60
    path = tmp_path / "fit.yaml"
    path.write_text(
        textwrap.dedent("""\
        model: tied
        likelihoods: [mixing, events, lep_contact]
    """)
    )
    posterior = build_posterior(runfile.load(path))
    assert posterior.names == ("m_chi", "epsilon")
    row = evaluate_batch(posterior, {"m_chi": np.array([100.0]), "epsilon": np.array([0.01])}, ("c8_p",))
    assert row.terms["mixing"][0] == pytest.approx(-0.5 * np.log(2.0 * np.pi * 0.25), abs=1e-12)
    assert row.terms["events"][0] == pytest.approx(0.0, abs=1e-12)
    assert np.isfinite(row.terms["lep_contact"][0])
    assert row.predictions["c8_p"][0] != 0.0
