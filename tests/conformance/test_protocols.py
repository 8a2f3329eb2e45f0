"""botocore's protocol test cases, run from the server's side (see ``protocols/README.md``)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import HeadersDict
from botocore.model import ServiceModel
from botocore.parsers import create_parser

from emulator.aws import WireReply, WireRequest
from emulator.aws.model import Model, Shape
from emulator.aws.protocol import Protocol
from emulator.aws.scalars import SPECIAL_FLOATS
from emulator.aws.service import PROTOCOLS
from emulator.errors import AwsError

HERE = Path(__file__).parent / "protocols"

_NOTHING = "an empty value leaves nothing on the wire that a server could read"
_NO_BODY = "the case records no compressed body, only that the client compressed one"
_OTHER_SPELLING = "another spelling of an error code that clients accept; we always send the plain one"
_OTHER_OFFSET = "another spelling of a moment that clients accept; we always write UTC"
_TOLERATED = "a client tolerates this in a reply; our replies never hold it"

EXCEPTIONS: dict[str, dict[str, str]] = {
    "input": {
        "json-SDKAppliedContentEncoding_awsJson1_1": _NO_BODY,
        "json-SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_1": _NO_BODY,
        "rest-json-SDKAppliedContentEncoding_restJson1": _NO_BODY,
        "rest-json-SDKAppendedGzipAfterProvidedEncoding_restJson1": _NO_BODY,
        "rest-json-RestJsonHostWithPath": "the client's endpoint has a path of its own; our services live at the root",
        "rest-json-RestJsonHttpPrefixHeadersAreNotPresent": _NOTHING,
        "rest-json-RestJsonOmitsEmptyListQueryValues": _NOTHING,
        "rest-json-RestJsonQueryIdempotencyTokenAutoFill": "the client makes up the token that it sends",
        "rest-json-RestJsonQueryParamsStringListMap": "a map of the query string holds all of it for a server",
        "rest-json-RestJsonQueryPrecedence": "two members share a name on the wire; the client drops one of them",
        "rest-json-RestJsonHttpWithEmptyStructurePayload": "the client sends {} for a structure that is absent",
        "rest-json-RestJsonHttpWithHeadersButNoPayload": "the client sends {} for a structure that is absent",
    },
    "output": {
        "json-AwsJson11DateTimeWithNegativeOffset": _OTHER_OFFSET,
        "json-AwsJson11DateTimeWithPositiveOffset": _OTHER_OFFSET,
        "rest-json-RestJsonDateTimeWithNegativeOffset": _OTHER_OFFSET,
        "rest-json-RestJsonDateTimeWithPositiveOffset": _OTHER_OFFSET,
        "json-handles_unexpected_json_output": _TOLERATED,
        "json-AwsJson11IntEnums": "its reply repeats the request's X-Amz-Target, which no reply needs",
        "json-AwsJson11DeserializeIgnoreType": _TOLERATED,
        "json-AwsJson11StructuresDontDeserializeNullValues": _TOLERATED,
        "rest-json-RestJsonDeserializesDenseSetMapAndSkipsNull": _TOLERATED,
        "rest-json-RestJsonDeserializeIgnoreType": _TOLERATED,
        "rest-json-RestJsonDoesntDeserializeNullStructureValues": _TOLERATED,
        "json-AwsJson11FooErrorUsingXAmznErrorType": _OTHER_SPELLING,
        "json-AwsJson11FooErrorUsingXAmznErrorTypeWithUri": _OTHER_SPELLING,
        "json-AwsJson11FooErrorUsingXAmznErrorTypeWithUriAndNamespace": _OTHER_SPELLING,
        "json-AwsJson11FooErrorUsingCode": _OTHER_SPELLING,
        "json-AwsJson11FooErrorUsingCodeAndNamespace": _OTHER_SPELLING,
        "json-AwsJson11FooErrorUsingCodeUriAndNamespace": _OTHER_SPELLING,
        "json-AwsJson11FooErrorWithDunderTypeAndNamespace": _OTHER_SPELLING,
        "json-AwsJson11FooErrorWithDunderTypeUriAndNamespace": _OTHER_SPELLING,
        "rest-json-RestJsonFooErrorUsingXAmznErrorTypeWithUri": _OTHER_SPELLING,
        "rest-json-RestJsonFooErrorUsingXAmznErrorTypeWithUriAndNamespace": _OTHER_SPELLING,
        "rest-json-RestJsonFooErrorUsingCode": _OTHER_SPELLING,
        "rest-json-RestJsonFooErrorUsingCodeAndNamespace": _OTHER_SPELLING,
        "rest-json-RestJsonFooErrorUsingCodeUriAndNamespace": _OTHER_SPELLING,
        "rest-json-RestJsonFooErrorWithDunderType": _OTHER_SPELLING,
        "rest-json-RestJsonFooErrorWithDunderTypeAndNamespace": _OTHER_SPELLING,
        "rest-json-RestJsonFooErrorWithDunderTypeUriAndNamespace": _OTHER_SPELLING,
    },
}
"""Every case that we do not reproduce, with the reason. A listed case that begins to pass fails the suite."""


@dataclass(frozen=True)
class Case:
    """One test case with the model that its suite puts around it."""

    id: str
    model: Model
    operation: str
    fields: dict[str, Any]

    @property
    def protocol(self) -> Protocol:
        return PROTOCOLS[self.model.metadata["protocol"]](self.model)

    def shape(self, place: str) -> Shape:
        return self.model.shapes[self.model.operations[self.operation][place]["shape"]]


def cases(direction: str) -> Iterator[Case]:
    for protocol in PROTOCOLS:
        for suite in json.loads((HERE / direction / f"{protocol}.json").read_text()):
            for fields in suite["cases"]:
                given = fields["given"]
                model = Model(suite["metadata"], {given["name"]: given}, suite["shapes"])
                yield Case(f"{protocol}-{fields['id']}", model, given["name"], fields)


INPUT = {case.id: case for case in cases("input")}
OUTPUT = {case.id: case for case in cases("output")}
CASES = {"input": INPUT, "output": OUTPUT}


def request_of(case: Case) -> WireRequest:
    sent = case.fields["serialized"]
    uri = urlsplit(sent["uri"])
    headers = {name.lower(): value for name, value in sent.get("headers", {}).items()}
    return WireRequest(sent["method"], uri.path, uri.query, headers, sent.get("body", "").encode())


def reply_of(case: Case) -> WireReply:
    code = case.fields.get("errorCode")
    if code is None:
        answer = {}
        if case.fields["result"]:
            answer = as_plain(case.model, case.shape("output"), case.fields["result"])
        return case.protocol.operation(case.operation).reply(answer, "amazon-uniq-request-id")
    status = case.fields["response"]["status_code"]
    error = AwsError(case.fields.get("errorMessage", ""), code=code, status=status, fields=case.fields["error"])
    return case.protocol.error(error, "amazon-uniq-request-id")


def as_plain(model: Model, shape: Shape, value: Any) -> Any:
    """A value of a case as Python has it: the cases write blobs, special floats and JSON headers as text."""
    match shape["type"], value:
        case "structure", dict() if not shape.get("document"):
            return {key: member_as_plain(model, shape["members"][key], item) for key, item in value.items()}
        case "map", dict():
            return {key: as_plain(model, model.shapes[shape["value"]["shape"]], item) for key, item in value.items()}
        case "list", list():
            return [as_plain(model, model.shapes[shape["member"]["shape"]], item) for item in value]
        case "blob", str():
            return value.encode()
        case "float" | "double", str():
            return SPECIAL_FLOATS[value]
    return value


def member_as_plain(model: Model, member: Shape, value: Any) -> Any:
    if member.get("jsonvalue") and member.get("location") == "header":
        return json.loads(value)
    return as_plain(model, model.shapes[member["shape"]], value)


def comparable(value: Any) -> Any:
    """``value`` without absent members, and with a NaN that equals itself."""
    match value:
        case dict():
            return {key: comparable(item) for key, item in value.items() if item is not None}
        case list():
            return [comparable(item) for item in value]
        case float() if math.isnan(value):
            return "NaN"
    return value


def check_input(case: Case) -> None:
    request = request_of(case)
    assert case.protocol.operation_of(request) == case.operation
    parsed = case.protocol.operation(case.operation).parse(request)
    params = case.fields["params"]
    expected = as_plain(case.model, case.shape("input"), params) if params else {}
    assert comparable(parsed) == comparable(expected)


def check_output(case: Case) -> None:
    reply, expected = reply_of(case), case.fields["response"]
    headers = {name.lower(): value for name, value in reply.headers.items()}
    assert reply.status == expected["status_code"]
    for name, value in expected.get("headers", {}).items():
        if name.lower() != "content-length":  # the HTTP server's business
            assert headers.get(name.lower()) == value
    assert meaning(reply.body) == meaning(expected.get("body", "").encode())


def meaning(body: bytes) -> Any:
    """The JSON value of ``body``; an empty one means the same as ``{}``, and what is no JSON means itself."""
    try:
        return json.loads(body or b"{}")
    except ValueError:
        return body


CHECKS = {"input": check_input, "output": check_output}


def within_reach(direction: str) -> list[str]:
    return [name for name in CASES[direction] if name not in EXCEPTIONS[direction]]


def listed() -> list[tuple[str, str]]:
    return [(direction, name) for direction, names in EXCEPTIONS.items() for name in names]


@pytest.mark.parametrize("name", within_reach("input"))
def test_a_request_is_read_as_the_client_meant_it(name: str) -> None:
    check_input(INPUT[name])


@pytest.mark.parametrize("name", within_reach("output"))
def test_an_answer_is_written_as_the_protocol_says(name: str) -> None:
    check_output(OUTPUT[name])


@pytest.mark.parametrize(("direction", "name"), listed())
def test_a_listed_exception_is_still_one(direction: str, name: str) -> None:
    with pytest.raises(AssertionError):
        CHECKS[direction](CASES[direction][name])


@pytest.mark.parametrize("name", EXCEPTIONS["output"])
def test_botocore_understands_our_own_spelling_of_a_listed_reply(name: str) -> None:
    case = OUTPUT[name]
    description = {"metadata": case.model.metadata, "operations": case.model.operations, "shapes": case.model.shapes}
    model, code, reply = ServiceModel(description), case.fields.get("errorCode"), reply_of(case)
    sent = {"status_code": reply.status, "headers": HeadersDict(reply.headers), "body": reply.body, "context": {}}
    shape: Any = model.operation_model(case.operation).output_shape
    parsed = create_parser(case.model.metadata["protocol"]).parse(sent, shape)
    assert parsed.get("Error", {}).get("Code") == code
    members = {key: value for key, value in parsed.items() if key not in ("Error", "ResponseMetadata")}
    assert in_epoch_seconds(members) == case.fields["error" if code else "result"]


def in_epoch_seconds(value: Any) -> Any:
    match value:
        case dict():
            return {key: in_epoch_seconds(item) for key, item in value.items()}
        case datetime():
            return value.timestamp()
    return value
