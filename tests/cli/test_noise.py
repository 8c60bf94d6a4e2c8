"""What must not reach a user: tracebacks of an encoding or of a library, and the bug reports that it asks for."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest

from globalfit.cli import print_anything
from globalfit.samplers import emcee
from globalfit.samplers.emcee import Emcee, EmceeOptions
from tests.support.targets import Gaussian


def test_a_terminal_without_the_characters_gets_others():
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    print_anything(terminal)
    terminal.write("ln Z = -3.5 ± 0.1, χ and ✓")
    terminal.flush()
    assert terminal.buffer.getvalue() == b"ln Z = -3.5 +- 0.1, chi and ?"
    print_anything(io.StringIO())


def test_the_program_prints_in_any_encoding():
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    command = [sys.executable, "-c", "from globalfit.cli import main; main()", "show", "model", "Ωλ±"]
    found = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert found.returncode == 2
    assert found.stderr.decode("latin-1").startswith("error: unknown model 'Omega?±'")


def test_xla_keeps_the_time_of_its_compilations_to_itself():
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    code = "import globalfit, os; print(os.environ['TF_CPP_MIN_LOG_LEVEL'])"
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True, text=True)
    # 2 would still show errors, of which this is one.
    assert found.stdout == "3\n"


def test_emcee_prints_no_traceback_of_its_own(monkeypatch, capsys):
    calls = []

    def full(target, u, block):
        calls.append(len(u))
        raise OSError(28, "No space left on device")

    options = EmceeOptions(preset="quick")
    sampler = Emcee(options)
    monkeypatch.setattr(emcee, "log_likelihoods", full)
    ensemble = sampler._ensemble(Gaussian.of(2), None, np.random.default_rng(1))
    with pytest.raises(OSError, match="No space left"):
        ensemble.run_mcmc(np.random.default_rng(1).random((options.walkers, 2)), 1)
    assert calls
    assert capsys.readouterr() == ("", "")
