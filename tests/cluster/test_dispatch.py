"""Jobs given to workers: which are simulated, some die, and what is sent to them."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import socket
import ssl
import sys
from pathlib import Path

import dask.config
import pytest
from distributed import CancelledError, Client, LocalCluster

from globalfit import runfile
from globalfit.calibration.parallel import Done, spread
from globalfit.cluster.connect import PRIVATE, Workers, _jobs, connected
from globalfit.cluster.dask_workers import DaskWorkers
from globalfit.cluster.dispatch import ATTEMPTS, Dispatcher
from globalfit.cluster.job import Gone
from globalfit.cluster.task import Task, task_of
from globalfit.errors import ClusterError, OutputError
from globalfit.fitting.campaign import Ending, RunOutcome
from globalfit.results.run_identity import settings
from globalfit.runfile.campaign import load_campaign, placed
from tests.support.jobs import Deed, Nap, listening


class SimulatedWorkers:
    """A crew that does what `happens` says: it gets the address of a worker, its job and all addresses."""

    def __init__(self, count: int, happens) -> None:
        self.addresses = [str(index) for index in range(count)]
        self.happens, self.started, self.running, self.left = happens, [], {}, []

    def workers(self):
        return {address: address[0] for address in self.addresses}

    def start(self, address, job):
        assert address not in self.running, "a worker has two runs"
        self.running[address] = job
        self.started.append(job.name)

    def ended(self, seconds):
        if not self.running:
            return []
        address, job = next(iter(self.running.items()))
        came = self.happens(address, job, self.addresses)
        if came is None:
            return []
        del self.running[address]
        return [(address, came)]

    def lost(self, address):
        self.running.pop(address, None)
        self.left.append(address)


def outcome(task: Task) -> RunOutcome:
    return RunOutcome(task.name, Path("there"), Ending.FINISHED, {"converged": True})


def dispatched(count: int, happens, runs: str = "abc"):
    """Outcomes of runs, what was told, and the workers."""
    workers, told = SimulatedWorkers(count, happens), []
    tasks = [Task(name, {"output": f"/out/{name}"}, "several.yaml", 30.0) for name in runs]
    dispatcher = Dispatcher(workers, lambda name, what: told.append(f"{name}: {what}"))
    return dispatcher.carry_out(tasks), told, workers


def test_every_worker_has_one_run_at_a_time():
    found, told, workers = dispatched(2, lambda *given: outcome(given[1]))
    assert [found[name].ending for name in "abc"] == [Ending.FINISHED] * 3
    assert workers.started == ["a", "b", "c"]
    assert told[:2] == ["a: started on worker 0", "b: started on worker 1"]
    assert any(line.startswith("c: finished (worker ") for line in told)


@pytest.mark.parametrize("reported", [True, False])
def test_a_run_that_kills_its_process_is_given_up_and_the_others_finish(reported):
    """Either it is said that a worker died, or the worker is not there any more."""

    def happens(address, job, addresses):
        if job.name != "b":
            return outcome(job)
        if reported:
            return Gone()
        addresses[addresses.index(address)] += "+"
        return None

    found, told, workers = dispatched(2, happens)
    assert [found[name].ending for name in "abc"] == [Ending.FINISHED, Ending.FAILED, Ending.FINISHED]
    assert f"died {ATTEMPTS} times" in found["b"].message
    assert workers.started.count("b") == len(workers.left) == ATTEMPTS
    assert sum("died; the run is tried again" in line for line in told) == ATTEMPTS - 1


def test_an_error_on_a_worker_is_that_of_its_run():
    def happens(address, job, addresses):
        return ModuleNotFoundError("no globalfit") if job.name == "a" else outcome(job)

    found, told, _ = dispatched(1, happens)
    assert found["a"].message == "ModuleNotFoundError: no globalfit"
    assert "a: FAILED: ModuleNotFoundError: no globalfit (worker 0)" in told
    assert found["b"].ending is found["c"].ending is Ending.FINISHED


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_processes_listen_to_nobody_and_a_killed_one_is_replaced(tmp_path):
    with socket.create_server(("127.0.0.1", 0)):
        assert len(listening(os.getpid())) == 1
    told = []
    with connected(Workers(count=2), lambda name, what: told.append(f"{name}: {what}")) as crew:
        dispatcher = Dispatcher(crew, lambda name, what: told.append(f"{name}: {what}"))
        found = dispatcher.carry_out([Deed(name, tmp_path) for name in ("dies", "raises", "works")] + [Nap("nap")])
    assert found == {"dies": "1 []", "raises": "is wrong", "works": "1 []", "nap": "nap"}
    assert "nap: sleeps" in told
    assert sum("died; the run is tried again" in line for line in told) == 1
    assert not multiprocessing.active_children()


def test_dask_workers_are_never_lost_from_sight(monkeypatch):
    """While the client asks the scheduler what it is all the time, which lists no workers."""
    told = []

    def tell(name, what):
        told.append(f"{name}: {what}")

    with (
        dask.config.set({"distributed.client.scheduler-info-interval": "1ms"}),
        LocalCluster(n_workers=2, threads_per_worker=1, processes=False, scheduler_kwargs=PRIVATE) as cluster,
        Client(cluster) as client,
    ):
        crew = DaskWorkers(client, tell, lambda: told.append("refill"))
        found = Dispatcher(crew, tell).carry_out([Nap(str(number)) for number in range(20)])
    assert found == {str(number): str(number) for number in range(20)}
    assert [line for line in told if "died" in line or line == "refill"] == []
    assert "7: sleeps" in told


@pytest.mark.parametrize("error", [OSError("closed"), CancelledError("gone")])
def test_a_lost_scheduler_is_one_error(monkeypatch, error):
    class Lost(Client):
        def __init__(self):
            """It has never been there."""

        def __del__(self):
            """There is nothing to close."""

        def subscribe_topic(self, topic, handler):
            """Nothing is said."""

        @property
        def scheduler(self):
            raise error

    with pytest.raises(ClusterError, match="the Dask scheduler was lost"):
        DaskWorkers(Lost(), lambda *_: None, lambda: None).workers()


def _first_byte(address: str, context: ssl.SSLContext | None) -> bytes:
    """What a scheduler says first to who connects with these keys, or without encryption; nothing if it hangs up."""
    host, port = address.rsplit("/", 1)[1].rsplit(":", 1)
    with socket.create_connection((host, int(port)), 20) as plain:
        stream = plain if context is None else context.wrap_socket(plain)
        with stream, contextlib.suppress(ssl.SSLError, ConnectionError):
            stream.sendall(bytes(64))
            return stream.recv(1)
    return b""


def test_only_who_has_its_key_is_served_by_the_scheduler_of_a_queue(monkeypatch, tmp_path):
    pytest.importorskip("cryptography")
    monkeypatch.chdir(tmp_path)
    stranger = ssl.create_default_context()
    stranger.check_hostname, stranger.verify_mode = False, ssl.CERT_NONE
    with (
        dask.config.set({"jobqueue.slurm.cores": 1, "jobqueue.slurm.memory": "1GiB"}),
        _jobs("slurm") as cluster,
        contextlib.ExitStack() as keys,
    ):
        for kind in ("key", "cert", "ca_file"):
            keys.enter_context(getattr(cluster, f"_job_{kind}"))
        files = list(tmp_path.glob(".dask-jobqueue.worker.*"))
        assert len(files) == 3
        assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
        ours = cluster.security.get_connection_args("client")["ssl_context"]
        assert _first_byte(cluster.scheduler_address, ours)
        assert not _first_byte(cluster.scheduler_address, stranger)
        assert not _first_byte(cluster.scheduler_address, None)


def test_a_task_is_plain_and_the_same_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    campaign = load_campaign("compare-models")
    assert campaign is not None
    for spec in placed(campaign, Path("out")).specs:
        task = task_of(spec, 30.0)
        assert json.loads(json.dumps(task)) == list(task)
        assert task.settings["output"] == str(tmp_path / "out" / spec.name)
        assert settings(runfile.parse(task.settings)) == settings(spec.run)


@pytest.mark.usefixtures("toys")
def test_a_worker_that_does_not_see_the_folder_writes_nothing(tmp_path):
    task = Task("a", {"model": "toy", "output": str(tmp_path / "elsewhere" / "a")}, "several.yaml", 30.0)
    with pytest.raises(OutputError, match="is not seen by the worker"):
        task.carry_out(lambda _: None)
    assert not (tmp_path / "elsewhere").exists()


def test_a_draw_that_cannot_be_carried_out_is_one_error_and_the_others_are_kept(monkeypatch, tmp_path):
    def lost(jobs, place, tell):
        return {job.name: job.failed("no memory") if job.number == 1 else Done("1 s", True) for job in jobs}

    monkeypatch.setattr("globalfit.calibration.parallel.dispatched", lost)
    run = runfile.parse({"model": "axial"})
    with pytest.raises(ClusterError, match=r"^1 of 3 draws are missing; the same .* again. draw 2: no memory$"):
        spread(run, tmp_path, [0, 1, 2], 9, Workers(count=2), lambda *_: None)
    spread(run, tmp_path, [0, 2], 9, Workers(count=2), lambda *_: None)
