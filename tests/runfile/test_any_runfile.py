"""Whatever stands in a run file: an error in one clear line that says where, or a run that can be built, which the
schema for editors takes as well."""

import copy
import functools
import json
import re

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from globalfit import runfile
from globalfit.build.built import build
from globalfit.errors import GlobalFitError
from globalfit.runfile.campaign import load_campaign
from globalfit.runfile.json_schema import json_schema

# Plug-ins that are built within milliseconds.
VALID = (
    {
        "model": "axial",
        "parameters": {"mass_ratio": {"uniform": [2.0, 4.0]}, "alpha_d": 0.05, "epsilon": "10**log_e", "log_e": 0.0},
        "likelihoods": ["planck_relic", {"lz_2024": {}}],
        "sampler": {"dynesty": {"nlive": 100}},
        "inputs": {"m_z": 91.0},
        "seed": 3,
        "output": "out/x",
    },
    {
        "model": {"dpdm": {"ww": "none"}},
        "parameters": {"m_chi": {"log_uniform": [10, 1000]}, "m_zp": "2 * m_chi", "g_chi": {"normal": [0.3, 0.1]}},
        "likelihoods": [{"planck_relic": {"theory_error": 0.1}}],
        "dark_matter": "component",
        "sampler": {"grid": {"x": "m_chi", "y": "epsilon", "points": 10}},
        "inputs": "micromegas6",
    },
    {"common": {"likelihoods": ["planck_relic"]}, "runs": {"one": {"model": "axial"}, "two": {"inherits": "one"}}},
)
NAMES = ("axial", "dpdm", "nonlocal", "planck_relic", "uniform", "dynesty", "nuts", "m_chi", "epsilon", "one", "two")
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(NAMES),
    st.sampled_from(
        ("m_chi", "m_zp + 1", "epsilon * m_chi", "1/0", "exp(1000)", "10**10**10", "9**9**9**9", "log(-1)")
    ),
    st.sampled_from(
        ("__import__('os')", "(lambda: 1)()", "m_chi.real", "a" * 2000, "(" * 300, "-" * 5000 + "1", "~", "")
    ),
)
NUMBERS = st.one_of(
    st.integers(-5, 5),
    st.integers(),
    st.sampled_from((10**40, -(10**400), 1e308, -1e308, 5e-324, 0.0, -0.0)),
    st.floats(allow_nan=True, allow_infinity=True),
)
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
JUNK = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
PRIORS = st.dictionaries(
    st.sampled_from(("uniform", "log_uniform", "normal", "log_normal", "truncated_normal")),
    st.lists(NUMBERS, max_size=5),
    min_size=1,
    max_size=1,
)
# Each anchor holds the one before four times.
BOMB = b"a: &a [x, x, x, x]\n" + b"".join(
    b"%c: &%c [*%c, *%c, *%c, *%c]\n" % (i + 1, i + 1, i, i, i, i) for i in b"abcdefghijklmnop"
)
DOCUMENTS = (
    b"",
    b"~",
    b"[]",
    b"model: axial\nmodel: dpdm\n",
    b"model: !!python/object/apply:os.system ['echo x']\n",
    b"model: axial\nlikelihoods: !!binary aGVsbG8=\n",
    b"model: axial\n\tseed: 1\n",
    b"model: axial\nseed: 1_000\n",
    b"model: axial\nseed: 0x10\n",
    b"model: axial\nseed: 1:30:00\n",
    b"model: axial\noutput: 2026-11-21\n",
    b"--- {model: axial}\n--- {model: dpdm}\n",
    b"? [model]\n: axial\n",
    b"model: &m axial\nparameters: {m_chi: *m}\n",
    b"a: &a [*a]\nmodel: *a\n",
    b"<<: {model: axial}\nseed: 1\n",
    b"model: axial\x00\n",
    b"model: axial # \xff\n",
    "model: axial\n".encode("utf-16"),
    "model: axial\n".encode("utf-32"),
    "\ufeffmodel: axial\n".encode(),
    "модель: axial\n".encode(),
    "model: axial\u2028seed: 1\n".encode(),
    b"model: axial\r\nseed: 1\r\n",
    BOMB,
    b"[" * 5000,
    b"{a: " * 3000,
    b"model: " + b"x" * 2_000_000,
)


def places(data, path=()):
    """Every place of a nested document."""
    yield path
    pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in pairs:
        yield from places(value, (*path, key))


def encoded(data, ascii_only=True):
    return json.dumps(data, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


@st.composite
def adjusted(draw):
    """A valid document in which numbers, names and priors have become others of their kind."""
    data = copy.deepcopy(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(sorted((path for path in places(data) if path), key=repr)))
        parent = data
        for key in path[:-1]:
            parent = parent[key]
        match parent[path[-1]]:
            case str():
                parent[path[-1]] = draw(st.sampled_from(NAMES))
            case int() | float():
                parent[path[-1]] = draw(NUMBERS)
            case dict() if path[0] == "parameters" and len(path) == 2:
                parent[path[-1]] = draw(PRIORS)
    return encoded(data)


@st.composite
def mutated(draw):
    """A valid document with up to three changes."""
    data = copy.deepcopy(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(sorted(places(data), key=repr)))
        value = draw(st.one_of(JUNK, PRIORS))
        if not path:
            assume(isinstance(data, dict))
            data[draw(TEXTS)] = value
            continue
        parent = data
        for key in path[:-1]:
            parent = parent[key]
        match draw(st.sampled_from(("replace", "remove", "rename", "twice"))):
            case "replace":
                parent[path[-1]] = value
            case "remove":
                del parent[path[-1]]
            case "rename" if isinstance(parent, dict):
                parent[draw(TEXTS)] = parent.pop(path[-1])
            case _ if isinstance(parent, list):
                parent.append(copy.deepcopy(parent[path[-1]]))
            case _:
                parent[path[-1]] = value
    return encoded(data, draw(st.booleans()))


@functools.cache
def schema():
    """The schema for editors, itself one of the dialect that it names."""
    content = json.loads(json.dumps(json_schema()))
    Draft202012Validator.check_schema(content)
    return Draft202012Validator(content)


def in_schema(data):
    """Whether an editor takes a document."""
    return schema().is_valid(data)


def built(path):
    """Posterior and sampler of every run of a file."""
    campaign = load_campaign(path)
    runs = [spec.run for spec in campaign.specs] if campaign else [runfile.load(path)]
    return [build(run) for run in runs]


def judged(content: bytes, folder):
    """Build what the file asks for; an error must be one line with the name of the file or of the plug-in."""
    path = folder / "any.yaml"
    path.write_bytes(content)
    before = sorted(folder.iterdir())
    try:
        for _, posterior, _ in built(path):
            theta = posterior.transform(jnp.full(posterior.ndim, 0.4))
            assert np.all(np.isfinite(theta))
        assert in_schema(runfile.document(path).data)
    except GlobalFitError as error:
        message = str(error)
        assert "any.yaml" in message
        assert re.search(r"\w", message.split("any.yaml", 1)[1])
        assert "Traceback" not in message
        assert len(message) < 5000
    assert path.read_bytes() == content
    assert sorted(folder.iterdir()) == before


CHECKED = {"deadline": None, "suppress_health_check": list(HealthCheck), "derandomize": True, "database": None}


@pytest.mark.parametrize("content", DOCUMENTS, ids=lambda content: repr(content[:25]))
def test_documents(content, tmp_path):
    judged(content, tmp_path)


def test_the_schema_names_its_dialect():
    assert schema().schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


@pytest.mark.parametrize("name", runfile.packaged_runs())
def test_the_schema_takes_every_packaged_run_file(name):
    assert in_schema(runfile.document(name).data)


COMMON, RUNS = ({"common": {"likelihoods": ["planck_relic"]}}, {"runs": {"a": {"model": "axial"}}})
OUTSIDE = (
    [],
    {},
    {"likelihoods": ["planck_relic"]},
    {"model": "axail"},
    {"model": "axial", "seeed": 1},
    {"model": "axial", "seed": "1"},
    {"model": "axial", "seed": -1},
    {"model": "axial", "seed": True},
    {"model": "axial", "inherits": "b"},
    {"model": {"axial": {}, "dpdm": {}}},
    {"model": {"dpdm": {"ww": "unbroken"}}},
    {"model": "axial", "parameters": {"m_chi": [10, 100]}},
    {"model": "axial", "parameters": {"m_chi": {"uniform": [10, "100"]}}},
    {"model": "axial", "likelihoods": "planck_relic"},
    {"model": "axial", "likelihoods": [{"planck_relic": {"mood": "component"}}]},
    {"model": "axial", "sampler": {"dynesty": {"nlive": "many"}}},
    {"model": "axial", "inputs": {"m_zz": 91.0}},
    {"model": "axial", "output": ""},
    COMMON,
    {"runs": {}},
    {"runs": []},
    {"model": "axial"} | RUNS,
    {"comon": {}} | RUNS,
    {"common": None} | RUNS,
    {"common": {"output": "out"}} | RUNS,
    {"common": {"inherits": "a"}} | RUNS,
    {"common": {"sampler": {"dynesty": {"nliv": 100}}}} | RUNS,
    {"runs": {"a": {"model": "axial", "seed": "1"}}},
    {"runs": {"a": {"model": "axial", "output": "out"}}},
    {"runs": {"a": {"model": "axial"}, "b": {"inherits": ["a"]}}},
    {"runs": {"figures": {"model": "axial"}}},
    {"runs": {"a/b": {"model": "axial"}}},
)


@pytest.mark.parametrize("data", OUTSIDE, ids=json.dumps)
def test_the_schema_refuses_what_the_program_refuses(data, tmp_path):
    path = tmp_path / "any.yaml"
    path.write_bytes(encoded(data))
    with pytest.raises(GlobalFitError):
        built(path)
    assert not in_schema(data)


@pytest.mark.parametrize(
    "data", [*VALID, COMMON | RUNS | {"output": "out"}, {"runs": {"a": None, "b": {}}}, COMMON | RUNS]
)
def test_the_schema_takes_files_of_one_run_and_of_several(data):
    assert in_schema(data)


@settings(max_examples=150, **CHECKED)
@given(content=mutated() | adjusted())
def test_mutated_run_files(content, tmp_path):
    judged(content, tmp_path)


ENCODED = st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))


@settings(max_examples=100, **CHECKED)
@given(content=st.one_of(st.binary(max_size=200), ENCODED))
def test_any_bytes(content, tmp_path):
    judged(content, tmp_path)


@pytest.mark.slow
@settings(max_examples=2000, **CHECKED)
@given(content=mutated() | adjusted())
def test_two_thousand_mutated_run_files(content, tmp_path):
    judged(content, tmp_path)
