"""Random streams: one for each purpose, all made in one place."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import globalfit
from globalfit import random_streams
from globalfit.random_streams import Stream, stream

PACKAGE = Path(globalfit.__file__).parent
MAKERS = {"default_rng", "SeedSequence", "Generator", "RandomState"}


def made_from_literals(source: str) -> list[int]:
    """Lines on which a generator is made from a literal list or tuple of numbers."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", "")) in MAKERS
        and any(isinstance(value, ast.List | ast.Tuple) for value in [*node.args, *(k.value for k in node.keywords)])
    ]


def test_every_purpose_has_a_number_of_its_own():
    assert len(set(Stream.__members__.values())) == len(Stream.__members__)


def test_streams_differ_by_seed_purpose_and_index():
    first = [stream(*which).random() for which in ((1, Stream.SAMPLER), (2, Stream.SAMPLER), (1, Stream.PARTICLES))]
    first += [stream(1, Stream.SAMPLER, index).random() for index in (0, 1)]
    assert len(set(first)) == len(first)


def test_numbers_of_sampler_streams_stay():
    """Seeded runs depend on them."""
    assert stream(7, Stream.SAMPLER).random() == np.random.default_rng([7, 1]).random()
    assert stream(7, Stream.BRIDGE_SAMPLING).random() == np.random.default_rng([7, 2]).random()
    assert stream(7, Stream.PARTICLES).random() == np.random.default_rng([7, 3]).random()
    assert stream(7, Stream.SAMPLER, 4).random() == np.random.default_rng([7, 4, 1]).random()


def test_no_other_module_makes_a_stream_from_literals():
    found = {path for path in PACKAGE.rglob("*.py") if made_from_literals(path.read_text())}
    assert found == {Path(random_streams.__file__)}


@pytest.mark.parametrize("text", ["np.random.default_rng([seed, 1])", "SeedSequence(entropy=(1, 2))"])
def test_the_scan_sees_literals(text):
    assert made_from_literals(text) == [1]
