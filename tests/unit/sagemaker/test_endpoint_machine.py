"""The life of an endpoint, as a pure function."""

from __future__ import annotations

import itertools

from emulator.arns import Scope
from emulator.machines.machine import Alarm, Command, Event, Failed
from emulator.sagemaker.endpoint.machine import (
    DeleteRequested,
    Deploy,
    Deployed,
    DeployFailed,
    Endpoint,
    EndpointMachine,
    Fleet,
    Guard,
    Instance,
    InstanceLost,
    Remove,
    Removed,
    Retire,
    Route,
    TryAgain,
    UpdateRequested,
    Variant,
)
from emulator.sagemaker.endpoint.work import claims
from emulator.state.store import Key, Resource

MACHINE = EndpointMachine()


def fleet(name: str) -> Fleet:
    variant = Variant("AllTraffic", "ml.m5.large", (f"i-{name}",), 1.0, "role", {"Image": "image"}, 240.0)
    return Fleet(name, f"config-{name}", (variant,), 0.0)


A, B = fleet("a"), fleet("b")
IN_A, IN_B = Instance("i-a", {"id": "1"}, 1.0), Instance("i-b", {"id": "2"}, 2.0)
UP_A, UP_B = Deployed("a", (IN_A,)), Deployed("b", (IN_B,))


def live(*events: Event) -> tuple[Endpoint | None, list[Command]]:
    life: Endpoint | None = Endpoint("creating", coming=A)
    commands = list(MACHINE.resume(Endpoint("creating", coming=A)))
    for at, event in enumerate(events, start=1):
        assert life is not None
        life, answered = MACHINE.step(life, event, float(at))
        commands = list(answered)
    return life, commands


def alive(*events: Event) -> Endpoint:
    life, _ = live(*events)
    assert life is not None
    return life


def test_a_new_endpoint_deploys_and_then_routes_and_guards_its_fleet() -> None:
    assert live()[1] == [Deploy(A)]
    life, commands = live(UP_A)
    assert life is not None
    assert (life.status, life.coming) == ("InService", None)
    assert life.fleet is not None
    assert commands == [Route(life.fleet), Guard(life.fleet, IN_A)]


def test_a_fleet_that_does_not_come_up_fails_the_endpoint_and_is_taken_down() -> None:
    life, commands = live(DeployFailed("a", "no ping"))
    assert life is not None
    assert (life.status, life.reason) == ("Failed", "no ping")
    assert commands == [Retire(A)]


def test_an_update_serves_with_the_old_fleet_until_the_new_one_is_up() -> None:
    life, commands = live(UP_A, UpdateRequested(B))
    assert life is not None
    assert (life.status, life.fleet and life.fleet.config) == ("Updating", "config-a")
    assert commands == [Deploy(B)]
    life, commands = live(UP_A, UpdateRequested(B), UP_B)
    assert life is not None
    assert life.fleet is not None
    assert (life.status, life.fleet.config) == ("InService", "config-b")
    old = alive(UP_A).fleet
    assert old is not None
    assert commands == [Route(life.fleet), Guard(life.fleet, IN_B), Retire(old)]


def test_an_update_that_fails_leaves_the_old_fleet_serving_and_says_why() -> None:
    life, commands = live(UP_A, UpdateRequested(B), DeployFailed("b", "no ping"))
    assert life is not None
    assert life.fleet is not None
    assert (life.status, life.fleet.config, life.reason) == ("InService", "config-a", "no ping")
    assert commands == [Retire(B)]


def test_the_next_update_clears_the_reason_of_the_last() -> None:
    assert alive(UP_A, UpdateRequested(B), DeployFailed("b", "no ping"), UpdateRequested(B)).reason is None


def test_a_lost_instance_is_replaced_at_once_and_then_ever_more_slowly() -> None:
    events: list[Event] = [UP_A]
    pauses = []
    for _ in range(10):
        events.append(InstanceLost("a", "i-a"))
        _, commands = live(*events)
        route, alarm = commands
        assert isinstance(route, Route)
        assert route.fleet.serving == ()
        assert isinstance(alarm, Alarm)
        assert alarm.event == TryAgain("a")
        pauses.append(alarm.at - len(events))
        events += [TryAgain("a"), UP_A]
    assert pauses == [0.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0, 60.0]
    assert alive(*events).status == "InService"


def test_traffic_leaves_a_lost_instance_and_comes_back_to_it() -> None:
    fleet = alive(UP_A, InstanceLost("a", "i-a")).fleet
    assert fleet is not None
    assert (fleet.running, fleet.serving) == ((IN_A,), ())
    fleet = alive(UP_A, InstanceLost("a", "i-a"), TryAgain("a"), UP_A).fleet
    assert fleet is not None
    assert fleet.serving == (IN_A,)


def test_a_fault_while_serving_is_tried_again() -> None:
    life, commands = live(UP_A, Failed("bug"))
    assert life is not None
    assert life.status == "InService"
    assert isinstance(commands[0], Alarm)


def test_a_fault_while_deleting_is_tried_again_until_nothing_is_left() -> None:
    _, commands = live(UP_A, DeleteRequested(), Failed("engine gone"))
    assert commands == [Alarm(8.0, TryAgain(""))]
    life, commands = live(UP_A, DeleteRequested(), Failed("engine gone"), TryAgain(""))
    assert life is not None
    assert life.fleet is not None
    assert commands == [Remove((life.fleet,))]


def test_a_serving_fleet_that_cannot_be_restored_is_tried_again() -> None:
    life, commands = live(UP_A, DeployFailed("a", "engine gone"))
    assert life is not None
    assert life.status == "InService"
    assert isinstance(commands[0], Alarm)


def test_news_of_a_fleet_that_no_longer_counts_changes_nothing() -> None:
    serving = alive(UP_A, UpdateRequested(B), UP_B)
    for event in (UP_A, DeployFailed("a", "x"), InstanceLost("a", "i-a"), TryAgain("a")):
        assert MACHINE.step(serving, event, 9.0) == (serving, ())


def test_deleting_takes_everything_down_and_then_the_endpoint_is_gone() -> None:
    life, commands = live(UP_A, DeleteRequested())
    assert life is not None
    assert life.status == "Deleting"
    assert commands == [Remove((alive(UP_A).fleet or A,))]
    assert live(UP_A, DeleteRequested(), Removed()) == (None, [])


def test_a_failed_endpoint_can_be_deleted() -> None:
    assert alive(DeployFailed("a", "x"), DeleteRequested()).status == "Deleting"


def test_a_delete_while_a_fleet_is_coming_is_refused() -> None:
    assert alive(DeleteRequested()).status == "Creating"
    assert alive(UP_A, UpdateRequested(B), DeleteRequested()).status == "Updating"


def test_a_restart_deploys_what_serves_and_what_is_coming_again() -> None:
    serving, updating = alive(UP_A), alive(UP_A, UpdateRequested(B))
    assert serving.fleet is not None
    assert MACHINE.resume(serving) == (Deploy(serving.fleet),)
    assert MACHINE.resume(updating) == (Deploy(serving.fleet), Deploy(B))
    assert MACHINE.resume(alive(DeployFailed("a", "x"))) == ()
    assert MACHINE.resume(alive(UP_A, DeleteRequested())) == (Remove((serving.fleet,)),)


EVENTS: list[Event] = [
    UP_A,
    UP_B,
    DeployFailed("a", "x"),
    DeployFailed("b", "x"),
    InstanceLost("a", "i-a"),
    TryAgain("a"),
    UpdateRequested(B),
    DeleteRequested(),
    Removed(),
    Failed("x"),
]


def test_no_order_of_events_breaks_an_invariant() -> None:
    for order in itertools.permutations(EVENTS, 5):
        life: Endpoint | None = Endpoint("creating", coming=A)
        for at, event in enumerate(order):
            if life is None:
                break
            deleting = life.phase == "deleting"
            life, _ = MACHINE.step(life, event, float(at))
            if life is None:
                assert deleting
                break
            assert not deleting or life.phase == "deleting"
            assert (life.phase in ("serving", "updating")) <= (life.fleet is not None)
            assert (life.phase in ("creating", "updating")) <= (life.coming is not None)
            assert MACHINE.load(MACHINE.dump(life)[1]) == life


def test_only_containers_of_fleets_that_serve_or_come_are_claimed_after_a_restart() -> None:
    status, state = MACHINE.dump(alive(UP_A, UpdateRequested(B)))
    key = Key(Scope("123456789012", "us-east-1"), "endpoint", "e")
    resource = Resource(key, "uid", "arn", status, 0.0, 0.0, state=state)
    assert claims(resource, {"fleet": "a"})
    assert claims(resource, {"fleet": "b"})
    assert not claims(resource, {"fleet": "retired"})
