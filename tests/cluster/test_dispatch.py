"""Jobs given to workers: which are simulated, some die, and what is sent to them."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path

import dask.config
import pytest
from distributed import CancelledError, Client, KilledWorker, LocalCluster

from globalfit import runfile
from globalfit.calibration.parallel import Done, spread
from globalfit.cluster import dispatch
from globalfit.cluster.connect import PRIVATE, Workers, connected
from globalfit.cluster.dispatch import ATTEMPTS, Dispatcher
from globalfit.cluster.task import Task, task_of
from globalfit.errors import ClusterError, OutputError
from globalfit.fitting.campaign import Ending, RunOutcome
from globalfit.results.run_identity import settings
from globalfit.runfile.campaign import load_campaign, placed


class Later:
    """A future that the test fulfils."""

    def __init__(self, task: Task, address: str) -> None:
        self.task, self.address = task, address
        self.value: RunOutcome | Exception | None = None
        self.cancelled = False

    def done(self) -> bool:
        return self.value is not None

    def result(self, timeout: float) -> RunOutcome:
        if isinstance(self.value, Exception):
            raise self.value
        assert self.value is not None
        return self.value

    def cancel(self, force: bool) -> None:
        self.cancelled = True


class SimulatedWorkers(Client):
    """A client of workers that do what `happens` says: it gets the future and all workers."""

    def __init__(self, count: int, happens) -> None:
        self.addresses = [f"tcp://{index}" for index in range(count)]
        self.happens, self.futures = happens, []

    def __del__(self) -> None:
        """There is nothing to close."""

    @property
    def scheduler(self):
        return self

    def sync(self, function, **arguments):
        return function(**arguments)

    def identity(self, n_workers: int):
        return {"workers": {address: {"name": address[-1]} for address in self.addresses}}

    def submit(self, function, task, pure, workers, allow_other_workers):
        self.futures.append(Later(task, *workers))
        return self.futures[-1]

    def wait(self, futures: Sequence[Later], timeout: float, return_when: str) -> None:
        held = [future.address for future in futures]
        assert len(set(held)) == len(held), "a worker has two runs"
        self.happens(futures[0], self.addresses)


def outcome(task: Task) -> RunOutcome:
    return RunOutcome(task.name, Path("there"), Ending.FINISHED, {"converged": True})


def dispatched(monkeypatch, count: int, happens, runs: str = "abc"):
    """Outcomes of runs, what was told, and the workers."""
    workers, told = SimulatedWorkers(count, happens), []
    monkeypatch.setattr(dispatch, "wait", workers.wait)
    monkeypatch.setattr(dispatch, "LOOK_EVERY_S", 0.0)
    tasks = [Task(name, {"output": f"/out/{name}"}, "several.yaml", 30.0, "topic") for name in runs]
    dispatcher = Dispatcher(workers, lambda name, what: told.append(f"{name}: {what}"), lambda: told.append("refill"))
    return dispatcher.carry_out(tasks), told, workers


def test_every_worker_has_one_run_at_a_time(monkeypatch):
    def happens(future, addresses):
        future.value = outcome(future.task)

    found, told, workers = dispatched(monkeypatch, 2, happens)
    assert [found[name].ending for name in "abc"] == [Ending.FINISHED] * 3
    assert [future.task.name for future in workers.futures] == ["a", "b", "c"]
    assert told[:2] == ["a: started on worker 0", "b: started on worker 1"]
    assert "c: finished (worker 0)" in told


@pytest.mark.parametrize("reported", [True, False])
def test_a_run_that_kills_its_process_is_given_up_and_the_others_finish(monkeypatch, reported):
    """Dask either says that a worker died, or the worker is not there any more."""

    def happens(future, addresses):
        if future.task.name != "b":
            future.value = outcome(future.task)
        elif reported:
            future.value = KilledWorker("b", None, 0)
        else:
            addresses[addresses.index(future.address)] += "+"

    found, told, workers = dispatched(monkeypatch, 2, happens)
    assert [found[name].ending for name in "abc"] == [Ending.FINISHED, Ending.FAILED, Ending.FINISHED]
    assert f"died {ATTEMPTS} times" in found["b"].message
    deaths = [future for future in workers.futures if future.task.name == "b"]
    assert len(deaths) == ATTEMPTS
    assert all(future.cancelled is not reported for future in deaths)
    assert told.count("refill") == ATTEMPTS
    assert sum("died; the run is tried again" in line for line in told) == ATTEMPTS - 1


@dataclasses.dataclass(frozen=True)
class Nap:
    """A job of real workers."""

    name: str

    def carry_out(self) -> str:
        time.sleep(0.05)
        return self.name

    def failed(self, message: str) -> str:
        return message

    def ending(self, outcome: str) -> str:
        return f"{outcome} is done"


def test_workers_are_never_lost_from_sight(monkeypatch):
    """While the client asks the scheduler what it is all the time, which lists no workers."""
    monkeypatch.setattr(dispatch, "LOOK_EVERY_S", 0.0)
    told = []
    with (
        dask.config.set({"distributed.client.scheduler-info-interval": "1ms"}),
        LocalCluster(n_workers=2, threads_per_worker=1, processes=False, scheduler_kwargs=PRIVATE) as cluster,
        Client(cluster) as client,
    ):
        dispatcher = Dispatcher(
            client, lambda name, what: told.append(f"{name}: {what}"), lambda: told.append("refill")
        )
        found = dispatcher.carry_out([Nap(str(number)) for number in range(20)])
    assert found == {str(number): str(number) for number in range(20)}
    assert [line for line in told if "died" in line or line == "refill"] == []


def test_schedulers_of_one_machine_have_no_port_in_common():
    """A warning, which is an error here, says that a port is taken."""
    with connected(Workers()) as one, connected(Workers()) as other:
        ports = [connection.client.scheduler_info()["services"]["dashboard"] for connection in (one, other)]
    assert len({*ports, 8787}) == 3


def test_an_error_on_a_worker_is_that_of_its_run(monkeypatch):
    def happens(future, addresses):
        future.value = ModuleNotFoundError("no globalfit") if future.task.name == "a" else outcome(future.task)

    found, told, _ = dispatched(monkeypatch, 1, happens)
    assert found["a"].message == "ModuleNotFoundError: no globalfit"
    assert "a: FAILED: ModuleNotFoundError: no globalfit (worker 0)" in told
    assert found["b"].ending is found["c"].ending is Ending.FINISHED


@pytest.mark.parametrize("error", [OSError("closed"), CancelledError("gone")])
def test_a_lost_scheduler_is_one_error(monkeypatch, error):
    def happens(future, addresses):
        raise error

    with pytest.raises(ClusterError, match="the Dask scheduler was lost"):
        dispatched(monkeypatch, 1, happens)


def test_a_task_is_plain_and_the_same_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    campaign = load_campaign("compare-models")
    assert campaign is not None
    for spec in placed(campaign, Path("out")).specs:
        task = task_of(spec, 30.0, "topic")
        assert json.loads(json.dumps(task)) == list(task)
        assert task.settings["output"] == str(tmp_path / "out" / spec.name)
        assert settings(runfile.parse(task.settings)) == settings(spec.run)


@pytest.mark.usefixtures("toys")
def test_a_worker_that_does_not_see_the_folder_writes_nothing(tmp_path):
    task = Task("a", {"model": "toy", "output": str(tmp_path / "elsewhere" / "a")}, "several.yaml", 30.0, "topic")
    with pytest.raises(OutputError, match="is not seen by the worker"):
        task.carry_out()
    assert not (tmp_path / "elsewhere").exists()


def test_a_draw_that_cannot_be_carried_out_is_one_error_and_the_others_are_kept(monkeypatch, tmp_path):
    def lost(jobs, place, tell):
        return {job.name: job.failed("no memory") if job.number == 1 else Done("1 s", True) for job in jobs}

    monkeypatch.setattr("globalfit.calibration.parallel.dispatched", lost)
    run = runfile.parse({"model": "axial"})
    with pytest.raises(ClusterError, match=r"^1 of 3 draws are missing; the same .* again. draw 2: no memory$"):
        spread(run, tmp_path, [0, 1, 2], 9, Workers(count=2), lambda *_: None)
    spread(run, tmp_path, [0, 2], 9, Workers(count=2), lambda *_: None)
