"""The script that generates photon spectra: a handful of events."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

SCRIPT = Path(__file__).parents[2] / "scripts" / "photon_spectra.py"


@pytest.fixture(scope="module")
def script():
    specification = importlib.util.spec_from_file_location("photon_spectra", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    sys.modules["photon_spectra"] = module
    specification.loader.exec_module(module)
    yield module
    del sys.modules["photon_spectra"]


@pytest.mark.parametrize(("channel", "mass"), [("b", 20.0), ("tau", 5.0), ("Zh", 300.0)])
def test_a_handful_of_events(script, channel, mass):
    pytest.importorskip("pythia8mc")
    spectrum = script.generate(channel, mass, events=40, seed=1)
    assert spectrum.shower == ("vincia_electroweak" if mass >= 200.0 else "simple")
    assert spectrum.fractions.shape == script.NODES.shape
    assert np.all(np.diff(spectrum.fractions) >= 0.0)
    # of the energy 2 m a third ends in photons, and less from taus
    assert 0.1 < spectrum.fractions[-1] < 0.8
    again = script.generate(channel, mass, events=40, seed=1)
    np.testing.assert_array_equal(again.fractions, spectrum.fractions)


def test_generate_goes_on_where_it_stopped_and_collects(script, tmp_path, monkeypatch):
    pytest.importorskip("pythia8mc")
    channel = script.Channel((11, -11), ((1, -1), (-1, 1)), (5.0, 50.0), (2000, 10, 10))
    monkeypatch.setattr(script, "CHANNELS", {"e": channel})
    command = ["generate", str(tmp_path / "scratch"), "--scale", "0.05"]
    first, second = (CliRunner().invoke(script.main, command) for _ in range(2))
    assert first.exit_code == second.exit_code == 0
    assert first.output.count("GeV") == 2
    assert second.output == ""
    collected = CliRunner().invoke(script.main, ["collect", str(tmp_path / "scratch"), str(tmp_path)])
    assert collected.exit_code == 0
    lines = (tmp_path / "photon_spectra.csv").read_text().splitlines()
    assert lines[0] == "channel,mass_gev,log10_x,energy_fraction"
    assert len(lines) == 1 + 2 * len(script.NODES)


def test_without_pythia_the_error_says_what_to_do(script, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pythia8mc", None)
    result = CliRunner().invoke(script.main, ["generate", str(tmp_path), "--channel", "e"])
    assert result.exit_code != 0
    assert "pip install pythia8mc" in result.output
