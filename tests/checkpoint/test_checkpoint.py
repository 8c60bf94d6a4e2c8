"""A run that was stopped, at any moment and in any way, goes on and ends with the same result."""

import json
import os
import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from globalfit.checkpoint.call_files import read_calls
from globalfit.checkpoint.checkpoint import IDENTITY, checkpoint
from globalfit.checkpoint.recording import Recording, recorded, recording
from globalfit.errors import OutputError, Stopped
from globalfit.samplers.emcee import Emcee, EmceeOptions
from globalfit.samplers.grid import Grid, GridOptions
from globalfit.samplers.nested.dynesty import Dynesty, DynestyOptions
from globalfit.samplers.nested.nautilus import Nautilus, NautilusOptions
from globalfit.samplers.nuts.nuts import Nuts, NutsOptions
from globalfit.samplers.optimize.optimize import Optimize, OptimizeOptions
from globalfit.samplers.smc import Smc, SmcOptions
from tests.support.targets import Gaussian

SAMPLERS = {
    "dynesty": Dynesty(DynestyOptions(nlive=100)),
    "emcee": Emcee(EmceeOptions(walkers=16, ensembles=2, steps=400, block=100, particles=64)),
    "grid": Grid(GridOptions(points=60)),
    "nautilus": Nautilus(NautilusOptions(n_live=300, n_networks=1, n_batch=64, n_eff=1000.0)),
    "nuts": Nuts(NutsOptions(chains=2, warmup=150, draws=200, particles=64)),
    "optimize": Optimize(OptimizeOptions(scan=256, starts=8, profile_points=5)),
    "smc": Smc(SmcOptions(populations=4, particles=64)),
}
IDENTITY_OF_TOY = {"settings": {"seed": 1, "priors": [1, 2]}, "reference": {"parameter 'x'": [0.5], "ln L": [-1.0]}}


def no_news(event):
    pass


class KilledError(Exception):
    """What a SIGKILL is to a process."""


class Mortal(Recording):
    """Is killed after some calls, without a chance to save what is not yet in a file."""

    def __init__(self, folder, life, every):
        super().__init__(folder, every, no_news)
        self.life = life

    def live(self):
        self.life -= 1
        if self.life < 0:
            raise KilledError

    def call(self, name, function, arguments):
        self.live()
        return super().call(name, function, arguments)

    def snapshot(self, name, write):
        self.live()
        super().snapshot(name, write)

    def save(self):
        if self.life >= 0:
            super().save()


def numbers_of(result):
    arrays = [result.theta, result.log_likelihood]
    arrays += [part.log_likelihood for part in getattr(result, "profiles", ())]
    arrays += [getattr(result, "log_prior", np.zeros(0)), *getattr(result, "stats", {}).values()]
    if weighted := getattr(result, "weighted", None):
        arrays += [weighted.theta, weighted.log_weight]
    if evidence := getattr(result, "evidence", None):
        arrays += [np.array([evidence.log_evidence, evidence.log_evidence_error])]
    return [*arrays, np.array([result.numbers["likelihood_calls"]])]


# Samplers whose run takes seconds.
QUICK = ("dynesty", "grid", "optimize", "smc")


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in SAMPLERS]
)
def test_a_killed_run_ends_with_the_same_numbers_bit_for_bit(name, tmp_path):
    target, sampler, random = Gaussian.of(2), SAMPLERS[name], np.random.default_rng(5)
    whole = sampler.run(target, 3, no_news)
    # fast samplers need a file for every call
    every = 0.0 if name in ("grid", "nuts", "optimize", "smc") else 0.02
    calls = Mortal(tmp_path / "count", 10**9, every)
    with recording(calls):
        sampler.run(target, 3, no_news)
    total = 10**9 - calls.life
    # A sampler with a file of its own does not make its first calls again: what is left must be enough for all kills.
    for share in random.uniform(0.05, 0.3, 3):
        with pytest.raises(KilledError), recording(Mortal(tmp_path / "list", 1 + int(share * total), every)):
            sampler.run(target, 3, no_news)
    record = Recording(tmp_path / "list", 1000.0, no_news)
    with recording(record):
        resumed = sampler.run(target, 3, no_news)
    assert record.taken > 0
    for one, other in zip(numbers_of(whole), numbers_of(resumed), strict=True):
        np.testing.assert_array_equal(one, other)


@recorded
@jax.jit
def square(target, x):
    return (target * x**2,)


def squares(count, target=2.0):
    return [float(square(target, jnp.asarray(float(i)))[0]) for i in range(count)]


def a_checkpoint(folder, count=12, files=3):
    """`count` calls in `files` files."""
    for i in range(1, files + 1):
        with recording(Recording(folder, 1000.0, no_news)):
            squares(i * count // files)
    return sorted(folder.glob("*.npz"))


def test_what_is_in_the_list_is_not_computed_again(tmp_path):
    a_checkpoint(tmp_path / "list")
    record = Recording(tmp_path / "list", 1000.0, no_news)
    with recording(record):
        # The target does not enter the comparison: another one shows where a value comes from.
        found = squares(14, target=3.0)
    assert record.taken == 12
    assert found == [2.0 * i**2 for i in range(12)] + [3.0 * i**2 for i in (12, 13)]


def test_other_arguments_end_the_list(tmp_path):
    a_checkpoint(tmp_path / "list")
    events = []
    record = Recording(tmp_path / "list", 1000.0, events.append)
    with recording(record):
        squares(5)
        assert float(square(3.0, jnp.asarray(100.0))[0]) == 3e4
        assert [float(square(3.0, jnp.asarray(float(i)))[0]) for i in (6, 7, 8)] == [108.0, 147.0, 192.0]
    assert record.taken == 5
    assert any("does not fit after 5 calls" in event.message for event in events)
    again = Recording(tmp_path / "list", 1000.0, no_news)
    with recording(again):
        squares(5)
        assert float(square(9.0, jnp.asarray(100.0))[0]) == 3e4
        assert float(square(9.0, jnp.asarray(8.0))[0]) == 9.0 * 64.0
    assert again.taken == 6


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_truncated_file_costs_its_calls_only(which, tmp_path):
    random = np.random.default_rng(which)
    for number in range(20):
        folder = tmp_path / str(number)
        path = a_checkpoint(folder)[which]
        whole = path.read_bytes()
        path.write_bytes(whole[: random.integers(0, len(whole))])
        events = []
        record = Recording(folder, 1000.0, events.append)
        with recording(record):
            found = squares(12, target=3.0)
        assert record.taken == 8
        lost = range(4 * which, 4 * which + 4)
        assert found == [(3.0 if i in lost else 2.0) * i**2 for i in range(12)]
        assert any(f"{path}: cannot be read" in event.message for event in events)
        after = Recording(folder, 1000.0, no_news)
        with recording(after):
            assert squares(12, target=5.0) == found


def test_a_changed_byte_changes_no_result(tmp_path):
    (path,) = a_checkpoint(tmp_path / "list", count=3, files=1)
    raw = path.read_bytes()
    whole = read_calls(path)
    for place in range(len(raw)):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 0xFF]) + raw[place + 1 :])
        try:
            found = read_calls(path)
        except Exception:  # noqa: BLE001, S112 - which one depends on the place
            continue
        # bytes that say nothing about the calls, such as dates
        assert found == whole
    path.write_bytes(raw[:200] + bytes([raw[200] ^ 0xFF]) + raw[201:])
    with recording(Recording(tmp_path / "list", 1000.0, no_news)):
        assert squares(3) == [0.0, 2.0, 8.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"settings": {"seed": 2, "priors": [1, 2]}}, "settings.seed is 2, it was 1"),
        ({"settings": {"seed": 1, "priors": [1, 3]}}, r"settings.priors\[1\] is 3, it was 2"),
        ({"settings": {"seed": 1, "priors": [1, 2], "new": 1}}, "settings.new is 1, it was missing"),
        ({"reference": {"parameter 'x'": [0.6], "ln L": [-1.0]}}, "parameter 'x' of prior draw 0 is 0.6, it was 0.5"),
        ({"reference": {"parameter 'x'": [0.5], "ln L": [-1.1]}}, "ln L of prior draw 0 is -1.1, it was -1.0"),
        ({"reference": {"parameter 'x'": [0.5], "ln L": [-np.inf]}}, "ln L of prior draw 0 is -inf, it was -1.0"),
    ],
)
def test_another_run_is_refused_by_name(change, message, tmp_path):
    with checkpoint(tmp_path / "list", IDENTITY_OF_TOY, 1000.0):
        squares(3)
    with pytest.raises(OutputError, match=message), checkpoint(tmp_path / "list", IDENTITY_OF_TOY | change, 1000.0):
        pass
    with checkpoint(tmp_path / "list", IDENTITY_OF_TOY, 1000.0) as record:
        squares(3)
    assert record.taken == 3


def test_one_damaged_identity_does_no_harm_and_with_two_nothing_is_lost(tmp_path):
    with checkpoint(tmp_path / "list", IDENTITY_OF_TOY, 1000.0):
        squares(3)
    first, copy = (tmp_path / "list" / name for name in IDENTITY)
    for damaged in ('{"settings": ', "null"):
        first.write_text(damaged)
        with checkpoint(tmp_path / "list", IDENTITY_OF_TOY, 1000.0) as record:
            squares(3)
        assert record.taken == 3
        assert json.loads(first.read_text()) == IDENTITY_OF_TOY
    kept = first.read_text()
    first.write_text("")
    copy.unlink()
    held = sorted((tmp_path / "list").iterdir())
    with (
        pytest.raises(OutputError, match=r"run\.json and run\.copy\.json are missing or damaged"),
        checkpoint(tmp_path / "list", IDENTITY_OF_TOY, 1000.0),
    ):
        pass
    assert sorted((tmp_path / "list").iterdir()) == held
    first.write_text(kept)
    with checkpoint(tmp_path / "list", IDENTITY_OF_TOY, 1000.0) as record:
        squares(3)
    assert record.taken == 3


def test_a_damaged_identity_of_nothing_is_written_anew(tmp_path):
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / IDENTITY[0]).write_text('{"settings": ')
    with checkpoint(tmp_path / "list", IDENTITY_OF_TOY, 1000.0):
        pass
    assert json.loads((tmp_path / "list" / IDENTITY[0]).read_text()) == IDENTITY_OF_TOY


@pytest.mark.parametrize("reference", [None, [], {"parameter 'x'": None}, {"parameter 'x'": 1.0}])
def test_an_identity_of_another_shape_is_refused_by_name(reference, tmp_path):
    with checkpoint(tmp_path / "list", IDENTITY_OF_TOY, 1000.0):
        squares(3)
    for name in IDENTITY:
        (tmp_path / "list" / name).write_text(json.dumps(IDENTITY_OF_TOY | {"reference": reference}))
    with (
        pytest.raises(OutputError, match="parameter 'x' of prior draws is missing"),
        checkpoint(tmp_path / "list", IDENTITY_OF_TOY, 1000.0),
    ):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_after_the_call_with_everything_saved(number, tmp_path):
    def interrupted(*_):
        pytest.fail("the signal has ended the process")

    def stopped():
        with checkpoint(tmp_path / "list", IDENTITY_OF_TOY, 1000.0):
            squares(3)
            os.kill(os.getpid(), number)
            squares(1)
            pytest.fail("goes on after the signal")

    # whatever the shell that started the tests has set: a background job ignores interrupts
    before = signal.signal(number, interrupted)
    try:
        with pytest.raises(Stopped, match=f"stopped by {number.name}.*globalfit resume {tmp_path}"):
            stopped()
    finally:
        signal.signal(number, before)
    with checkpoint(tmp_path / "list", IDENTITY_OF_TOY, 1000.0) as record:
        squares(3)
        squares(1)
    assert record.taken == 4


def test_a_signal_that_is_ignored_stops_nothing(tmp_path):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with checkpoint(tmp_path / "list", IDENTITY_OF_TOY, 1000.0):
            os.kill(os.getpid(), signal.SIGHUP)
            squares(1)
    finally:
        signal.signal(signal.SIGHUP, before)
