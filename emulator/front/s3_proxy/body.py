"""The body of a request on its way to the server, as the new signature allows it.

A client's hash of the whole body stays good, and so do chunks without signatures. Chunks that are signed one by one are
not: each signature continues the client's own. They are decoded, and framed anew where trailing headers follow them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

from emulator.objects.chunked import AwsChunked

HASH = "x-amz-content-sha256"
"""The header with the SHA-256 of the body, or with what takes its place in the signature."""
UNSIGNED = "UNSIGNED-PAYLOAD"
UNSIGNED_CHUNKS = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

_SIGNED_CHUNKS = "STREAMING-AWS4-"
_PIECE = 256 << 10
"""Bytes sent at once. S3 wants chunks of 8 KB at least, except for the last."""

Read = Callable[[int], bytes]


class Sent:
    """The pieces of a body. ``failure`` is why they ended early, when the client is to blame for it."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.failure: Exception | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._pieces
        except Exception as error:
            self.failure = error
            raise


def has_body(environ: MutableMapping[str, Any]) -> bool:
    """Whether a body comes with a request."""
    return environ.get("CONTENT_LENGTH", "0") != "0" or "HTTP_TRANSFER_ENCODING" in environ


def prepare(read: Read, headers: MutableMapping[str, str]) -> Sent:
    """What to send of the body that ``read`` gives; ``headers`` (lower-case names) are changed to fit.

    Sending it raises `WireError` for chunks that are broken.
    """
    if not headers.get(HASH, "").startswith(_SIGNED_CHUNKS):
        return Sent(_pieces(read))
    announced = [name for name in headers.get("x-amz-trailer", "").split(",") if name.strip()]
    chunks = AwsChunked(read, announced)
    headers.pop("content-length", None)
    if announced:
        headers.update({HASH: UNSIGNED_CHUNKS, "transfer-encoding": "chunked"})
        return Sent(_framed(chunks))
    headers[HASH] = UNSIGNED
    _describe_decoded(headers)
    return Sent(_pieces(chunks.read))


def _describe_decoded(headers: MutableMapping[str, str]) -> None:
    """Let the headers describe the decoded body."""
    encodings = [name.strip() for name in headers.pop("content-encoding", "").split(",")]
    kept = [name for name in encodings if name not in ("", "aws-chunked")]
    if kept:
        headers["content-encoding"] = ",".join(kept)
    length = headers.pop("x-amz-decoded-content-length", None)
    if length is None:
        headers["transfer-encoding"] = "chunked"
    else:
        headers["content-length"] = length


def _pieces(read: Read) -> Iterator[bytes]:
    return iter(lambda: _piece(read), b"")


def _piece(read: Read) -> bytes:
    parts, size = [], 0
    while size < _PIECE and (part := read(_PIECE - size)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _framed(chunks: AwsChunked) -> Iterator[bytes]:
    """The chunks again, without signatures."""
    for piece in _pieces(chunks.read):
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
    trailers = (f"{name}:{value}\r\n" for name, value in chunks.trailers.items() if name != "x-amz-trailer-signature")
    yield f"0\r\n{''.join(trailers)}\r\n".encode("latin-1")
