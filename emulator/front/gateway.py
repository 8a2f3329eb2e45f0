"""The synchronous side of the port: chooses who answers a request, SageMaker's services, our own API, or the cloud."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Protocol

from flask import Blueprint, Flask

from emulator.arns import Scope
from emulator.aws import Credential, WireReply, WireRequest, credential
from emulator.errors import AwsError, NotBuilt
from emulator.front.administration import RESETS
from emulator.front.hosts import is_s3_host, to_path_style
from emulator.front.messages import StartResponse, WsgiApp, read, request_of, send, too_large
from emulator.front.origins import FOREIGN_HOST, FOREIGN_PAGE, FOREIGN_PAGE_AT_S3, is_foreign_page, is_our_host, refusal
from emulator.front.s3_requests import is_about_objects, may_be_s3

_SIGNING_NAME = "sagemaker"
_QUOTAS_SIGNING_NAME = "servicequotas"
_INVOCATION = re.compile(r"/endpoints/[^/]*/invocations")
_UNSIGNED = Credential("")


class Wire(Protocol):
    """What the gateway needs of an `emulator.aws` service."""

    def handle(self, request: WireRequest, scope: Scope) -> WireReply: ...

    def operation_of(self, request: WireRequest) -> str | None: ...

    def error(self, error: AwsError, request_id: str | None = None) -> WireReply: ...


class Shared(Protocol):
    """What the gateway needs of a service that leaves some of its requests to the cloud."""

    def answers(self, request: WireRequest) -> bool: ...

    def handle(self, request: WireRequest, scope: Scope) -> WireReply: ...

    def error(self, error: AwsError) -> WireReply: ...


class Gateway:
    """A WSGI application.

    ``control`` is SageMaker's control plane; ``siblings`` are the REST services that sign with the same name, told
    apart by path, the runtime first; ``own`` answers ``/_emulator/``; ``cloud`` all else. ``s3`` answers S3 in place of
    the cloud, with credentials of the user's; ``quotas`` is Service Quotas, where the cloud is not to answer all of it.
    ``account_of`` turns an access key into an account, ``region`` is that of unsigned requests. ``names`` are host
    names of the emulator beyond those that can only be this machine's.
    """

    def __init__(
        self,
        *,
        control: Wire,
        siblings: Sequence[Wire],
        own: WsgiApp,
        cloud: WsgiApp,
        account_of: Callable[[str], str],
        region: str,
        names: Collection[str] = (),
        s3: WsgiApp | None = None,
        quotas: Shared | None = None,
    ) -> None:
        self._control = control
        self._siblings = tuple(siblings)
        self._own = own
        self._cloud = cloud
        self._account_of = account_of
        self._region = region
        self._s3 = s3
        self._quotas = quotas
        self._names = frozenset(name.lower() for name in names)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        claimed = _claimed(environ)
        forbidden = self._forbidden(environ, claimed)
        if forbidden is not None:
            refused = WireReply(403, {"Content-Type": "application/json"}, refusal(forbidden))
            return send(refused, start_response)
        if claimed.service == _SIGNING_NAME or _is_control(environ):
            return send(self._sagemaker(environ, claimed), start_response)
        if _is_own(environ, claimed):
            return self._own(environ, start_response)
        if self._quotas is not None and claimed.service == _QUOTAS_SIGNING_NAME:
            reply = self._shared(self._quotas, environ, claimed)
            return self._cloud(environ, start_response) if reply is None else send(reply, start_response)
        if may_be_s3(environ, claimed):
            rest = self._s3 if self._s3 is not None and is_about_objects(environ, claimed) else self._cloud
            to_path_style(environ)
            return rest(environ, start_response)
        return self._cloud(environ, start_response)

    def _forbidden(self, environ: dict[str, Any], claimed: Credential) -> str | None:
        """Why a request must not be answered: it comes from a web page that has no business here."""
        host: str = environ.get("HTTP_HOST", "")
        lent = self._s3 is not None and is_about_objects(environ, claimed)
        if (_administers(environ, claimed) or (lent and not is_s3_host(host))) and not is_our_host(host, self._names):
            return FOREIGN_HOST
        origin, site = environ.get("HTTP_ORIGIN"), environ.get("HTTP_SEC_FETCH_SITE")
        if not is_foreign_page(origin, site, host, self._names):
            return None
        if lent:
            return FOREIGN_PAGE_AT_S3
        return None if _is_s3_of_a_page(environ, claimed) else FOREIGN_PAGE

    def _sagemaker(self, environ: dict[str, Any], claimed: Credential) -> WireReply:
        body = read(environ)
        request = request_of(environ, body or b"")
        service = self._service(environ, request)
        if service is None:
            # As the REST services tell it, with a request id; they all speak the same protocol.
            return self._siblings[0].error(NotBuilt(f"{request.method} {request.path} is not built in this emulator."))
        if body is None:
            return service.error(too_large())
        return service.handle(request, self._scope(environ, claimed))

    def _shared(self, service: Shared, environ: dict[str, Any], claimed: Credential) -> WireReply | None:
        """The reply to a request, or None where it is the cloud's, which can still read it."""
        body = read(environ)
        if body is None:
            return service.error(too_large())
        request = request_of(environ, body)
        environ["wsgi.input"] = io.BytesIO(body)
        return service.handle(request, self._scope(environ, claimed)) if service.answers(request) else None

    def _service(self, environ: dict[str, Any], request: WireRequest) -> Wire | None:
        """The service a request belongs to; one with a target or for ``/`` is the control plane's, known or not."""
        if "HTTP_X_AMZ_TARGET" in environ or request.path in ("", "/"):
            return self._control
        found = next((service for service in self._siblings if service.operation_of(request) is not None), None)
        if found is None and _INVOCATION.fullmatch(request.path):
            return self._siblings[0]  # a GET, or no endpoint's name: nothing that is still to be built
        return found

    def _scope(self, environ: dict[str, Any], claimed: Credential) -> Scope:
        account = environ.get("HTTP_X_MOTO_ACCOUNT_ID") or self._account_of(claimed.access_key)
        return Scope(account, claimed.region or self._region)


def create_app(gateway: Callable[[WsgiApp], WsgiApp], *blueprints: Blueprint) -> Flask:
    """The Flask application of our own pages, with the gateway before it.

    SageMaker's calls are answered before Flask's routing sees them: they all have the same path, and Flask would
    cost each more than the whole of the answer (123 against 240 microseconds, measured without a socket).
    """
    app = Flask(__name__, static_folder=None)
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    app.wsgi_app = gateway(app.wsgi_app)  # type: ignore[method-assign,assignment]
    return app


def _claimed(environ: dict[str, Any]) -> Credential:
    authorization = environ.get("HTTP_AUTHORIZATION")
    headers = {"authorization": authorization} if authorization else {}
    return credential(headers, environ["QUERY_STRING"]) or _UNSIGNED


def _is_control(environ: dict[str, Any]) -> bool:
    target: str = environ.get("HTTP_X_AMZ_TARGET", "")
    return target.startswith("SageMaker.")


def _is_own(environ: dict[str, Any], claimed: Credential) -> bool:
    """Whether a request is for our own API. No bucket can be called ``_emulator``; one called ``moto-api`` may be,
    but its requests are signed."""
    path: str = environ["PATH_INFO"]
    return path.startswith("/_emulator/") or (path in RESETS and not claimed.access_key)


def _administers(environ: dict[str, Any], claimed: Credential) -> bool:
    """Whether a request is for our own API or for moto's, which has more spellings of reset than we do."""
    path: str = environ["PATH_INFO"]
    return path.startswith("/_emulator/") or (path.startswith("/moto-api") and not claimed.access_key)


def _is_s3_of_a_page(environ: dict[str, Any], claimed: Credential) -> bool:
    """Whether a request is what pages of any site ask S3 for: signed, an upload by form, or a method that the browser
    sends only where it changes nothing or the bucket's CORS rules allow it."""
    if _is_control(environ) or _administers(environ, claimed) or not may_be_s3(environ, claimed):
        return False
    form = environ.get("CONTENT_TYPE", "").startswith("multipart/form-data")
    return bool(claimed.access_key) or form or environ["REQUEST_METHOD"] != "POST"
