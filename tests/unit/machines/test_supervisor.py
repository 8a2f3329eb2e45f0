"""The supervisor, with a small machine of its own and a real store."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from emulator.arns import Scope
from emulator.clock import FakeClock, SystemClock
from emulator.machines.alarms import Alarms
from emulator.machines.machine import Alarm, Command, Event, Failed, Step
from emulator.machines.supervisor import Kind, Supervisor
from emulator.state.sql import SqlStore
from emulator.state.store import AlreadyExists, Key, Resource, StoreUnavailable

KEY = Key(Scope("123456789012", "us-east-1"), "lamp", "one")


@dataclass(frozen=True, slots=True)
class Lamp:
    phase: str = "off"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Lit(Event):
    watts: int


@dataclass(frozen=True, slots=True)
class Burnt(Event):
    pass


@dataclass(frozen=True, slots=True)
class Thrown(Event):
    pass


@dataclass(frozen=True, slots=True)
class Light(Command):
    pass


@dataclass(frozen=True, slots=True)
class Shine(Command):
    lasting: ClassVar[bool] = True


class LampMachine:
    """off -> on -> burnt, or gone when thrown away."""

    noun = "lamp"
    living = frozenset({"off", "on"})

    def load(self, state: Mapping[str, Any]) -> Lamp:
        return Lamp(**state)

    def dump(self, life: Lamp) -> tuple[str, dict[str, Any]]:
        return life.phase, {"phase": life.phase, "reason": life.reason}

    def resume(self, life: Lamp) -> tuple[Command, ...]:
        return {"off": (Light(),), "on": (Shine(), Alarm(0.0, Burnt()))}.get(life.phase, ())

    def step(self, life: Lamp, event: Event, at: float) -> Step[Lamp]:
        match event:
            case Lit() if life.phase == "off":
                return replace(life, phase="on"), (Shine(),)
            case Burnt() if life.phase == "on":
                return replace(life, phase="burnt"), ()
            case Failed(reason):
                return replace(life, phase="burnt", reason=reason), ()
            case Thrown():
                return None, ()
        return life, ()


@dataclass
class Workshop:
    """A supervisor over a real store, and hands that do what a test tells them."""

    path: Path
    hands: dict[type[Command], Callable[[], Event | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = SqlStore.file(self.path)
        self.done: list[Command] = []
        self.supervisor = Supervisor(self.store, SystemClock())
        self.supervisor.register(Kind(LampMachine(), self._work))

    def _work(self, resource: Resource, command: Command) -> Event | None:
        self.done.append(command)
        return self.hands.get(type(command), lambda: None)()

    def begin(self) -> Resource:
        return self.supervisor.begin(Resource(KEY, "uid", "arn:lamp", "", 1.0, 1.0), Lamp(), {"room": "hall"})

    def now(self) -> Resource | None:
        assert self.supervisor.settle(10.0)
        return self.store.get(KEY)

    def close(self) -> None:
        self.supervisor.close(1.0)
        self.store.close()


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path / "state.db")
    yield made
    made.close()


def status(workshop: Workshop) -> str | None:
    found = workshop.now()
    return found.status if found is not None else None


def test_a_new_life_is_stored_with_its_tags_and_given_its_first_commands(workshop: Workshop) -> None:
    workshop.begin()
    assert status(workshop) == "off"
    assert workshop.done == [Light()]
    assert workshop.store.tags("arn:lamp") == {"room": "hall"}


def test_the_outcome_of_a_command_is_the_next_event(workshop: Workshop) -> None:
    workshop.hands[Light] = lambda: Lit(60)
    resource = workshop.begin()
    assert status(workshop) == "on"
    history = workshop.store.history(resource)
    assert [(item.event, item.detail) for item in history] == [("Created", {}), ("Lit", {"watts": 60})]


def test_a_name_that_is_taken_is_refused_and_nothing_is_started(workshop: Workshop) -> None:
    workshop.begin()
    assert workshop.now() is not None
    workshop.done.clear()
    with pytest.raises(AlreadyExists):
        workshop.begin()
    assert workshop.done == []


def test_a_command_that_breaks_becomes_a_failure_with_its_reason(workshop: Workshop) -> None:
    def broken() -> Event:
        raise RuntimeError("no bulb")

    workshop.hands[Light] = broken
    workshop.begin()
    found = workshop.now()
    assert found is not None
    assert found.status == "burnt"
    assert "no bulb" in found.state["reason"]


def test_an_event_that_changes_nothing_is_not_stored(workshop: Workshop) -> None:
    resource = workshop.begin()
    assert workshop.supervisor.post(resource, Burnt()) == workshop.now()
    assert [item.event for item in workshop.store.history(resource)] == ["Created"]


def test_events_for_what_is_gone_or_was_made_again_are_dropped(workshop: Workshop) -> None:
    resource = workshop.begin()
    assert workshop.supervisor.post(resource, Thrown()) is None
    assert workshop.now() is None
    assert workshop.supervisor.post(resource, Lit(1)) is None
    workshop.begin()
    assert workshop.supervisor.post(replace(resource, uid="older"), Lit(1)) is None
    assert status(workshop) == "off"


def test_many_events_at_once_are_applied_one_after_another(workshop: Workshop) -> None:
    resource = workshop.begin()
    threads = [threading.Thread(target=workshop.supervisor.post, args=(resource, Lit(n))) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert status(workshop) == "on"
    assert [item.event for item in workshop.store.history(resource)] == ["Created", "Lit"]


def test_a_restart_gives_living_resources_their_commands_again(tmp_path: Path) -> None:
    first = Workshop(tmp_path / "state.db")
    first.begin()
    first.close()
    second = Workshop(tmp_path / "state.db", {Light: lambda: Lit(60)})
    assert second.supervisor.recover(second.supervisor.unfinished()) == 1
    assert status(second) == "on"
    second.close()
    third = Workshop(tmp_path / "state.db")
    assert third.supervisor.recover(third.supervisor.unfinished()) == 1
    third.close()


def test_a_closed_supervisor_takes_no_events_and_does_not_wait_for_lasting_commands(workshop: Workshop) -> None:
    shining, over = threading.Event(), threading.Event()

    def shine() -> Event:
        shining.set()
        over.wait(30)
        return Burnt()

    workshop.hands.update({Light: lambda: Lit(60), Shine: shine})
    resource = workshop.begin()
    assert shining.wait(10)
    workshop.supervisor.close(0.5)
    over.set()
    assert workshop.supervisor.post(resource, Burnt()) is None
    assert status(workshop) == "on"


def test_an_event_that_cannot_be_stored_now_is_stored_later(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, faults = workshop.store.save, [StoreUnavailable("disk full"), StoreUnavailable("disk full")]

    def failing(*arguments: Any) -> None:
        if faults:
            raise faults.pop()
        save(*arguments)

    monkeypatch.setattr(workshop.store, "save", failing)
    monkeypatch.setattr("emulator.machines.supervisor._TRY_AGAIN_SECONDS", 0.01)
    workshop.hands[Light] = lambda: Lit(60)
    workshop.begin()
    assert status(workshop) == "on"
    assert faults == []


def test_a_command_that_finds_no_store_is_carried_out_again(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [StoreUnavailable("disk full"), StoreUnavailable("disk full")]

    def light() -> Event:
        if faults:
            raise faults.pop()
        return Lit(60)

    monkeypatch.setattr("emulator.machines.supervisor._TRY_AGAIN_SECONDS", 0.01)
    workshop.hands[Light] = light
    workshop.begin()
    assert status(workshop) == "on"


def test_one_can_settle_while_work_is_being_started(workshop: Workshop) -> None:
    def start() -> None:
        for number in range(1000):
            workshop.supervisor.beside(str(number), lambda: None)

    starting = threading.Thread(target=start)
    starting.start()
    while starting.is_alive():
        assert workshop.supervisor.settle(10.0, lasting=True)
    assert workshop.supervisor.settle(10.0, lasting=True)


def test_what_is_due_later_keeps_no_request_in_memory(workshop: Workshop) -> None:
    class Request(dict[str, str]):
        """A dictionary of which one can tell whether it is gone."""

    request = Request(large="x" * 1000)
    gone = weakref.ref(request)
    resource = replace(workshop.begin(), request=request)
    del request
    workshop.supervisor.later(SystemClock().now() + 86400, resource, Burnt())
    del resource
    gc.collect()
    assert gone() is None


def test_containers_are_claimed_by_living_resources_only(workshop: Workshop) -> None:
    resource = workshop.begin()
    wanted = workshop.supervisor.claims(workshop.supervisor.unfinished())
    assert wanted({"uid": resource.uid})
    assert not wanted({"uid": "other"})
    assert not wanted({})


def test_an_alarm_in_the_past_rings_at_once_and_others_in_order() -> None:
    rung: list[str] = []
    done = threading.Event()

    def ring(what: str) -> None:
        rung.append(what)
        if what == "last":
            done.set()

    clock = SystemClock()
    alarms = Alarms(clock, ring)
    now = clock.now()
    alarms.set(now + 0.05, "last")
    alarms.set(now - 5, "past")
    alarms.set(now + 0.02, "next")
    assert done.wait(10)
    assert rung == ["past", "next", "last"]
    alarms.close()


def test_a_cleared_alarm_does_not_ring_and_a_broken_one_does_not_silence_the_next() -> None:
    rung = threading.Event()

    def ring(what: str) -> None:
        if what == "broken":
            raise RuntimeError(what)
        rung.set()

    alarms = Alarms(SystemClock(), ring)
    alarms.set(SystemClock().now() + 3600, "cleared")
    alarms.clear()
    assert not rung.is_set()
    alarms.set(0.0, "broken")
    alarms.set(0.0, "good")
    assert rung.wait(10)
    alarms.close()


def test_a_fake_clock_moves_only_when_told() -> None:
    clock = FakeClock(100.0)
    clock.sleep(5)
    clock.advance(1)
    assert clock.now() == 106.0
