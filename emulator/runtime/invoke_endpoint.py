"""InvokeEndpoint on the event loop: AWS's headers in, the container's answer out. An ASGI callable."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from emulator.arns import Scope
from emulator.aws import Service, WireReply, WireRequest, credential
from emulator.errors import AwsError, NotBuilt, ServiceUnavailable, ValidationError
from emulator.serving.invoke import TIMEOUT, Answer, Invoker
from emulator.serving.router import Route, Router

log = logging.getLogger(__name__)

BODY_LIMIT = 6291456
"""Bytes of an invocation's payload, as the service model states for Body."""

_POLL = 0.02

_OPERATION = "InvokeEndpoint"
_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class InvokeEndpoint:
    """The data plane's one hot operation."""

    def __init__(
        self, service: Service, router: Router, invoker: Invoker, account_of: Callable[[str], str], region: str
    ) -> None:
        self._service = service
        self._router = router
        self._invoker = invoker
        self._account_of = account_of
        self._region = region

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        try:
            status, headers, body = await self._answer(scope, receive)
        except AwsError as error:
            status, headers, body = _encoded(self._service.error(error))
        except Disconnected:
            return
        except Exception:
            log.exception("an invocation failed inside the emulator")
            failure = AwsError("The emulator failed to answer; its log says why.")
            status, headers, body = _encoded(self._service.error(failure))
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(
        self, scope: MutableMapping[str, Any], receive: Receive
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        request = _request(scope)
        operation = self._service.operation(_OPERATION)
        try:
            self._service.before(_OPERATION)
            asked = operation.parse_head(request)
        finally:
            # The body is read in any case: a client that is still sending does not read an answer.
            body = await _read(receive)
        route = await self._route(self._scope(request), asked)
        if len(body) > BODY_LIMIT:
            raise ValidationError(
                "1 validation error detected: Value at 'body' failed to satisfy constraint: "
                f"Member must have length less than or equal to {BODY_LIMIT}"
            )
        answer = await self._invoker.invoke(route, asked.get("TargetVariant"), _to_container(asked), body)
        head = operation.reply_head(_output(answer))
        return 200, [(name.encode(), value.encode("latin-1")) for name, value in head.items()], answer.body

    def _scope(self, request: WireRequest) -> Scope:
        claimed = credential(request.headers, request.query)
        if claimed is None:
            return Scope(self._account_of(""), self._region)
        return Scope(self._account_of(claimed.access_key), claimed.region or self._region)

    async def _route(self, scope: Scope, asked: Mapping[str, Any]) -> Route:
        name = asked["EndpointName"]
        route = self._router.find(scope, name) or await self._expected(scope, name)
        if route is None:
            raise ValidationError(f"Endpoint {name} of account {scope.account} not found.")
        _refuse_targets(name, asked)
        return route

    async def _expected(self, scope: Scope, name: str) -> Route | None:
        """After a restart, the route of an endpoint in service, once its containers are found again."""
        deadline = asyncio.get_running_loop().time() + TIMEOUT
        while self._router.is_expected(scope, name):
            if asyncio.get_running_loop().time() > deadline:
                raise ServiceUnavailable(f"Endpoint {name} has not come back since the emulator started; try again.")
            await asyncio.sleep(_POLL)
        return self._router.find(scope, name)


class Disconnected(Exception):
    """The client went away before its request was complete."""


def _refuse_targets(name: str, asked: Mapping[str, Any]) -> None:
    """Members that speak of a kind of endpoint which this one is not, or of what is not built."""
    if "TargetModel" in asked:
        raise ValidationError(
            f"Endpoint {name} is not a multi-model endpoint and does not support target model header."
        )
    if "TargetContainerHostname" in asked:
        raise ValidationError(
            f"Endpoint {name} is not a multi-container endpoint with direct invocation and does not support target "
            "container hostname header."
        )
    if "InferenceComponentName" in asked:
        raise ValidationError(
            "Inference Component Name header is not allowed for endpoints to which you dont plan to deploy inference "
            "components. Please remove the Inference Component Name header and try again."
        )
    for member in ("SessionId", "EnableExplanations"):
        if member in asked:
            raise NotBuilt(f"InvokeEndpoint with {member} is not built in this version of the emulator.")


def _to_container(asked: Mapping[str, Any]) -> dict[str, str]:
    headers = {"Content-Type": asked.get("ContentType"), "Accept": asked.get("Accept")}
    headers[_ATTRIBUTES] = asked.get("CustomAttributes")
    return {name: value for name, value in headers.items() if value is not None}


def _output(answer: Answer) -> dict[str, str]:
    output = {"InvokedProductionVariant": answer.variant}
    for name, value in answer.headers:
        match name.lower():
            case b"content-type":
                output["ContentType"] = value.decode("latin-1")
            case b"x-amzn-sagemaker-custom-attributes":
                output["CustomAttributes"] = value.decode("latin-1")
    return output


def _request(scope: MutableMapping[str, Any]) -> WireRequest:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
    return WireRequest(scope["method"], path, query, headers, b"")


async def _read(receive: Receive) -> bytes:
    """The request's body; of one that is too large only so much that its size is known to be."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body"):
        return body
    parts, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        size += len(message["body"])
        if size <= BODY_LIMIT + 1:
            parts.append(message["body"])
        else:
            parts = [b"\0" * (BODY_LIMIT + 1)]
    if message["type"] == "http.disconnect":
        raise Disconnected
    return b"".join(parts)


def _encoded(reply: WireReply) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers.items()]
    return reply.status, headers, reply.body
