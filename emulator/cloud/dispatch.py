"""moto's server application, with clear answers where moto has none."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable
from typing import Any

from flask import Flask
from moto import backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from emulator.cloud.refusal import NOT_BUILT, Reply, refuse

_log = logging.getLogger(__name__)

_OURS = frozenset({"sagemaker", "sagemakerruntime", "sagemakermetrics"})
"""moto backends that only pretend; the emulator's own services answer in their place."""

SERVICE = "emulator.service"
"""The environ key of the request's signing name."""


class Unknown(Exception):
    """moto has no backend for the service of a request."""


class Dispatcher(DomainDispatcherApplication):
    """Finds the backend of a request."""

    def __init__(self) -> None:
        super().__init__(_create_app)
        self._found = functools.lru_cache(1024)(self._find)

    def get_application(self, environ: dict[str, Any]) -> Flask:
        """As moto's own, but what is signed for S3 is S3's.

        moto looks at the path first, so that a bucket called ``moto-api`` could reset it, and looks under a lock
        that it holds while it reads the body of a form.
        """
        if environ[SERVICE] != "s3" or _is_s3_control(environ):
            return super().get_application(environ)
        app = self.app_instances.get("s3")
        if app is None:
            with self.lock:
                app = self.app_instances.setdefault("s3", _create_app("s3"))
        return app

    def get_backend_for_host(self, host: str | None) -> Any:
        """As moto's own, but remembered, since it tries some 200 patterns, and without its message on stdout."""
        return self._found(host)

    def _find(self, host: str | None) -> str | None:
        if host is None or host == "moto_api" or host in backends.list_of_moto_modules():
            return host
        return next((name for name, pattern in self.backend_url_patterns if pattern.match(f"http://{host}")), None)


def _is_s3_control(environ: dict[str, Any]) -> bool:
    return environ["PATH_INFO"].startswith("/v20180820/") or "s3-control" in environ.get("HTTP_HOST", "")


def _create_app(service: Any) -> Flask:
    if service is None or service in _OURS:
        raise Unknown
    app = create_backend_app(service)
    app.logger.disabled = True  # with debug on, Flask would print what is answered below
    return app


class Moto:
    """Runs one request in moto; the reply is complete, moto holds it in memory anyway."""

    def __init__(self) -> None:
        self._dispatcher = Dispatcher()

    def reply(self, environ: dict[str, Any], service: str) -> Reply:
        """moto's reply, or a refusal in the caller's protocol. ``service`` is the signing name, or ``""``."""
        environ[SERVICE] = service
        _keep_body(environ)
        try:
            status, headers, body = self._run(environ)
        except (Unknown, NotImplementedError) as error:
            return refuse(environ, service, 501, NOT_BUILT, _not_built(environ, service, str(error)))
        except Exception as error:  # noqa: BLE001 - whatever moto trips over must not take a worker down
            _log.exception("moto failed on %s %s", environ.get("REQUEST_METHOD"), environ.get("PATH_INFO"))
            message = f"The emulator's {service or 'AWS'} backend failed: {type(error).__name__}: {error}"
            return refuse(environ, service, 500, "InternalFailure", message)
        if _is_unrouted(status, headers, body):
            return refuse(environ, service, 501, NOT_BUILT, _not_built(environ, service))
        return status, headers, body

    def _run(self, environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
        started: list[tuple[int, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> None:
            started.append((int(status.split(" ", 1)[0]), headers))

        chunks: Iterable[bytes] = self._dispatcher(environ, start_response)
        try:
            body = b"".join(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        return *started[-1], body


def _keep_body(environ: dict[str, Any]) -> None:
    """Let an upload that calls itself a form, as ``curl --data-binary`` and urllib do unasked, keep its bytes.

    moto reads them as form fields and stores an empty object; S3 stores them. No RPC call is a PUT.
    """
    form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    if form and environ["REQUEST_METHOD"] == "PUT" and environ[SERVICE] in ("s3", ""):
        environ["CONTENT_TYPE"] = "binary/octet-stream"  # what S3 gives an object without a type


def _is_unrouted(status: int, headers: list[tuple[str, str]], body: bytes) -> bool:
    """Whether nothing in moto matched the path: Flask's own page, or the empty 404 of moto's dispatch."""
    if status != 404:
        return False
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    return body.startswith(b"<!doctype html>") and kind.startswith("text/html")


def _not_built(environ: dict[str, Any], service: str, detail: str = "") -> str:
    target = environ.get("HTTP_X_AMZ_TARGET", "").split(".")[-1]
    action = target or f"{environ.get('REQUEST_METHOD')} {environ.get('PATH_INFO')}"
    return f"{service or 'This service'}: {action} is not built in this emulator. {detail}".rstrip()
