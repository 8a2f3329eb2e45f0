"""The life of a training job, as a pure function."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from emulator.machines.machine import Alarm, Command, Event, Failed, Hold, Release, Reserve
from emulator.sagemaker.training_job.commands import Clean, Launch, Prepare, Retain, Stage, Stop, Upload, Watch
from emulator.sagemaker.training_job.events import (
    Cleaned,
    Exited,
    Granted,
    Interrupted,
    Launched,
    Lost,
    PendingExceeded,
    PoolChanged,
    Prepared,
    Queued,
    Retained,
    RuntimeExceeded,
    Staged,
    StopRequested,
    Uploaded,
    WaitExceeded,
)
from emulator.sagemaker.training_job.life import Claim, FinalMetric, LeftPool, Terms, TrainingJob
from emulator.sagemaker.training_job.machine import TrainingJobMachine, begin

MACHINE = TrainingJobMachine()
BOX = {"id": "c1"}
OTHER = {"id": "c2"}
ONE = {"algo-1": BOX}
TWO = {"algo-1": BOX, "algo-2": OTHER}

ALONE = Terms(("algo-1",), 60.0)
PAIR = Terms(("algo-1", "algo-2"), 60.0)
SPOT = Terms(("algo-1",), 60.0, max_wait=100.0, spot=True)
KEPT = Terms(("algo-1",), 60.0, keep_alive=30)


def live(*events: Event, terms: Terms = ALONE, retries: int = 0) -> tuple[TrainingJob, list[Command]]:
    """The job after the events, one a second from second 1, and the commands of the last one."""
    life = begin(0.0, terms, retries)
    commands = list(MACHINE.resume(life))
    for at, event in enumerate(events, start=1):
        after, answered = MACHINE.step(life, event, float(at))
        assert after is not None
        life, commands = after, list(answered)
    return life, commands


def exited(code: int, host: str = "algo-1", attempt: int = 1, **more: Any) -> Exited:
    return Exited(host, attempt, code, **more)


def lost(reason: str, host: str = "algo-1", attempt: int = 1) -> Lost:
    return Lost(host, attempt, reason)


WATCH = Watch("algo-1", BOX, 1)
STOP = Stop("algo-1", BOX, 120.0, 1)
CLEAN = [Release(), Clean((BOX,))]
NOTHING_TO_CLEAN = [Release(), Clean(())]
READY: list[Event] = [Granted(), Prepared(), Staged()]
RUNNING: list[Event] = [*READY, Launched(ONE)]
BOTH_RUNNING: list[Event] = [*READY, Launched(TWO)]


def statuses(life: TrainingJob) -> list[tuple[str, str]]:
    return [(entry.status, entry.message) for entry in life.history]


def test_a_job_that_succeeds_takes_each_step_once_in_order() -> None:
    assert live()[1] == [Reserve(1, Granted(), Queued())]
    assert live(*READY[:1])[1] == [Prepare()]
    assert live(*READY[:2])[1] == [Stage(), Alarm(62.0, RuntimeExceeded())]
    assert live(*READY)[1] == [Launch()]
    assert live(*RUNNING)[1] == [WATCH]
    assert live(*RUNNING, exited(0))[1] == [Release(), Upload()]
    assert live(*RUNNING, exited(0), Uploaded())[1] == CLEAN


def test_a_job_that_succeeds_shows_the_services_statuses_and_messages() -> None:
    life, _ = live(*RUNNING, exited(0), Uploaded())
    assert life.status == "Completed"
    assert statuses(life) == [
        ("Starting", "Preparing the instances for training"),
        ("Downloading", "Downloading the training image"),
        ("Training", "Training image download completed. Training in progress."),
        ("Uploading", "Uploading generated training model"),
        ("Completed", "Training job completed"),
    ]
    assert [(entry.start, entry.end) for entry in life.history] == [(0, 2), (2, 4), (4, 5), (5, 6), (6, 6)]
    assert (life.started_at, life.ended_at, life.seconds) == (2.0, 6.0, 4)


def test_a_job_without_instances_says_so_until_it_has_them() -> None:
    waiting, commands = live(Queued())
    assert commands == []
    assert statuses(waiting) == [
        ("Starting", "Insufficient capacity error from EC2 while launching instances, retrying!")
    ]
    granted, commands = live(Queued(), Granted())
    assert (statuses(granted), commands) == ([("Starting", "Launching requested ML instances")], [Prepare()])


def test_a_job_that_waits_for_instances_stops_at_once() -> None:
    life, commands = live(Queued(), StopRequested())
    assert (life.status, commands) == ("Stopped", NOTHING_TO_CLEAN)
    assert [entry.status for entry in life.history] == ["Starting", "Stopping", "Stopped"]
    assert life.seconds is None


@pytest.mark.parametrize("failure", ["", "bad data"])
def test_an_exit_code_fails_the_job_after_its_artifacts_are_kept(failure: str) -> None:
    life, commands = live(*RUNNING, exited(3, failure=failure))
    assert commands == [Release(), Upload()]
    life, _ = live(*RUNNING, exited(3, failure=failure), Uploaded())
    assert (life.status, life.secondary) == ("Failed", "Failed")
    assert life.reason == f"AlgorithmError: {failure}, exit code: 3"


def test_a_failure_reason_is_cut_at_1024_characters() -> None:
    life, _ = live(*RUNNING, exited(1, failure="x" * 2000), Uploaded())
    assert life.reason is not None
    assert len(life.reason) == 1024


def test_running_out_of_memory_has_its_own_reason() -> None:
    life, _ = live(*RUNNING, exited(137, out_of_memory=True), Uploaded())
    assert life.reason is not None
    assert life.reason.startswith("ClientError: Please use an instance type with more memory")


def test_a_fault_of_the_input_counts_more_than_what_the_program_made_of_it() -> None:
    life, _ = live(*RUNNING, exited(0, fault="ClientError: Data download failed:x"), Uploaded())
    assert (life.status, life.reason) == ("Failed", "ClientError: Data download failed:x")


def test_the_algorithms_reason_is_kept_when_the_upload_fails_too() -> None:
    life, _ = live(*RUNNING, exited(3, failure="why"), Failed("ClientError: no bucket"))
    assert life.reason == "AlgorithmError: why, exit code: 3"


@pytest.mark.parametrize("events", [READY[:0], READY[:1], READY[:2], READY])
def test_what_goes_wrong_before_training_fails_the_job_and_cleans_up(events: list[Event]) -> None:
    life, commands = live(*events, Failed("ClientError: why"))
    assert (life.status, life.secondary, life.reason) == ("Failed", "Failed", "ClientError: why")
    assert commands == NOTHING_TO_CLEAN
    assert (life.ended_at is None) == (life.started_at is None) == (len(events) < 2)


def test_an_upload_that_fails_fails_the_job() -> None:
    life, _ = live(*RUNNING, exited(0), Failed("ClientError: Artifact upload failed:x"))
    assert (life.status, life.reason) == ("Failed", "ClientError: Artifact upload failed:x")


def test_a_stop_while_training_stops_the_container_and_keeps_its_artifacts() -> None:
    life, commands = live(*RUNNING, StopRequested())
    assert (life.status, life.secondary) == ("Stopping", "Stopping")
    assert commands == [STOP]
    life, commands = live(*RUNNING, StopRequested(), exited(143))
    assert commands == [Release(), Upload()]
    life, _ = live(*RUNNING, StopRequested(), exited(143), Uploaded())
    assert (life.status, life.secondary, life.reason) == ("Stopped", "Stopped", None)
    assert [entry.status for entry in life.history] == ["Starting", "Downloading", "Training", "Stopping", "Stopped"]


@pytest.mark.parametrize("events", [[*READY[:1], StopRequested(), Prepared()], [*READY[:2], StopRequested(), Staged()]])
def test_a_stop_during_download_ends_stopped_without_a_container(events: list[Event]) -> None:
    life, commands = live(*events)
    assert (life.status, life.containers) == ("Stopped", {})
    assert commands == NOTHING_TO_CLEAN


def test_a_stop_during_launch_stops_the_container_once_it_is_known() -> None:
    life, commands = live(*READY, StopRequested(), Launched(ONE))
    assert life.status == "Stopping"
    assert commands == [STOP, WATCH]


def test_a_failure_while_stopping_is_still_a_stop() -> None:
    life, _ = live(*READY[:2], StopRequested(), Failed("ClientError: download failed"))
    assert (life.status, life.reason) == ("Stopped", None)


@pytest.mark.parametrize("ending", [StopRequested(), RuntimeExceeded()])
@pytest.mark.parametrize("trouble", [lost("InternalServerError: why"), Failed("InternalServerError: why")])
def test_what_goes_wrong_while_a_container_is_stopped_keeps_its_artifacts(ending: Event, trouble: Event) -> None:
    brief = Terms(("algo-1",), 1.0)
    assert live(*RUNNING, ending, trouble, terms=brief)[1] == [Release(), Upload()]
    life, commands = live(*RUNNING, ending, trouble, Uploaded(), terms=brief)
    assert (life.status, life.reason, commands) == ("Stopped", None, CLEAN)


def test_a_container_that_the_upload_removes_is_not_mourned() -> None:
    uploading = live(*RUNNING, StopRequested(), lost("refused"))[0]
    assert MACHINE.step(uploading, lost("removed"), 9.0) == (uploading, ())


def test_a_container_that_is_lost_in_training_fails_the_job() -> None:
    life, commands = live(*RUNNING, lost("InternalServerError: why"))
    assert (life.status, life.reason, commands) == ("Failed", "InternalServerError: why", CLEAN)


def test_the_runtime_limit_stops_the_job_under_its_own_status() -> None:
    life, _ = live(*RUNNING, RuntimeExceeded(), exited(0), Uploaded(), terms=Terms(("algo-1",), 3.0))
    assert (life.status, life.secondary) == ("Stopped", "MaxRuntimeExceeded")


def test_an_alarm_that_rings_before_the_time_is_up_changes_nothing() -> None:
    running = live(*RUNNING)[0]
    assert MACHINE.step(running, RuntimeExceeded(), 61.9) == (running, ())
    assert MACHINE.step(running, RuntimeExceeded(), 62.0)[1] == (STOP,)


def test_a_second_stop_changes_nothing() -> None:
    once = live(*RUNNING, StopRequested())[0]
    assert MACHINE.step(once, StopRequested(), 9.0) == (once, ())


def test_an_alarm_of_a_job_that_has_exited_changes_nothing() -> None:
    uploading = live(*RUNNING, exited(0))[0]
    assert MACHINE.step(uploading, RuntimeExceeded(), 99.0) == (uploading, ())


def test_metrics_of_the_container_become_the_jobs() -> None:
    metric = FinalMetric("validation:rmse", 0.5, 3.0)
    assert live(*RUNNING, exited(0, metrics=(metric,)))[0].metrics == (metric,)


def test_a_cluster_ends_when_its_last_host_does() -> None:
    assert live(*BOTH_RUNNING, terms=PAIR)[1] == [Watch("algo-1", BOX, 1), Watch("algo-2", OTHER, 1)]
    life, commands = live(*BOTH_RUNNING, exited(0), terms=PAIR)
    assert (life.phase, commands) == ("training", [])
    life, commands = live(*BOTH_RUNNING, exited(0), exited(0, "algo-2"), terms=PAIR)
    assert (life.ending, commands) == ("Completed", [Release(), Upload()])


def test_a_host_that_fails_ends_the_others_and_gives_the_reason() -> None:
    life, commands = live(*BOTH_RUNNING, exited(7, "algo-2", failure="first"), terms=PAIR)
    assert commands == [Stop("algo-1", BOX, 10.0, 1)]
    events = [exited(7, "algo-2", failure="first"), exited(143, failure="second"), Uploaded()]
    life, commands = live(*BOTH_RUNNING, *events, terms=PAIR)
    assert (life.status, life.reason) == ("Failed", "AlgorithmError: first, exit code: 7")
    assert commands == [Release(), Clean((BOX, OTHER))]


def test_a_stop_of_a_cluster_stops_the_hosts_that_still_run() -> None:
    _, commands = live(*BOTH_RUNNING, exited(0), StopRequested(), terms=PAIR)
    assert commands == [Stop("algo-2", OTHER, 120.0, 1)]


def test_the_latest_value_of_a_metric_over_all_hosts_counts() -> None:
    early, late = FinalMetric("loss", 1.0, 3.0), FinalMetric("loss", 0.5, 4.0)
    events = [exited(0, metrics=(late,)), exited(0, "algo-2", metrics=(early,))]
    assert live(*BOTH_RUNNING, *events, terms=PAIR)[0].metrics == (late,)


AGAIN: list[Event] = [Granted(), Prepared(), Staged(), Launched(ONE)]


def test_an_interrupted_spot_job_begins_again_on_new_instances() -> None:
    life, commands = live(*RUNNING, Interrupted(), terms=SPOT)
    assert (life.status, life.secondary, commands) == ("InProgress", "Interrupted", [STOP])
    life, commands = live(*RUNNING, Interrupted(), exited(143), terms=SPOT)
    assert commands == CLEAN
    life, commands = live(*RUNNING, Interrupted(), exited(143), Cleaned(), terms=SPOT)
    assert commands == [Reserve(1, Granted(), Queued())]
    assert (life.attempt, life.containers, life.log_epoch) == (2, {}, 7)
    events = [*RUNNING, Interrupted(), exited(143), Cleaned(), *AGAIN, exited(0, attempt=2), Uploaded()]
    life, _ = live(*events, terms=SPOT)
    assert [entry.status for entry in life.history] == [
        *("Starting", "Downloading", "Training", "Interrupted"),
        *("Starting", "Downloading", "Training", "Uploading", "Completed"),
    ]
    assert (life.started_at, life.ended_at) == (2.0, 13.0)
    assert life.seconds == (6 - 2) + (13 - 9)


def test_an_interruption_leaves_the_next_attempt_the_rest_of_the_runtime() -> None:
    events = [*RUNNING, Interrupted(), exited(143), Cleaned(), Granted(), Prepared()]
    life, commands = live(*events, terms=SPOT)
    assert commands == [Stage(), Alarm(9.0 + 60.0 - 4.0, RuntimeExceeded())]
    assert MACHINE.step(life, RuntimeExceeded(), 62.0) == (life, ())


def test_what_an_earlier_attempt_still_tells_is_not_heard() -> None:
    life = live(*RUNNING, Interrupted(), exited(143), Cleaned(), *AGAIN, terms=SPOT)[0]
    assert MACHINE.step(life, exited(1, attempt=1), 20.0) == (life, ())
    assert MACHINE.step(life, lost("x", attempt=1), 20.0) == (life, ())


@pytest.mark.parametrize("events", [[], READY[:1], [*RUNNING, exited(0)], [*RUNNING, StopRequested()]])
def test_an_interruption_where_there_is_nothing_to_interrupt_changes_nothing(events: list[Event]) -> None:
    life = live(*events, terms=SPOT)[0]
    assert MACHINE.step(life, Interrupted(), 20.0) == (life, ())


def test_only_spot_jobs_are_interrupted() -> None:
    life = live(*RUNNING)[0]
    assert MACHINE.step(life, Interrupted(), 20.0) == (life, ())


@pytest.mark.parametrize("late", [Staged(), Launched(ONE)])
def test_an_interruption_before_training_is_heeded_when_what_is_under_way_is_done(late: Event) -> None:
    before = READY[:2] if isinstance(late, Staged) else READY
    life, _ = live(*before, Interrupted(), late, terms=SPOT)
    assert life.phase == ("clearing" if isinstance(late, Staged) else "stopping")


def test_a_stop_during_an_interruption_ends_the_job() -> None:
    life, commands = live(*RUNNING, Interrupted(), StopRequested(), exited(143), terms=SPOT)
    assert (life.status, commands) == ("Stopping", [Release(), Upload()])
    life, commands = live(*RUNNING, Interrupted(), exited(143), StopRequested(), Cleaned(), terms=SPOT)
    assert (life.status, commands) == ("Stopped", CLEAN)


def test_the_wait_for_spot_instances_ends_under_its_own_status() -> None:
    assert live(terms=SPOT)[1] == [Reserve(1, Granted(), Queued()), Alarm(100.0, WaitExceeded())]
    life, _ = live(Queued(), WaitExceeded(), terms=SPOT)
    assert (life.status, life.secondary) == ("Stopped", "MaxWaitTimeExceeded")
    life, commands = live(*RUNNING, WaitExceeded(), terms=SPOT)
    assert (life.status, commands) == ("Stopping", [STOP])


def test_the_pending_time_counts_only_while_a_job_waits() -> None:
    terms = Terms(("algo-1",), 60.0, max_pending=1800.0)
    assert Alarm(1800.0, PendingExceeded()) in live(terms=terms)[1]
    assert live(Queued(), PendingExceeded(), terms=terms)[0].status == "Stopped"
    running = live(*RUNNING, terms=terms)[0]
    assert MACHINE.step(running, PendingExceeded(), 1800.0) == (running, ())


INTERNAL = Failed("InternalServerError: why")


def test_an_internal_error_is_tried_again_as_often_as_the_request_says() -> None:
    life, commands = live(*READY[:2], INTERNAL, terms=ALONE, retries=1)
    assert (life.status, life.phase, commands) == ("InProgress", "clearing", NOTHING_TO_CLEAN)
    life, commands = live(*READY[:2], INTERNAL, Cleaned(), retries=1)
    assert (life.secondary, commands) == ("Starting", [Reserve(1, Granted(), Queued())])
    life, _ = live(*READY[:2], INTERNAL, Cleaned(), *READY[:2], INTERNAL, retries=1)
    assert (life.status, life.reason) == ("Failed", "InternalServerError: why")


def test_a_lost_container_is_tried_again_too() -> None:
    life, commands = live(*RUNNING, lost("InternalServerError: gone"), retries=1)
    assert (life.phase, commands) == ("clearing", CLEAN)


def test_a_fault_of_the_emulator_while_the_program_ran_is_tried_again_too() -> None:
    fault = "InternalServerError: the pipes"
    assert live(*RUNNING, exited(0, fault=fault), retries=1)[0].phase == "clearing"
    life, commands = live(*RUNNING, exited(0, fault=fault))
    assert (life.ending, life.reason, commands) == ("Failed", fault, [Release(), Upload()])


def test_an_error_of_the_user_is_not_tried_again() -> None:
    assert live(*READY[:2], Failed("ClientError: why"), retries=5)[0].status == "Failed"
    assert live(*RUNNING, exited(1), Uploaded(), retries=5)[0].status == "Failed"


def test_a_cleaning_that_fails_ends_a_retry() -> None:
    life, _ = live(*READY[:2], INTERNAL, INTERNAL, retries=5)
    assert life.status == "Failed"


@pytest.mark.parametrize("code", [0, 1])
def test_instances_that_are_kept_alive_go_to_a_warm_pool_before_the_job_ends(code: int) -> None:
    life, commands = live(*RUNNING, exited(code), Uploaded(), terms=KEPT)
    assert (life.terminal, commands) == (False, [Release(), Retain()])
    life, commands = live(*RUNNING, exited(code), Uploaded(), Retained(), terms=KEPT)
    assert (life.status, commands) == ("Completed" if code == 0 else "Failed", CLEAN)


@pytest.mark.parametrize("last", [LeftPool("Reused", 30, 1, "next"), LeftPool("Terminated", 30, 30)])
def test_a_pool_that_was_left_does_not_become_available_again(last: LeftPool) -> None:
    """What a pool tells can overtake the job's own look at it, and what it told before."""
    available = LeftPool("Available", 30)
    for late in ([PoolChanged(last), Retained(available)], [Retained(available), PoolChanged(last)]):
        life, _ = live(*RUNNING, exited(0), Uploaded(), *late, PoolChanged(available), terms=KEPT)
        assert (life.terminal, life.left) == (True, last)
    longer = LeftPool("Available", 60)
    assert live(*RUNNING, exited(0), Uploaded(), Retained(available), PoolChanged(longer), terms=KEPT)[0].left == longer


def test_instances_go_to_a_warm_pool_when_the_upload_of_a_failed_job_fails_too() -> None:
    life, commands = live(*RUNNING, exited(1), Failed("ClientError: no bucket"), terms=KEPT)
    assert (life.ending, commands) == ("Failed", [Release(), Retain()])


def test_instances_that_never_were_are_not_kept() -> None:
    assert live(Failed("CapacityError: none"), terms=KEPT)[0].terminal
    assert live(StopRequested(), terms=KEPT)[0].terminal
    assert live(*RUNNING, lost("InternalServerError: x"), terms=KEPT)[0].terminal


def test_a_pool_that_was_taken_over_is_given_back_whatever_happens() -> None:
    taken = Prepared(Claim("pool", "u1"))
    life, commands = live(Granted(), taken, Failed("InternalServerError: x"))
    assert (life.terminal, commands) == (False, [Release(), Retain()])
    life, commands = live(Granted(), StopRequested(), taken)
    assert (life.terminal, commands) == (False, [Release(), Retain()])


ALL_EVENTS: list[Event] = [
    Granted(),
    Prepared(),
    Staged(),
    Launched(ONE),
    exited(0),
    exited(1, failure="x"),
    Uploaded(),
    lost("InternalServerError: x"),
    Failed("ClientError: x"),
    StopRequested(),
    RuntimeExceeded(),
    Interrupted(),
    Cleaned(),
]


def test_no_order_of_events_revives_an_ended_job_or_breaks_an_invariant() -> None:
    for order in itertools.permutations(ALL_EVENTS, 4):
        life = live(*READY, terms=SPOT)[0]
        for at, event in enumerate(order, start=4):
            after, commands = MACHINE.step(life, event, float(at))
            assert after is not None
            if life.terminal:
                assert (after, commands) == (life, ())
            assert after.terminal == (after.status in ("Completed", "Failed", "Stopped"))
            assert (after.reason is not None) == (after.ending == "Failed") or not after.terminal
            assert [entry.end is None for entry in after.history[:-1]] == [False] * (len(after.history) - 1)
            life = after


def test_a_life_survives_being_stored() -> None:
    for order in itertools.permutations(ALL_EVENTS, 4):
        life = live(*order, terms=SPOT)[0]
        assert MACHINE.load(MACHINE.dump(life)[1]) == life


DEADLINE = Alarm(62.0, RuntimeExceeded())


@pytest.mark.parametrize(
    ("events", "commands"),
    [
        ([], [Reserve(1, Granted(), Queued())]),
        (READY[:1], [Hold(1), Prepare()]),
        (READY[:2], [Hold(1), Stage(), DEADLINE]),
        (READY, [Hold(1), Launch(), DEADLINE]),
        (RUNNING, [Hold(1), WATCH, DEADLINE]),
        ([*RUNNING, StopRequested()], [Hold(1), STOP, WATCH]),
        ([*RUNNING, exited(0)], [Upload()]),
        ([*RUNNING, exited(0), Uploaded()], []),
    ],
)
def test_a_restart_gives_each_phase_its_pending_commands(events: list[Event], commands: list[Command]) -> None:
    assert list(MACHINE.resume(live(*events)[0])) == commands


def test_a_restart_in_a_cluster_watches_the_hosts_that_have_not_ended() -> None:
    life = live(*BOTH_RUNNING, exited(0), terms=PAIR)[0]
    assert list(MACHINE.resume(life)) == [Hold(2), Watch("algo-2", OTHER, 1), DEADLINE]


def test_a_restart_in_the_middle_of_an_interruption_cleans_up_first() -> None:
    life = live(*RUNNING, Interrupted(), exited(143), terms=SPOT)[0]
    assert list(MACHINE.resume(life)) == [Clean((BOX,)), Alarm(100.0, WaitExceeded())]


def test_a_life_that_an_emulator_of_one_host_stored_is_understood() -> None:
    """The document is what the emulator before schema version 2 wrote of a job that ran, and of one that had ended."""
    entry = {"status": "Training", "message": "", "start": 1.0, "end": None}
    stored = {
        "phase": "training",
        "status": "InProgress",
        "history": [entry],
        "max_runtime": 60,
        "log_stream": "algo-1-1700000000",
        "started_at": 2.0,
        "ended_at": None,
        "container": BOX,
        "ending": None,
        "reason": None,
        "metrics": [{"name": "loss", "value": 0.5, "at": 3.0}],
    }
    running = MACHINE.load(stored)
    assert (running.containers, running.log_epoch, running.deadline) == (ONE, 1700000000, 62.0)
    assert MACHINE.resume(running) == (Hold(1), WATCH, Alarm(62.0, RuntimeExceeded()))
    ended = MACHINE.load({**stored, "phase": "done", "status": "Completed", "ended_at": 5.5})
    assert (ended.seconds, ended.billable_seconds, ended.metrics) == (4, 4, (FinalMetric("loss", 0.5, 3.0),))
    assert MACHINE.load(MACHINE.dump(ended)[1]) == ended
