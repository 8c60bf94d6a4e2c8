"""What a plug-in must be: faults are found when it is loaded, with one error that says what is wrong."""

from importlib.metadata import EntryPoint
from typing import ClassVar

import pytest

from globalfit import plugins
from globalfit.errors import ConfigurationError
from tests.support import toy


class Plain:
    """Has everything but the base."""


class Misspelt(toy.Gauss):
    def withoutsignal(self):
        return self


class Unfinished(toy.Gauss):
    log_likelihood = toy.Likelihood.log_likelihood


class Untitled(toy.Model):
    Options: ClassVar = toy.ToyOptions
    name: ClassVar = "untitled"
    parameters: ClassVar = ()

    @classmethod
    def build(cls, options):
        return cls()

    def portal(self, parameters, inputs):
        raise NotImplementedError


class Odd(toy.ToySampler):
    optimizes = True


FAULTS = {
    ("likelihood", Plain): "is no subclass of globalfit.experiment.protocol.Likelihood",
    ("likelihood", toy.ToyModel): "is no subclass of globalfit.experiment.protocol.Likelihood",
    ("likelihood", Misspelt): "has 'withoutsignal'.*did you mean 'without_signal'",
    ("likelihood", Unfinished): "lacks log_likelihood",
    ("model", Untitled): "lacks title",
    ("sampler", Odd): "has 'optimizes'.*did you mean 'optimises'",
}


@pytest.mark.parametrize(("kind", "cls"), FAULTS)
def test_a_faulty_plugin_is_refused(kind, cls, monkeypatch):
    point = EntryPoint("mine", f"{cls.__module__}:{cls.__name__}", f"globalfit.{kind}s")
    monkeypatch.setattr(plugins, "registered", lambda _: {"mine": point})
    with pytest.raises(ConfigurationError, match=rf"the {kind} 'mine' \(.*{cls.__name__}\) {FAULTS[kind, cls]}"):
        plugins.load(kind, "mine")


@pytest.mark.parametrize("kind", ["model", "likelihood", "sampler"])
def test_every_registered_plugin_can_be_loaded(kind):
    names = plugins.registered(kind)
    assert names
    for name in names:
        assert plugins.load(kind, name).title


def test_a_rule_that_there_is_not_is_refused_with_the_class():
    with pytest.raises(ConfigurationError, match="Threesided: the rule of exclusion 'threesided' is none of one_sided"):

        class Threesided(toy.Gauss):
            exclusion: ClassVar = "threesided"
