"""The reference is complete: what the code has is documented, and what is generated is up to date."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from docs import generate
from emulator.cli.main import NAME, cli
from emulator.machines.machine import Event, Failed
from emulator.sagemaker.training_job import events, life, machine
from emulator.settings import ENV_PREFIX, Settings
from tests.docs.markdown import ROOT

REFERENCE = ROOT / "docs" / "reference"


@pytest.mark.parametrize(("path", "text"), generate.documents().items(), ids=lambda value: getattr(value, "name", ""))
def test_what_is_generated_is_up_to_date(path: Path, text: str) -> None:
    assert path.read_text(encoding="utf-8") == text, "run `make docs`"


def test_every_built_operation_is_listed_with_its_level() -> None:
    page = (REFERENCE / "operations.md").read_text(encoding="utf-8")
    for service, built in generate.levels().items():
        for operation, level in built.items():
            assert f"| `{service}` | `{operation}` | {level} |" in page


def test_jobs_and_endpoints_are_executed_and_records_are_stateful() -> None:
    levels = generate.levels()["sagemaker"]
    assert levels["CreateTrainingJob"] == levels["StopTrainingJob"] == levels["CreateEndpoint"] == "EXECUTED"
    assert levels["CreateModel"] == levels["CreateEndpointConfig"] == levels["AddTags"] == "STATEFUL"


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_every_setting_is_in_the_reference_and_in_the_guide(field: object) -> None:
    name = str(getattr(field, "name"))  # noqa: B009 - a dataclass field has no public generic type
    reference = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    guide = (ROOT / "docs" / "guide" / "configuration.md").read_text(encoding="utf-8")
    option = "--" + name.replace("_", "-")
    assert f"`{option}`" in reference
    assert f"`{ENV_PREFIX}{name.upper()}`" in reference
    assert f"| `{option}` |" in guide


def test_every_command_is_in_the_reference() -> None:
    page = (REFERENCE / "cli.md").read_text(encoding="utf-8")
    paths = [path for path, command in generate.commands(cli, NAME) if not hasattr(command, "list_commands")]
    assert len(paths) >= 8
    assert [path for path in paths if f"## {path}\n" not in page] == []


READY: list[Event] = [events.Granted(), events.Prepared(), events.Staged(), events.Launched({"algo-1": {}})]
LIVES: dict[str, list[Event]] = {
    "completes": [*READY, events.Exited("algo-1", 1, 0), events.Uploaded()],
    "waits": [events.Queued(), *READY, events.Exited("algo-1", 1, 0), events.Uploaded()],
    "fails": [*READY, events.Exited("algo-1", 1, 1), events.Uploaded()],
    "cannot be staged": [*READY[:2], Failed("ClientError: Data download failed:why")],
    "is stopped": [*READY, events.StopRequested(), events.Exited("algo-1", 1, 143), events.Uploaded()],
    "takes too long": [*READY, events.RuntimeExceeded(), events.Exited("algo-1", 1, 137), events.Uploaded()],
    "waits too long": [*READY, events.WaitExceeded(), events.Exited("algo-1", 1, 137), events.Uploaded()],
    "is interrupted": [
        *[*READY, events.Interrupted(), events.Exited("algo-1", 1, 143), events.Cleaned()],
        *[*READY, events.Exited("algo-1", 2, 0), events.Uploaded()],
    ],
}
TERMS = life.Terms(("algo-1",), 4.0, max_wait=100.0, spot=True)


@pytest.mark.parametrize("happening", LIVES.values(), ids=LIVES)
def test_every_status_and_message_of_a_training_job_is_in_the_reference(happening: list[Event]) -> None:
    page = (REFERENCE / "training.md").read_text(encoding="utf-8")
    rules, job = machine.TrainingJobMachine(), machine.begin(0.0, TERMS)
    shown = {(entry.status, entry.message) for entry in job.history}
    for at, event in enumerate(happening, start=3):
        after, _ = rules.step(job, event, float(at))
        assert after is not None
        job = after
        shown |= {(entry.status, entry.message) for entry in job.history}
    assert job.terminal
    assert [one for one in sorted(shown) if f"| {one[0]} | `{one[1]}` |" not in page] == []
