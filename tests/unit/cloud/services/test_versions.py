"""State that another version wrote is read whole, or refused with what to do."""

from __future__ import annotations

import pickle
import sqlite3
from pathlib import Path
from typing import Any

import moto
import moto.backends
import pytest
from moto.sqs.models import Queue

from emulator.cloud.services import pickles, shape
from emulator.cloud.services.kept import KEPT
from emulator.state.sqlite import StateUnreadable
from tests.mounted import ACCOUNT, REGION
from tests.unit.cloud.services.harness import Kept, kept


def written(state_dir: Path, moto_version: str, *changes: tuple[str, Any]) -> None:
    """A directory with one queue, as if ``moto_version`` had written it; ``changes`` are SQL and its parameters."""
    with kept(state_dir) as running:
        running.client("sqs").create_queue(QueueName="q")
    db = sqlite3.connect(state_dir / "cloud.sqlite3")
    with db:
        db.execute("UPDATE service_meta SET value = ? WHERE name = 'moto'", (moto_version,))
        for statement, values in changes:
            db.execute(statement, values)
    db.close()


def stored(state_dir: Path) -> list[Any]:
    db = sqlite3.connect(state_dir / "cloud.sqlite3")
    rows = db.execute("SELECT * FROM unit").fetchall() + db.execute("SELECT * FROM service_meta").fetchall()
    db.close()
    return rows


def queue_without(state_dir: Path, attribute: str) -> tuple[str, Any]:
    """The change that takes an attribute from the stored queue."""
    with kept(state_dir) as running:
        running.client("sqs").create_queue(QueueName="q")
    db = sqlite3.connect(state_dir / "cloud.sqlite3")
    (state,) = db.execute("SELECT state FROM unit WHERE path LIKE 'queues%'").fetchone()
    db.close()
    attributes = pickle.loads(state)
    del attributes[attribute]
    return "UPDATE unit SET state = ? WHERE path LIKE 'queues%'", (pickles.dump(attributes, "sqs")[0],)


def refused(state_dir: Path, match: str) -> None:
    """Twice: a refusal changes nothing."""
    before = stored(state_dir)
    for _ in range(2):
        with pytest.raises(StateUnreadable, match=match):
            Kept(state_dir / "cloud.sqlite3")
        assert stored(state_dir) == before


def test_state_of_another_version_that_is_whole_is_read_and_signed_anew(tmp_path: Path) -> None:
    written(tmp_path, "5.2.4")
    with kept(tmp_path) as running:
        assert running.rows.meta("moto") == moto.__version__
        assert len(running.client("sqs").list_queues()["QueueUrls"]) == 1


def test_state_of_another_version_that_lacks_an_attribute_is_refused(tmp_path: Path) -> None:
    written(tmp_path, "5.2.4", queue_without(tmp_path, "dead_letter_queue"))
    refused(tmp_path, r"written with moto 5\.2\.4 .* \(moto\.sqs\.models\.Queue\.dead_letter_queue is missing\)")
    refused(tmp_path, r"Install moto==5\.2\.4, or start with an empty data directory")


def test_state_of_another_version_with_a_class_that_is_gone_is_refused(tmp_path: Path) -> None:
    gone = ("UPDATE unit SET kind = 'moto.sqs.models:NoSuchQueue' WHERE path LIKE 'queues%'", ())
    written(tmp_path, "5.2.4", gone)
    refused(tmp_path, "NoSuchQueue")


def test_state_of_a_later_format_is_refused(tmp_path: Path) -> None:
    written(tmp_path, moto.__version__, ("UPDATE service_meta SET value = '99' WHERE name = 'format'", ()))
    refused(tmp_path, "have format 99; this version of the emulator reads")


def test_state_that_is_damaged_is_not_half_read(tmp_path: Path) -> None:
    damaged = ("UPDATE unit SET state = ? WHERE path LIKE 'queues%'", (b"\x80\x05nonsense",))
    written(tmp_path, moto.__version__, damaged)
    with kept(tmp_path) as running:
        for _ in range(2):
            with pytest.raises(Exception, match="cannot be read"):
                running.client("sqs").list_queues()
        with pytest.raises(Exception, match="cannot be read"):
            running.client("sqs").create_queue(QueueName="another")


@pytest.mark.parametrize("service", sorted(KEPT))
def test_what_todays_moto_makes_lacks_nothing(service: str) -> None:
    accounts: Any = moto.backends.get_backend(service)  # type: ignore[call-overload]
    region = REGION if REGION in accounts["000000000000"].regions else "aws"
    kind: Any = accounts.backend
    backend = kind(region, "000000000000")
    assert shape.missing(backend) is None
    assert {"region_name", "account_id"} <= shape.required(kind)


def test_attributes_of_base_classes_and_of_both_branches_are_required() -> None:
    queue = Queue("q", REGION, ACCOUNT)
    assert shape.missing([{"key": (queue,)}]) is None
    del vars(queue)["_messages"]
    assert shape.missing([{"key": (queue,)}]) == "moto.sqs.models.Queue._messages"
