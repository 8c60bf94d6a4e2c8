"""Several fits at once, on real workers, some of which are killed; and what is wrong before there are any."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import dask.config
import pytest
from click.testing import CliRunner

from globalfit.cli import cli
from globalfit.cluster import connect
from globalfit.fitting.campaign import Ending, RunOutcome
from globalfit.results import folder as names
from tests.support.toy import TWO_RUNS

# These find processes in /proc or start them with setsid.
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and setsid")


@pytest.fixture
def _toys(toys, tmp_path):
    (tmp_path / "several.yaml").write_text(TWO_RUNS)
    (tmp_path / "one.yaml").write_text("model: toy\noutput: out\n")


MISTAKES = {
    ("one.yaml", "--workers", "2"): "one.yaml:1:1: is one run, which one process carries out: leave out --workers",
    ("several.yaml", "--scheduler", "tcp://x:1", "--workers", "2"): "--scheduler has workers of its own",
    ("several.yaml", "--cluster", "slurm"): "--cluster needs --workers",
    ("several.yaml", "--cluster", "slurm", "--workers", "2"): "there is no command sbatch on this machine",
    ("several.yaml", "--scheduler", "here"): "no Dask scheduler answers at here",
    ("several.yaml", "--scheduler", "tcp://127.0.0.1:1"): "no Dask scheduler answers at tcp://127.0.0.1:1",
}


@pytest.mark.usefixtures("_toys")
@pytest.mark.parametrize(("arguments", "message"), MISTAKES.items())
def test_mistakes_are_one_error(monkeypatch, tmp_path, arguments, message):
    monkeypatch.setattr(connect, "ANSWER_S", 0.2)
    monkeypatch.setenv("PATH", str(tmp_path))
    result = CliRunner().invoke(cli, ["run", *arguments])
    assert result.exit_code == 2, result.exception
    assert message in result.stderr.splitlines()[-1]
    assert not list(tmp_path.glob("out/*"))
    warned = f"WARNING: {arguments[2]} is not encrypted" in result.stderr
    assert warned is (arguments[1] == "--scheduler" and len(arguments) == 3)
    # Else files would be written through a client that has no scheduler.
    assert dask.config.get("scheduler", None) is None


@pytest.mark.usefixtures("_toys")
def test_without_dask_the_error_names_the_remedy(monkeypatch):
    monkeypatch.setattr(connect.importlib.util, "find_spec", lambda *_: None)
    result = CliRunner().invoke(cli, ["run", "several.yaml", "--scheduler", "tls://host:8786"])
    assert result.exit_code == 2
    assert "--scheduler needs the package distributed: pip install 'globalfit[cluster]'" in result.stderr


@pytest.fixture
def _b_is_there(monkeypatch):
    evidence = {"converged": True, "log_evidence": -1.0, "log_evidence_error": 0.1}

    def settled(spec):
        skipped = RunOutcome(spec.name, Path(spec.run.output), Ending.SKIPPED, evidence)
        return skipped if spec.name == "b" else None

    monkeypatch.setattr("globalfit.fitting.campaign.settled", settled)
    monkeypatch.setattr("globalfit.cli.campaign._compare", lambda *_: None)


@pytest.mark.usefixtures("_toys", "_b_is_there")
def test_workers_get_what_is_not_there_and_the_summary_is_in_order(monkeypatch):
    asked = []

    def carried_out(specs, checkpoint_every, place, tell):
        asked.append(([spec.name for spec in specs], checkpoint_every, place))
        tell("a", "started on worker 0")
        return {"a": RunOutcome("a", Path("out/a"), Ending.FAILED, message="bad", traceback="Traceback: bad")}

    monkeypatch.setattr("globalfit.cli.specs.carry_out", carried_out)
    result = CliRunner().invoke(cli, ["run", "several.yaml", "--workers", "2", "--checkpoint-every", "5"])
    assert asked == [(["a"], 5.0, connect.Workers(count=2))]
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines == ["a  FAILED: bad", "b  was there already, converged, ln Z = -1.000 ± 0.100  out/b/report.html"]
    assert re.search(r"^\d\d:\d\d:\d\d  b: skipped, out/b holds this run, finished$", result.stderr, re.MULTILINE)
    assert re.search(r"^\d\d:\d\d:\d\d  a: started on worker 0$", result.stderr, re.MULTILINE)
    assert "a:\nTraceback: bad" in result.stderr


@pytest.mark.usefixtures("_toys", "_b_is_there")
def test_an_interrupted_command_says_how_to_go_on(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("globalfit.cli.specs.carry_out", interrupted)
    result = CliRunner().invoke(cli, ["run", "several.yaml", "--workers", "2"])
    assert result.exit_code == 130
    assert "The same command goes on with what is not finished, from its checkpoints." in result.stderr


DYNESTY = "{real_dynesty: {nlive: 100}}"


def environment(folder: Path) -> dict[str, str]:
    """That of processes whose workers have the toys."""
    (folder / "tmp").mkdir(exist_ok=True)
    return os.environ | {
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "TMPDIR": str(folder / "tmp"),
        "JAX_COMPILATION_CACHE_DIR": str(folder / "cache"),
        "DASK_DISTRIBUTED__WORKER__PRELOAD": "tests.support.toy_worker",
    }


def started(folder: Path, *arguments: str, process_group: int | None = None, **more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.support.toy_program", *arguments]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment(folder) | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=process_group,
    )


def holder(folder: Path) -> int:
    """The process that writes a folder, once it has its first checkpoint."""
    while not list(folder.glob("checkpoint/0*.npz")):
        time.sleep(0.02)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(handle.readlink() == folder for handle in (process / "fd").iterdir()):
                return int(process.name)
        except OSError:
            continue
    raise AssertionError(f"nobody writes {folder}")


def campaign_with_a_kill(folder: Path, samplers: Sequence[str], killed: str) -> None:
    """A campaign on two workers, of which the one with a certain run is killed: all runs finish."""
    count = len(samplers)
    runs = "".join(f"  r{index}: {{seed: {index}, sampler: {name}}}\n" for index, name in enumerate(samplers))
    (folder / "several.yaml").write_text(f"common: {{model: toy, likelihoods: [gauss]}}\nruns:\n{runs}output: out\n")
    process = started(folder, "run", "several.yaml", "--workers", "2", "--checkpoint-every", "0.1")
    os.kill(holder(folder / "out" / killed), 9)
    output, told = process.communicate(timeout=600)
    assert process.returncode in (0, 3), told
    lines = output.splitlines()[:count]
    assert [line.split()[:2] for line in lines] == [[f"r{index}", "finished,"] for index in range(count)]
    assert told.count("died; the run is tried again") == 1
    assert told.count(f"{killed}: started on worker") == 2
    origin = json.loads((folder / "out" / killed / names.PROVENANCE).read_text())
    assert origin["resumed"]


@pytest.mark.slow
@LINUX
def test_a_killed_worker_loses_no_run(tmp_path):
    campaign_with_a_kill(tmp_path, ["toy_sampler", DYNESTY, "toy_sampler"], "r1")


@pytest.mark.slow
def test_draws_of_a_calibration_on_workers_are_those_of_one_process(tmp_path):
    (tmp_path / "fit.yaml").write_text("model: toy\nlikelihoods: [gauss]\nsampler: toy_sampler\noutput: out\n")
    process = started(tmp_path, "sbc", "fit.yaml", "--draws", "12", "--ranks", "9", "--workers", "2")
    told = process.communicate(timeout=300)[1]
    assert process.returncode in (0, 3), told
    assert len(re.findall(r"^draw \d+/12: [\d.]+ s, .*converged.* \(worker [01]\)$", told, re.MULTILINE)) == 12, told
    process = started(tmp_path, "sbc", "fit.yaml", "--draws", "12", "--ranks", "9", "--output", "alone")
    assert process.communicate(timeout=300)[1].count("effective draws") == 12
    one, other = (
        [json.loads(path.read_text()) for path in sorted((tmp_path / folder / "trials").iterdir())]
        for folder in ("out-sbc", "alone")
    )
    assert len(one) == 12
    assert [(trial["truth"], trial["ranks"]) for trial in one] == [(trial["truth"], trial["ranks"]) for trial in other]


@pytest.mark.slow
@LINUX
def test_twelve_runs_on_two_workers_of_which_one_is_killed_midway(tmp_path):
    campaign_with_a_kill(tmp_path, [DYNESTY] * 12, "r6")


@pytest.mark.slow
@LINUX
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_command_that_is_ended_leaves_no_process_and_goes_on_to_the_same_result(tmp_path, number):
    """As the terminal does it, an interrupt reaches the workers too."""
    (tmp_path / "several.yaml").write_text(
        f"common: {{model: toy, likelihoods: [gauss], sampler: {DYNESTY}}}\nruns: {{a: {{}}, b: {{seed: 2}}}}\n"
    )
    command = ("run", "several.yaml", "--workers", "2", "--checkpoint-every", "0.1", "--output")
    process = started(tmp_path, *command, "ended", process_group=0)
    workers = [holder(tmp_path / "ended" / name) for name in "ab"]
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.kill()
    told = process.communicate(timeout=60)[1]
    assert "Traceback" not in told
    assert ("goes on with what is not finished" in told) is (number == signal.SIGINT)
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        time.sleep(0.1)
    assert not list((tmp_path / "ended").glob("*/report.html"))
    for folder in ("ended", "undisturbed"):
        told = started(tmp_path, *command, folder).communicate(timeout=300)[1]
        assert ("a: checkpoint: going on" in told) is (folder == "ended"), told
    found = [
        [(tmp_path / folder / name / names.EVIDENCE).read_text() for name in "ab"]
        for folder in ("ended", "undisturbed")
    ]
    assert found[0] == found[1]


def finishes_elsewhere(folder: Path, *arguments: str, **more: str) -> None:
    (folder / "several.yaml").write_text(TWO_RUNS)
    process = started(folder, "run", "several.yaml", *arguments, **more)
    output, told = process.communicate(timeout=300)
    assert process.returncode == 0, told
    assert output.startswith("a  finished, converged"), told
    assert json.loads((folder / "out/b" / names.EVIDENCE).read_text())["converged"]


@contextlib.contextmanager
def scheduler_of_another(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A scheduler that has one worker: its address, and its process."""
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--scheduler-file", "address.json"]
    join = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", "address.json", "--nthreads", "4"]
    quiet = {"cwd": folder, "env": environment(folder), "stderr": subprocess.DEVNULL}
    with subprocess.Popen([*dask, "--no-dashboard"], **quiet) as scheduler, subprocess.Popen(join, **quiet) as worker:
        try:
            while not (folder / "address.json").exists():
                time.sleep(0.1)
            yield json.loads((folder / "address.json").read_text())["address"], scheduler
        finally:
            worker.terminate()
            scheduler.terminate()


@pytest.mark.slow
def test_the_workers_of_a_scheduler(tmp_path):
    with scheduler_of_another(tmp_path) as (address, _):
        finishes_elsewhere(tmp_path, "--scheduler", address)


@pytest.mark.slow
def test_a_killed_scheduler_is_one_error_and_loses_nothing_that_was_finished(tmp_path):
    runs = "".join(f"  r{seed}: {{seed: {seed}, sampler: {DYNESTY}}}\n" for seed in range(3))
    (tmp_path / "several.yaml").write_text(f"common: {{model: toy, likelihoods: [gauss]}}\nruns:\n{runs}output: out\n")
    finished = tmp_path / "out" / "r0" / names.EVIDENCE
    with scheduler_of_another(tmp_path) as (address, scheduler):
        process = started(tmp_path, "run", "several.yaml", "--scheduler", address)
        while not (tmp_path / "out" / "r1").exists():
            time.sleep(0.02)
        scheduler.kill()
        told = process.communicate(timeout=300)[1]
    assert process.returncode == 2
    assert told.splitlines()[-1].startswith("error: the Dask scheduler was lost, but nothing that was finished")
    assert "Traceback" not in told
    written = finished.stat().st_mtime_ns
    process = started(tmp_path, "run", "several.yaml", "--workers", "2")
    output, told = process.communicate(timeout=300)
    assert process.returncode in (0, 3), told
    assert [line.split(",")[0].split()[1:] for line in output.splitlines()[:3]] == [
        ["was", "there", "already"], ["finished"], ["finished"]
    ]  # fmt: skip
    assert finished.stat().st_mtime_ns == written


# What a queue of our own, which runs its jobs here, answers to the commands that submit and delete a job.
QUEUES = {
    "slurm": {"sbatch": 'echo "Submitted batch job $!"', "scancel": 'kill -- "-$1"'},
    "pbs": {"qsub": 'echo "$!.here"', "qdel": 'kill -- "-${1%%.*}"'},
}


@pytest.mark.slow
@LINUX
@pytest.mark.parametrize("queue", QUEUES)
def test_jobs_of_a_queue(tmp_path, queue):
    (tmp_path / "bin").mkdir()
    for number, (name, script) in enumerate(QUEUES[queue].items()):
        submit = 'cp "$1" job.$$\nsetsid bash job.$$ >> jobs.log 2>&1 &\n' if number == 0 else ""
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{submit}{script}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    pytest.importorskip("cryptography")
    settings = {"CORES": "1", "MEMORY": "2GiB"}
    more = {f"DASK_JOBQUEUE__{queue.upper()}__{key}": value for key, value in settings.items()}
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    finishes_elsewhere(tmp_path, "--cluster", queue, "--workers", "2", **more, PATH=path)
