"""The command line: answers fast, one line per error, exit status that says what happened."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from globalfit.cli import cli
from globalfit.compilation_cache import use_compilation_cache
from globalfit.display import Lines
from globalfit.progress import Event

RUN = "model: toy\nlikelihoods: [gauss]\nsampler: {toy_sampler: {points: 3000}}\noutput: out\n"


pytestmark = pytest.mark.usefixtures("toys")


def call(*arguments):
    result = CliRunner().invoke(cli, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def error(*arguments):
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert lines[-1].startswith("error: ")
    assert sum(line.startswith("error") for line in lines) == 1
    return lines[-1].removeprefix("error: ")


def subprocess_modules(*arguments):
    """Modules that a command has imported when it is done."""
    code = (
        "import sys\nfrom globalfit.cli import cli\n"
        f"cli({list(arguments)!r}, standalone_mode=False)\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout, set(done.stderr.split())


@pytest.mark.parametrize("arguments", [("--help",), ("list",), ("run", "--help"), ("show", "prior", "axial")])
def test_what_computes_nothing_imports_nothing_heavy(arguments):
    output, modules = subprocess_modules(*arguments)
    assert output
    assert not modules & {"jax", "jaxlib", "numpy", "scipy", "matplotlib", "arviz"}


def test_list_names_everything():
    output, _ = subprocess_modules("list")
    for name in ("axial", "planck_relic", "lz_2024", "dynesty", "quickstart", "axial-slice"):
        assert name in output
    assert "Dirac dark matter with an axial coupling" in output
    assert call("list", "runs").output.count("\n") >= 2
    assert "no_solution " in call("list", "status").output
    assert "[GeV] mass times coupling squared" in call("list", "predictions").output


def test_run_report_and_a_second_run(tmp_path):
    (tmp_path / "fit.yaml").write_text(RUN)
    result = call("run", "fit.yaml", "--seed", "3")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "converged: every check passed."
    assert "ln Z = " in result.stdout
    assert "bridge sampling: ln Z = " in result.stdout or "no second method for ln Z: " in result.stdout
    assert "sampling: 0 %" in result.stderr
    page = (tmp_path / "out" / "report.html").read_text()
    (tmp_path / "out" / "report.html").write_text("")
    assert call("report", "out").exit_code == 0
    assert (tmp_path / "out" / "report.html").read_text() == page
    assert json.loads((tmp_path / "out" / "provenance.json").read_text())["seed"] == 3
    assert "already holds another run" in error("run", "fit.yaml", "--seed", "4")


@pytest.mark.usefixtures("no_report")
def test_a_run_that_did_not_converge_fails_loudly(tmp_path):
    (tmp_path / "fit.yaml").write_text(RUN.replace("points: 3000", "converges: false"))
    result = call("run", "fit.yaml", "--output", "elsewhere")
    assert result.exit_code == 3
    assert result.stdout.splitlines()[:2] == [
        "NOT CONVERGED: do not use these numbers.",
        "  - The toy check failed: 1, bound 2",
    ]
    assert (tmp_path / "elsewhere" / "summary.csv").exists()
    again = call("report", "elsewhere")
    assert (again.exit_code, again.stdout) == (3, result.stdout)


def test_check_reports_the_prior(tmp_path):
    (tmp_path / "fit.yaml").write_text(RUN)
    output = call("check", "fit.yaml").output
    assert "mass      log-uniform [1, 1000]" in output
    assert "no_solution" in output
    assert "gauss" in output
    assert output.rstrip().endswith("fit.yaml: ok")
    (tmp_path / "fixed.yaml").write_text("model: toy\nparameters: {mass: 10, coupling: 0.5}\nsampler: toy_sampler\n")
    assert "fixed to 10" in call("check", "fixed.yaml").output


def test_evaluate_a_table(tmp_path):
    (tmp_path / "points.csv").write_text("mass,coupling\n10,0.5\nx,1\n")
    result = call("evaluate", "toy", "--points", "points.csv", "--output", "out.csv", "--predict", "all")
    assert result.exit_code == 0
    assert "2 points -> out.csv" in result.stderr
    with (tmp_path / "out.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["signal"] for row in rows] == ["2.5", ""]
    assert [row["loglike"] for row in rows] == ["0.0", ""]


def test_evaluate_a_point(tmp_path):
    (tmp_path / "fit.yaml").write_text(RUN)
    lines = call("evaluate", "fit.yaml", "--set", "mass=10", "--set", "coupling=0.5").stdout.splitlines()
    table = dict(line.split(maxsplit=1) for line in lines)
    assert table["signal"] == "2.5 GeV"
    assert float(table["loglike_gauss"]) == float(table["loglike"]) == -0.5 * 7.5**2
    assert table["status"] == "ok"


ERRORS = [
    (("run", "none.yaml"), "there is no such run file"),
    (("run", "quikstart"), "did you mean 'quickstart'"),
    (("run", "priors"), "priors: is a folder, not a run file"),
    (("sbc", "priors"), "priors: is a folder, not a run file"),
    (("run", "p" * 300), "p...: cannot be used: File name too long"),
    (("resume", "p" * 300), "p...: cannot be used: File name too long"),
    (("run", "bad.yaml"), "bad.yaml:1:1: model: unknown model 'toi'; did you mean 'toy'"),
    (("check", "bad.yaml"), "unknown model 'toi'"),
    (("evaluate", "tyo"), "unknown run file or model 'tyo'; did you mean 'toy'"),
    (
        ("evaluate", "toy", "--set", "mass=10"),
        "no value for the parameter 'coupling': give one with `--set coupling=VALUE` or fix it in the run file.",
    ),
    (("evaluate", "toy", "--set", "mass=10", "--set", "mass=11"), "--set gives mass twice"),
    (("show", "schema", "toy"), "`globalfit show schema` takes no name"),
    (("evaluate", "toy", "--set", "mass"), "--set takes NAME=NUMBER, found 'mass'"),
    (("evaluate", "toy", "--set", "mas=1"), "unknown parameter 'mas'; did you mean 'mass'"),
    (("evaluate", "toy", "--set", "mass=0.01"), "mass must lie in [0.1, 10000] GeV"),
    (("evaluate", "toy", "--points", "p.csv"), "--points and --output belong together"),
    (("evaluate", "toy", "--points", "p.csv", "--output", "o.csv"), "p.csv: the column 'coupling' is missing"),
    (("evaluate", "toy", "--points", "none.csv", "--output", "o.csv"), "none.csv: cannot be read"),
    (("evaluate", "toy", "--points", "p.csv", "--output", "o.csv", "--predict", "sigmal"), "did you mean 'signal'"),
    (("evaluate", "toy", "--points", "p.csv", "--output", "o.csv", "--set", "mass=1"), "exclude each other"),
    (("report", "nowhere"), "is not a folder of a run"),
    (("report", "priors"), "is not the folder of a finished run"),
    (("show", "model", "toi"), "did you mean 'toy'"),
    (("show", "status", "no_soluton"), "did you mean 'no_solution'"),
    (("show", "prediction", "sigmal"), "did you mean 'signal'"),
    (("show", "prior", "toi"), "unknown model 'toi'"),
    (("show", "model"), "needs a name: `globalfit list models` has them"),
    (("show", "status"), "needs a name: `globalfit list status` has them"),
    (("show", "model", "toy", "--picture", "toy.png"), "--picture belongs to `globalfit show likelihood"),
    (("show", "likelihood", "gauss", "--picture", "toy.txt"), "toy.txt: pictures are written as .png"),
    (("show", "likelihood", "gauss", "--picture", "p.csv.pdf"), "p.csv.pdf: exists already"),
    (("cite", "nothing"), "unknown run file 'nothing'"),
    (("cite", "priors"), "cannot be read"),
]


@pytest.mark.parametrize(("arguments", "message"), ERRORS)
def test_errors_of_the_user_are_one_line(tmp_path, arguments, message):
    (tmp_path / "bad.yaml").write_text("model: toi\n")
    (tmp_path / "p.csv").write_text("mass\n1\n")
    (tmp_path / "p.csv.pdf").write_text("")
    assert message in error(*arguments)


def test_a_fault_of_the_program_is_no_error_of_the_user(monkeypatch):
    def broken(*_):
        raise OSError("the network is down")

    monkeypatch.setattr("globalfit.cli.run.load_campaign", broken)
    with pytest.raises(OSError, match="the network is down"):
        call("run", "fit.yaml")


def test_nan_is_no_number_of_seconds(tmp_path):
    (tmp_path / "fit.yaml").write_text(RUN)
    result = call("run", "fit.yaml", "--checkpoint-every", "nan")
    assert result.exit_code == 2
    assert "Invalid value for '--checkpoint-every': nan is no number of seconds." in result.stderr


def test_show():
    assert "mass: mass of the particle; from 0.1 to 10000 GeV" in call("show", "model", "toy").output
    assert "scale (default 1.0): factor of the signal" in call("show", "model", "toy").output
    assert "Collaboration, Journal 2 (2001) 2" in call("show", "likelihood", "gauss").output
    assert "points (default 2000)" in call("show", "sampler", "toy_sampler").output
    assert "mass: log_uniform [1, 1000]" in call("show", "prior", "toy").output
    assert "A model, two likelihoods and a sampler" in call("show", "model", "toy").output
    assert "The likelihood is zero." in call("show", "status", "no_solution").output
    assert call("show", "prediction", "signal").output.startswith("signal [GeV]: mass times coupling squared")
    assert set(json.loads(call("show", "schema").output)["$defs"]) == {"run", "runs"}


def test_show_likelihood_has_data_limit_and_conflicts(tmp_path):
    output = call("show", "likelihood", "new_gauss").output
    assert "strength: signal = 10 ± 1 GeV" in output
    assert "0 -> -50" in output
    assert "gauss: the new one contains the data of the old one" in output
    assert call("show", "likelihood", "gauss", "--picture", "limit.png").output == "picture: limit.png\n"
    assert (tmp_path / "limit.png").read_bytes().startswith(b"\x89PNG")


def test_cite_a_run_file_and_a_folder(tmp_path):
    (tmp_path / "fit.yaml").write_text(RUN)
    output = call("cite", "fit.yaml").output
    for reference in ("Author, Journal 1", "Collaboration, Journal 2", "Kahn & Marshall", "JAX"):
        assert reference in output
    assert call("run", "fit.yaml").exit_code == 0
    assert call("cite", "out").output == output


def test_progress_lines_are_rare(capsys):
    progress = Lines()
    for done in range(100):
        progress(Event("sampling", float(done), 100.0, "ln Z = -1"))
    progress(Event("report", 0.0))
    assert capsys.readouterr().err.splitlines() == ["sampling: 0 % ln Z = -1", "report:"]


def test_a_user_without_a_home_has_no_compilation_cache(monkeypatch):
    for name in ("HOME", "XDG_CACHE_HOME", "JAX_COMPILATION_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    import jax

    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    monkeypatch.setattr(jax.config, "update", lambda *_: pytest.fail("a cache was set"))
    use_compilation_cache()


def test_compilation_cache_is_the_users(monkeypatch, tmp_path):
    import jax

    settings = {}
    monkeypatch.setattr(jax.config, "update", settings.__setitem__)
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    use_compilation_cache()
    folder = settings["jax_compilation_cache_dir"]
    assert os.path.isdir(folder)
    assert str(tmp_path / "cache" / "globalfit" / "jax-") in folder
    settings.clear()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    use_compilation_cache()
    assert settings == {}
