"""Feeds the Pipe channels of one host: a program of its own, so that the bytes flow on when the emulator is killed.

Run as ``python -I -S feeder.py PLAN LOCK_FD``; it imports nothing of the emulator. The plan says what to feed (see
`emulator.optml.feeding`, which starts this). Beside the plan are ``lock``, which the emulator locked before it started
us and which stays locked until we end; ``feeding``, which is there from our start to our good end; ``stop``, with
which somebody ends us; and ``failed``, in which we say why a job must fail. We end as well when the lock file is no
longer the one we hold, since then the job's directory was removed.
"""

# ruff: noqa: PTH108, PTH116, PTH123 - what a container can reach is used by descriptors of directories
from __future__ import annotations

import contextlib
import errno
import fcntl
import gzip
import itertools
import json
import os
import random
import select
import stat
import sys
import threading
import time
import zlib
from array import array
from collections.abc import Iterator
from typing import Any

PIECE = 1 << 20
"""Bytes written at once, and asked of the system as the capacity of a pipe."""

MAGIC = (0xCED7230A).to_bytes(4, "little")
LONGEST_RECORD = (1 << 29) - 1
"""Bytes of a RecordIO record: three bits of the length word have another meaning."""

TICK = 0.1
"""Seconds after which every wait looks whether the end has come."""
SHORTEST_PAUSE = 0.001


class Over(Exception):
    """The feeder is to end."""


class Unfit(Exception):
    """An item cannot be fed; the message says why."""


class Pipe:
    """A FIFO that somebody reads, open for writing. ``over`` ends every wait."""

    def __init__(self, descriptor: int, over: threading.Event) -> None:
        self._descriptor = descriptor
        self._over = over
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            with contextlib.suppress(OSError):  # above what one user may have, and then the pipe stays as it is
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIECE)

    def write(self, pieces: Iterator[bytes]) -> None:
        """All pieces, small ones together. Raises BrokenPipeError when the reader has closed its end, and `Over`."""
        held = bytearray()
        for piece in pieces:
            if len(held) + len(piece) < PIECE:
                held += piece
            else:
                self._write(held)
                self._write(piece)
                held = bytearray()
        self._write(held)

    def _write(self, piece: bytes | bytearray) -> None:
        left = memoryview(piece)
        while left:
            if self._over.is_set():
                raise Over
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                self._poll.poll(TICK * 1000)


class Channel:
    """One channel: epoch after epoch into ``<name>_0``, ``<name>_1`` and so on below ``directory``, a descriptor."""

    def __init__(self, plan: dict[str, Any], directory: int, over: threading.Event) -> None:
        self._name: str = plan["name"]
        self._items: str = plan["items"]
        self._seed: int | None = plan["seed"]
        self._gzipped: bool = plan["gzip"]
        self._wrapped: bool = plan["records"]
        self._directory = directory
        self._over = over

    def feed(self) -> None:
        """Until it is over. Raises `Over`, and anything else when an epoch cannot be fed to its end."""
        for epoch in itertools.count():
            pipe = self._wait_for_reader(self._path(epoch))
            try:
                # Before the end of this epoch can be seen: a reader goes on to the next one at once.
                self._make(self._path(epoch + 1))
                Pipe(pipe, self._over).write(self._epoch(epoch))
            except Over:
                self._let_go(epoch, pipe)
                raise
            except BrokenPipeError:
                pass  # the reader has seen enough of this epoch
            # What fails leaves the pipe open, so that its end is not seen before the reason is written.
            self._let_go(epoch, pipe)

    def _path(self, epoch: int) -> str:
        return f"{self._name}_{epoch}"

    def _make(self, path: str) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkfifo(path, 0o666, dir_fd=self._directory)

    def _let_go(self, epoch: int, pipe: int) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(epoch), dir_fd=self._directory)
        os.close(pipe)

    def _wait_for_reader(self, path: str) -> int:
        pause = SHORTEST_PAUSE
        while (descriptor := self._opened(path)) is None:
            if self._over.wait(pause):
                raise Over
            pause = min(2 * pause, TICK)
        return descriptor

    def _opened(self, path: str) -> int | None:
        """The FIFO, open for writing; None while nobody reads, or while the container has put something else there."""
        try:
            if not stat.S_ISFIFO(os.stat(path, dir_fd=self._directory, follow_symlinks=False).st_mode):
                return None
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(path, flags, dir_fd=self._directory)
        except OSError as error:
            if error.errno in (errno.ENXIO, errno.ENOENT, errno.ELOOP):
                return None
            raise
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            return descriptor
        os.close(descriptor)
        return None

    def _epoch(self, epoch: int) -> Iterator[bytes]:
        for parts in lines(f"{self._items}/order", self._seed, epoch):
            for part in parts:
                yield from self._pieces(part)

    def _pieces(self, part: Any) -> Iterator[bytes]:
        """A text, or the object ``[number of its file, URI]``."""
        if isinstance(part, str):
            text = part.encode("utf-8", "surrogatepass")
            return record(len(text), iter([text])) if self._wrapped else iter([text])
        number, uri = part
        return self._object(f"{self._items}/{number}", uri)

    def _object(self, path: str, uri: str) -> Iterator[bytes]:
        try:
            yield from self._wrapped_object(path) if self._wrapped else contents(path, self._gzipped)
        except (OSError, EOFError, Unfit, zlib.error) as error:
            raise Unfit(f"the object {uri} cannot be fed: {error}") from error

    def _wrapped_object(self, path: str) -> Iterator[bytes]:
        size = sum(map(len, contents(path, gzipped=True))) if self._gzipped else os.stat(path).st_size
        return record(size, contents(path, self._gzipped))


def lines(path: str, seed: int | None, epoch: int) -> Iterator[list[Any]]:
    """The lines of an order file: as they are, or shuffled in a way that seed and epoch determine.

    Shuffled, eight bytes of a line are in memory.
    """
    with open(path, "rb") as file:
        if seed is None:
            yield from map(json.loads, file)
            return
        offsets = array("Q", [0])
        offsets.extend(itertools.accumulate(map(len, file)))
        offsets.pop()  # the end of the last line
        random.Random(f"{seed}/{epoch}").shuffle(offsets)  # noqa: S311 - to be foreseen, not secret
        for offset in offsets:
            file.seek(offset)
            yield json.loads(file.readline())


def contents(path: str, gzipped: bool) -> Iterator[bytes]:
    """A file in pieces, unpacked if it is ``gzipped``. Raises OSError, EOFError or zlib.error."""
    with open(path, "rb", buffering=0) as raw:
        file = gzip.GzipFile(fileobj=raw) if gzipped else raw
        while piece := file.read(PIECE):
            yield piece


def record(size: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """One RecordIO record with ``size`` bytes of content. Raises `Unfit` when that is too much for one."""
    if size > LONGEST_RECORD:
        raise Unfit(f"{size} bytes are too many for a RecordIO record, which takes {LONGEST_RECORD} at most")
    yield MAGIC + size.to_bytes(4, "little")
    yield from pieces
    if size % 4:
        yield bytes(4 - size % 4)


class Feeder:
    """All channels of a plan, each on a thread of its own."""

    def __init__(self, plan: str, lock: int) -> None:
        with open(plan, encoding="utf-8") as file:
            document = json.load(file)
        self._beside = os.path.dirname(plan)  # noqa: PTH120
        self._lock = lock
        self._until: float = document["until"]
        self._over = threading.Event()
        self._failing = threading.Lock()
        self._failed = False
        # The container may replace what leads to its pipes; what was opened before it ran stays what it is.
        directory = os.open(document["data"], os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        self._channels = [Channel(channel, directory, self._over) for channel in document["channels"]]

    def run(self) -> None:
        """Feed until it is over."""
        feeding = f"{self._beside}/feeding"
        if os.path.exists(feeding):  # noqa: PTH110
            return  # one before us was killed: where it was nobody knows, and `feeding.failure` says so
        os.close(os.open(feeding, os.O_WRONLY | os.O_CREAT, 0o600))
        threads = [threading.Thread(target=self._feed, args=(channel,)) for channel in self._channels]
        for thread in threads:
            thread.start()
        while not (self._over.is_set() or self._ended()):
            self._over.wait(TICK)
        self._over.set()
        for thread in threads:
            thread.join()
        if not self._failed:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(feeding)

    def _ended(self) -> bool:
        return time.time() > self._until or os.path.exists(f"{self._beside}/stop") or not self._holds_lock()  # noqa: PTH110

    def _holds_lock(self) -> bool:
        try:
            return os.path.samestat(os.stat(f"{self._beside}/lock"), os.fstat(self._lock))
        except FileNotFoundError:
            return False

    def _feed(self, channel: Channel) -> None:
        try:
            channel.feed()
        except Over:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not look like the end of the data
            self._fail(f"ClientError: Data download failed:{error}")
            self._over.set()

    def _fail(self, reason: str) -> None:
        """Say why, for the first time; the file is there only with all of its words."""
        with self._failing:
            if self._failed:
                return
            self._failed = True
            with contextlib.suppress(OSError):  # the disk may be full; then ``feeding`` says that it was no good end
                with open(f"{self._beside}/failed.new", "w", encoding="utf-8") as file:
                    file.write(reason)
                os.rename(f"{self._beside}/failed.new", f"{self._beside}/failed")  # noqa: PTH104


def main() -> None:
    """``feeder.py PLAN LOCK_FD``: ends at once, and leaves a child that feeds."""
    plan, lock = sys.argv[1:]
    os.umask(0)
    feeder = Feeder(plan, int(lock))
    if os.fork() == 0:  # nobody waits for it, wherever the emulator is by then
        feeder.run()


if __name__ == "__main__":
    main()
