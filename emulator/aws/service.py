"""One AWS service, served from the model that botocore ships."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from emulator.arns import Scope
from emulator.aws.jsonrpc import JsonRpc
from emulator.aws.model import Model, load
from emulator.aws.protocol import Operation, Protocol, new_request_id
from emulator.aws.restjson import RestJson
from emulator.aws.wire import Call, Handler, WireReply, WireRequest
from emulator.errors import AwsError, NotBuilt, UnknownOperation
from emulator.state.store import StoreUnavailable

log = logging.getLogger(__name__)

PROTOCOLS: dict[str, type[Protocol]] = {"json": JsonRpc, "rest-json": RestJson}


class Service:
    """Parses, validates, dispatches and answers the requests of one service.

    ``name`` is botocore's (``sagemaker``, ``sagemaker-runtime``); ``handlers`` maps operations to what answers
    them, and an operation of the model without a handler answers 501. The model is loaded by the first request or
    by `warm`, so that making a Service costs nothing. ``before`` is told the operation of every request before its
    input is read; an `AwsError` that it raises is the reply.
    """

    def __init__(
        self,
        name: str,
        handlers: Mapping[str, Handler],
        *,
        before: Callable[[str], None] = lambda _operation: None,
        load: Callable[[str], Model] = load,
    ) -> None:
        self.name = name
        self.before = before
        self._handlers = handlers
        self._load = load
        self._protocol: Protocol | None = None
        self._lock = threading.Lock()

    def warm(self) -> None:
        """Load the model now, if no request has done so yet. LookupError when a handler's operation is not in it."""
        self._wire()

    def has(self, operation: str) -> bool:
        """Whether the service has an operation of that name, built or not."""
        return operation in self._wire().model.operations

    def operation_of(self, request: WireRequest) -> str | None:
        """The operation that ``request`` asks for, or None when it is none of this service's."""
        return self._wire().operation_of(request)

    def operation(self, name: str) -> Operation:
        """The operation called ``name``, for those who handle bytes themselves; UnknownOperation when there is none."""
        return self._wire().operation(name)

    def handle(self, request: WireRequest, scope: Scope) -> WireReply:
        """The reply to ``request``; never raises.

        An `AwsError` of a handler is the client's error. Any other exception is a mistake of ours: it is logged
        with its traceback (never with the request, which may hold secrets) and answered with InternalFailure.
        """
        request_id = new_request_id()
        try:
            return self._answer(request, scope, request_id)
        except AwsError as error:
            return self._refuse(error, request_id)
        except StoreUnavailable as error:
            log.error("request %s to %s: %s", request_id, self.name, error)
            return self._refuse(AwsError(f"The emulator cannot store its state: {error}"), request_id)
        except Exception:
            log.exception("request %s to %s failed inside the emulator", request_id, self.name)
            return self._refuse(AwsError("The emulator failed to answer; its log says why."), request_id)

    def error(self, error: AwsError, request_id: str | None = None) -> WireReply:
        """``error`` as this service tells it to a client."""
        return self._wire().error(error, request_id or new_request_id())

    def _answer(self, request: WireRequest, scope: Scope, request_id: str) -> WireReply:
        name = self.operation_of(request)
        if name is None:
            raise UnknownOperation(_unknown(request))
        self.before(name)
        operation, handler = self.operation(name), self._handlers.get(name)
        if handler is None:
            raise NotBuilt(f"{name} is an operation of {self.name} that this emulator has not built.")
        output = handler(Call(scope, name, operation.parse(request), request_id))
        return operation.reply(output or {}, request_id)

    def _refuse(self, error: AwsError, request_id: str) -> WireReply:
        try:
            return self.error(error, request_id)
        except (TypeError, ValueError, AttributeError):
            # Members of the error that do not fit its shape: the client still learns the code and the message.
            log.exception("the %s of request %s does not fit its shape", error.code, request_id)
            return self.error(AwsError(error.message, code=error.code, status=error.status), request_id)

    def _wire(self) -> Protocol:
        if self._protocol is None:
            with self._lock:
                if self._protocol is None:
                    self._protocol = self._make_protocol()
        return self._protocol

    def _make_protocol(self) -> Protocol:
        model = self._load(self.name)
        if unknown := sorted(set(self._handlers) - set(model.operations)):
            raise LookupError(f"{self.name} has no operation {', '.join(unknown)}")
        return PROTOCOLS[model.metadata["protocol"]](model)


def _unknown(request: WireRequest) -> str:
    target = request.headers.get("x-amz-target")
    asked = f"{request.method} {request.path}" if target is None else f"X-Amz-Target {target}"
    return f"{asked[:200]} is no operation of this service."
