"""How the large classes of moto are taken apart, so that storing a change costs the change and not the history."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Layout:
    """The attributes of a class that are not stored with the others.

    ``shelves`` are dictionaries by name whose entries have rows of their own. ``lists`` only grow, and their items
    never change: they are stored in segments. ``passing`` is forgotten: attribute to the type it starts again with.
    """

    shelves: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    passing: dict[str, type] = field(default_factory=dict)

    def apart(self, name: str) -> bool:
        """Whether the attribute is left out of the unit's own row."""
        return name in self.shelves or name in self.lists or name in self.passing


LAYOUTS = {
    "moto.cloudwatch.models.CloudWatchBackend": Layout(lists=("metric_data",), passing={"paged_metric_data": dict}),
    "moto.dynamodb.models.DynamoDBBackend": Layout(shelves=("tables",)),
    "moto.iam.models.IAMBackend": Layout(shelves=("access_keys",)),
    "moto.logs.models.LogsBackend": Layout(shelves=("groups",)),
    "moto.logs.models.LogGroup": Layout(shelves=("streams",)),
    "moto.logs.models.LogStream": Layout(lists=("events",)),
    "moto.resourcegroupstaggingapi.models.ResourceGroupsTaggingAPIBackend": Layout(passing={"_pages": dict}),
    "moto.sns.models.SNSBackend": Layout(shelves=("topics",)),
    "moto.sns.models.Topic": Layout(lists=("sent_notifications",)),
    "moto.sqs.models.SQSBackend": Layout(shelves=("queues",)),
    "moto.sts.models.STSBackend": Layout(lists=("assumed_roles",)),
}

COUNTERS = {"moto.logs.models.LogEvent": ("_event_id", "event_id")}
"""Classes that number their instances: the class's counter and the instance's number."""

MANY = (
    "moto.cloudwatch.models.MetricAggregatedDatum",
    "moto.cloudwatch.models.MetricDatum",
    "moto.dynamodb.models.dynamo_type.Item",
    "moto.iam.models.AccessKey",
    "moto.logs.models.LogEvent",
    "moto.sqs.models.Message",
    "moto.sts.models.AssumedRole",
)
"""Models of which there are so many that moto must not keep a list of every one there ever was."""

ENTRIES = frozenset(
    (
        "moto.dynamodb.models.table.Table",
        "moto.iam.models.AccessKey",
        "moto.logs.models.LogGroup",
        "moto.logs.models.LogStream",
        "moto.sns.models.Topic",
        "moto.sqs.models.Queue",
    )
)
"""What lies on the shelves."""

_WHOLE = Layout()


def layout_of(kind: type) -> Layout:
    """How instances of ``kind`` are taken apart; most are not."""
    return LAYOUTS.get(full_name(kind), _WHOLE)


def full_name(kind: type) -> str:
    """How the tables here name a class."""
    return f"{kind.__module__}.{kind.__qualname__}"


def imported() -> Iterator[type]:
    """The classes that have shelves, and those of `MANY`, whose modules are imported so far."""
    for name in (*(name for name, layout in LAYOUTS.items() if layout.shelves), *MANY):
        module, _, kind = name.rpartition(".")
        found = getattr(sys.modules.get(module), kind, None)
        if found is not None:
            yield found


def count_on(kind: type, instance: Any) -> None:
    """Let a class that numbers its instances go on after ``instance``, which was read from disk."""
    counter = COUNTERS.get(full_name(kind))
    if counter is not None:
        following = getattr(instance, counter[1]) + 1
        setattr(kind, counter[0], max(getattr(kind, counter[0]), following))
