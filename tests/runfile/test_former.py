"""Run files as they were written before: read, translated, and refused where they contradict themselves."""

import pytest
from click.testing import CliRunner

from globalfit import runfile
from globalfit.cli import cli
from globalfit.comparison.runs import differences
from globalfit.errors import ConfigurationError
from globalfit.results.result import Result
from globalfit.results.run_state import first_contradiction
from globalfit.storage.inference_data import Samples


def written(tmp_path, text):
    path = tmp_path / "fit.yaml"
    path.write_text(text)
    return runfile.load(path)


@pytest.mark.parametrize(("mode", "role"), [("component", "component"), ("all_of_dm", "all")])
def test_the_mode_of_the_relic_density_is_read_as_the_role_of_the_particle(tmp_path, mode, role):
    run = written(tmp_path, f"model: axial\nlikelihoods: [planck_relic: {{mode: {mode}, theory_error: 0.1}}, lz_2024]")
    assert run.dark_matter == role
    assert run.likelihoods == [{"planck_relic": {"theory_error": 0.1}}, "lz_2024"]
    assert f"`dark_matter: {role}`" in run.advice
    today = written(
        tmp_path, f"model: axial\ndark_matter: {role}\nlikelihoods: [planck_relic: {{theory_error: 0.1}}, lz_2024]"
    )
    assert today.advice == ""
    assert today.model_dump() == run.model_dump()
    assert first_contradiction(today, run) == ""


@pytest.mark.parametrize(("mode", "role"), [("component", "all"), ("all_of_dm", "component")])
def test_a_contradiction_is_an_error_with_its_place(tmp_path, mode, role):
    text = f"model: axial\ndark_matter: {role}\nlikelihoods:\n- planck_relic: {{mode: {mode}}}\n"
    with pytest.raises(ConfigurationError, match=rf"fit.yaml:4:18: likelihoods\[0\].*'{mode}' contradicts .*{role}`"):
        written(tmp_path, text)


def test_the_advice_is_one_line_on_stderr(tmp_path):
    path = tmp_path / "fit.yaml"
    path.write_text("model: axial\nlikelihoods: [planck_relic: {mode: component}, nowhere]")
    found = CliRunner().invoke(cli, ["evaluate", str(path), "--set", "m_chi=50"])
    advice, error = found.stderr.splitlines()
    assert advice.startswith("WARNING: write `dark_matter: component` at the top level")
    assert "unknown likelihood 'nowhere'" in error


def test_what_the_translation_does_not_know_is_left_to_the_schema(tmp_path):
    with pytest.raises(ConfigurationError, match="likelihoods: must be a list"):
        written(tmp_path, "model: axial\nlikelihoods: planck_relic")
    assert written(tmp_path, "model: axial\nlikelihoods: [planck_relic: {mode: odd}]").advice == ""


def test_runs_with_other_roles_are_not_on_the_same_data(tmp_path):
    none = Samples({}, {}, {}, {})
    one, other = (
        Result(tmp_path, role, runfile.parse({"model": "axial", "dark_matter": role}), "", {}, [], {}, {}, none)
        for role in ("all", "component")
    )
    assert differences(one, other) == ["dark_matter is all in all and component in component"]
