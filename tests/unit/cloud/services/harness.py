"""moto behind our front with its services kept, called as the cloud calls them, and nothing else of the cloud.

As a program: serves the directory it is given and prints its URL, to be killed.
"""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data

from emulator.aws import Service
from emulator.cloud.caller import caller
from emulator.cloud.dispatch import Moto
from emulator.cloud.refusal import Reply, refuse, status_line
from emulator.cloud.services.install import install
from emulator.cloud.services.rows import ServiceRows
from emulator.cloud.services.services import Services
from emulator.front import Bridge, Front, Gateway, administration, create_app, routed
from tests.mounted import ACCOUNT, REGION, echo


class Kept:
    """moto with its services kept in ``path``; one at a time."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=NORMAL")
        self._lock = threading.RLock()
        try:
            self.rows = ServiceRows(self.db, self.transaction)
        except BaseException:
            self.db.close()
            raise
        install()
        self._moto = Moto()
        self.services = Services(self.rows)
        self.url = ""
        try:
            self.services.load()
        except BaseException:
            self.close()
            raise

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.db.execute("COMMIT")
            except BaseException:
                self.db.execute("ROLLBACK")
                raise

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, headers, body = self._reply(environ)
        start_response(status_line(status), headers)
        return [body]

    def client(self, service: str, region: str = REGION, **options: Any) -> Any:
        """A boto3 client that does not try again."""
        chosen = {"endpoint_url": self.url, "region_name": region, "config": Config(retries={"total_max_attempts": 1})}
        make: Any = boto3.client
        return make(service, **{**chosen, "aws_access_key_id": "test", "aws_secret_access_key": "test", **options})

    def account_of(self, access_key: str) -> str:
        return self.services.access_keys().get(access_key, ACCOUNT)

    def reset(self) -> None:
        with self.services.clearing():
            _empty_moto()
            with self.rows.transaction():
                self.rows.clear()
                self.services.sign()

    def close(self) -> None:
        self.services.forget()
        _empty_moto()
        self.db.close()

    def _reply(self, environ: dict[str, Any]) -> Reply:
        service, access_key = caller(environ)
        environ.setdefault("HTTP_X_MOTO_ACCOUNT_ID", self.account_of(access_key))
        with self.services.recording() as touched:
            reply = self._moto.reply(environ, service)
            try:
                self.services.commit(touched)
            except (OSError, sqlite3.Error) as error:
                return refuse(environ, service, 500, "InternalError", f"The emulator cannot store its state: {error}")
        return reply


def _empty_moto() -> None:
    BackendDict.reset()
    reset_model_data()


@contextlib.contextmanager
def kept(state_dir: Path) -> Iterator[Kept]:
    """Start everything on a free port, and stop it."""
    it = Kept(state_dir / "cloud.sqlite3")
    gateway: Callable[[Any], Any] = lambda own: Gateway(  # noqa: E731
        control=Service("sagemaker", {}),
        siblings=[],
        own=own,
        cloud=it.wsgi,
        account_of=it.account_of,
        region=REGION,
    )
    bridge = Bridge(create_app(gateway, administration(lambda: {"status": "ok"}, it.reset, list)))
    front = Front(routed(echo, bridge), [("127.0.0.1", 0)])
    front.start()
    it.url = front.url
    try:
        yield it
    finally:
        front.stop()
        bridge.close()
        it.close()


if __name__ == "__main__":
    with kept(Path(sys.argv[1])) as running:
        print(running.url, flush=True)
        signal.pause()
