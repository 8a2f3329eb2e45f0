"""Our front with the cloud behind it, on a real port: what the tests of both speak to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from emulator.aws import Call, Service
from emulator.cloud import Cloud
from emulator.front import Bridge, DataPlane, Front, Gateway, administration, create_app, routed

ACCOUNT = "111122223333"
REGION = "eu-west-1"


@dataclass
class Mounted:
    """A running front."""

    front: Front
    cloud: Cloud
    calls: list[Call]
    """Calls of ListEndpoints that reached the control plane."""

    @property
    def url(self) -> str:
        return self.front.url

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client with dummy credentials, unless ``options`` name others."""
        chosen = {"endpoint_url": self.url, "region_name": REGION, "aws_access_key_id": "test"}
        make: Any = boto3.client
        return make(service, **{**chosen, "aws_secret_access_key": "test", **options})


async def echo(scope: Any, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
    """A data plane that answers with the request's own body and says that it was the data plane."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = [(b"content-length", b"%d" % len(body)), (b"x-answered-by", b"data plane")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def mounted(
    state_dir: Path,
    addresses: Sequence[tuple[str, int]] = (("127.0.0.1", 0),),
    data_plane: DataPlane = echo,
    s3: Any = None,
) -> Iterator[Mounted]:
    """Start everything on a free port, and stop it."""
    calls: list[Call] = []

    def list_endpoints(call: Call) -> dict[str, Any]:
        calls.append(call)
        return {"Endpoints": []}

    cloud = Cloud(ACCOUNT, REGION, state_dir)
    gateway: Callable[[Any], Any] = lambda own: Gateway(  # noqa: E731
        control=Service("sagemaker", {"ListEndpoints": list_endpoints}),
        siblings=[Service("sagemaker-runtime", {})],
        own=own,
        cloud=cloud.wsgi,
        account_of=cloud.account_of,
        region=REGION,
        s3=s3,
    )
    bridge = Bridge(create_app(gateway, administration(lambda: {"status": "ok"}, cloud.reset, lambda: [b"state"])))
    front = Front(routed(data_plane, bridge), addresses)
    front.start()
    try:
        yield Mounted(front, cloud, calls)
    finally:
        front.stop()
        bridge.close()
        cloud.close()
