"""What tests ask for on purpose (``emulator.controls``), as it meets a training job: delays, failures, no capacity."""

from __future__ import annotations

from emulator.controls import Rule
from emulator.engines.port import EngineClosed
from emulator.machines.machine import Command, Event, Failed
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.training_job import commands
from emulator.sagemaker.training_job.events import Interrupted, Queued
from emulator.sagemaker.training_job.life import NOUN
from emulator.sagemaker.training_job.machine import TrainingJobMachine
from emulator.sagemaker.training_job.places import FIRST_HOST
from emulator.sagemaker.training_job.view import life_of
from emulator.state.store import Resource

_NO_CAPACITY = (
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance type."
)

_LOOK_SECONDS = 0.05


class Faults:
    """Asks the controls before each command."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def listen(self) -> None:
        """Heed from now on what is asked of jobs that run already."""
        self._platform.controls.subscribe("interrupt", self._interrupt_running)

    def before(self, resource: Resource, command: Command) -> Event | None:
        """The event that takes the place of carrying ``command`` out; None to go on with it, perhaps after a while."""
        status = _status(resource, command)
        if status is None:
            return None
        self._delay(resource, status)
        if isinstance(command, commands.Prepare) and (refused := self._refused(resource)) is not None:
            return refused
        if isinstance(command, commands.Watch):
            self._interrupt(resource)
        failing = self._platform.controls.take("fail", resource.key.name, status=status)
        return Failed(failing["reason"]) if failing is not None else None

    def _delay(self, resource: Resource, status: str) -> None:
        delay = self._platform.controls.take("delay", resource.key.name, status=status)
        if delay is not None:
            self._wait(resource, delay["seconds"])

    def _refused(self, resource: Resource) -> Event | None:
        refusal = self._platform.controls.take("refuse-capacity", resource.key.name)
        if refusal is None:
            return None
        self._platform.supervisor.post(resource, Queued())
        self._wait(resource, refusal["seconds"])
        return Failed(_NO_CAPACITY)

    def _wait(self, resource: Resource, seconds: float) -> None:
        """Let time pass, the emulator's, which tests can shift; less when something happens to the job meanwhile.

        Raises `EngineClosed`.
        """
        clock, until = self._platform.clock, self._platform.clock.now() + seconds
        while clock.now() < until:
            if self._platform.supervisor.closing.wait(_LOOK_SECONDS):
                raise EngineClosed
            present = self._platform.store.get(resource.key)
            if present is None or present.uid != resource.uid or _course(present) != _course(resource):
                return

    def _interrupt(self, resource: Resource) -> None:
        """Take the instances of a spot job away, now or in a while."""
        if not life_of(resource).terms.spot:
            return
        interruption = self._platform.controls.take("interrupt", resource.key.name)
        if interruption is not None:
            at = self._platform.clock.now() + interruption["after_seconds"]
            self._platform.supervisor.later(at, resource, Interrupted())

    def _interrupt_running(self, _rule: Rule) -> None:
        for resource in self._platform.store.scan(NOUN, TrainingJobMachine.living):
            if life_of(resource).phase == "training":
                self._interrupt(resource)


def _course(resource: Resource) -> tuple[str, str | None, str | None]:
    """Where a job is and what is to become of it: a stop, an interruption and a failing host change it."""
    life = life_of(resource)
    return life.phase, life.ending, life.again


def _status(resource: Resource, command: Command) -> str | None:
    """The secondary status in which a command is carried out; of a cluster's hosts, the first speaks for all.

    A container that is watched although its job never came to Training, being stopped before, has none.
    """
    match command:
        case commands.Prepare():
            return "Starting"
        case commands.Stage():
            return "Downloading"
        case commands.Watch(host) if host == FIRST_HOST and life_of(resource).phase == "training":
            return "Training"
        case commands.Upload():
            return "Uploading"
        case _:
            return None
