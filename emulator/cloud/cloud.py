"""`Cloud`: the rest of AWS. moto behind one object, imported when it is first used."""

from __future__ import annotations

import importlib.metadata
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from emulator.arns import Scope
from emulator.cloud.bodies import Bodies
from emulator.cloud.caller import caller
from emulator.cloud.catalogue import Catalogue
from emulator.cloud.logs import Logs
from emulator.cloud.metrics import Metrics
from emulator.cloud.objects import Objects
from emulator.cloud.refusal import NOT_BUILT, Reply, refuse, status_line
from emulator.cloud.roles import Roles

if TYPE_CHECKING:
    from emulator.cloud.dispatch import Moto
    from emulator.cloud.durable import Durable

_log = logging.getLogger(__name__)

_IAM_WRITERS = ("iam", "sts", "cloudformation")
"""Signing names whose requests may change IAM: STS makes access keys, CloudFormation roles."""

_MOTO_RESET = "/moto-api/reset"

T = TypeVar("T")


class Cloud:
    """moto, mounted. One at a time in a process, since moto's state is the process's own; `close` gives it free.

    A second one raises RuntimeError.

    ``account`` is whose requests are that are not signed with a key of another account, ``region`` where the
    default bucket is made, ``state_dir`` where S3 and IAM are kept.
    """

    _claim = threading.Lock()
    _owner: ClassVar[Cloud | None] = None

    def __init__(self, account: str, region: str, state_dir: Path) -> None:
        self.account = account
        self.region = region
        self._take_over()
        try:
            self._catalogue = Catalogue(state_dir / "cloud.sqlite3")
        except BaseException:
            self._give_free()
            raise
        self._bodies = Bodies(state_dir / "objects")
        self._known_keys = self._catalogue.access_keys()
        self._lock = threading.Lock()
        self._moto: Moto | None = None
        self._durable: Durable | None = None
        self.objects = Objects(account, self._bodies, self._ready, self._changing)
        self.logs = Logs(self._ready)
        self.metrics = Metrics(self._ready)
        self.roles = Roles(self._iam, self._save_iam)
        if self._catalogue.meta("moto") not in (None, importlib.metadata.version("moto")):
            self._read_now()

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request with moto; what it changed in S3 and IAM is durable before the reply begins."""
        status, headers, body = self._reply(environ)
        start_response(status_line(status), headers)
        return [body]

    def account_of(self, access_key: str) -> str:
        """The account a request signed with ``access_key`` acts in; moto is not imported for the answer."""
        if self._durable is None:
            return self._known_keys.get(access_key, self.account)
        from moto.iam.models import iam_backends

        for account, partitions in list(iam_backends.items()):
            if any(access_key in backend.access_keys for backend in list(partitions.values())):
                return account
        return self.account

    def credentials(self, scope: Scope, role: str) -> dict[str, str]:
        """AWS_* variables of a new session of ``role``, for a container that runs under it."""
        from emulator.cloud.sessions import open_session

        self._ready()
        variables = open_session(scope, role)
        self._save_iam()  # a session's access key tells its account, after a restart as well
        return variables

    def reset(self) -> None:
        """Back to a fresh account: every service of every account, on disk too, and the seeds again."""
        with self._lock:
            self._known_keys = {}
            if self._durable is None:
                with self._catalogue.transaction():
                    self._catalogue.clear()
                self._bodies.clear()
                return
            _forget_all()
            self._durable.clear()
            self._sow(self._durable)

    def close(self) -> None:
        """Let go of moto and of the files; what was acknowledged is already on disk."""
        with self._lock:
            if self._durable is not None:
                _forget_all()
            self._durable = None
            self._moto = None
            self._catalogue.close()
        self._give_free()

    def _reply(self, environ: dict[str, Any]) -> Reply:
        service, access_key = caller(environ)
        if service == "sagemaker":
            return refuse(environ, service, 501, NOT_BUILT, "This part of SageMaker is not built in this emulator.")
        if not access_key and environ["PATH_INFO"].rstrip("/") == _MOTO_RESET:
            self.reset()  # moto's own would clear the memory and leave what is on disk
            return 200, [("Content-Type", "application/json")], b'{"status": "ok"}'
        moto, durable = self._ready()
        # moto's own way to name the account of a request; a client may use it as well
        environ.setdefault("HTTP_X_MOTO_ACCOUNT_ID", self.account_of(access_key))
        from emulator.cloud.hooks import touches

        with touches.recording() as touched, self._bodies.reading():
            reply: Reply = moto.reply(environ, service)
            try:
                durable.commit(touched)  # also after a GET: a bucket with access logs writes one
                if service in _IAM_WRITERS and environ["REQUEST_METHOD"] == "POST":
                    durable.commit_iam()
            except (OSError, sqlite3.Error) as error:
                _log.exception("what a request changed could not be stored")
                return refuse(environ, service, 500, "InternalError", f"The emulator cannot store its state: {error}")
        return reply

    def _ready(self) -> tuple[Moto, Durable]:
        """moto with its hooks and its state, imported and loaded the first time."""
        if self._moto is None or self._durable is None:
            with self._lock:
                if self._moto is None or self._durable is None:
                    self._load()
        assert self._moto is not None
        assert self._durable is not None
        return self._moto, self._durable

    def _load(self) -> None:
        if Cloud._owner is not self:
            raise RuntimeError("The emulator is closed.")
        from emulator.cloud import hooks, seeds
        from emulator.cloud.dispatch import Moto
        from emulator.cloud.durable import Durable

        hooks.install(seeds.ROLE_NAME)
        durable = Durable(self._catalogue, self._bodies)
        try:
            if not durable.load():
                self._sow(durable)
        except BaseException:
            _forget_all()  # half a state is worse than none
            raise
        self._moto = Moto()
        self._durable = durable

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

    def _sow(self, durable: Durable) -> None:
        from emulator.cloud import seeds
        from emulator.cloud.hooks import touches

        with touches.recording() as touched:
            seeds.sow(self.account, self.region)
        durable.commit(touched)
        durable.commit_iam()

    def _changing(self, change: Callable[[], T]) -> T:
        _, durable = self._ready()
        from emulator.cloud.hooks import touches

        with touches.recording() as touched:
            result = change()
            durable.commit(touched)
        return result

    def _iam(self) -> Any:
        self._ready()
        from moto.iam.models import iam_backends

        return iam_backends

    def _save_iam(self) -> None:
        self._ready()[1].commit_iam()


def _forget_all() -> None:
    """Empty moto: every service in every account."""
    from moto.core.base_backend import BackendDict
    from moto.core.model_instances import reset_model_data

    from emulator.cloud import hooks

    BackendDict.reset()
    reset_model_data()
    hooks.forget_instances()
