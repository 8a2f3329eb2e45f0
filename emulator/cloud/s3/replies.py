"""Where moto's S3 meets a request: what has come in is handed to it, what shall go out is taken from it.

Both travel in the WSGI environ: the claim on a body that was received under `RECEIVED`, the object that a reply shows
under `OUTGOING`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.s3.exceptions import MissingKey, NoSuchUpload
from moto.s3.models import FakeKey, S3Backend
from moto.s3.responses import S3Response

from emulator.cloud.s3.claims import Claim, body_of, claims, drop_what_is_no_metadata
from emulator.cloud.s3.multipart import Completed
from emulator.objects.body import Body

RECEIVED = "emulator.s3.received"
OUTGOING = "emulator.s3.outgoing"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An object that a reply shows: its bytes, and the sizes of its parts (empty unless it came in parts)."""

    body: Body
    parts: tuple[int, ...]


def install() -> None:
    """Hook moto's handlers of the requests that carry an object's bytes, either way."""
    S3Response.put_object = _putting(S3Response.put_object)  # type: ignore[method-assign]
    S3Response._bucket_response_post = _receiving(S3Response._bucket_response_post)  # type: ignore[method-assign]
    S3Response.upload_part = _checked(_receiving(S3Response.upload_part))  # type: ignore[method-assign]
    S3Response.upload_part_copy = _checked(S3Response.upload_part_copy)  # type: ignore[method-assign]
    S3Response.get_object = _showing(S3Response.get_object)  # type: ignore[method-assign]
    S3Response.head_object = _showing(S3Response.head_object)  # type: ignore[method-assign]
    _note_what_is_looked_up()
    _keep_checksums_of_posts()
    _keep_the_algorithm_from_replies()


def _receiving(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def handler(self: S3Response, *given: Any) -> Any:
        received = self.request.environ.get(RECEIVED)
        if received is not None:
            self.body = received
        return original(self, *given)

    return handler


def _putting(original: Callable[..., Any]) -> Callable[..., Any]:
    receiving = _receiving(original)

    @functools.wraps(original)
    def handler(self: S3Response) -> Any:
        status, headers, body = receiving(self)
        received: Claim | None = self.request.environ.get(RECEIVED)
        key = self.backend.get_object(self.bucket_name, self.parse_key_name())
        if status == 200 and received is not None and key is not None:
            _describe(key, received)
            headers.update(_checksum_headers(key))
        return status, headers, body

    return handler


def _describe(key: FakeKey, received: Claim) -> None:
    """Give a new object the checksum that was verified, or computed, when its bytes came in."""
    key.checksum_algorithm, key.checksum_type = received.algorithm, "FULL_OBJECT"
    key.checksum_value = received.checksums[received.algorithm]
    drop_what_is_no_metadata(key)


def _checksum_headers(key: FakeKey) -> dict[str, str]:
    """A key's checksum as S3 shows it; that of an object in parts says how many there are."""
    if not key.checksum_algorithm or not key.checksum_value:
        return {}
    suffix = f"-{key.checksum_parts}" if key.checksum_type == "COMPOSITE" else ""
    found = {f"x-amz-checksum-{key.checksum_algorithm.lower()}": f"{key.checksum_value}{suffix}"}
    return {**found, "x-amz-checksum-type": key.checksum_type} if key.checksum_type else found


def _showing(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def handler(self: S3Response, *given: Any, **named: Any) -> Any:
        with claims.showing() as shown:
            status, headers, body = original(self, *given, **named)
        if status == 200 and shown:
            key = shown[-1]
            if self.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
                headers.update(_checksum_headers(key))
            parts: Any = key.multipart
            sizes = parts.sizes if isinstance(parts, Completed) else ()
            self.request.environ[OUTGOING] = Outgoing(body_of(key), sizes)
        return status, headers, body

    return handler


def _note_what_is_looked_up() -> None:
    original = S3Backend.get_object

    @functools.wraps(original)
    def get_object(self: S3Backend, *given: Any, **named: Any) -> FakeKey | None:
        key = original(self, *given, **named)
        if claims.shown is not None and isinstance(key, FakeKey):
            claims.shown.append(key)
        return key

    S3Backend.get_object = get_object  # type: ignore[method-assign]


def _keep_checksums_of_posts() -> None:
    """A form's file has a checksum as well, which moto leaves out."""
    original = S3Backend.put_object

    @functools.wraps(original)
    def put_object(self: S3Backend, bucket_name: str, key_name: str, value: Any, *given: Any, **named: Any) -> FakeKey:
        key = original(self, bucket_name, key_name, value, *given, **named)
        if isinstance(value, Claim) and value.algorithm and not key.checksum_value:
            _describe(key, value)
        return key

    S3Backend.put_object = put_object  # type: ignore[method-assign]


def _keep_the_algorithm_from_replies() -> None:
    """moto shows a header of requests in replies."""
    original: Any = FakeKey.response_dict.fget  # type: ignore[attr-defined]

    def response_dict(self: FakeKey) -> dict[str, Any]:
        shown: dict[str, Any] = original(self)
        shown.pop("x-amz-sdk-checksum-algorithm", None)
        return shown

    FakeKey.response_dict = property(response_dict)  # type: ignore[method-assign,assignment]


def _checked(original: Callable[..., Any]) -> Callable[..., Any]:
    """moto trips over an upload that is not there, and has no words for a source that is not; S3 says so."""

    @functools.wraps(original)
    def handler(self: S3Response) -> Any:
        upload = self._get_param("uploadId")
        if upload not in self.backend.get_bucket(self.bucket_name).multiparts:
            raise NoSuchUpload(upload_id=upload)
        status, headers, body = original(self)
        if status == 404 and not body:
            raise MissingKey(key=self.headers.get("x-amz-copy-source"))
        return status, headers, body

    return handler
