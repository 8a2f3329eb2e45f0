"""The life of a training job, as a pure function."""

from __future__ import annotations

import itertools

import pytest

from emulator.machines.machine import Alarm, Command, Event, Failed
from emulator.sagemaker.training_job.machine import (
    Clean,
    Exited,
    FinalMetric,
    Launch,
    Launched,
    Lost,
    Prepare,
    Prepared,
    RuntimeExceeded,
    Stage,
    Staged,
    Stop,
    StopRequested,
    TrainingJob,
    TrainingJobMachine,
    Upload,
    Uploaded,
    Watch,
    begin,
)

MACHINE = TrainingJobMachine()
BOX = {"id": "c1"}


def live(*events: Event) -> tuple[TrainingJob, list[Command]]:
    """The job after the events, one a second from second 1, and the commands of the last one."""
    life, commands = begin(0.0, 60.0), list(MACHINE.resume(begin(0.0, 60.0)))
    for at, event in enumerate(events, start=1):
        after, answered = MACHINE.step(life, event, float(at))
        assert after is not None
        life, commands = after, list(answered)
    return life, commands


def statuses(life: TrainingJob) -> list[tuple[str, str]]:
    return [(entry.status, entry.message) for entry in life.history]


def test_a_job_that_succeeds_takes_each_step_once_in_order() -> None:
    assert live()[1] == [Prepare()]
    assert live(Prepared())[1] == [Stage(), Alarm(61.0, RuntimeExceeded())]
    assert live(Prepared(), Staged())[1] == [Launch()]
    assert live(Prepared(), Staged(), Launched(BOX))[1] == [Watch(BOX)]
    assert live(Prepared(), Staged(), Launched(BOX), Exited(0))[1] == [Upload()]
    assert live(Prepared(), Staged(), Launched(BOX), Exited(0), Uploaded())[1] == [Clean(BOX)]


def test_a_job_that_succeeds_shows_the_services_statuses_and_messages() -> None:
    life, _ = live(Prepared(), Staged(), Launched(BOX), Exited(0), Uploaded())
    assert life.status == "Completed"
    assert statuses(life) == [
        ("Starting", "Preparing the instances for training"),
        ("Downloading", "Downloading the training image"),
        ("Training", "Training image download completed. Training in progress."),
        ("Uploading", "Uploading generated training model"),
        ("Completed", "Training job completed"),
    ]
    assert [(entry.start, entry.end) for entry in life.history] == [(0, 1), (1, 3), (3, 4), (4, 5), (5, 5)]
    assert (life.started_at, life.ended_at, life.seconds) == (1.0, 5.0, 4)


@pytest.mark.parametrize("failure", ["", "bad data"])
def test_an_exit_code_fails_the_job_after_its_artifacts_are_kept(failure: str) -> None:
    life, commands = live(Prepared(), Staged(), Launched(BOX), Exited(3, failure=failure))
    assert commands == [Upload()]
    life, _ = live(Prepared(), Staged(), Launched(BOX), Exited(3, failure=failure), Uploaded())
    assert (life.status, life.secondary) == ("Failed", "Failed")
    assert life.reason == f"AlgorithmError: {failure}, exit code: 3"


def test_a_failure_reason_is_cut_at_1024_characters() -> None:
    life, _ = live(Prepared(), Staged(), Launched(BOX), Exited(1, failure="x" * 2000), Uploaded())
    assert life.reason is not None
    assert len(life.reason) == 1024


def test_running_out_of_memory_has_its_own_reason() -> None:
    life, _ = live(Prepared(), Staged(), Launched(BOX), Exited(137, out_of_memory=True), Uploaded())
    assert life.reason is not None
    assert life.reason.startswith("ClientError: Please use an instance type with more memory")


def test_the_algorithms_reason_is_kept_when_the_upload_fails_too() -> None:
    life, _ = live(Prepared(), Staged(), Launched(BOX), Exited(3, failure="why"), Failed("ClientError: no bucket"))
    assert life.reason == "AlgorithmError: why, exit code: 3"


@pytest.mark.parametrize("events", [[], [Prepared()], [Prepared(), Staged()]])
def test_what_goes_wrong_before_training_fails_the_job_and_cleans_up(events: list[Event]) -> None:
    life, commands = live(*events, Failed("ClientError: why"))
    assert (life.status, life.secondary, life.reason) == ("Failed", "Failed", "ClientError: why")
    assert commands == [Clean(None)]
    assert (life.ended_at is None) == (life.started_at is None) == (not events)


def test_an_upload_that_fails_fails_the_job() -> None:
    life, _ = live(Prepared(), Staged(), Launched(BOX), Exited(0), Failed("ClientError: Artifact upload failed:x"))
    assert (life.status, life.reason) == ("Failed", "ClientError: Artifact upload failed:x")


def test_a_stop_while_training_stops_the_container_and_keeps_its_artifacts() -> None:
    life, commands = live(Prepared(), Staged(), Launched(BOX), StopRequested())
    assert (life.status, life.secondary) == ("Stopping", "Stopping")
    assert commands == [Stop(BOX, 120.0)]
    life, commands = live(Prepared(), Staged(), Launched(BOX), StopRequested(), Exited(143))
    assert commands == [Upload()]
    life, _ = live(Prepared(), Staged(), Launched(BOX), StopRequested(), Exited(143), Uploaded())
    assert (life.status, life.secondary, life.reason) == ("Stopped", "Stopped", None)
    assert [entry.status for entry in life.history] == ["Starting", "Downloading", "Training", "Stopping", "Stopped"]


@pytest.mark.parametrize("events", [[StopRequested(), Prepared()], [Prepared(), StopRequested(), Staged()]])
def test_a_stop_during_download_ends_stopped_without_a_container(events: list[Event]) -> None:
    life, commands = live(*events)
    assert (life.status, life.container) == ("Stopped", None)
    assert commands == [Clean(None)]


def test_a_stop_during_launch_stops_the_container_once_it_is_known() -> None:
    life, commands = live(Prepared(), Staged(), StopRequested(), Launched(BOX))
    assert life.status == "Stopping"
    assert commands == [Stop(BOX, 120.0), Watch(BOX)]


def test_a_failure_while_stopping_is_still_a_stop() -> None:
    life, _ = live(Prepared(), StopRequested(), Failed("ClientError: download failed"))
    assert (life.status, life.reason) == ("Stopped", None)


RUNNING = [Prepared(), Staged(), Launched(BOX)]


@pytest.mark.parametrize("ending", [StopRequested(), RuntimeExceeded()])
@pytest.mark.parametrize("trouble", [Lost("InternalServerError: why"), Failed("InternalServerError: why")])
def test_what_goes_wrong_while_a_container_is_stopped_keeps_its_artifacts(ending: Event, trouble: Event) -> None:
    assert live(*RUNNING, ending, trouble)[1] == [Upload()]
    life, commands = live(*RUNNING, ending, trouble, Uploaded())
    assert (life.status, life.reason, commands) == ("Stopped", None, [Clean(BOX)])


def test_a_container_that_the_upload_removes_is_not_mourned() -> None:
    uploading = live(*RUNNING, StopRequested(), Lost("refused"))[0]
    assert MACHINE.step(uploading, Lost("removed"), 9.0) == (uploading, ())


def test_a_container_that_is_lost_in_training_fails_the_job() -> None:
    life, commands = live(*RUNNING, Lost("InternalServerError: why"))
    assert (life.status, life.reason, commands) == ("Failed", "InternalServerError: why", [Clean(BOX)])


def test_the_runtime_limit_stops_the_job_under_its_own_status() -> None:
    life, _ = live(Prepared(), Staged(), Launched(BOX), RuntimeExceeded(), Exited(0), Uploaded())
    assert (life.status, life.secondary) == ("Stopped", "MaxRuntimeExceeded")


def test_a_second_stop_changes_nothing() -> None:
    once = live(Prepared(), Staged(), Launched(BOX), StopRequested())[0]
    assert MACHINE.step(once, StopRequested(), 9.0) == (once, ())


def test_an_alarm_of_a_job_that_has_exited_changes_nothing() -> None:
    uploading = live(Prepared(), Staged(), Launched(BOX), Exited(0))[0]
    assert MACHINE.step(uploading, RuntimeExceeded(), 99.0) == (uploading, ())


def test_metrics_of_the_container_become_the_jobs() -> None:
    metric = FinalMetric("validation:rmse", 0.5, 3.0)
    assert live(Prepared(), Staged(), Launched(BOX), Exited(0, metrics=(metric,)))[0].metrics == (metric,)


ALL_EVENTS: list[Event] = [
    Prepared(),
    Staged(),
    Launched(BOX),
    Exited(0),
    Exited(1, failure="x"),
    Uploaded(),
    Lost("InternalServerError: x"),
    Failed("ClientError: x"),
    StopRequested(),
    RuntimeExceeded(),
]


def test_no_order_of_events_revives_an_ended_job_or_breaks_an_invariant() -> None:
    for order in itertools.permutations(ALL_EVENTS, 5):
        life = begin(0.0, 60.0)
        for at, event in enumerate(order, start=1):
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
        life = live(*order)[0]
        assert MACHINE.load(MACHINE.dump(life)[1]) == life


@pytest.mark.parametrize(
    ("events", "commands"),
    [
        ([], [Prepare()]),
        ([Prepared()], [Stage(), Alarm(61.0, RuntimeExceeded())]),
        ([Prepared(), Staged()], [Launch(), Alarm(61.0, RuntimeExceeded())]),
        ([Prepared(), Staged(), Launched(BOX)], [Watch(BOX), Alarm(61.0, RuntimeExceeded())]),
        ([Prepared(), Staged(), Launched(BOX), StopRequested()], [Stop(BOX, 120.0), Watch(BOX)]),
        ([Prepared(), Staged(), Launched(BOX), Exited(0)], [Upload()]),
        ([Prepared(), Staged(), Launched(BOX), Exited(0), Uploaded()], []),
    ],
)
def test_a_restart_gives_each_phase_its_pending_commands(events: list[Event], commands: list[Command]) -> None:
    assert list(MACHINE.resume(live(*events)[0])) == commands
