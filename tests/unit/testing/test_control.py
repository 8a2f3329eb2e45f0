"""The control API over the wire, through its own client: what it keeps, what it does, and what it refuses."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.app import Emulator
from emulator.settings import Settings
from emulator.testing import Control, ControlError


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(Settings(port=0, ephemeral=True, engine="process", control=True)) as running:
        yield running


@pytest.fixture
def control(emulator: Emulator) -> Iterator[Control]:
    with Control(emulator.url) as client:
        yield client


def client(emulator: Emulator, service: str) -> Any:
    """A client that does not retry."""
    return emulator.client(service, config=Config(retries={"total_max_attempts": 1}))


def ask(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, json.load(reply)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_every_rule_is_listed_as_it_was_added_until_it_is_removed(control: Control) -> None:
    added = [
        control.interrupt("spot", after_seconds=5),
        control.refuse_capacity(times=3, seconds=60),
        control.delay("slow", seconds=2, status="Uploading"),
        control.fail("bad", reason="AlgorithmError: on purpose", status="Training"),
        control.throttle("CreateModel"),
    ]
    assert control.rules() == added
    ids = [rule.pop("id") for rule in added]
    assert added == [
        {"action": "interrupt", "name": "spot", "times": 1, "after_seconds": 5},
        {"action": "refuse-capacity", "name": None, "times": 3, "seconds": 60},
        {"action": "delay", "name": "slow", "times": 1, "seconds": 2, "status": "Uploading"},
        {"action": "fail", "name": "bad", "times": 1, "reason": "AlgorithmError: on purpose", "status": "Training"},
        {"action": "throttle", "name": "CreateModel", "times": 1},
    ]
    control.remove(ids[0])
    assert [rule["id"] for rule in control.rules()] == ids[1:]
    with pytest.raises(ControlError, match=f"There is no rule {ids[0]}"):
        control.remove(ids[0])
    control.clear()
    assert control.rules() == []


def test_the_end_of_a_with_statement_drops_every_rule(emulator: Emulator) -> None:
    with Control(emulator.url) as control:
        control.throttle(times=1000)
    assert control.rules() == []
    assert client(emulator, "sagemaker").list_models()["Models"] == []


def test_a_new_rule_answers_201(emulator: Emulator, control: Control) -> None:
    status, rule = ask(f"{emulator.url}/_emulator/control", "POST", b'{"action": "throttle", "times": 2}')
    assert (status, rule["times"]) == (201, 2)
    assert control.rules() == [rule]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "must be a JSON object"),
        (b"[]", "must be a JSON object"),
        (b"{", "must be a JSON object"),
        (b"[" * 60000, "must be a JSON object"),
        (b"{}" + b" " * 70000, "larger than 65536 bytes"),
        (b"{}", "action must be one of"),
        (b'{"action": "throttle", "times": 0}', "times must be"),
        (b'{"action": "throttle", "rate": 1}', "throttle has no parameter rate"),
        (b'{"action": "delay", "seconds": NaN}', "seconds must be"),
        (b'{"action": "throttle", "name": "CreateTrainingJobs"}', "name must be an operation of SageMaker"),
    ],
)
def test_what_is_no_rule_answers_400_and_says_why(emulator: Emulator, body: bytes, message: str) -> None:
    status, answer = ask(f"{emulator.url}/_emulator/control", "POST", body)
    assert status == 400
    assert message in answer["message"]


@pytest.mark.parametrize("body", [b'{"seconds": 0}', b'{"seconds": -5}', b'{"seconds": 5, "minutes": 1}', b"{}"])
def test_a_clock_that_would_not_go_ahead_stays(emulator: Emulator, body: bytes) -> None:
    before = ask(f"{emulator.url}/_emulator/control")
    assert ask(f"{emulator.url}/_emulator/control/clock", "POST", body)[0] == 400
    assert ask(f"{emulator.url}/_emulator/control") == before


def test_a_throttled_operation_does_nothing_and_the_next_call_works(emulator: Emulator, control: Control) -> None:
    control.throttle("CreateModel")
    sagemaker = client(emulator, "sagemaker")
    asked = {"ModelName": "m", "ExecutionRoleArn": "arn:aws:iam::123456789012:role/r"}
    asked["PrimaryContainer"] = {"Image": "image"}  # type: ignore[assignment]
    assert sagemaker.list_models()["Models"] == []  # another operation
    with pytest.raises(ClientError) as raised:
        sagemaker.create_model(**asked)
    assert raised.value.response["Error"] == {"Code": "ThrottlingException", "Message": "Rate exceeded"}
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert sagemaker.list_models()["Models"] == []
    sagemaker.create_model(**asked)
    sagemaker.delete_model(ModelName="m")


def test_a_throttled_call_is_not_even_validated(emulator: Emulator, control: Control) -> None:
    control.throttle()
    answers = []
    for _ in range(2):
        target = {"X-Amz-Target": "SageMaker.CreateTrainingJob", "Content-Type": "application/x-amz-json-1.1"}
        answers.append(ask(emulator.url, "POST", b"no JSON", **target)[1]["__type"])
    assert answers == ["ThrottlingException", "SerializationException"]


def test_a_client_retries_by_itself_what_was_throttled(emulator: Emulator, control: Control) -> None:
    control.throttle("ListModels", times=2)
    patient = emulator.client("sagemaker", config=Config(retries={"total_max_attempts": 3}))
    assert patient.list_models()["ResponseMetadata"]["RetryAttempts"] == 2


def test_an_invocation_is_throttled_in_its_own_protocol(emulator: Emulator, control: Control) -> None:
    control.throttle("InvokeEndpoint")
    runtime = client(emulator, "sagemaker-runtime")
    codes = []
    for _ in range(2):
        with pytest.raises(ClientError) as raised:
            runtime.invoke_endpoint(EndpointName="none", Body=b"x" * 100_000)
        codes.append(raised.value.response["Error"]["Code"])
    assert codes == ["ThrottlingException", "ValidationError"]


def test_a_shifted_clock_dates_what_is_created_and_a_reset_sets_it_back(emulator: Emulator, control: Control) -> None:
    year = 365 * 86400
    sagemaker = client(emulator, "sagemaker")

    def created() -> float:
        asked = {"Image": "image"}
        role = "arn:aws:iam::123456789012:role/r"
        sagemaker.create_model(ModelName="m", PrimaryContainer=asked, ExecutionRoleArn=role)
        at: float = sagemaker.describe_model(ModelName="m")["CreationTime"].timestamp()
        sagemaker.delete_model(ModelName="m")
        return at

    before = created()
    assert control.shift_clock(year) == year
    assert control.shift_clock(60) == year + 60
    assert created() >= before + year + 60
    control.throttle()
    emulator.reset()
    assert control.rules() == []
    assert created() < before + year
    assert ask(f"{emulator.url}/_emulator/control")[1]["clock_offset_seconds"] == 0


def test_pages_of_other_sites_and_foreign_names_are_refused(emulator: Emulator) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        status, _ = ask(f"{emulator.url}/_emulator/control", "POST", b'{"action": "throttle"}', **headers)
        assert status == 403
    assert Control(emulator.url).rules() == []


def test_the_url_may_come_from_the_environment(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.url + "/")
    assert Control().rules() == []
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    with pytest.raises(ControlError, match="needs the emulator's URL"):
        Control()


def test_an_emulator_that_is_not_there_is_an_error_that_names_it() -> None:
    with pytest.raises(ControlError, match=r"does not answer at http://127\.0\.0\.1:9/_emulator/control"):
        Control("http://127.0.0.1:9").rules()
