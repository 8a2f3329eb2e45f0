"""The AWS JSON protocol (``json`` in botocore's models): one path, ``X-Amz-Target`` names the operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.aws import documents
from emulator.aws.dumpers import Dump
from emulator.aws.faults import fault, refuse
from emulator.aws.model import Model
from emulator.aws.parsers import Parse
from emulator.aws.protocol import REQUEST_ID, Operation, Protocol, new_request_id
from emulator.aws.wire import WireReply, WireRequest
from emulator.errors import AwsError, SerializationException


class JsonRpcOperation(Operation):
    """An operation whose whole input and output are JSON bodies."""

    def __init__(self, name: str, model: Model, content_type: str, parse: Parse | None, dump: Dump | None) -> None:
        super().__init__(name)
        self._model = model
        self._content_type = content_type
        self._parse = parse
        self._dump = dump

    def parse(self, request: WireRequest) -> dict[str, Any]:
        document = documents.read_object(request.body)
        if self._parse is None:
            return {}
        problems: list[str] = []
        try:
            found: dict[str, Any] = self._parse(document, "", problems)
        except RecursionError as error:
            raise SerializationException("The request body is nested too deeply.") from error
        refuse(self._model, problems)
        return found

    def parse_head(self, request: WireRequest) -> dict[str, Any]:  # noqa: ARG002 - all members are in the body
        return {}

    def reply(self, output: Mapping[str, Any], request_id: str | None = None) -> WireReply:
        # An operation without an output shape answers 200 and no body at all, as SageMaker's Delete* operations do.
        body = b"" if self._dump is None else documents.write(self._dump(output))
        return WireReply(200, self.reply_head(output, request_id), body)

    def reply_head(
        self,
        output: Mapping[str, Any],  # noqa: ARG002 - all members are in the body
        request_id: str | None = None,
    ) -> dict[str, str]:
        return {"Content-Type": self._content_type, REQUEST_ID: request_id or new_request_id()}


class JsonRpc(Protocol):
    """A service that speaks AWS JSON 1.0 or 1.1."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self._content_type = f"application/x-amz-json-{model.metadata['jsonVersion']}"
        self._prefix = model.metadata["targetPrefix"]

    def operation_of(self, request: WireRequest) -> str | None:
        prefix, _, name = request.headers.get("x-amz-target", "").rpartition(".")
        return name if prefix == self._prefix and name in self.model.operations else None

    def error(self, error: AwsError, request_id: str) -> WireReply:
        found = fault(self.model, error)
        members = found.members if found.shape is None else self.dumpers.of(found.shape)(found.members)
        headers = {"Content-Type": self._content_type, REQUEST_ID: request_id, "x-amzn-ErrorType": found.code}
        return WireReply(found.status, headers, documents.write({"__type": found.code, **members}))

    def _build(self, name: str) -> Operation:
        operation = self.model.operations[name]
        parse = self.parsers.of(operation["input"]["shape"]) if "input" in operation else None
        dump = self.dumpers.of(operation["output"]["shape"]) if "output" in operation else None
        return JsonRpcOperation(name, self.model, self._content_type, parse, dump)
