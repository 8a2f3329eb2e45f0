"""Training one model on several hosts, each with its own part of the rows.

As in AWS's image, hosts whose channels are empty take no part, and the first of the others, the master, runs
xgboost's tracker, prints the metrics and writes the model.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from sagemaker_container import meeting
from sagemaker_container.errors import UserError
from sagemaker_container.layout import Layout
from sagemaker_container.meeting import Meeting
from sagemaker_container.program import give_up

from sagemaker_xgboost.boosting import LostContact, explained
from sagemaker_xgboost.fit import fit
from sagemaker_xgboost.inputs import Inputs
from sagemaker_xgboost.library import xgboost
from sagemaker_xgboost.matrix import Matrices

CLOSING_SECONDS = 60

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Host:
    """This host, and the ``members`` of its cluster that have data, the master first."""

    name: str
    members: Sequence[str]
    meeting: Meeting


def train_together(layout: Layout, values: Mapping[str, Any]) -> None:
    """Run this host's part of a job. Raises `UserError` or `AlgorithmError`, also when another host fails."""
    hosts, me = layout.hosts(), layout.current_host()
    log.info("Distributed node training with %s hosts: %s", len(hosts), hosts)
    with meeting.meet(hosts, me) as met:
        inputs = Inputs.of(layout, values)
        data = inputs.load()
        reports = met.exchange(_report(inputs, data))
        host = Host(me, [name for name in hosts if reports[name]["complete"]], met)
        _require_members(host, reports)
        first_index = min(reports[name]["first_index"] for name in host.members)
        if me in host.members and first_index != _first_index(data):
            # Only here a file happens to leave out the first feature.
            data = inputs.load(first_index)
        _train(host, layout, values, data)


def _report(inputs: Inputs, data: Matrices) -> dict[str, Any]:
    empty = inputs.empty(data)
    if empty is not None:
        log.warning(
            "This host has no data in its %s channel and will not be used in distributed training. "
            "Please divide the data across instances properly.",
            empty.name,
        )
    return {
        "complete": empty is None,
        "validated": inputs.validation is not None,
        "first_index": _first_index(data),
    }


def _first_index(data: Matrices) -> int:
    return data.first_index or 0


def _require_members(host: Host, reports: Mapping[str, Mapping[str, Any]]) -> None:
    if not host.members:
        raise UserError("No hosts received training data.")
    if len({reports[name]["validated"] for name in host.members}) > 1:
        raise UserError("Some hosts have a validation channel and some have none: they cannot train together.")


def _train(host: Host, layout: Layout, values: Mapping[str, Any], data: Matrices) -> None:
    if host.members == [host.name]:
        fit(layout, values, data)
    elif len(host.members) > 1:
        with _tracker(host) as port:
            if host.name in host.members:
                with host.meeting.watched(host.members, partial(give_up, layout)), _collective(host, port):
                    fit(layout, values, data)


@contextmanager
def _tracker(host: Host) -> Iterator[int]:
    """xgboost's meeting point, run by the master; gives its port to every host."""
    leader = host.members[0]
    if host.name != leader:
        yield host.meeting.exchange(None)[leader]
        return
    tracker = xgboost.tracker.RabitTracker(
        n_workers=len(host.members),
        host_ip=meeting.address(leader),
        sortby="task",  # ranks in the order of the hosts' names
        timeout=int(meeting.PATIENCE),
    )
    tracker.start()
    port = int(tracker.worker_args()["dmlc_tracker_port"])
    host.meeting.exchange(port)
    yield port
    with suppress(xgboost.core.XGBoostError):  # the model is there; who died at the very end says so itself
        tracker.wait_for(CLOSING_SECONDS)


@contextmanager
def _collective(host: Host, port: int) -> Iterator[None]:
    """Within it, xgboost trains together with the other members."""
    try:
        xgboost.collective.init(
            dmlc_tracker_uri=meeting.address(host.members[0]),
            dmlc_tracker_port=port,
            dmlc_task_id=host.name,
            # The death of a member is noticed at once, so this only has to end the wait for one that hangs.
            dmlc_timeout=int(meeting.PATIENCE),
        )
        yield
        xgboost.collective.finalize()
    except xgboost.core.XGBoostError as error:
        raise host.meeting.reason() or explained(error) from error
    except LostContact as lost:
        raise host.meeting.reason() or lost from lost
