"""Directories of running containers that S3 keeps up with: checkpoints, TensorBoard files, tensors.

Files go up as they are, when they are new or changed, and are deleted in S3 when they are gone here. Several hosts may
share one prefix, so that only what a mirror has put there itself, or has brought down, is ever deleted.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from emulator.objects.port import ObjectError, ObjectStore
from emulator.optml import channels, tree
from emulator.optml.layout import open_to_all
from emulator.optml.s3uri import S3Uri

log = logging.getLogger(__name__)

_UNFINISHED = ".sagemaker-ignore"
"""What AWS's containers call a file by that is not to be uploaded: a checkpoint that is being written."""

Stamp = tuple[int, int]
"""Size in bytes and time of the last change in nanoseconds. A change that leaves both as they are is not seen."""

# How a file can be gone that was there a moment ago: removed, or replaced by something that is not read.
_GONE = (FileNotFoundError, NotADirectoryError, tree.NoOrdinaryFile)


class Mirror:
    """Keeps ``target`` as ``directory`` is. ``record`` is a file that tells a restarted emulator what is known.

    Used by one thread at a time. In memory are the names of the files, never their bytes.
    """

    def __init__(self, store: ObjectStore, account: str, directory: Path, target: S3Uri, record: Path) -> None:
        self._store = store
        self._account = account
        self._directory = directory
        self._target = target
        self._record = record
        # A file whose upload has begun has no stamp until it is done.
        self._known: dict[str, Stamp | None] = self._load()

    def bring(self) -> None:
        """Bring everything below ``target`` down into the directory, which is made afresh, and any user may write to.

        The files are copies. Raises `channels.StagingError` and OSError.
        """
        self._record.unlink(missing_ok=True)
        if self._directory.exists():  # an interrupted attempt
            shutil.rmtree(self._directory)
        prefix = self._target.key.rstrip("/")
        below = S3Uri(self._target.bucket, f"{prefix}/" if prefix else "")
        channels.download_all(self._store, self._account, below, self._directory)
        open_to_all(self._directory)
        self._known = dict(self._present())
        self._save()

    def once(self) -> None:
        """Carry over what has changed since the last time.

        Goes on behind what fails, and raises the first ObjectError or OSError at the end; the next time tries again.
        """
        if not self._directory.is_dir() or self._directory.is_symlink():
            return  # a directory that was cleaned up does not mean that its checkpoints are to be deleted
        # While a container runs, its root can make directories that only it can read.
        unseen: tree.Unseen = {}
        present = self._present(unseen)
        gone = [name for name in self._known if name not in present and not _is_in(name, unseen)]
        changed = [name for name, stamp in present.items() if self._known.get(name) != stamp]
        if gone or changed:
            self._become(gone, changed)
        for error in unseen.values():
            raise error

    def _become(self, gone: Sequence[str], changed: Sequence[str]) -> None:
        # Known before they are up, so that a restarted emulator may delete them.
        self._known.update({name: None for name in changed if name not in self._known})
        self._save()
        try:
            self._carry_over(gone, changed)
        finally:
            self._save()

    def _carry_over(self, gone: Sequence[str], changed: Sequence[str]) -> None:
        failed: Exception | None = None
        for names, act in ((gone, self._delete), (changed, self._upload)):
            for name in names:
                try:
                    act(name)
                except (ObjectError, OSError) as error:
                    failed = failed or error
        if failed is not None:
            raise failed

    def _delete(self, name: str) -> None:
        self._store.delete(self._target.bucket, self._target.join(name).key, account=self._account)
        del self._known[name]

    def _upload(self, name: str) -> None:
        """Upload a file as it is by now; what is written to it meanwhile is the next round's."""
        try:
            with tree.open_file(self._directory, name) as body:
                stamp = _stamp(os.fstat(body.fileno()))
                self._store.put(self._target.bucket, self._target.join(name).key, body, account=self._account)
        except _GONE:
            if self._known[name] is None:  # never uploaded: what bears its name in S3 is somebody else's
                del self._known[name]
        else:
            self._known[name] = stamp

    def _present(self, unseen: tree.Unseen | None = None) -> dict[str, Stamp]:
        """The ordinary files that are there. A name that is not UTF-8 cannot be a key, and is left out."""
        found = {}
        for entry in tree.merged([self._directory], unseen):
            try:
                if entry.is_file and _is_for_s3(entry.name):
                    found[entry.name] = _stamp(entry.found.stat(follow_symlinks=False))
            except FileNotFoundError:
                continue
        return found

    def _load(self) -> dict[str, Stamp | None]:
        try:
            document = json.loads(self._record.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return {name: stamp and (stamp[0], stamp[1]) for name, stamp in document.items()}

    def _save(self) -> None:
        new = self._record.with_name(f"{self._record.name}.new")
        new.write_text(json.dumps(self._known), encoding="utf-8")
        new.replace(self._record)


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_size, status.st_mtime_ns


def _is_in(name: str, directories: Iterable[str]) -> bool:
    return any(not directory or name.startswith(f"{directory}/") for directory in directories)


def _is_for_s3(name: str) -> bool:
    """Not what is unfinished, nor what cannot be a key: Python spells bytes that are not UTF-8 as surrogates."""
    return not name.endswith(_UNFINISHED) and not any("\udc80" <= sign <= "\udcff" for sign in name)


class Mirroring:
    """Runs some mirrors every ``interval`` seconds on a thread of its own."""

    def __init__(self, mirrors: Sequence[Mirror], *, interval: float = 1.0) -> None:
        self._mirrors = mirrors
        self._interval = interval
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mirroring", daemon=True)
        self.error: ObjectError | OSError | None = None
        """What failed first in the last round; None when all went well."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Inside, the mirrors are kept up to date, if there are any."""
        if self._mirrors:
            self._thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            if self._mirrors:
                self._thread.join()

    def last(self) -> ObjectError | OSError | None:
        """One more round, when nothing is written any more; what failed first in it."""
        self._round()
        return self.error

    def _run(self) -> None:
        while not self._stopped.wait(self._interval):
            self._round()

    def _round(self) -> None:
        failed: ObjectError | OSError | None = None
        for mirror in self._mirrors:
            try:
                mirror.once()
            except (ObjectError, OSError) as error:
                failed = failed or error
        if failed is not None and str(failed) != str(self.error):  # once, not every second
            log.warning("files of a running job cannot be kept in S3 for now: %s", failed)
        self.error = failed
