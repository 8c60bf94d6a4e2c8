"""Workers of a Dask scheduler.

Left alone, Dask queues tasks at busy workers and blames all of them for the death of the process: here each gets a job
when it is idle.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from distributed import CancelledError, Client, Future, KilledWorker, get_worker, wait
from distributed.client import FIRST_COMPLETED

from globalfit.cluster.job import Gone, Job, Tell, carried_out
from globalfit.errors import ClusterError

# Seconds for the outcome of a finished job to arrive.
ARRIVAL_S = 60.0


class DaskWorkers:
    """A crew that a client reaches; `tell` gets what their jobs say, `refill` is called when a worker was lost."""

    def __init__(self, client: Client, tell: Tell, refill: Callable[[], None]) -> None:
        self._client, self._refill = client, refill
        self._topic = f"globalfit-{uuid.uuid4()}"
        self._futures: dict[str, Future] = {}
        client.subscribe_topic(self._topic, lambda event: tell(*event[1]))

    def workers(self) -> Mapping[str, str]:
        """Names of the workers by address.

        The scheduler is asked itself: `Client.scheduler_info` now and then returns what a regular call of the client's
        own has just put in the place of the answer, without any workers.
        """
        client: Any = self._client
        with _lost():
            known: dict[str, Any] = client.sync(client.scheduler.identity, n_workers=-1)["workers"]
        return {address: str(worker["name"]) for address, worker in known.items()}

    def start(self, address: str, job: Job[Any]) -> None:
        """Give an idle worker a job."""
        with _lost():
            self._futures[address] = self._client.submit(
                _carry_out, job, self._topic, pure=False, workers=[address], allow_other_workers=False
            )

    def ended(self, seconds: float) -> list[tuple[str, Any]]:
        """Wait until a job ends, for some seconds at most: addresses with the outcomes."""
        if not self._futures:
            time.sleep(seconds)
            return []
        with _lost():
            with contextlib.suppress(TimeoutError):
                wait(list(self._futures.values()), seconds, FIRST_COMPLETED)
            done = [address for address, future in self._futures.items() if future.done()]
            return [(address, _outcome(self._futures.pop(address))) for address in done]

    def lost(self, address: str) -> None:
        """Give up the job of a worker that is gone, and ask for another worker."""
        if address in self._futures:
            with _lost():
                self._futures.pop(address).cancel(force=True)
        self._refill()


def _outcome(future: Future) -> Any:
    """What came of a job: its outcome or an exception."""
    try:
        return future.result(ARRIVAL_S)
    except (KilledWorker, TimeoutError):
        return Gone()
    except CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - the other jobs go on
        return error


@contextlib.contextmanager
def _lost() -> Iterator[None]:
    """A scheduler that does not answer is one error."""
    try:
        yield
    except (OSError, CancelledError) as error:
        raise ClusterError(
            "the Dask scheduler was lost, but nothing that was finished: the same command skips it "
            "and goes on with the rest."
        ) from error


def _carry_out(job: Job[Any], topic: str) -> Any:
    """Carry out a job, in the process of a worker."""
    worker = get_worker()
    return carried_out(job, lambda text: worker.log_event(topic, [job.name, text]))
