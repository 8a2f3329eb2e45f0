"""What the two wire protocols have in common: a service of operations, each compiled when first used."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from emulator.aws.dumpers import Dumpers
from emulator.aws.model import Model
from emulator.aws.parsers import Parsers
from emulator.aws.wire import WireReply, WireRequest
from emulator.errors import AwsError, UnknownOperation

REQUEST_ID = "x-amzn-RequestId"


def new_request_id() -> str:
    """A fresh request id, in AWS's form."""
    return str(uuid.uuid4())


class Operation(ABC):
    """One operation of a service, between bytes and plain values."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def parse(self, request: WireRequest) -> dict[str, Any]:
        """The validated input, timestamps as epoch seconds, blobs as bytes; validation and serialization errors."""

    @abstractmethod
    def parse_head(self, request: WireRequest) -> dict[str, Any]:
        """The validated input members of the path, query string and headers alone; the body is not looked at."""

    @abstractmethod
    def reply(self, output: Mapping[str, Any], request_id: str | None = None) -> WireReply:
        """``output`` projected on the operation's output shape."""

    @abstractmethod
    def reply_head(self, output: Mapping[str, Any], request_id: str | None = None) -> dict[str, str]:
        """The headers of a reply whose body somebody else sends: those of ``output`` and the request id."""


class Protocol(ABC):
    """One service, spelled in one wire protocol."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.parsers = Parsers(model)
        self.dumpers = Dumpers(model)
        self._operations: dict[str, Operation] = {}

    def operation(self, name: str) -> Operation:
        """The operation called ``name``; UnknownOperation when the model has none."""
        known = self._operations.get(name)
        if known is None:
            if name not in self.model.operations:
                raise UnknownOperation(f"The operation {name} does not exist.")
            known = self._operations.setdefault(name, self._build(name))
        return known

    @abstractmethod
    def operation_of(self, request: WireRequest) -> str | None:
        """The name of the operation that ``request`` asks for, or None when the model has no such operation."""

    @abstractmethod
    def error(self, error: AwsError, request_id: str) -> WireReply:
        """``error`` in this protocol."""

    @abstractmethod
    def _build(self, name: str) -> Operation:
        """Compile the operation called ``name``, which the model has."""
