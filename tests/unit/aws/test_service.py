from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from emulator.arns import Scope
from emulator.aws import Call, Service, WireReply, WireRequest
from emulator.errors import AwsError, ModelError, ResourceInUse, ServiceUnavailable, Throttled, ValidationException

Make = Callable[..., WireRequest]
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def raising(error: Exception) -> Callable[[Call], NoReturn]:
    def handler(_call: Call) -> NoReturn:
        raise error

    return handler


def body(reply: WireReply) -> Any:
    return json.loads(reply.body)


def test_a_handler_gets_the_call_and_its_answer_is_projected(
    serve: Callable[..., Service], target: Make, scope: Scope
) -> None:
    calls = []

    def describe(call: Call) -> dict[str, Any]:
        calls.append(call)
        return {"TrainingJobName": call.input["TrainingJobName"], "Internal": 1}

    sagemaker = serve("sagemaker", {"DescribeTrainingJob": describe})
    reply = sagemaker.handle(target("DescribeTrainingJob", b'{"TrainingJobName": "a"}'), scope)
    assert (reply.status, body(reply)) == (200, {"TrainingJobName": "a"})
    assert reply.headers["Content-Type"] == "application/x-amz-json-1.1"
    assert calls == [Call(scope, "DescribeTrainingJob", {"TrainingJobName": "a"}, reply.headers["x-amzn-RequestId"])]
    assert UUID.fullmatch(reply.headers["x-amzn-RequestId"])


def test_an_operation_without_output_answers_an_empty_body(
    serve: Callable[..., Service], target: Make, scope: Scope
) -> None:
    sagemaker = serve("sagemaker", {"DeleteModel": lambda _call: None})
    reply = sagemaker.handle(target("DeleteModel", b'{"ModelName": "m"}'), scope)
    assert (reply.status, reply.body) == (200, b"")


def test_an_operation_with_output_answers_an_object_even_for_none(
    serve: Callable[..., Service], target: Make, scope: Scope
) -> None:
    sagemaker = serve("sagemaker", {"ListModels": lambda _call: None})
    assert sagemaker.handle(target("ListModels"), scope).body == b"{}"


def test_a_modelled_error_has_a_capital_message(serve: Callable[..., Service], target: Make, scope: Scope) -> None:
    sagemaker = serve("sagemaker", {"ListModels": raising(ResourceInUse("busy"))})
    reply = sagemaker.handle(target("ListModels"), scope)
    assert (reply.status, body(reply)) == (400, {"__type": "ResourceInUse", "Message": "busy"})
    assert reply.headers["x-amzn-ErrorType"] == "ResourceInUse"
    assert UUID.fullmatch(reply.headers["x-amzn-RequestId"])


def test_an_unmodelled_error_has_a_lower_case_message(
    serve: Callable[..., Service], target: Make, scope: Scope
) -> None:
    sagemaker = serve("sagemaker", {"ListModels": raising(ValidationException("no"))})
    reply = sagemaker.handle(target("ListModels"), scope)
    assert (reply.status, body(reply)) == (400, {"__type": "ValidationException", "message": "no"})


def test_an_error_keeps_its_status_unless_the_model_has_one(
    serve: Callable[..., Service], target: Make, scope: Scope
) -> None:
    sagemaker = serve("sagemaker", {"ListModels": raising(ServiceUnavailable("later"))})
    assert sagemaker.handle(target("ListModels"), scope).status == 503
    runtime = serve("sagemaker-runtime", {})
    assert runtime.error(AwsError("x", code="ModelNotReadyException")).status == 429


@pytest.mark.parametrize("headers", [{}, {"x-amz-target": "SageMaker.Nonesuch"}, {"x-amz-target": "ListModels"}])
def test_an_unknown_target_is_told(serve: Callable[..., Service], scope: Scope, headers: dict[str, str]) -> None:
    reply = serve("sagemaker", {}).handle(WireRequest("POST", "/", "", headers, b"{}"), scope)
    assert (reply.status, body(reply)["__type"]) == (400, "UnknownOperationException")


def test_an_operation_that_is_not_built_answers_501_and_says_so(
    serve: Callable[..., Service], target: Make, scope: Scope
) -> None:
    reply = serve("sagemaker", {}).handle(target("CreateHub"), scope)
    assert (reply.status, body(reply)["__type"]) == (501, "NotImplemented")
    assert "CreateHub" in body(reply)["message"]
    assert "not built" in body(reply)["message"]


def test_malformed_json_is_a_serialization_error(serve: Callable[..., Service], target: Make, scope: Scope) -> None:
    sagemaker = serve("sagemaker", {"ListModels": lambda _call: {}})
    reply = sagemaker.handle(target("ListModels", b"{not json"), scope)
    assert (reply.status, body(reply)["__type"]) == (400, "SerializationException")


@pytest.mark.parametrize("handler", [raising(KeyError("x")), lambda _call: {"Models": "wrong"}])
def test_a_mistake_of_ours_is_an_internal_failure_with_a_traceback_in_the_log(
    serve: Callable[..., Service],
    target: Make,
    scope: Scope,
    caplog: pytest.LogCaptureFixture,
    handler: Callable[[Call], Any],
) -> None:
    reply = serve("sagemaker", {"ListModels": handler}).handle(target("ListModels"), scope)
    assert (reply.status, body(reply)["__type"]) == (500, "InternalFailure")
    (record,) = caplog.records
    assert (record.levelno, record.name) == (logging.ERROR, "emulator.aws.service")
    assert record.exc_info is not None
    assert reply.headers["x-amzn-RequestId"] in record.getMessage()


def test_an_error_whose_fields_do_not_fit_still_reaches_the_client(
    serve: Callable[..., Service], scope: Scope, caplog: pytest.LogCaptureFixture
) -> None:
    runtime = serve(
        "sagemaker-runtime", {"InvokeEndpoint": raising(ModelError("m", fields={"OriginalStatusCode": "x"}))}
    )
    reply = runtime.handle(WireRequest("POST", "/endpoints/e/invocations", "", {}, b""), scope)
    assert (reply.status, body(reply)) == (424, {"Message": "m"})
    assert len(caplog.records) == 1


def test_a_handler_for_an_operation_that_does_not_exist_is_found_at_start(serve: Callable[..., Service]) -> None:
    with pytest.raises(LookupError, match="sagemaker has no operation CreateModle"):
        serve("sagemaker", {"CreateModle": lambda _call: None}).warm()


def test_making_a_service_loads_nothing() -> None:
    loaded: list[str] = []
    service = Service("sagemaker", {}, load=lambda name: loaded.append(name) or pytest.fail("loaded"))  # type: ignore[func-returns-value]
    assert (service.name, loaded) == ("sagemaker", [])


def test_what_is_asked_before_an_operation_can_refuse_it_unread() -> None:
    asked: list[str] = []

    def before(operation: str) -> None:
        asked.append(operation)
        raise Throttled("Rate exceeded")

    service = Service("sagemaker", {}, before=before)
    target = {"x-amz-target": "SageMaker.CreateModel"}
    reply = service.handle(WireRequest("POST", "/", "", target, b"no JSON"), Scope("123456789012", "us-east-1"))
    assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (400, "ThrottlingException")
    assert json.loads(reply.body) == {"__type": "ThrottlingException", "message": "Rate exceeded"}
    assert asked == ["CreateModel"]
    assert service.has("CreateModel")
    assert not service.has("CreateModels")
