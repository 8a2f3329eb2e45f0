"""`Front`: the one public port. uvicorn in a thread of its own, on sockets we bind ourselves."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence

import uvicorn

Address = tuple[str, int]
AsgiApp = Callable[..., Awaitable[None]]

_BACKLOG = 2048
_KEEP_ALIVE = 75
"""Seconds an idle connection stays open: longer than clients keep theirs, so that they never meet a closing one."""

_REACHED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - listening everywhere is the user's choice


_REMEDIES = {
    errno.EADDRINUSE: " Is an emulator running already? Another port can be chosen with --port.",
    errno.EADDRNOTAVAIL: " --host must be an address of this machine.",
    errno.EACCES: " Another port can be chosen with --port.",
    socket.EAI_NONAME: " --host must be an address of this machine.",
}


class PortInUse(OSError):
    """The main address cannot be listened on; the message says why."""


class Front:
    """Serves ``app`` on the first of ``addresses``, and on the others as far as they can be bound.

    A port of 0 takes a free one; the other addresses with port 0 then take the same. Signals are left alone.
    ``closing`` is called on the event loop when the last request is over: what the application keeps open there
    must be closed, or the loop does not end.
    """

    def __init__(self, app: AsgiApp, addresses: Sequence[Address], closing: Callable[[], None] = lambda: None) -> None:
        self._config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            proxy_headers=False,
            backlog=_BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(self._config, closing)
        self._addresses = list(addresses)
        self._thread: threading.Thread | None = None
        self.port = 0
        self.unbound: dict[Address, str] = {}
        """Addresses asked for that could not be bound, and why."""

    @property
    def url(self) -> str:
        """The URL a client on this machine uses."""
        host = _REACHED_AT.get(self._addresses[0][0], self._addresses[0][0])
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def start(self) -> None:
        """Bind, serve, and return when connections are answered. Raises `PortInUse`."""
        sockets = [self._bind_main()]
        for host, port in self._addresses[1:]:
            extra = self._bind_other((host, port or self.port))
            sockets += [extra] if extra is not None else []
        self._thread = threading.Thread(target=self._server.run, args=(sockets,), name="front-loop", daemon=True)
        self._thread.start()
        self._server.serving.wait()

    def stop(self) -> None:
        """Stop listening, give requests under way a second, and end."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()

    def _bind_main(self) -> socket.socket:
        host, port = self._addresses[0]
        try:
            sock = _bound((host, port))
        except OSError as error:
            reason = f"Cannot listen on {host}:{port}: {error.strerror}.{_REMEDIES.get(error.errno or 0, '')}"
            raise PortInUse(error.errno, reason) from error
        self.port = sock.getsockname()[1]
        return sock

    def _bind_other(self, address: Address) -> socket.socket | None:
        try:
            return _bound(address)
        except OSError as error:
            self.unbound[address] = error.strerror or str(error)
            return None


class _Server(uvicorn.Server):
    """uvicorn's server, which tells when it serves."""

    def __init__(self, config: uvicorn.Config, closing: Callable[[], None]) -> None:
        super().__init__(config)
        self._closing = closing
        self.serving = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.serving.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        self._closing()


def _bound(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock
