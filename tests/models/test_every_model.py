"""Every registered model with everything that is measured: finite values and gradients on draws of its prior."""

from __future__ import annotations

import numpy as np
import pytest

from globalfit import plugins, runfile
from globalfit.build.built import build_posterior
from globalfit.models import Model
from globalfit.physics import status
from globalfit.posterior.posterior import Posterior
from tests.support.prior_draws import draws, gradients

# One likelihood of every kind, and none that overlap. The derivatives of the heavy ones take minutes to compile and do
# not depend on the model.
HEAVY = ["planck_relic", "planck_cmb", "fermi_dwarfs"]
LIGHT = ["lz_2024", "ewpo", "cms_dimuon_2019", "lhc_dilepton", "lep_contact"]
OPTIONS = {
    "dark_photon": ({}, {"dm": "scalar"}, {"dm": "pseudo_dirac"}),
    "bl_x": ({}, {"dm": "scalar", "neutrinos": "dirac"}),
    "dpdm": ({}, {"ww": "abelian"}, {"ww": "none"}, {"uv": "su2xu1"}, {"uv": "su2xsu2"}),
    "nonlocal": ({}, {"dm": "pseudo_dirac"}, {"dark_photon": "absent", "loop_floor": True}),
}
CASES = [
    pytest.param(name, options, id="-".join([name, *map(str, options.values())]))
    for name in sorted(plugins.registered("model"))
    for options in OPTIONS.get(name, ({},))
]
# The fast test takes the model with the most of its own in the engine.
FAST = ["nonlocal"]


def posterior_of(name: str, options: dict[str, object], likelihoods: list[str]) -> Posterior:
    return build_posterior(runfile.parse({"model": {name: options}, "likelihoods": likelihoods}))


def check_values(value: np.ndarray, flags: np.ndarray) -> None:
    unsolvable = (flags & status.FATAL) != 0
    assert not np.any(flags & status.NON_FINITE.bit)
    assert np.all(np.isfinite(value[~unsolvable]))
    assert np.all(np.isneginf(value[unsolvable]))
    assert unsolvable.mean() < 0.05


def check_gradients(posterior: Posterior, count: int) -> None:
    value, gradient, flags = (np.asarray(part) for part in gradients(posterior, draws(posterior, count, 11)))
    check_values(value, flags)
    assert np.all(np.isfinite(gradient))
    assert not np.any(gradient[(flags & status.FATAL) != 0])


@pytest.mark.parametrize(("name", "options"), CASES)
def test_is_a_model_with_priors(name: str, options: dict[str, object]) -> None:
    posterior = posterior_of(name, options, ["lep_zprime"])
    assert isinstance(posterior.model, Model)
    assert posterior.model.name == name
    assert posterior.model.references
    assert set(posterior.names) <= {parameter.name for parameter in posterior.model.parameters}


@pytest.mark.parametrize("name", FAST)
def test_gradients_are_finite(name: str) -> None:
    check_gradients(posterior_of(name, {}, LIGHT), 256)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), CASES)
def test_gradients_are_finite_for_many_draws(name: str, options: dict[str, object]) -> None:
    check_gradients(posterior_of(name, options, [*HEAVY, *LIGHT]), 100_000)
