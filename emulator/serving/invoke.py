"""One invocation: choose a container, ask it, and turn what can go wrong into the service's errors."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emulator import arns
from emulator.errors import ModelError, ServiceUnavailable, ValidationError
from emulator.serving.connection import Connections, ContainerUnreachable, NotConnected, ReplyBroken
from emulator.serving.router import Route, Router, Target, Variant
from emulator.serving.traffic import Traffic

log = logging.getLogger(__name__)

TIMEOUT = 60.0
"""Seconds a container has to answer an invocation."""

BODY_LIMIT = 25 << 20
"""Bytes of a container's answer that are taken. A design choice, well above the 6 MB that AWS documents for real-time
inference: no answer that AWS would pass on is refused, and a container cannot fill the emulator's memory."""

MESSAGE_LIMIT = 10_000
"""Characters of a container's error that clients are told. A design choice."""

ORIGIN = "primary"
"""What messages call the container of a model with one container."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A container's good answer; header names as the container wrote them."""

    variant: str
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


class Invoker:
    """Carries invocations to containers. Runs on the event loop."""

    def __init__(self, router: Router, pool: Connections, traffic: Traffic, timeout: float = TIMEOUT) -> None:
        self._router = router
        self._pool = pool
        self._traffic = traffic
        self._timeout = timeout

    async def invoke(self, route: Route, variant_name: str | None, headers: Mapping[str, str], body: bytes) -> Answer:
        """The container's answer. Raises ValidationError, ServiceUnavailable or ModelError."""
        arrived = time.perf_counter()
        variant = route.variant(variant_name)
        if variant is None:
            raise ValidationError(f"Variant {variant_name} not found for endpoint {route.endpoint}.")
        target = self._router.choose(variant)
        if target is None:
            raise ServiceUnavailable(f"Endpoint {route.endpoint} has no instance that can serve now; try again.")
        asked = time.perf_counter()
        status, answer_headers, answer = await self._ask(target, headers, body)
        answered = time.perf_counter()
        self._record(route, variant, status, answered - asked, asked - arrived)
        if not 200 <= status < 300:
            raise model_error(route, status, answer)
        return Answer(variant.name, answer_headers, answer)

    async def _ask(
        self, target: Target, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Sequence[tuple[bytes, bytes]], bytes]:
        """Status 0 stands for no (whole) answer; the body then says why, in the service's words."""
        self._router.begin(target)
        try:
            response = await self._pool.request(
                target.address, "POST", "/invocations", headers, body, timeout=self._timeout
            )
            return response.status, response.headers, await response.read(BODY_LIMIT)
        except TimeoutError:
            words = (
                f"Your invocation timed out while waiting for a response from container {ORIGIN}. Review the latency "
                "metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
            )
            return 0, (), words.encode()
        except NotConnected as error:
            log.warning("instance %s %s", target.instance, error)
            return 0, (), f"The container {ORIGIN} could not be reached.".encode()
        except (ContainerUnreachable, ReplyBroken) as error:
            return 0, (), f"The container {ORIGIN} gave no valid response: {error}".encode()
        finally:
            self._router.end(target)

    def _record(self, route: Route, variant: Variant, status: int, in_model: float, around: float) -> None:
        where = (route.scope, route.endpoint, variant.name)
        self._traffic.record(where, len(variant.targets), status, in_model * 1e6, around * 1e6)


def model_error(route: Route, status: int, body: bytes) -> ModelError:
    """ModelError in the service's words for a container that answered ``status`` with ``body``."""
    scope, group = route.scope, f"/aws/sagemaker/Endpoints/{route.endpoint}"
    side = "client" if 400 <= status < 500 else "server"
    original = body[: 4 * MESSAGE_LIMIT].decode("utf-8", errors="replace")[:MESSAGE_LIMIT]
    message = (
        f'Received {side} error ({status}) from {ORIGIN} with message "{original}". See '
        f"https://{scope.region}.console.aws.amazon.com/cloudwatch/home?region={scope.region}#logEventViewer:"
        f"group={group} in account {scope.account} for more information."
    )
    fields = {
        "ErrorCode": "CLIENT_ERROR_FROM_MODEL" if side == "client" else "SERVER_ERROR_FROM_MODEL",
        "LogStreamArn": arns.log_group(scope, group),
        "OriginalMessage": original,
        "OriginalStatusCode": status,
    }
    return ModelError(message, fields=fields)
