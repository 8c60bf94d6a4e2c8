"""Several runs at once, on the workers of a Dask cluster: processes of this machine, jobs of a queue, a scheduler's.

`connect` opens the cluster, `dispatch` gives every worker one run at a time, `task` is what a worker receives and does.
Dask is imported only here, and only when runs are carried out.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from globalfit.cluster.connect import Place, connected
from globalfit.cluster.task import task_of
from globalfit.runfile.campaign import Cell

if TYPE_CHECKING:
    from globalfit.campaign import CellOutcome


def carry_out(
    cells: Sequence[Cell], checkpoint_every: float, place: Place, tell: Callable[[str, str], None]
) -> dict[str, CellOutcome]:
    """Carry out runs and give their outcomes by name; `tell` gets the name of one and what happened to it.

    The folder of their output folders must be there. A run whose process dies is carried out again, from its
    checkpoint. Raises `ClusterError` for a cluster that is not to be had or that is lost.
    """
    topic = f"globalfit-{uuid.uuid4()}"
    tasks = [task_of(cell, checkpoint_every, topic) for cell in cells]
    with connected(dataclasses.replace(place, workers=min(place.workers, len(cells)))) as connection:
        from globalfit.campaign import cell_folder
        from globalfit.cluster.dispatch import Dispatcher

        connection.client.subscribe_topic(topic, lambda event: tell(*event[1]))
        outcomes = Dispatcher(connection.client, tell, connection.refill).carry_out(tasks)
    # Workers know the folders by their absolute paths.
    return {cell.name: dataclasses.replace(outcomes[cell.name], folder=cell_folder(cell)) for cell in cells}
