"""`globalfit resume`: real processes that are killed, and folders that cannot be gone on with."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from globalfit import runfile
from globalfit.cli import cli
from globalfit.fitting.fit import fit
from globalfit.results import folder as names
from globalfit.storage.inference_data import inference_data

PROGRAM = """
import pathlib, sys, tempfile
import jax
import pytest
from tests.support import toy
from globalfit.cli import cli
jax.config.update("jax_enable_x64", True)
toy.register(pytest.MonkeyPatch(), pathlib.Path(tempfile.mkdtemp(dir=sys.argv[1])))
cli.main(sys.argv[2:])
"""
SAMPLERS = {
    "dynesty": "{nlive: 100}",
    "emcee": "{walkers: 16, ensembles: 2, steps: 400, block: 100, particles: 64}",
    "grid": "{points: 200}",
    "nautilus": "{n_live: 300, n_networks: 1, n_batch: 64, n_eff: 1000}",
    "nuts": "{chains: 2, warmup: 200, draws: 300, particles: 64}",
    "optimize": "{scan: 256, starts: 8, profile_points: 5}",
    "smc": "{populations: 4, particles: 64}",
}


def text(sampler, options):
    return f"model: toy\nlikelihoods: [gauss]\nsampler: {{real_{sampler}: {options}}}\nseed: 2\n"


def started(folder, *arguments):
    """The program with the toys, in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "JAX_COMPILATION_CACHE_DIR": str(folder)}
    command = [sys.executable, "-c", PROGRAM, str(folder), *arguments]
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def finished(folder, *arguments):
    process = started(folder, *arguments)
    return process.communicate(timeout=300)[1], process.returncode


def checkpoints(folder):
    """The files of calls, and of nautilus, with what tells a new one of the same name."""
    found = {}
    for path in (folder / "cut" / names.CHECKPOINT).glob("[0-9n]*"):
        with contextlib.suppress(FileNotFoundError):
            found[path.name] = path.stat().st_mtime_ns
    return found


def stopped(folder, number, seconds, *arguments):
    """The process after `number` has been sent to it some time after it wrote a first file of its checkpoint."""
    before = checkpoints(folder)
    process = started(folder, *arguments)
    while process.poll() is None and checkpoints(folder) == before:
        time.sleep(0.02)
    time.sleep(seconds)
    process.send_signal(number)
    return process.communicate(timeout=300)[1], process.returncode


def same_result(one: Path, other: Path, sampler: str) -> None:
    records = [json.loads((folder / names.EVIDENCE).read_text()) for folder in (one, other)]
    assert records[0] == records[1]
    assert (one / names.SUMMARY).read_text() == (other / names.SUMMARY).read_text()
    if sampler != "optimize":
        first, second = (inference_data(folder / names.POSTERIOR).posterior for folder in (one, other))
        for name in first.data_vars:
            np.testing.assert_array_equal(first[name], second[name])


def killed_and_resumed(folder: Path, sampler: str, signals) -> None:
    """A run that is stopped by each (signal, delay) in turn ends like one that is not."""
    (folder / "toy.yaml").write_text(text(sampler, SAMPLERS[sampler]))
    told, status = finished(folder, "run", "toy.yaml", "--output", "whole")
    assert status in (0, 3), told
    command = ("run", "toy.yaml", "--output", "cut")
    for number, seconds in signals:
        told, status = stopped(folder, number, seconds, *command, "--checkpoint-every", "0.05")
        assert "Traceback" not in told
        if status == 128 + number:
            assert re.search(r"nothing is lost; `globalfit resume cut` goes on", told)
        elif status != -signal.SIGKILL:
            assert status in (0, 3), told
            break
        command = ("resume", "cut")
    else:
        told, status = finished(folder, *command)
    assert status in (0, 3), told
    same_result(folder / "whole", folder / "cut", sampler)


def test_a_killed_process_is_resumed_to_the_same_result(tmp_path):
    killed_and_resumed(tmp_path, "dynesty", [(signal.SIGKILL, 0.5), (signal.SIGTERM, 0.5)])
    origin = json.loads((tmp_path / "cut" / names.PROVENANCE).read_text())
    assert origin["resumed"]
    assert not json.loads((tmp_path / "whole" / names.PROVENANCE).read_text())["resumed"]


@pytest.mark.slow
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_twenty_kills_per_sampler(sampler, tmp_path):
    random = np.random.default_rng(8)
    killed_and_resumed(tmp_path, sampler, [(signal.SIGKILL, delay) for delay in random.uniform(0.0, 2.0, 20)])


@pytest.fixture
def _toys(toys, monkeypatch):
    monkeypatch.setattr("globalfit.fitting.fit.make_report", lambda _: None)


def resume(folder, *arguments):
    return CliRunner().invoke(cli, ["resume", str(folder), *arguments])


def unfinished(folder="out", **changes):
    """The folder of a run without its report, as if it had been stopped just before the end."""
    settings = {"model": "toy", "likelihoods": ["gauss"], "sampler": {"real_grid": {"points": 300}}} | changes
    fit(runfile.parse(settings), Path(folder))
    return Path(folder)


@pytest.mark.usefixtures("_toys")
def test_an_unfinished_run_takes_everything_from_its_checkpoint():
    folder = unfinished()
    before = (folder / names.EVIDENCE).read_text()
    result = resume(folder)
    assert result.exit_code == 0, result.output
    assert (folder / names.EVIDENCE).read_text() == before
    assert json.loads((folder / names.PROVENANCE).read_text())["resumed"]


@pytest.mark.usefixtures("_toys")
def test_a_run_that_has_changed_is_refused_by_name(monkeypatch):
    folder = unfinished()
    path = folder / names.RUN
    settings = path.read_text()

    path.write_text(settings.replace("points: 300", "points: 301"))
    result = resume(folder)
    assert result.exit_code == 2
    assert "settings.sampler.real_grid.points is 301, it was 300" in result.output
    assert "Undo the change" in result.output

    path.write_text(re.sub(r"\b1000\b", "2000", settings))
    assert "settings.parameters.mass" in resume(folder).output

    path.write_text(settings.replace("seed: 1\n", "").replace("m_z: ", "# m_z: "))
    result = resume(folder)
    assert result.exit_code == 2
    assert f"{path}: does not have every setting of its run any more: inputs.m_z is" in result.output

    path.write_text(settings)
    monkeypatch.setattr("tests.support.toy.Gauss.build", classmethod(lambda cls, *_: cls("gauss", 11.0)))
    assert "ln L of prior draw 0 is" in resume(folder).output


@pytest.mark.usefixtures("_toys")
def test_folders_that_cannot_be_gone_on_with():
    assert "is not the folder of a run; name the output folder" in resume("nowhere").output
    assert not Path("nowhere").exists()
    assert "is not the folder of a run" in resume(__file__).output

    folder = unfinished()
    Path("other.yaml").write_text("model: toy\nlikelihoods: [gauss]\nsampler: {real_grid: {points: 301}}\n")
    result = CliRunner().invoke(cli, ["run", "other.yaml", "--output", str(folder)])
    assert result.exit_code == 2
    assert "another, unfinished run" in result.output

    assert "it holds several, such as out: the command that began them" in resume(".").output

    (folder / names.REPORT).write_text("")
    assert "already holds this run, finished" in resume(folder).output


@pytest.mark.usefixtures("_toys")
def test_two_processes_cannot_write_one_folder():
    folder = unfinished()
    run = runfile.load(folder / names.RUN)
    with names.claimed(folder, run):
        result = resume(folder)
    assert result.exit_code == 2
    assert "another process is writing there" in result.output
    assert resume(folder).exit_code == 0


@pytest.mark.usefixtures("_toys")
def test_a_full_disk_is_an_error_and_loses_nothing(monkeypatch):
    folder = unfinished()
    held = sorted(path.name for path in (folder / names.CHECKPOINT).iterdir())
    (folder / names.CHECKPOINT / held[0]).unlink()

    def full(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        result = resume(folder)
    assert result.exit_code == 2
    assert "cannot be written: No space left on device" in result.output
    assert resume(folder).exit_code == 0
