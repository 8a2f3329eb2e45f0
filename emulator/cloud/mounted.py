"""moto with its hooks and its state: what `Cloud` has once somebody asks for the rest of AWS."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import moto
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data

from emulator.cloud import hooks, seeds, sessions
from emulator.cloud.catalogue import Catalogue
from emulator.cloud.dispatch import Moto
from emulator.cloud.refusal import Reply, refuse
from emulator.cloud.s3.service import S3
from emulator.cloud.services import install as services_hooks
from emulator.cloud.services.record import Touched
from emulator.cloud.services.services import Services
from emulator.objects.draining import drain
from emulator.objects.graves import Visit
from emulator.objects.port import Damaged
from emulator.objects.wire_error import WireError

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Record:
    """What is being done to moto: `commit` makes it durable. ``visit`` keeps the blobs that are being read."""

    visit: Visit
    _s3: S3
    _services: Services
    _touched: Touched

    def commit(self) -> None:
        """Store what was changed so far; what cannot be stored has not happened. Raises OSError and sqlite3.Error."""
        self._s3.commit()
        self._services.commit(self._touched)


class Mounted:
    """moto, loaded. Raises `StateUnreadable` where the catalogue cannot be read; moto is empty then."""

    def __init__(self, catalogue: Catalogue, directory: Path, account: str, region: str, *, synced: bool) -> None:
        hooks.install(seeds.ROLE_NAME)
        services_hooks.install()
        self._catalogue = catalogue
        self._account = account
        self._region = region
        self.moto = Moto()
        self.s3 = S3(catalogue, directory, synced=synced)
        self.services = Services(catalogue.services)
        try:
            self._load()
        except BaseException:
            self.close()  # half a state is worse than none
            raise

    @contextmanager
    def recording(self) -> Iterator[Record]:
        """Around whatever may change moto: notes what it changes."""
        with self.s3.request() as visit, self.services.recording() as touched:
            yield Record(visit, self.s3, self.services, touched)

    def s3_reply(self, environ: dict[str, Any], record: Record) -> Reply:
        """Answer a request of S3: its bytes stream past moto. Raises as `Record.commit` does."""
        try:
            asked = self.s3.receive(environ, self.secret_of)
            with self.s3.turn(environ):
                reply = self.moto.reply(environ, "s3")
                record.commit()
            return self.s3.sending.reply(environ, reply, asked, record.visit)
        except WireError as error:
            drain(environ["wsgi.input"])
            return refuse(environ, "s3", error.status, error.code, error.message, elements=error.elements)
        except Damaged as error:
            message = f"s3:/{unquote(environ['RAW_URI'].partition('?')[0])}: {error}"
            _log.error("%s", message)
            return refuse(environ, "s3", 500, "InternalError", message)

    def secret_of(self, access_key: str) -> tuple[str, str | None] | None:
        """The secret of a key that IAM or STS made, or that the emulator itself gives to its users."""
        if access_key == sessions.DUMMY["AWS_ACCESS_KEY_ID"]:
            return sessions.DUMMY["AWS_SECRET_ACCESS_KEY"], None
        return self.services.secret_of(access_key)

    def clear(self) -> None:
        """Back to a fresh account, on disk too."""
        # A request that is still to be stored finds all of it done. The rows go before the bytes that they name.
        with self.services.clearing(), self._catalogue.lock:
            self._forget()
            with self._catalogue.transaction():
                self._catalogue.clear()
                self.services.sign()
            self.s3.clear()
            self._begin()

    def close(self) -> None:
        """Empty moto."""
        self._forget()
        self.s3.close()

    def _forget(self) -> None:
        """Empty moto: every service in every account."""
        self.services.forget()
        self.s3.forget()
        BackendDict.reset()
        reset_model_data()

    def _load(self) -> None:
        self.s3.load()
        self.services.load()
        if self._catalogue.meta("moto") is None:
            self._begin()
        else:
            self._sign()

    def _begin(self) -> None:
        with self.recording() as record:
            seeds.sow(self._account, self._region, self.s3.make_bucket)
            record.commit()
        self._sign()

    def _sign(self) -> None:
        with self._catalogue.transaction():
            self._catalogue.sign(moto.__version__)
            # Whose state this is: one who loads a snapshot of it asks.
            self._catalogue.set_meta("account", self._account)
            self._catalogue.set_meta("region", self._region)
