"""Run files: every mistake is one error that says file:line:column, the key, what was found and what is allowed."""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from globalfit import runfile
from globalfit.build.built import build, build_inputs, build_posterior
from globalfit.errors import ConfigurationError, UnknownNameError
from globalfit.physics.inputs import PRESETS
from globalfit.runfile.document import dump, key_text, parse, read
from globalfit.runfile.json_schema import json_schema

FULL = """\
model: {toy: {scale: 2.0}}
parameters:
  mass: {log_uniform: [1, 100]}
  coupling: "sqrt(10**log10_c)"
  log10_c: {uniform: [-2, 0]}
inputs: {preset: micromegas6, width: running}
likelihoods:
  - gauss: {}
sampler: {toy_sampler: {points: 100}}
seed: 7
output: out/full
"""


pytestmark = pytest.mark.usefixtures("toys")


def loaded(tmp_path, text):
    path = tmp_path / "fit.yaml"
    path.write_text(text)
    return runfile.load(path)


def test_everything_a_run_file_can_say(tmp_path):
    run = loaded(tmp_path, FULL)
    _, posterior, sampler = build(run)
    assert posterior.names == ("mass", "log10_c")
    assert float(posterior.parameters.values(jnp.asarray([10.0, -1.0]))["coupling"]) == pytest.approx(10.0**-0.5)
    assert posterior.model.options.scale == 2.0
    assert posterior.inputs == PRESETS["micromegas6"].model_copy(update={"width": "running"})
    assert list(posterior.vocabulary) == ["signal", "events_gauss"]
    assert sampler.options.points == 100
    assert (run.seed, run.output) == (7, "out/full")


def test_resolved_run_gives_the_same_run_again(tmp_path):
    full = build(loaded(tmp_path, FULL)).run
    again = loaded(tmp_path, dump(full.model_dump(mode="json")))
    assert again.model_dump() == full.model_dump() == build(again).run.model_dump()
    assert full.model == {"toy": {"scale": 2.0, "kind": "plain"}}
    assert full.inputs == build_inputs(full)[1]
    assert full.sampler == {"toy_sampler": {"points": 100, "converges": True, "chains": False}}


def test_defaults_come_from_the_priors_of_the_model():
    full = build(runfile.default_run("toy")).run
    assert full.parameters == {"mass": {"log_uniform": [1.0, 1000.0]}, "coupling": {"uniform": [0.0, 1.0]}}


SCHEMA_MISTAKES = {
    "modle: toy": "fit.yaml:1:1: modle: unknown key; did you mean 'model'? Known: model, parameters,",
    "seed: 1": "fit.yaml:1:1: model: is missing",
    "model: 3": "fit.yaml:1:1: model: must be the name of a model",
    "model: {toy: {}, other: {}}": "model: must be one name with its options",
    "model: toy\nseed: 1.5": "fit.yaml:2:1: seed: must be a valid integer; found 1.5",
    "model: toy\nseed: -1": "seed: must be greater than or equal to 0; found -1",
    "model: toy\nseed: 99999999999999999999": "seed: must be less than or equal to 4294967295",
    "model: toy\nlikelihoods: gauss": 'fit.yaml:2:1: likelihoods: must be a list; found "gauss"',
    "model: toy\nparameters: {mass: true}": "fit.yaml:2:14: parameters.mass: must be a number (fixed)",
    "model: toy\nparameters:\n  mass: {uniform: [1, '2']}": "fit.yaml:3:23: parameters.mass.uniform[1]: must be",
    "model: toy\noutput: ''": "output: must have at least 1 character",
    "- model": "a run file is a mapping",
    "": "model: is missing",
}
YAML_MISTAKES = {
    "model: toy\nmodel: toy": "fit.yaml:2:1: the key 'model' is given twice (first in line 1)",
    "model: [toy": "fit.yaml:1:12: is not valid YAML",
    "model: toy\n\tseed: 1": "fit.yaml:2:1: is not valid YAML",
    "model: !!map toy": "fit.yaml:1:8: model: the tag 'map' is not allowed",
    "model: !!seq toy": "fit.yaml:1:8: model: the tag 'seq' is not allowed",
    "model: toy\nlikelihoods: !!map [gauss]": "fit.yaml:2:14: likelihoods: the tag 'map' is not allowed",
    "model: !python/name toy": "fit.yaml:1:8: model: the tag '!python/name' is not allowed",
    "model: toy\nparameters: {mass: .inf}": "numbers must be finite",
    "model: toy\nparameters: {mass: 1e999}": "numbers must be finite, found 1e999",
    f"model: toy\nseed: {'9' * 5000}": "a number of more than 40 characters",
    "model: toy\n1: 2": "fit.yaml:2:1: a key must be a name, found '1'",
    "model: toy\n---\nmodel: toy": "fit.yaml:2:1: is not valid YAML",
    "model: *nobody": "found undefined alias",
    "model: &a [*a]": "is nested deeper than 20 levels",
    "[" * 20_000: "fit.yaml: is nested too deeply",
    "{a: " * 20_000: "fit.yaml:1:82: is not valid YAML: it is nested deeper than 20 levels",
    "- " * 20_000: "it is nested deeper than 20 levels",
    "a: [" + "[]," * 50_000 + "]": "the document has more than 20000 entries",
}
NAME_MISTAKES = {
    "model: toi": "fit.yaml:1:1: model: unknown model 'toi'; did you mean 'toy'? Known: toy.",
    "model: {toy: {scael: 1}}": "fit.yaml:1:15: model.toy.scael: unknown key; did you mean 'scale'?",
    "model: {toy: {kind: odd}}": "model.toy.kind: must be 'plain' or 'fancy'; found \"odd\"",
    "model: toy\nlikelihoods: [guass]": "fit.yaml:2:15: likelihoods[0]: unknown likelihood 'guass'; did you mean",
    "model: toy\nlikelihoods: [gauss, gauss]": "fit.yaml:2:22: likelihoods[1]: 'gauss' is given twice",
    "model: toy\nlikelihoods: [gauss, new_gauss]": "likelihoods[1]: 'new_gauss' and 'gauss' cannot stand in one fit",
    "model: toy\nlikelihoods: [needy]": "likelihoods[0]: 'needy' needs an unknown prediction 'sigmal'; did",
    "model: toy\nsampler: {toy_sampler: {points: 0}}": "fit.yaml:2:25: sampler.toy_sampler.points: must be greater",
    "model: toy\nsampler: toy_sampling": "unknown sampler 'toy_sampling'; did you mean 'toy_sampler'?",
    "model: toy\ninputs: micromega": "inputs.preset: unknown preset of inputs 'micromega'; did you mean 'micromegas6'?",
    "model: toy\ninputs: {m_zz: 91}": "fit.yaml:2:10: inputs.m_zz: unknown key; did you mean 'm_z'?",
    "model: toy\ninputs: {m_z: -91}": "inputs.m_z: must be greater than or equal to 10; found -91",
    "model: toy\ninputs: {m_e: 1.0e300}": "inputs.m_e: must be less than or equal to 10; found 1e+300",
    "model: toy\ninputs: {width: running, preset: [1]}": "inputs.preset: unknown preset",
}
PARAMETER_MISTAKES = {
    "{masss: 3}": "parameters.masss: unknown parameter 'masss'; did you mean 'mass'?",
    "{mass: {unifrom: [1, 2]}}": "unknown prior 'unifrom'; did you mean 'uniform'?",
    "{mass: {uniform: [1, 2, 3]}}": "a uniform prior takes 2 numbers [low, high], found 3",
    "{mass: {uniform: [2, 1]}}": "parameters.mass: a prior without support: low = 2 must be below high = 1",
    "{mass: {uniform: [2, 2]}}": "a prior without support",
    "{mass: {log_uniform: [0, 1]}}": "a log_uniform prior needs positive bounds, found low = 0",
    "{mass: {uniform: [0.01, 1]}}": "the prior allows values from 0.01 to 1, but mass must lie in [0.1, 10000] GeV",
    "{mass: {normal: [10, 1]}}": "a truncated_normal prior can be cut there",
    "{mass: 1.0e-3}": "fit.yaml:2:14: parameters.mass: found 0.001, but mass must lie in [0.1, 10000] GeV",
    "{mass: '12'}": "'12' is a number in quotes",
    "{mass: '2 * copling'}": "unknown parameter in the expression: 'copling'; did you mean 'coupling'?",
    "{mass: '2 * coupling', coupling: 'mass / 2'}": "define each other",
    "{mass: 'mass + 1'}": "define each other",
    "{mass: '2 *'}": "is not an arithmetic expression",
    f"{{mass: '0x{'f' * 400}'}}": "parameters.mass: a number in the expression '0xfff",
    "{mass: '1e999'}": "parameters.mass: a number in the expression '1e999' is too large",
    "{mass: '__import__(\"os\")'}": "is not allowed",
    "{draw: {uniform: [1, 2]}, mass: 'draw'}": "parameters.draw: is the name of a column of the results",
    "{rank_x: 3, mass: 'rank_x'}": "parameters.rank_x: is the name of a column of the results",
    "{pi: {uniform: [1, 2]}, mass: 'pi * 3'}": "unknown parameter 'pi'",
}


@pytest.mark.parametrize(("text", "message"), {**SCHEMA_MISTAKES, **YAML_MISTAKES}.items())
def test_mistakes_in_the_text(tmp_path, text, message):
    with pytest.raises(ConfigurationError) as error:
        loaded(tmp_path, text)
    assert str(tmp_path / "fit.yaml") in str(error.value)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    {**NAME_MISTAKES, **{f"model: toy\nparameters: {text}": m for text, m in PARAMETER_MISTAKES.items()}}.items(),
)
def test_mistakes_in_the_names_and_numbers(tmp_path, text, message):
    run = loaded(tmp_path, text)
    with pytest.raises(ConfigurationError) as error:
        build(run) if "sampler" in text else build_posterior(run)
    assert str(error.value).startswith(f"{tmp_path / 'fit.yaml'}:")
    assert message in str(error.value)


DEFINITION_MISTAKES = {
    "{mass: '1/0'}": "fit.yaml:2:14: parameters.mass: this expression is finite for none of 512 draws of the prior.",
    "{mass: 'log(-coupling)'}": "this expression is finite for none of 512 draws",
    "{mass: '-10 * coupling', coupling: {uniform: [0.5, 0.6]}}": "mass must lie in [0.1, 10000] GeV, but on 512 draws "
    "of the prior this expression lies between -",
    "{signal: {uniform: [1, 2]}, mass: '10 * signal'}": "parameters.signal: has the name of a prediction, but not its "
    "value: 1.",
}


@pytest.mark.parametrize(("text", "message"), DEFINITION_MISTAKES.items())
def test_mistakes_in_what_expressions_come_to(tmp_path, text, message):
    run = loaded(tmp_path, f"model: toy\nparameters: {text}")
    with pytest.raises(ConfigurationError) as error:
        build(run)
    assert str(error.value).startswith(f"{tmp_path / 'fit.yaml'}:2:")
    assert message in str(error.value)


def test_a_parameter_may_be_what_the_prediction_of_its_name_is(tmp_path):
    text = "{signal: {uniform: [1, 2]}, coupling: 'sqrt(signal / mass)', mass: {uniform: [4, 8]}}"
    posterior = build(loaded(tmp_path, f"model: toy\nparameters: {text}")).posterior
    assert posterior.names == ("mass", "signal")


def test_names_are_normalised_in_keys_as_in_expressions(tmp_path):
    run = loaded(tmp_path, "model: toy\nparameters: {mass: '10 * \u00b5', \u00b5: {uniform: [1, 2]}}")
    assert build_posterior(run).names == ("coupling", "\u03bc")


def test_numbers_and_paths_of_python(tmp_path):
    mass = {"uniform": np.array([1.0, 2.0])}
    run = runfile.parse(
        {
            "model": "toy",
            "seed": np.int64(3),
            "output": tmp_path,
            "parameters": {"mass": mass, "coupling": jnp.ones(())},
        }
    )
    assert (run.seed, run.output) == (3, str(tmp_path))
    assert run.parameters == {"mass": {"uniform": [1.0, 2.0]}, "coupling": 1.0}
    with pytest.raises(ConfigurationError, match=r"run: parameters.mass\[0\]: holds a complex"):
        runfile.parse({"model": "toy", "parameters": {"mass": [1j]}})


def test_folders_of_the_home_directory_and_of_variables(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    assert loaded(tmp_path, "model: toy\noutput: ~/fits/mine").output == "/home/somebody/fits/mine"
    with pytest.raises(ConfigurationError, match=r"fit.yaml:2:1: output: must not hold a variable such as \$SCR"):
        loaded(tmp_path, "model: toy\noutput: $SCRATCH/fit")
    assert loaded(tmp_path, "model: toy\noutput: 5$").output == "5$"


def test_jax_without_a_device_or_double_precision(tmp_path, monkeypatch):
    run = loaded(tmp_path, "model: toy")
    jax.config.update("jax_enable_x64", False)
    try:
        with pytest.raises(ConfigurationError, match=r"single precision.*JAX_ENABLE_X64"):
            build_posterior(run)
    finally:
        jax.config.update("jax_enable_x64", True)
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")

    def nothing():
        raise RuntimeError("Unable to initialize backend 'cuda'")

    monkeypatch.setattr(jax, "devices", nothing)
    with pytest.raises(ConfigurationError, match="no device with JAX_PLATFORMS='cuda'"):
        build_posterior(run)


def test_anchors_may_be_used_but_not_explode(tmp_path):
    run = loaded(tmp_path, "model: toy\nparameters: {mass: &p {uniform: [0.2, 0.8]}, coupling: *p}")
    assert run.parameters["mass"] == run.parameters["coupling"] == {"uniform": [0.2, 0.8]}
    bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
    for one, before in zip("bcdef", "abcde", strict=True):
        bomb += f"{one}: &{one} [{','.join([f'*{before}'] * 10)}]\n"
    with pytest.raises(ConfigurationError, match="more than 20000 entries"):
        loaded(tmp_path, bomb)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigurationError, match=r"there is no such run file\. Packaged run files: .*quickstart"):
        runfile.load(tmp_path / "nothing.yaml")
    with pytest.raises(UnknownNameError, match="unknown run file 'quikstart'; did you mean 'quickstart'"):
        runfile.load("quikstart")
    (tmp_path / "latin.yaml").write_bytes("model: toy\n# für\n".encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"latin.yaml:2: is not UTF-8"):
        runfile.load(tmp_path / "latin.yaml")
    (tmp_path / "large.yaml").write_text("#" * 1_000_001)
    with pytest.raises(ConfigurationError, match="larger than 1000000 bytes"):
        runfile.load(tmp_path / "large.yaml")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read(tmp_path)


def test_a_parameter_without_default_prior_must_be_given(monkeypatch):
    monkeypatch.setattr("globalfit.runfile.defaults.models_with_priors", dict)
    with pytest.raises(ConfigurationError, match="'mass' of the model 'toy' has no default prior"):
        build_posterior(runfile.default_run("toy"))


def test_numbers_of_yaml():
    text = "a: 1e-4\nb: .5\nc: 007\nd: 0x10\ne: 1_000\nf: -3\ng: yes\nh: 2026-01-01\ni: null\nj: true\nk: 1.5e+3"
    expected = {"a": 1e-4, "b": 0.5, "c": 7, "d": 16, "e": 1000, "f": -3, "g": "yes", "h": "2026-01-01"}
    assert parse(text, "x").data == expected | {"i": None, "j": True, "k": 1500.0}


def test_run_files_are_frozen():
    run = runfile.parse({"model": "toy"})
    with pytest.raises(ValidationError):
        run.seed = 3


def test_json_schema_knows_names_and_options():
    schema = json_schema()
    assert json.loads(json.dumps(schema)) == schema
    run = schema["$defs"]["run"]
    names, options = run["properties"]["model"]["anyOf"]
    assert names == {"enum": ["toy"]}
    assert "scale" in options["properties"]["toy"]["anyOf"][0]["properties"]
    assert run["properties"]["likelihoods"]["items"]["anyOf"][0]["enum"] == [
        "gauss",
        "gaussian",
        "limit",
        "needy",
        "new_gauss",
    ]
    assert run["additionalProperties"] is False


def test_key_text():
    assert key_text(("likelihoods", 2, "lz_2024", "x")) == "likelihoods[2].lz_2024.x"
