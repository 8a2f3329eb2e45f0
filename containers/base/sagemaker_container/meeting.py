"""How the hosts of a cluster find each other, share what they must agree on, and learn that one of them failed.

The first host listens and every other one keeps a connection to it, over which each sends JSON values, one a line.
A connection that ends tells of a host that died. This comes before, and beside, whatever the algorithm's own library
uses to train together: such libraries neither wait for a host that is not there yet nor say why one has gone.
"""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

from sagemaker_container.errors import AlgorithmError, JobError

PORT = 9099
"""Where the first host listens. AWS's XGBoost image meets at the same port."""

PATIENCE = 15 * 60.0
"""Seconds for all hosts to appear: AWS's toolkits look up names for as long."""

POLL_SECONDS = 0.1
SECONDS_TO_EXPLAIN = 5.0
SECONDS_TO_INTRODUCE = 10.0


class HostFailed(AlgorithmError):
    """Another host ended the job; the message says which and why."""


class Line:
    """A connection that carries one JSON value a line."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        # Unbuffered: a line read ahead would be invisible to select, and lines are few and short.
        self._lines = connection.makefile("rb", buffering=0)

    def send(self, message: Any) -> None:
        self.connection.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> Any | None:
        """The next value; None at the end of the connection."""
        try:
            line = self._lines.readline()
        except ConnectionError:
            return None
        return json.loads(line) if line.endswith(b"\n") else None

    def close(self) -> None:
        self._lines.close()
        self.connection.close()


class Meeting:
    """All hosts, connected. As a context manager it tells the others when this host fails."""

    def __init__(self, me: str, lines: dict[str, Line], leads: bool) -> None:
        self._me = me
        self._lines = lines
        self._leads = leads
        self._failure: HostFailed | None = None
        self._known = threading.Event()
        self._ended = threading.Event()

    def exchange(self, value: Any) -> dict[str, Any]:
        """What every host gave to the same call, by name; returns when all have. Raises `HostFailed`."""
        if not self._leads:
            [leader] = self._lines
            self._tell({"value": value})
            values: dict[str, Any] = self._hear(leader)
            return values
        values = {self._me: value}
        while missing := self._lines.keys() - values.keys():
            values.update({host: self._hear(host) for host in self._speaking(missing, None)})
        self._tell({"value": values})
        return values

    @contextmanager
    def watched(self, hosts: Collection[str], give_up: Callable[[str], None]) -> Iterator[None]:
        """Meanwhile a thread notices when one of ``hosts`` fails. That of the first host tells all others, as its
        main thread cannot while it is inside the algorithm's library. There is no `exchange` in the meantime.

        ``give_up`` is called with the reason where the library goes on waiting for the host that is gone.
        """
        members = set(hosts) & self._lines.keys()
        watch = threading.Thread(target=self._watch, args=(members, give_up), daemon=True)
        watch.start()
        try:
            yield
        finally:
            self._ended.set()
            watch.join()

    def reason(self) -> HostFailed | None:
        """Why contact with a watched host was lost, if that becomes known soon."""
        self._known.wait(SECONDS_TO_EXPLAIN)
        return self._failure

    def _watch(self, hosts: set[str], give_up: Callable[[str], None]) -> None:
        while hosts and not self._ended.is_set():
            for host in self._speaking(hosts, POLL_SECONDS):
                hosts.discard(host)  # it failed, or has done its part
                try:
                    self._hear(host)
                except HostFailed as failure:
                    self._spread(failure)
                    if not self._ended.wait(SECONDS_TO_EXPLAIN):
                        give_up(failure.message)

    def _spread(self, failure: HostFailed) -> None:
        self._failure = self._failure or failure
        self._known.set()
        self._tell({"failure": failure.message})

    def _speaking(self, hosts: Collection[str], seconds: float | None) -> Iterator[str]:
        sockets = {self._lines[host].connection: host for host in hosts}
        ready, _, _ = select.select(list(sockets), [], [], seconds)
        return (sockets[one] for one in ready)

    def _hear(self, host: str) -> Any:
        message = self._lines[host].receive()
        if message is None:
            raise HostFailed(f"Host {host} left the cluster before the job was done.")
        if "failure" in message:
            raise HostFailed(message["failure"])
        return message["value"]

    def _tell(self, message: Any) -> None:
        for line in self._lines.values():
            with suppress(OSError):  # it has gone; what is heard from it next, its end, says so
                line.send(message)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tell({"value": None} if error is None else {"failure": self._told(error)})
        for line in self._lines.values():
            line.close()

    def _told(self, error: BaseException) -> str:
        if isinstance(error, HostFailed):
            return error.message
        text = error.message if isinstance(error, JobError) else repr(error)
        return f"Host {self._me} failed: {text}"


def meet(hosts: Sequence[str], me: str, patience: float = PATIENCE) -> Meeting:
    """Connect with all ``hosts``, the first of which leads. Raises `AlgorithmError` after ``patience`` seconds."""
    deadline = time.monotonic() + patience
    if me == hosts[0]:
        return Meeting(me, _gathered(hosts[1:], me, deadline), leads=True)
    return Meeting(me, {hosts[0]: _called(hosts[0], me, deadline)}, leads=False)


def address(host: str, deadline: float | None = None) -> str:
    """The IP address of a host. The names of a cluster may take a while to be known."""
    deadline = deadline or time.monotonic() + PATIENCE
    while True:
        try:
            return socket.gethostbyname(host)
        except OSError as error:
            _wait_or_give_up(deadline, f"Host {host} cannot be found: {error}", error)


def _gathered(others: Sequence[str], me: str, deadline: float) -> dict[str, Line]:
    """The connections of all others, by name."""
    lines: dict[str, Line] = {}
    with socket.create_server((address(me, deadline), PORT), backlog=len(others)) as server:
        while missing := [host for host in others if host not in lines]:
            server.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                connection, _ = server.accept()
            except TimeoutError as error:
                raise AlgorithmError(f"Host {', '.join(missing)} did not join the cluster.") from error
            line = Line(connection)
            name = _introduced(line)
            if name in missing:
                lines[name] = line
            else:
                line.close()
    return lines


def _introduced(line: Line) -> Any | None:
    """The name by which somebody calls; None for a stranger, who may say anything, or nothing."""
    line.connection.settimeout(SECONDS_TO_INTRODUCE)
    try:
        name = line.receive()
    except (TimeoutError, ValueError):
        return None
    line.connection.settimeout(None)
    return name


def _called(leader: str, me: str, deadline: float) -> Line:
    while True:
        try:
            line = Line(socket.create_connection((leader, PORT), max(deadline - time.monotonic(), 0.001)))
        except OSError as error:
            _wait_or_give_up(deadline, f"Host {leader} cannot be reached: {error}", error)
        else:
            line.connection.settimeout(None)
            line.send(me)
            return line


def _wait_or_give_up(deadline: float, message: str, error: OSError) -> None:
    if time.monotonic() + POLL_SECONDS > deadline:
        raise AlgorithmError(message) from error
    time.sleep(POLL_SECONDS)
