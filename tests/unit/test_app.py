"""The emulator as an object in the user's own process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emulator.app import Emulator
from emulator.datadir import DataDir
from emulator.front.server import Front, PortInUse
from emulator.settings import Settings

NOT_RUNNING = r"The emulator is not running; call start\(\) or use it in a with statement\."

USES: list[Callable[[Emulator], object]] = [
    lambda emulator: emulator.url,
    lambda emulator: emulator.client("s3"),
    lambda emulator: emulator.health(),
    lambda emulator: emulator.reset(),
]


def settings(port: int = 0) -> Settings:
    return Settings(port=port, ephemeral=True, engine="process")


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator that is not running yet."""
    it = Emulator(settings())
    yield it
    it.stop()


def buckets(emulator: Emulator) -> int:
    return len(emulator.client("s3").list_buckets()["Buckets"])


@pytest.mark.parametrize("use", USES, ids=["url", "client", "health", "reset"])
def test_what_needs_a_running_emulator_says_so_before_its_start(emulator: Emulator, use: Callable[..., object]) -> None:
    with pytest.raises(RuntimeError, match=NOT_RUNNING):
        use(emulator)


def test_an_emulator_can_be_stopped_and_started_again(emulator: Emulator) -> None:
    for _ in range(2):
        assert emulator.start() is emulator
        assert buckets(emulator) == 1
        assert emulator.health()["status"] == "ready"
        emulator.stop()
        for use in USES:
            with pytest.raises(RuntimeError, match=NOT_RUNNING):
                use(emulator)


def test_no_thread_outlives_its_emulator(emulator: Emulator) -> None:
    before = set(threading.enumerate())
    emulator.start()
    assert buckets(emulator) == 1
    emulator.stop()
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(timeout=20)
    assert not [thread.name for thread in left if thread.is_alive()]


def test_a_second_start_is_refused_and_harms_nothing(emulator: Emulator) -> None:
    emulator.start()
    with pytest.raises(RuntimeError, match="is running already"):
        emulator.start()
    assert buckets(emulator) == 1


def test_stopping_what_does_not_run_is_fine(emulator: Emulator) -> None:
    emulator.stop()
    emulator.start()
    emulator.stop()
    emulator.stop()


def test_a_second_emulator_in_the_process_is_refused_at_its_start(emulator: Emulator) -> None:
    emulator.start()
    second = Emulator(settings())
    with pytest.raises(RuntimeError, match=r"Another emulator runs in this process.*close the first one"):
        second.start()
    assert buckets(emulator) == 1
    emulator.stop()
    with second:
        assert buckets(second) == 1


def test_a_start_that_fails_leaves_nothing_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        kept = Settings(port=taken.getsockname()[1], data_dir=tmp_path, engine="process")
        failing = Emulator(kept)
        with pytest.raises(PortInUse):
            failing.start()
    with pytest.raises(RuntimeError, match=NOT_RUNNING):
        failing.health()
    with Emulator(Settings(port=0, data_dir=tmp_path, engine="process")) as another:
        assert buckets(another) == 1


def test_what_a_crash_left_is_looked_through_before_the_first_request_comes_in(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    start, sweep = Front.start, DataDir.sweep
    monkeypatch.setattr("emulator.app.reap", lambda *_: order.append("reap"))
    monkeypatch.setattr(DataDir, "sweep", lambda *args: (order.append("sweep"), sweep(*args)))
    monkeypatch.setattr(Front, "start", lambda front: (order.append("serve"), start(front)))
    emulator.start()
    assert order == ["reap", "sweep", "serve"]
