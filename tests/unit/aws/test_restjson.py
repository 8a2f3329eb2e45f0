from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from emulator.arns import Scope
from emulator.aws import Call, Operation, Service, WireRequest
from emulator.errors import AwsError, ModelError, NotBuilt


@pytest.fixture
def invoke(serve: Callable[..., Service]) -> Operation:
    operation: Operation = serve("sagemaker-runtime", {}).operation("InvokeEndpoint")
    return operation


def invocation(path: str = "/endpoints/e/invocations", body: bytes = b"", **headers: str) -> WireRequest:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return WireRequest("POST", path, "", names, body)


def test_the_body_of_an_invocation_is_untouched(invoke: Operation) -> None:
    blob = bytes(range(256))
    assert invoke.parse(invocation(body=blob, content_type="application/x-npy")) == {
        "EndpointName": "e",
        "ContentType": "application/x-npy",
        "Body": blob,
    }


def test_an_empty_body_is_an_empty_blob_where_one_is_required(invoke: Operation) -> None:
    assert invoke.parse(invocation())["Body"] == b""


def test_the_head_is_read_without_the_body(invoke: Operation) -> None:
    request = invocation(x_amzn_sagemaker_target_variant="blue", x_amzn_sagemaker_custom_attributes="a=1", host="h")
    assert invoke.parse_head(request) == {"EndpointName": "e", "TargetVariant": "blue", "CustomAttributes": "a=1"}


def test_the_head_is_validated_in_the_runtimes_spelling(invoke: Operation) -> None:
    with pytest.raises(AwsError) as caught:
        invoke.parse_head(invocation("/endpoints/no_good/invocations", x_amzn_sagemaker_target_variant="-"))
    assert (caught.value.code, caught.value.status) == ("ValidationError", 400)
    assert caught.value.message.startswith("2 validation errors detected: Value 'no_good' at 'endpointName' failed")


def test_a_body_over_the_limit_is_refused_without_repeating_it(invoke: Operation) -> None:
    with pytest.raises(AwsError) as caught:
        invoke.parse(invocation(body=b"x" * 6_291_457))
    assert caught.value.message == (
        "1 validation error detected: Value at 'body' failed to satisfy constraint: "
        "Member must have length less than or equal to 6291456"
    )


def test_custom_attributes_are_sensitive(invoke: Operation) -> None:
    with pytest.raises(AwsError) as caught:
        invoke.parse_head(invocation(x_amzn_sagemaker_custom_attributes="s3cr3t" * 1_000))
    assert "s3cr3t" not in caught.value.message


def test_a_reply_carries_headers_and_the_raw_body(invoke: Operation) -> None:
    output = {
        "Body": b"\x00\xff",
        "ContentType": "image/png",
        "InvokedProductionVariant": "blue",
        "CustomAttributes": None,
    }
    reply = invoke.reply(output, "an-id")
    assert (reply.status, reply.body) == (200, b"\x00\xff")
    assert reply.headers == {
        "Content-Type": "image/png",
        "x-Amzn-Invoked-Production-Variant": "blue",
        "x-amzn-RequestId": "an-id",
    }
    assert invoke.reply_head(output, "an-id") == reply.headers


def test_a_body_without_a_content_type_is_octets(invoke: Operation) -> None:
    assert invoke.reply({"Body": b"x"}).headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\0b"])
def test_a_container_cannot_smuggle_headers_into_a_reply(invoke: Operation, value: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        invoke.reply_head({"CustomAttributes": value})


def test_a_model_error_shows_what_the_container_said(serve: Callable[..., Service]) -> None:
    fields = {"OriginalStatusCode": 503, "OriginalMessage": "boom", "LogStreamArn": "arn:x", "Internal": 1}
    reply = serve("sagemaker-runtime", {}).error(ModelError("Received server error", fields=fields), "an-id")
    assert reply.status == 424
    assert reply.headers == {
        "Content-Type": "application/json",
        "x-amzn-RequestId": "an-id",
        "x-amzn-ErrorType": "ModelError",
    }
    assert json.loads(reply.body) == {
        "Message": "Received server error",
        "OriginalStatusCode": 503,
        "OriginalMessage": "boom",
        "LogStreamArn": "arn:x",
    }


def test_the_status_of_a_success_comes_from_the_model(serve: Callable[..., Service], scope: Scope) -> None:
    def accept(call: Call) -> dict[str, Any]:
        return {"InferenceId": call.input["InferenceId"], "OutputLocation": "s3://b/k"}

    runtime = serve("sagemaker-runtime", {"InvokeEndpointAsync": accept})
    headers = {"x-amzn-sagemaker-inputlocation": "s3://b/in", "x-amzn-sagemaker-inference-id": "i"}
    reply = runtime.handle(WireRequest("POST", "/endpoints/e/async-invocations", "", headers, b""), scope)
    assert (reply.status, json.loads(reply.body)) == (202, {"InferenceId": "i"})
    assert reply.headers["X-Amzn-SageMaker-OutputLocation"] == "s3://b/k"


def test_an_event_stream_has_a_head_but_no_whole_reply(serve: Callable[..., Service]) -> None:
    operation = serve("sagemaker-runtime", {}).operation("InvokeEndpointWithResponseStream")
    output = {"ContentType": "text/plain", "Body": object()}
    assert operation.reply_head(output)["X-Amzn-SageMaker-Content-Type"] == "text/plain"
    with pytest.raises(NotBuilt):
        operation.reply(output)


def test_a_label_a_query_and_a_body_are_read_together(serve: Callable[..., Service]) -> None:
    store = serve("sagemaker-featurestore-runtime", {})
    get = WireRequest(
        "GET", "/FeatureGroup/g%2D1", "RecordIdentifierValueAsString=a+b&FeatureName=x&FeatureName=y", {}, b""
    )
    assert store.operation_of(get) == "GetRecord"
    assert store.operation("GetRecord").parse(get) == {
        "FeatureGroupName": "g-1",
        "RecordIdentifierValueAsString": "a b",
        "FeatureNames": ["x", "y"],
    }
    put = WireRequest("PUT", "/FeatureGroup/g", "", {}, b'{"Record": [{"FeatureName": "x", "ValueAsString": "1"}]}')
    assert store.operation("PutRecord").parse(put)["Record"] == [{"FeatureName": "x", "ValueAsString": "1"}]


def test_a_bad_list_in_the_query_is_told_on_the_list(serve: Callable[..., Service]) -> None:
    store = serve("sagemaker-featurestore-runtime", {})
    get = WireRequest("GET", "/FeatureGroup/g", "RecordIdentifierValueAsString=a&FeatureName=-", {}, b"")
    with pytest.raises(AwsError) as caught:
        store.operation("GetRecord").parse(get)
    assert "Value '[-]' at 'featureNames' failed to satisfy constraint: Member must satisfy constraint: [" in str(
        caught.value
    )


def test_an_unknown_path_and_one_that_is_not_built_differ(serve: Callable[..., Service], scope: Scope) -> None:
    runtime = serve("sagemaker-runtime", {})
    assert runtime.handle(invocation("/nonesuch"), scope).headers["x-amzn-ErrorType"] == "UnknownOperationException"
    reply = runtime.handle(invocation(), scope)
    assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (501, "NotImplemented")
    assert "InvokeEndpoint" in json.loads(reply.body)["message"]
