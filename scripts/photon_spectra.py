"""Photon spectra of dark-matter annihilation, generated with Pythia 8 and stored as cumulative energy fractions.

X X -> pair at rest, at the energy sqrt(s) = 2 m, is made as nu_e nu_e~ -> resonance(2 m) -> pair in a small Les Houches
file, without initial-state radiation, and with every particle decayed that decays in space. From m = 200 GeV on the
shower is VINCIA with electroweak emissions, for which the file carries helicities; below it is Pythia's own with QED.

    C(channel, m, x) = (mean energy per annihilation in photons with E <= x m) / m

at 73 nodes of log10 x in [-4.8, 0], so that the energy between two photon energies is m [C(E_2/m) - C(E_1/m)]. Use:

    pip install '.[spectra]'
    python scripts/photon_spectra.py generate SCRATCH        # half an hour; goes on where it was stopped
    python scripts/photon_spectra.py collect SCRATCH globalfit/indirect

The second command writes `photon_spectra.csv` and `photon_spectra_nodes.csv`; their checksums belong into the
`provenance.yaml` beside them.
"""

from __future__ import annotations

import csv
import dataclasses
import itertools
import json
import math
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

NODES: NDArray[np.float64] = np.linspace(-4.8, 0.0, 73)
# From here on electroweak emissions matter.
ELECTROWEAK_GEV = 200.0

_SETTINGS = (
    "Beams:frameType = 4",
    "PDF:lepton = off",
    "PartonLevel:ISR = off",
    "PartonLevel:MPI = off",
    "LesHouches:matchInOut = off",
    # incoming particles are massless in the file and the shower may shift energies by rounding
    "Check:epTolErr = 1e-2",
    "Print:quiet = on",
    *(f"{particle}:mayDecay = on" for particle in (13, 211, 321, 130, 310, 2112)),
)
_ELECTROWEAK = ("PartonShowers:model = 2", "Vincia:ewMode = 3", "Vincia:helicityShower = on")
# Unpolarised, uncorrelated taus: the mean over helicities is the same and twenty times faster.
_TAU = ("TauDecays:externalMode = 0", "TauDecays:mode = 3", "TauDecays:tauPolarization = 0.")

_LOW = (1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 35.0, 60.0, 100.0)
_HIGH = (200.0, 350.0, 600.0, 1000.0, 2000.0, 4000.0, 10000.0)


@dataclasses.dataclass(frozen=True)
class Channel:
    """Final state: the two particles, their helicities in turn, the masses m in GeV, and the number of events.

    `events` is for m below 200 GeV, from there on, and from 2 TeV on.
    """

    particles: tuple[int, int]
    helicities: tuple[tuple[int, int], ...]
    masses: tuple[float, ...]
    events: tuple[int, int, int]


_OPPOSITE, _EQUAL = ((1, -1), (-1, 1)), ((1, 1), (-1, -1))
# Two transverse pairs and one longitudinal: unpolarised vectors.
_UNPOLARISED = (*_EQUAL, (0, 0))

# In order of importance, so that an interrupted run has the channels that dominate.
CHANNELS: dict[str, Channel] = {
    "b": Channel((5, -5), _OPPOSITE, (5.4, 6.0, 7.0, *_LOW[5:], *_HIGH), (8000, 8000, 4000)),
    "tau": Channel((15, -15), _OPPOSITE, (1.8, 2.2, *_LOW[3:], *_HIGH), (50000, 20000, 15000)),
    "W": Channel((24, -24), _UNPOLARISED, (80.7, 83.0, 88.0, 100.0, 130.0, *_HIGH), (8000, 9000, 7000)),
    "mu": Channel((13, -13), _OPPOSITE, (*_LOW, *_HIGH), (120000, 60000, 40000)),
    "e": Channel((11, -11), _OPPOSITE, (*_LOW, *_HIGH), (120000, 60000, 40000)),
    "u": Channel((2, -2), _OPPOSITE, (*_LOW, *_HIGH), (6000, 3500, 2000)),
    "d": Channel((1, -1), _OPPOSITE, (*_LOW, *_HIGH), (6000, 3000, 1500)),
    "s": Channel((3, -3), _OPPOSITE, (*_LOW, *_HIGH), (6000, 3000, 1500)),
    "c": Channel((4, -4), _OPPOSITE, (1.95, 2.3, *_LOW[3:], *_HIGH), (6000, 3500, 2000)),
    "t": Channel((6, -6), _OPPOSITE, (173.5, 180.0, *_HIGH), (4000, 3000, 1500)),
    "Z": Channel((23, 23), _UNPOLARISED, (91.5, 94.0, 100.0, 115.0, 145.0, *_HIGH), (6000, 4000, 2500)),
    "h": Channel((25, 25), ((0, 0),), (125.3, 129.0, 136.0, 155.0, *_HIGH), (6000, 3500, 2000)),
    "Zh": Channel((23, 25), ((0, 0),), (108.5, 112.0, 120.0, 145.0, *_HIGH), (6000, 3500, 2000)),
    "g": Channel((21, 21), _EQUAL, (*_LOW[2:], *_HIGH), (5000, 2500, 1200)),
}


@dataclasses.dataclass(frozen=True)
class Spectrum:
    """Cumulative energy fractions of one channel at one mass, with the relative error of the total photon energy."""

    channel: str
    mass: float
    shower: str
    events: int
    relative_error: float
    fractions: NDArray[np.float64]


def generate(channel: str, mass: float, events: int, seed: int, electroweak: bool | None = None) -> Spectrum:
    """Spectrum of `channel` at m = `mass` GeV from `events` events.

    Raises `click.ClickException` when Pythia is missing or gives up.
    """
    with_electroweak = mass >= ELECTROWEAK_GEV if electroweak is None else electroweak
    with tempfile.TemporaryDirectory() as folder:
        pythia = _pythia(channel, mass, events, seed, with_electroweak, Path(folder) / "pairs.lhe")
        energies = np.zeros(events)
        binned = np.zeros(len(NODES))
        failures = 0
        for i in range(events):
            while not pythia.next():
                failures += 1
                if failures > 0.02 * events + 10 or pythia.infoPython().atEndOfFile():
                    raise click.ClickException(f"Pythia gave up on {channel} at {mass:g} GeV ({i} events).")
            event = pythia.event
            fractions = np.array([p.e() for p in event if p.isFinal() and p.id() == 22]) / mass
            energies[i] = fractions.sum()
            if fractions.size:
                # a photon of the heavier of two unequal particles can exceed m by a little: it counts as x = 1
                bins = np.searchsorted(NODES, np.minimum(np.log10(np.maximum(fractions, 1e-30)), 0.0))
                np.add.at(binned, bins, fractions)
    mean = energies.mean()
    return Spectrum(
        channel,
        mass,
        "vincia_electroweak" if with_electroweak else "simple",
        events,
        float(energies.std() / math.sqrt(events) / mean),
        np.cumsum(binned) / events,
    )


def _pythia(channel: str, mass: float, events: int, seed: int, electroweak: bool, pairs: Path) -> Any:
    try:
        import pythia8mc
    except ImportError as error:
        raise click.ClickException("this needs Pythia 8: pip install pythia8mc==8.317.2") from error
    pythia = pythia8mc.Pythia("", False)
    _write_pairs(pairs, CHANNELS[channel], mass, events, pythia.particleData)
    settings = [*_SETTINGS, f"Beams:LHEF = {pairs}", "Random:setSeed = on", f"Random:seed = {seed}"]
    settings += _ELECTROWEAK if electroweak else ()
    settings += _TAU if channel == "tau" else ()
    for line in settings:
        if not pythia.readString(line):
            raise click.ClickException(f"Pythia does not know the setting '{line}'.")
    if not pythia.init():
        raise click.ClickException(f"Pythia cannot be set up for {channel} at {mass:g} GeV.")
    return pythia


def _write_pairs(path: Path, channel: Channel, mass: float, events: int, particles: Any) -> None:
    """Les Houches file of nu_e nu_e~ -> Z'(2 m) -> pair along the x axis; spectra do not depend on the direction."""
    energy = 2.0 * mass
    first, second = (_mass(abs(particle), particles) for particle in channel.particles)
    energy_1 = (energy**2 + first**2 - second**2) / (2.0 * energy)
    momentum = math.sqrt(energy_1**2 - first**2)
    colours = _colours(abs(channel.particles[0]))

    def outgoing(i: int, sign: float, own_energy: float, own_mass: float, helicity: int) -> str:
        kinematics = f"{sign * momentum:.12e} 0 0 {own_energy:.12e} {own_mass:.12e}"
        return f"{channel.particles[i]} 1 3 3 {colours[i]} {kinematics} 0 {helicity}\n"

    incoming = (
        f"12 -1 0 0 0 0 0 0 {mass:.12e} {mass:.12e} 0 0 -1\n-12 -1 0 0 0 0 0 0 {-mass:.12e} {mass:.12e} 0 0 1\n"
        f"32 2 1 2 0 0 0 0 0 {energy:.12e} {energy:.12e} 0 9\n"
    )
    with path.open("w") as file:
        file.write(f'<LesHouchesEvents version="1.0">\n<init>\n12 -12 {mass:.12e} {mass:.12e} 0 0 0 0 3 1\n1 0 1 1\n')
        file.write("</init>\n")
        # some events are vetoed
        for one, other in itertools.islice(itertools.cycle(channel.helicities), int(1.03 * events) + 20):
            file.write(f"<event>\n5 1 1.0 {energy:.12e} 0.0078 0.118\n{incoming}")
            file.write(outgoing(0, 1.0, energy_1, first, one))
            file.write(outgoing(1, -1.0, energy - energy_1, second, other))
            file.write("</event>\n")
        file.write("</LesHouchesEvents>\n")


def _mass(particle: int, particles: Any) -> float:
    if particle in (1, 2, 3, 21):
        return 0.0
    return float(particles.m0(particle))


def _colours(particle: int) -> tuple[str, str]:
    if particle == 21:
        return "501 502", "502 501"
    return ("501 0", "0 501") if particle <= 6 else ("0 0", "0 0")


def _number_of_events(channel: Channel, mass: float) -> int:
    return channel.events[(mass >= ELECTROWEAK_GEV) + (mass >= 2000.0)]


@click.group()
def main() -> None:
    """Photon spectra of dark-matter annihilation from Pythia 8."""


@main.command("generate")
@click.argument("scratch", type=click.Path(path_type=Path))
@click.option("--channel", "only", type=click.Choice(list(CHANNELS)), multiple=True, help="only these channels")
@click.option("--scale", default=1.0, help="factor on the number of events")
def generate_all(scratch: Path, only: tuple[str, ...], scale: float) -> None:
    """Generate every channel and mass that SCRATCH does not have yet."""
    scratch.mkdir(parents=True, exist_ok=True)
    for number, (name, channel) in enumerate(CHANNELS.items()):
        for i, mass in enumerate(channel.masses):
            path = scratch / f"{name}_{mass:g}.json"
            if path.exists() or (only and name not in only):
                continue
            start = time.monotonic()
            events = max(int(scale * _number_of_events(channel, mass)), 10)
            spectrum = generate(name, mass, events, seed=1000 * (number + 1) + i)
            record = dataclasses.asdict(spectrum) | {"fractions": spectrum.fractions.tolist()}
            path.write_text(json.dumps(record), encoding="utf-8")
            error = 100.0 * spectrum.relative_error
            total = spectrum.fractions[-1]
            seconds = time.monotonic() - start
            click.echo(f"{name} {mass:g} GeV: {total:.4f} of m in photons +- {error:.2f} %, {seconds:.1f} s")


@main.command()
@click.argument("scratch", type=click.Path(path_type=Path, exists=True))
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
def collect(scratch: Path, folder: Path) -> None:
    """Write the tables in FOLDER from what lies in SCRATCH."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in scratch.glob("*.json")]
    order = list(CHANNELS)
    records.sort(key=lambda record: (order.index(record["channel"]), record["mass"]))
    with (folder / "photon_spectra_nodes.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["channel", "mass_gev", "shower", "events", "relative_error"])
        for r in records:
            writer.writerow([r["channel"], f"{r['mass']:g}", r["shower"], r["events"], f"{r['relative_error']:.2g}"])
    with (folder / "photon_spectra.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["channel", "mass_gev", "log10_x", "energy_fraction"])
        for r in records:
            for node, fraction in zip(NODES, r["fractions"], strict=True):
                writer.writerow([r["channel"], f"{r['mass']:g}", f"{node:.6g}", f"{fraction:.5g}"])
    click.echo(f"{len(records)} spectra")


if __name__ == "__main__":
    main()
