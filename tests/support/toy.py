"""A model, two likelihoods and a sampler that take microseconds, registered in place of the real ones."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from globalfit import plugins
from globalfit.build import built as build
from globalfit.experiment.limit_curves import Curve, LimitCurves
from globalfit.experiment.protocol import Likelihood, Measurement
from globalfit.models import Model, Parameter
from globalfit.physics import status
from globalfit.physics.fermions import FERMIONS
from globalfit.physics.mixing import Mixing
from globalfit.physics.portal import DarkMatter, Portal
from globalfit.physics.predictions import NO_WORDS, Prediction
from globalfit.posterior.posterior import evaluate
from globalfit.progress import Event
from globalfit.results.folder import SUMS
from globalfit.samplers.draws import Diagnostic, Draws, Evidence, Weighted
from globalfit.samplers.protocol import Sampler

SOURCE = "invented for the tests"
# Samplers of the program, under names of their own.
REAL_SAMPLERS = ("dynesty", "emcee", "grid", "nautilus", "nuts", "optimize", "smc")

TWO_RUNS = """\
common: {model: toy, likelihoods: [gauss], sampler: {toy_sampler: {points: 3000}}}
runs:
  a: {}
  b: {model: {toy: {scale: 2.0}}}
output: out
"""


class ToyOptions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    scale: float = Field(1.0, gt=0.0, description="factor of the signal")
    kind: Literal["plain", "fancy"] = "plain"


class ToyModel(Model):
    """Signal = scale * mass * coupling^2; no solution for a coupling above 0.9."""

    Options: ClassVar = ToyOptions
    name: ClassVar = "toy"
    title: ClassVar = "Toy model"
    references: ClassVar = ("Author, Journal 1 (2000) 1",)
    parameters: ClassVar = (
        Parameter("mass", "GeV", "mass of the particle", 0.1, 1.0e4),
        Parameter("coupling", "", "its coupling", 0.0, 1.0),
    )
    options: ToyOptions = eqx.field(static=True)

    @classmethod
    def build(cls, options):
        return cls(options)

    @property
    def provides(self):
        def signal(p):
            return self.options.scale * p.parameters["mass"] * p.parameters["coupling"] ** 2

        return (Prediction("signal", "GeV", "mass times coupling squared", SOURCE, signal),)

    def portal(self, parameters, inputs):
        pair, fermions = jnp.zeros(2), jnp.zeros((len(FERMIONS), 2))
        return Portal(
            names=("z", "x"),
            mixing=Mixing(jnp.ones(2), jnp.ones(2), jnp.zeros(()), jnp.zeros(())),
            vector=fermions,
            axial=fermions,
            w_pair=pair,
            higgs=jnp.zeros((2, 2)),
            dark=DarkMatter("dirac", parameters["mass"], pair, pair),
            status=jnp.where(parameters["coupling"] > 0.9, status.NO_SOLUTION.bit, 0),
        )


class Gauss(Likelihood):
    """signal = central +- 1."""

    title: ClassVar = "Gaussian toy experiment"
    references: ClassVar = ("Collaboration, Journal 2 (2001) 2",)
    requires: ClassVar = ("signal",)
    name: str = eqx.field(static=True)
    central: float = 10.0

    @classmethod
    def build(cls, options, inputs):
        return cls("gauss")

    @property
    def provides(self):
        return (Prediction(f"events_{self.name}", "", "expected events", SOURCE, lambda p: 2.0 * p["signal"]),)

    @property
    def measurements(self):
        return (Measurement("strength", "signal = 10 ± 1 GeV", "signal", float(self.central), 1.0),)

    @property
    def no_signal(self):
        return jnp.asarray(-0.5 * self.central**2)

    def log_likelihood(self, predictions):
        return -0.5 * self.pulls(predictions)[0] ** 2

    def predicted(self, predictions):
        return predictions["signal"][None]

    def pulls(self, predictions):
        return (self.central - predictions["signal"])[None]

    def simulate(self, predictions, key):
        return eqx.tree_at(lambda g: g.central, self, predictions["signal"] + jax.random.normal(key))

    def limit_curves(self):
        signal = np.linspace(0.0, 20.0, 21)
        log_l = -0.5 * (signal - self.central) ** 2
        return LimitCurves("Toy", "signal", "ln L", (Curve("this likelihood", signal, log_l),), (False, False))

    def status(self, predictions):
        return jnp.where(predictions["signal"] > 50.0, status.OUTSIDE_TABLE.bit, 0)


class NewGauss(Gauss):
    """The same with all data."""

    conflicts: ClassVar = {"gauss": "the new one contains the data of the old one"}

    @classmethod
    def build(cls, options, inputs):
        return cls("new_gauss")


class Needy(Gauss):
    """Needs a prediction that nobody gives."""

    requires: ClassVar = ("sigmal",)

    @classmethod
    def build(cls, options, inputs):
        return cls("needy")


class ToySamplerOptions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    points: int = Field(2000, ge=1)
    converges: bool = True
    chains: bool = Field(False, description="several chains of draws without an evidence")


class ToySampler(Sampler):
    """Importance sampling of the prior."""

    Options: ClassVar = ToySamplerOptions
    title: ClassVar = "Importance sampling"
    references: ClassVar = ("Kahn & Marshall (1953)",)

    def __init__(self, options):
        self.options = options

    @classmethod
    def build(cls, options):
        return cls(options)

    def run(self, target, seed, progress):
        random = np.random.default_rng(seed)
        progress(Event("sampling", 0.0, 1.0))
        theta = jax.vmap(target.transform)(jnp.asarray(random.random((self.options.points, target.ndim))))
        result = jax.tree.map(np.asarray, evaluate(target, theta))
        theta, logl = np.asarray(theta), result.log_likelihood
        log_weight = logl - np.logaddexp.reduce(logl)
        shape = (4, 250) if self.options.chains else (1, 1000)
        chosen = random.choice(len(theta), shape, p=np.exp(log_weight))
        passed = self.options.converges
        progress(Event("sampling", 1.0, 1.0))
        return Draws(
            target.names,
            theta[chosen],
            logl[chosen],
            result.log_prior[chosen],
            (
                Diagnostic(
                    "toy check", 1.0, 2.0, passed, "The toy check passed." if passed else "The toy check failed."
                ),
            ),
            None
            if self.options.chains
            else Evidence(float(np.logaddexp.reduce(logl) - np.log(len(logl))), 0.1, "toy", 2.0),
            None if self.options.chains else Weighted(theta, log_weight, logl),
            {"diverging": np.zeros(shape, dtype=bool)} if self.options.chains else {},
            {"likelihood_calls": float(len(theta))},
        )


def unsealed(folder):
    """The folder of a run without the checksums of its files, which may be changed: as older versions left it."""
    (folder / SUMS).unlink()
    return folder


def register(monkeypatch, tmp_path):
    """Replace the registered plug-ins, the physics that all models share and the default priors by the toys."""
    groups = {
        "model": {"toy": f"{__name__}:ToyModel"},
        "likelihood": {"gauss": f"{__name__}:Gauss", "new_gauss": f"{__name__}:NewGauss", "needy": f"{__name__}:Needy"}
        | {name: plugins.registered("likelihood")[name].value for name in ("gaussian", "limit")},
        "sampler": dict.fromkeys(("dynesty", "toy_sampler"), f"{__name__}:ToySampler")
        | {f"real_{name}": plugins.registered("sampler")[name].value for name in REAL_SAMPLERS},
    }
    points = {
        kind: {name: EntryPoint(name, value, f"globalfit.{kind}s") for name, value in entries.items()}
        for kind, entries in groups.items()
    }
    priors = tmp_path / "priors"
    priors.mkdir()
    (priors / "toy.yaml").write_text(
        "# Priors of the toy.\n"
        "mass:\n  prior: {log_uniform: [1, 1000]}\n  reason: invented\n"
        "coupling:\n  prior: {uniform: [0, 1]}\n  reason: invented\n"
    )
    monkeypatch.setattr(plugins, "registered", points.__getitem__)
    monkeypatch.setattr(build, "core_vocabulary", lambda: NO_WORDS)
    monkeypatch.setattr("globalfit.runfile.defaults.models_with_priors", lambda: {"toy": priors / "toy.yaml"})
