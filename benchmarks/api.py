"""The AWS calls the benchmarks make, without boto3: its own milliseconds would be measured with the emulator's."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from typing import Any

from benchmarks.server import PATIENCE

REGION = "us-east-1"

# Between two looks at a resource that changes: short beside what is measured, and little work beside the container's.
_PAUSE = 0.02


def authorization(service: str) -> str:
    """A header that looks as boto3's signature does; the emulator reads its scope and checks no signature."""
    scope = f"AKIAIOSFODNN7EXAMPLE/20250101/{REGION}/{service}/aws4_request"
    return (
        f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=content-type;host;x-amz-date, Signature={'0123abcd' * 8}"
    )


class Api:
    """One emulator's S3 and SageMaker, over one connection."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def sagemaker(self, operation: str, **members: Any) -> dict[str, Any]:
        """Call an operation of SageMaker's control plane."""
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"SageMaker.{operation}"}
        answer = self._request("POST", "/", headers, "sagemaker", json.dumps(members).encode())
        document: dict[str, Any] = json.loads(answer or b"{}")
        return document

    def put(self, path: str, body: bytes = b"") -> None:
        """Make a bucket (``/bucket``) or an object (``/bucket/key``)."""
        self._request("PUT", path, {}, "s3", body)

    def get(self, path: str) -> bytes:
        """An object's bytes."""
        return self._request("GET", path, {}, "s3", b"")

    def wait(self, describe: Callable[[], Mapping[str, Any]], member: str, good: str, going: str) -> float:
        """Ask until ``member`` is not ``going`` any more; answers when that was seen (``time.perf_counter``)."""
        self.wait_until(lambda: describe()[member] != going, f"{member} is not {going} any more")
        seen, found = time.perf_counter(), describe()
        if found[member] != good:
            raise RuntimeError(f"{member} is {found[member]}: {found.get('FailureReason')}")
        return seen

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Ask until ``condition`` holds; ``what`` says it in words."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not in {PATIENCE} s: {what}")
            time.sleep(_PAUSE)

    def _request(self, method: str, path: str, headers: Mapping[str, str], service: str, body: bytes) -> bytes:
        sent = {**headers, "Authorization": authorization(service), "Content-Length": str(len(body))}
        self._connection.request(method, path, body, sent)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise RuntimeError(f"{method} {path}: {response.status} {answer.decode(errors='replace')}")
        return answer
