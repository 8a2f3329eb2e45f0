"""Mirrors: directories of a container that S3 is to hold as they are, checkpoints above all.

New and changed files are uploaded and vanished ones deleted, again and again while the container runs and once more
when it has ended. Several hosts share one prefix, so each deletes only what it knows: what was there when it began, and
what it uploaded itself.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from emulator.objects.port import ObjectError, ObjectStore
from emulator.optml import channels
from emulator.optml.files import opened, regular_files
from emulator.optml.s3uri import S3Uri

log = logging.getLogger(__name__)

_UNFINISHED = ".sagemaker-ignore"
"""What AWS's containers call a file by that is not to be uploaded: a checkpoint that is being written."""

_PAUSE = 1.0
"""Seconds between two looks at the directories."""

Trouble = ObjectError | OSError


def bring(store: ObjectStore, account: str, source: S3Uri, directory: Path) -> None:
    """Copy everything below ``source`` down into ``directory``, which is made. Raises `channels.StagingError`.

    The prefix means a folder, whether or not it ends with a slash: what is of ``run-10`` is not of ``run-1``.
    """
    folder = S3Uri(source.bucket, source.key.rstrip("/") + "/" if source.key.strip("/") else "")
    channels.download_all(store, account, folder, directory)


class Mirror:
    """One directory and its place in S3.

    What S3 has of it is remembered in the file ``record``, so that a restarted emulator uploads nothing twice and
    notices what was deleted meanwhile.
    """

    def __init__(self, store: ObjectStore, account: str, directory: Path, target: S3Uri, record: Path) -> None:
        self._store = store
        self._account = account
        self._directory = directory
        self._target = target
        self._record = record
        self._known = self._read()

    def began(self) -> None:
        """The directory is as S3 has it: `bring` has just brought it down."""
        self._known = {path: _state(status) for path, status in self._files()}
        self._write()

    def once(self) -> None:
        """Make S3 what the directory is. Raises ObjectError or OSError; what was done until then is remembered."""
        before = dict(self._known)
        try:
            for path, status in self._files():
                before.pop(path, None)
                if self._known.get(path) != (found := _state(status)):
                    self._upload(path, found)
            for path in before:
                self._store.delete(self._target.bucket, self._key(path), account=self._account)
                del self._known[path]
        finally:
            self._write()

    def _files(self) -> Iterator[tuple[str, os.stat_result]]:
        return ((path, status) for path, status in regular_files(self._directory) if not path.endswith(_UNFINISHED))

    def _upload(self, path: str, found: tuple[int, int]) -> None:
        """A file that vanishes or becomes something else meanwhile is for the next round."""
        body = opened(self._directory / path)
        if body is None:
            return
        with body:
            self._store.put(self._target.bucket, self._key(path), body, account=self._account)
        self._known[path] = found

    def _key(self, path: str) -> str:
        return self._target.join(path).key

    def _read(self) -> dict[str, tuple[int, int]]:
        try:
            return {path: (size, at) for path, size, at in json.loads(self._record.read_text(encoding="utf-8"))}
        except FileNotFoundError:
            return {}

    def _write(self) -> None:
        rows = [(path, *state) for path, state in sorted(self._known.items())]
        draft = self._record.with_suffix(".new")
        draft.write_text(json.dumps(rows), encoding="utf-8")
        draft.replace(self._record)


def _state(status: os.stat_result) -> tuple[int, int]:
    """What tells that a file has changed."""
    return status.st_size, status.st_mtime_ns


class Mirroring:
    """Several mirrors, kept up to date on a thread of its own."""

    def __init__(self, mirrors: Sequence[Mirror]) -> None:
        self._mirrors = mirrors
        self._over = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Inside, look at the directories again and again, if there are any."""
        thread = threading.Thread(target=self._run, name="mirroring", daemon=True)
        if self._mirrors:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            if self._mirrors:
                thread.join()

    def once(self) -> Trouble | None:
        """Bring every mirror up to date; the first thing that went wrong."""
        first = None
        for mirror in self._mirrors:
            try:
                mirror.once()
            except (ObjectError, OSError) as error:
                first = first or error
        return first

    def _run(self) -> None:
        told = False
        while not self._over.wait(_PAUSE):
            trouble = self.once()
            if trouble is not None and not told:
                log.warning("a directory cannot be synced now, and is tried again: %s", trouble)
            told = trouble is not None
