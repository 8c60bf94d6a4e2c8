"""Files of a finished run that are damaged, missing or those of another run."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from globalfit import runfile
from globalfit.cli import cli
from globalfit.errors import OutputError
from globalfit.fitting.fit import fit
from globalfit.results import folder as names
from globalfit.results.checksums import COVERED, verify
from globalfit.results.result import Result
from globalfit.results.run_state import State, run_state
from tests.support import toy

HELD = (names.RUN, names.EVIDENCE, names.SUMMARY, names.DETAILS, names.POSTERIOR, names.PROVENANCE)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two finished runs that differ in their seed alone."""
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("runs")
        toy.register(patch, place)
        patch.setattr("globalfit.fitting.fit.make_report", lambda folder: (folder / names.REPORT).write_text("page"))
        for seed in (1, 2):
            text = {"model": "toy", "likelihoods": ["gauss"], "sampler": {"toy_sampler": {}}, "seed": seed}
            fit(runfile.parse(text), place / str(seed))
    return place


@pytest.fixture
def folder(toys, runs, tmp_path):
    """A finished run that may be damaged."""
    return Path(shutil.copytree(runs / "1", tmp_path / "out"))


def fault(folder: Path) -> str:
    """What reading says; the state says the same."""
    with pytest.raises(OutputError) as raised:
        Result.load(folder)
    found = run_state(folder)
    assert (found.state, found.reason) == (State.UNREADABLE, str(raised.value))
    return str(raised.value)


def test_a_run_is_what_it_was(folder):
    assert {path.name for path in folder.iterdir()} >= {*HELD, names.SUMS}
    assert Result.load(folder).converged
    assert run_state(folder).state is State.FINISHED


def test_a_bit_that_is_not_what_it_was_is_one_line_or_harmless(folder):
    draw = np.random.default_rng(0)
    before = repr(Result.load(folder))
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    assert len(files) > len(HELD)
    for path in files:
        whole = path.read_bytes()
        for _ in range(3):
            place, bit = int(draw.integers(len(whole))), 1 << int(draw.integers(8))
            path.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
            if path.name in (*HELD, names.SUMS):
                message = fault(folder)
                assert message.startswith(str(folder))
                assert "\n" not in message
            else:
                assert repr(Result.load(folder)) == before
        path.write_bytes(whole)
    verify(folder)


@pytest.mark.parametrize("name", HELD)
def test_a_file_of_another_run_or_none_is_not_taken(folder, runs, name):
    shutil.copy(runs / "2" / name, folder / name)
    assert fault(folder).startswith(f"{folder / name}: is not what the run has written")
    (folder / name).unlink()
    if name == names.RUN:
        assert run_state(folder).state is State.MISSING
    elif name == names.SUMMARY:
        with pytest.raises(OutputError, match=f"it has no {name}"):
            Result.load(folder)
    else:
        assert fault(folder).startswith(f"{folder / name}: is missing. Put the file of this run back")


@pytest.mark.parametrize("text", ["", "\x00\n", f"{'0' * 64}  ../out/evidence.json\n", f"{'0' * 64} *evidence.json\n"])
def test_checksums_that_are_not_those_of_the_files(folder, text):
    (folder / names.SUMS).write_text(text)
    assert names.SUMS in fault(folder)


def test_a_run_of_a_version_without_checksums_is_read(folder):
    (folder / names.SUMS).unlink()
    assert Result.load(folder).converged


def test_the_checksums_are_those_of_sha256sum(folder):
    lines = [line.split("  ") for line in (folder / names.SUMS).read_text().splitlines()]
    assert [name for _, name in lines] == [name for name in COVERED if name in HELD]
    assert all(len(digest) == 64 for digest, _ in lines)


def test_commands_say_that_another_version_made_a_result(folder, monkeypatch, no_figures):
    monkeypatch.setattr("globalfit.version.__version__", "99.0.0")
    monkeypatch.setattr("globalfit.report.make_report", lambda _: None)
    for command in (("report", "out"), ("export", "out", "--format", "csv"), ("campaign", "status", "out")):
        result = CliRunner().invoke(cli, command)
        assert result.exit_code == 0, result.output
        assert "made by globalfit 0" in result.output, command
        assert "this is 99.0.0" in result.output, command
