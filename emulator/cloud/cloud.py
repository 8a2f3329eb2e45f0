"""`Cloud`: the rest of AWS. moto behind one object, imported when it is first used."""

from __future__ import annotations

import importlib.metadata
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from emulator.arns import Scope
from emulator.cloud.caller import caller, is_s3
from emulator.cloud.catalogue import Catalogue
from emulator.cloud.logs import Logs
from emulator.cloud.metrics import Metrics
from emulator.cloud.refusal import NOT_BUILT, Reply, refuse, status_line
from emulator.cloud.roles import Roles
from emulator.cloud.s3.objects import Objects

if TYPE_CHECKING:
    from emulator.cloud.mounted import Mounted

_log = logging.getLogger(__name__)

_MOTO_RESET = "/moto-api/reset"


class Cloud:
    """moto, mounted. One at a time in a process, since moto's state is the process's own; `close` gives it free.

    A second one raises RuntimeError.

    ``account`` is whose requests are that are not signed with a key of another account, ``region`` where the
    default bucket is made, ``state_dir`` where everything is kept. ``synced``: what is acknowledged survives a loss of
    power. Raises `StateUnreadable` for a state that cannot be read.
    """

    _claim = threading.Lock()
    _owner: ClassVar[Cloud | None] = None

    def __init__(self, account: str, region: str, state_dir: Path, *, synced: bool = False) -> None:
        self.account = account
        self.region = region
        self._take_over()
        try:
            self._catalogue = Catalogue(state_dir / "cloud.sqlite3", synced=synced)
        except BaseException:
            self._give_free()
            raise
        self._bytes = state_dir / "objects"
        self._synced = synced
        self._known_keys = self._catalogue.services.access_keys()
        self._lock = threading.Lock()
        self._mounted: Mounted | None = None
        self.objects = Objects(account, lambda: self._ready().s3)
        self.logs = Logs(self.changing)
        self.metrics = Metrics(self.changing)
        self.roles = Roles(self.changing)
        if self._catalogue.meta("moto") not in (None, importlib.metadata.version("moto")):
            self._read_now()

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request with moto; what it changed is durable before the reply begins.

        Raises what ``wsgi.input`` raises where the client goes away, a ConnectionError.
        """
        status, headers, body = self._reply(environ)
        start_response(status_line(status), headers)
        return [body] if isinstance(body, bytes) else body

    def account_of(self, access_key: str) -> str:
        """The account a request signed with ``access_key`` acts in; moto is not imported for the answer."""
        if self._mounted is None:
            return self._known_keys.get(access_key, self.account)
        return self._mounted.services.account_of(access_key) or self.account

    def credentials(self, scope: Scope, role: str) -> dict[str, str]:
        """AWS_* variables of a new session of ``role``, for a container that runs under it."""
        from emulator.cloud.sessions import open_session

        with self.changing():  # a session's access key tells its account, after a restart as well
            return open_session(scope, role)

    def verify(self, environ: Mapping[str, Any]) -> None:
        """Raise `WireError` for a presigned request of S3 that is expired, or is not what was signed."""
        from emulator.cloud.s3 import signatures

        if signatures.is_presigned(environ):  # moto, which knows the secrets, is not loaded for anything else
            signatures.verify(environ, self._ready().secret_of)

    def reset(self) -> None:
        """Back to a fresh account: every service of every account, on disk too, and the seeds again."""
        with self._lock:
            self._known_keys = {}
            if self._mounted is None:
                with self._catalogue.transaction():
                    self._catalogue.clear()
                from emulator.objects.blobs import Blobs

                Blobs(self._bytes, self._catalogue).clear()
            else:
                self._mounted.clear()

    @contextmanager
    def visited(self) -> Iterator[None]:
        """No bytes that are named when this begins are removed before it ends. Raises `StateUnreadable`."""
        with self._ready().s3.graves.visit():
            yield

    @contextmanager
    def still(self) -> Iterator[None]:
        """Nothing is stored inside; requests that change something wait. To be left soon."""
        with self._catalogue.lock:
            yield

    def close(self) -> None:
        """Let go of moto and of the files; what was acknowledged is already on disk.

        The catalogue first: a request that is still to be stored must not find moto empty, and store that.
        """
        with self._lock:
            self._catalogue.close()
            if self._mounted is not None:
                self._mounted.close()
            self._mounted = None
        self._give_free()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """What is done to moto inside is durable when this ends. Raises OSError and sqlite3.Error."""
        mounted = self._ready()
        with mounted.recording() as record:
            yield
            record.commit()

    def _reply(self, environ: dict[str, Any]) -> Reply:
        service, access_key = caller(environ)
        if service == "sagemaker":
            return refuse(environ, service, 501, NOT_BUILT, "This part of SageMaker is not built in this emulator.")
        if not access_key and environ["PATH_INFO"].rstrip("/") == _MOTO_RESET:
            self.reset()  # moto's own would clear the memory and leave what is on disk
            return 200, [("Content-Type", "application/json")], b'{"status": "ok"}'
        mounted = self._ready()
        # moto's own way to name the account of a request; a client may use it as well
        environ.setdefault("HTTP_X_MOTO_ACCOUNT_ID", self.account_of(access_key))
        try:
            with mounted.recording() as record:
                if is_s3(environ, service, mounted.s3.has_bucket):
                    return mounted.s3_reply(environ, record)
                reply = mounted.moto.reply(environ, service)
                record.commit()
                return reply
        except ConnectionError:
            raise  # the client is gone; nobody is left to answer
        except (OSError, sqlite3.Error) as error:
            _log.exception("what a request changed could not be stored")
            return refuse(environ, service, 500, "InternalError", f"The emulator cannot store its state: {error}")

    def _ready(self) -> Mounted:
        """moto with its hooks and its state, imported and loaded the first time."""
        if self._mounted is None:
            with self._lock:
                if self._mounted is None:
                    self._load()
        assert self._mounted is not None
        return self._mounted

    def _load(self) -> None:
        if Cloud._owner is not self:
            raise RuntimeError("The emulator is closed.")
        from emulator.cloud.mounted import Mounted

        self._mounted = Mounted(self._catalogue, self._bytes, self.account, self.region, synced=self._synced)

    def _read_now(self) -> None:
        """State of another version of moto is read at the start, where it can still be refused."""
        try:
            self._ready()
        except BaseException:
            self.close()
            raise

    def _take_over(self) -> None:
        with Cloud._claim:
            if Cloud._owner not in (None, self):
                raise RuntimeError(
                    "Another emulator runs in this process. moto, which plays the rest of AWS, keeps its state for the "
                    "whole process: close the first one, or start the second in a process of its own."
                )
            Cloud._owner = self

    def _give_free(self) -> None:
        with Cloud._claim:
            if Cloud._owner is self:
                Cloud._owner = None
