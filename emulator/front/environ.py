"""The WSGI environ of an ASGI request, with the two things plain WSGI loses and S3 needs.

``RAW_URI`` is the target as sent: keys with ``%2F``, ``?`` or encoded text cannot be told apart in ``PATH_INFO``.
``moto.preserved_header_names`` keeps the spelling of user metadata: WSGI folds ``_`` and ``-``, S3 does not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, MutableMapping
from typing import Any
from urllib.parse import unquote_to_bytes

from emulator.objects.sent import PRESERVED

_BARE = {"CONTENT_TYPE", "CONTENT_LENGTH"}


def environ_of(scope: MutableMapping[str, Any], body: Any, length: int | None) -> dict[str, Any]:
    """The environ; ``length`` is the body's size in bytes when all of it is known."""
    raw_path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    host, port = scope["server"] or ("localhost", 0)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(raw_path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "RAW_URI": (raw_path + b"?" + query if query else raw_path).decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": scope["client"][0] if scope["client"] else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": body,
        "wsgi.input_terminated": True,  # reading stops by itself at the end of the body, chunked ones too
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    _add_headers(environ, scope["headers"])
    if length and "CONTENT_LENGTH" not in environ:
        environ["CONTENT_LENGTH"] = str(length)  # a chunked body that arrived whole
    return environ


def _add_headers(environ: dict[str, Any], headers: Iterable[tuple[bytes, bytes]]) -> None:
    preserved: dict[str, str] = {}
    underscored: list[tuple[str, str, str]] = []
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        key = name.upper().replace("-", "_")
        key = key if key in _BARE else f"HTTP_{key}"
        if "_" in name:
            underscored.append((key, name, value))
        else:
            environ[key] = f"{environ[key]},{value}" if key in environ else value
    for key, name, value in underscored:
        # Only user metadata, and never in place of the dashed header a client could be pretending to have sent.
        if not name.lower().startswith("x-amz-meta-") or (key in environ and key not in preserved):
            continue
        environ[key] = f"{environ[key]},{value}" if key in environ else value
        preserved.setdefault(key, name)
    environ[PRESERVED] = preserved
