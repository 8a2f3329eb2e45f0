"""Uploads by form: read and checked as they stream in, and handed to moto without their file."""

from __future__ import annotations

import functools
import io
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

from moto.s3.responses import S3Response

from emulator.cloud.s3.claims import Claim
from emulator.cloud.s3.fields import Fields
from emulator.cloud.s3.naming import NAMED
from emulator.cloud.s3.reception import Reception
from emulator.cloud.s3.replies import RECEIVED
from emulator.cloud.s3.requests import check_length
from emulator.objects.blobs import CHUNK
from emulator.objects.checksum import ALGORITHMS, DEFAULT
from emulator.objects.form import Form, open_form
from emulator.objects.form_signature import check_signature, is_anonymous
from emulator.objects.policy import Limits, check_policy
from emulator.objects.signature import SecretOf
from emulator.objects.wire_error import BadDigest

_CHECKSUM = "x-amz-checksum-"


def receive(environ: dict[str, Any], bucket: str, reception: Reception, secret_of: SecretOf) -> Claim:
    """Store the file of a form, and leave the form's other fields for moto. Raises `WireError` and OSError."""
    form = open_form(environ["wsgi.input"].read, environ["CONTENT_TYPE"])
    if not is_anonymous(form.fields):
        check_signature(form.fields, secret_of)
    limits = check_policy(form, bucket, time.time()) if "policy" in form.fields else Limits()
    check_length(form.fields.get("key", "").encode())
    algorithm, expected = _checksum(form)
    claim = reception.take(_Measured(form, limits), algorithm)
    while environ["wsgi.input"].read(CHUNK):
        pass  # S3 ignores what comes after the file
    limits.check(len(claim))
    if expected is not None and claim.checksums[algorithm] != expected:
        raise BadDigest(f"The {algorithm} you specified did not match the calculated checksum.")
    _leave_fields(environ, form)
    environ[NAMED] = [form.fields["key"]]
    return claim


def install() -> None:
    """Answer as S3 does where moto answers with nothing."""
    S3Response._bucket_response_post = _answering(S3Response._bucket_response_post)  # type: ignore[method-assign]


class _Measured:
    """A form's file, given up as soon as it is larger than it may be."""

    def __init__(self, form: Form, limits: Limits) -> None:
        self._form = form
        self._limits = Limits(largest=limits.largest)
        self._size = 0

    def read(self, size: int, /) -> bytes:
        block = self._form.read(size)
        self._size += len(block)
        self._limits.check(self._size)
        return block


def _checksum(form: Form) -> tuple[str, str | None]:
    """The algorithm of the file's checksum, and its value where the form gives one."""
    for name, value in form.fields.items():
        algorithm = name.removeprefix(_CHECKSUM).upper()
        if name.startswith(_CHECKSUM) and algorithm in ALGORITHMS:
            return algorithm, value
    return DEFAULT, None


def _leave_fields(environ: dict[str, Any], form: Form) -> None:
    fields = {name: value for name, value in form.fields.items() if not name.startswith(_CHECKSUM)}
    body = urlencode(fields).encode()
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_TYPE"] = "application/x-www-form-urlencoded"
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)


def _answering(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def handler(self: S3Response, request: Any, bucket_name: str) -> Any:
        if self.request.environ.get(RECEIVED) is None:
            return original(self, request, bucket_name)
        fields = Fields(self.querystring)
        status, headers, body = original(self, request, bucket_name)
        key = self.backend.get_object(bucket_name, self.querystring["key"][0])
        if key is None:
            return status, headers, body
        fields.give(key, self.backend)
        # A redirect goes before a status; a status other than these three counts as 204.
        wanted = self.querystring.get("success_action_status", ["204"])[0]
        if "Location" in headers:
            separator = "&" if "?" in headers["Location"] else "?"
            return 303, {**headers, "Location": f"{headers['Location']}{separator}etag={quote(key.etag)}"}, ""
        place = f"{self.request.host_url}{bucket_name}/{quote(key.name)}"
        headers = {**headers, "ETag": key.etag, "Location": place}
        if wanted == "201":
            return 201, {**headers, "content-type": "application/xml"}, _document(place, bucket_name, key)
        return 200 if wanted == "200" else 204, headers, ""

    return handler


def _document(place: str, bucket: str, key: Any) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<PostResponse><Location>{escape(place)}</Location><Bucket>{bucket}</Bucket><Key>{escape(key.name)}</Key>"
        f"<ETag>{escape(key.etag)}</ETag></PostResponse>"
    )
