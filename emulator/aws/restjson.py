"""The REST-JSON protocol: method and path name the operation, members live in path, query, headers and body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.aws import documents
from emulator.aws.faults import fault, refuse
from emulator.aws.model import Model
from emulator.aws.protocol import REQUEST_ID, Operation, Protocol, new_request_id
from emulator.aws.rest_input import RestInput
from emulator.aws.rest_output import JSON, RestOutput
from emulator.aws.uris import Routes, Template
from emulator.aws.wire import WireReply, WireRequest
from emulator.errors import AwsError, SerializationException


class RestOperation(Operation):
    """An operation with a path of its own. ``source`` and ``sink`` are None where it has no input or output."""

    def __init__(self, name: str, model: Model, source: RestInput | None, sink: RestOutput | None) -> None:
        super().__init__(name)
        self._model = model
        self._source = source
        self._sink = sink
        self._status: int = model.operations[name]["http"].get("responseCode", 200)

    def parse(self, request: WireRequest) -> dict[str, Any]:
        if self._source is None:
            return {}
        problems: list[str] = []
        found = self._source.parse_head(request, problems)
        try:
            found |= self._source.parse_body(request, problems)
        except RecursionError as error:
            raise SerializationException("The request body is nested too deeply.") from error
        refuse(self._model, problems)
        return found

    def parse_head(self, request: WireRequest) -> dict[str, Any]:
        if self._source is None:
            return {}
        problems: list[str] = []
        found = self._source.parse_head(request, problems)
        refuse(self._model, problems)
        return found

    def reply(self, output: Mapping[str, Any], request_id: str | None = None) -> WireReply:
        headers = self.reply_head(output, request_id)
        if self._sink is None:
            return WireReply(self._status, headers, b"")
        content_type, body = self._sink.body(output)
        return WireReply(self._sink.status(output, self._status), typed(headers, content_type), body)

    def reply_head(self, output: Mapping[str, Any], request_id: str | None = None) -> dict[str, str]:
        headers = {} if self._sink is None else self._sink.headers(output)
        headers[REQUEST_ID] = request_id or new_request_id()
        return headers


class RestJson(Protocol):
    """A service that speaks REST-JSON."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self._routes = Routes(model.operations)

    def operation_of(self, request: WireRequest) -> str | None:
        return self._routes.find(request.method, request.path, request.query)

    def error(self, error: AwsError, request_id: str) -> WireReply:
        found = fault(self.model, error)
        headers = {REQUEST_ID: request_id, "x-amzn-ErrorType": found.code}
        if found.shape is None:
            return WireReply(found.status, typed(headers, JSON), documents.write(found.members))
        sink = RestOutput(self.dumpers, found.shape)
        content_type, body = sink.body(found.members)
        return WireReply(found.status, typed(headers | sink.headers(found.members), content_type), body)

    def _build(self, name: str) -> Operation:
        operation = self.model.operations[name]
        template = Template(operation["http"]["requestUri"])
        source = RestInput(self.parsers, operation["input"]["shape"], template) if "input" in operation else None
        sink = RestOutput(self.dumpers, operation["output"]["shape"]) if "output" in operation else None
        return RestOperation(name, self.model, source, sink)


def typed(headers: dict[str, str], content_type: str) -> dict[str, str]:
    """``headers`` with a Content-Type, unless the answer itself set one or there is no body."""
    if not content_type or any(name.lower() == "content-type" for name in headers):
        return headers
    return {"Content-Type": content_type, **headers}
