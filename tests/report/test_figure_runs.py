"""Run files of published figures: each is a plane that can be built, and says what it draws."""

from __future__ import annotations

import pytest

from globalfit import plugins
from globalfit.build.built import build
from globalfit.runfile import entry, first_comment, load, packaged_runs

FIGURES = [name for name in packaged_runs() if name.startswith("figures/")]


def test_there_are_figures_of_every_paper():
    models = {name.removeprefix("figures/").split("-fig")[0].split("-scale")[0] for name in FIGURES}
    assert models == {"axial", "bl-x", "dpdm", "nonlocal"}


@pytest.mark.parametrize("name", FIGURES)
def test_figure(name):
    run = load(name)
    text = packaged_runs()[name].read_text(encoding="utf-8")
    assert len(first_comment(packaged_runs()[name])) > 30
    assert "arXiv:" in text
    assert "Differences to expect" in text
    assert run.output == f"out/{name}"
    for likelihood in run.likelihoods:
        assert entry(likelihood)[0] in plugins.registered("likelihood")
    _, posterior, sampler = build(run.model_copy(update={"likelihoods": []}))
    sampler.check(posterior.names)
    assert {sampler.options.x, sampler.options.y} == set(posterior.names)
