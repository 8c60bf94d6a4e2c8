"""Presets of samplers: defaults by purpose, behind what is given."""

import pytest

from globalfit import plugins, runfile
from globalfit.build.built import build
from globalfit.errors import ConfigurationError

SAMPLERS = sorted(plugins.registered("sampler"))


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_preset_is_valid_and_none_is_the_default(name):
    options = plugins.load("sampler", name).Options
    assert set(options.presets) == {"quick", "publication"}
    for preset, values in options.presets.items():
        chosen, default = options(preset=preset), options()
        assert {key: getattr(chosen, key) for key in values} == values
        assert all(getattr(chosen, key) != getattr(default, key) for key in values)
        assert {key for key, value in chosen if value != getattr(default, key)} == {*values, "preset"}


def test_what_is_given_wins_and_the_run_keeps_all_numbers():
    run = runfile.parse({"model": "axial", "sampler": {"dynesty": {"preset": "publication", "nlive": 123}}})
    kept, _, sampler = build(run)
    assert (sampler.options.nlive, sampler.options.dlogz) == (123, 0.01)
    assert kept.sampler["dynesty"]["dlogz"] == 0.01
    assert build(kept).sampler.options == sampler.options


@pytest.mark.parametrize("preset", ["fast", 3, ["quick"], None])
def test_another_preset_is_an_error(preset):
    run = runfile.parse({"model": "axial", "sampler": {"nuts": {"preset": preset}}})
    with pytest.raises(ConfigurationError, match=r"sampler.nuts.preset: must be 'quick', 'standard' or 'publication'"):
        build(run)
