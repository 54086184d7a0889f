"""The sandbox behind a port: for the command line until a signal, for tests as a context manager."""

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.app import build
from sandbox.middleware import DROP, Receive, Scope, Send
from sandbox.settings import SandboxSettings
from sandbox.state import Halves, Sandbox, both_vendors

LOOPBACK = "127.0.0.1"  # anyone who reaches the port owns this CRM: its secrets are public


class SandboxCannotListen(OSError):
    """The address cannot be used; the message says why and what to do."""


class SandboxCannotBeMade(ValueError):
    """The settings name a world that cannot be made; the message says why and what to give instead."""


class SandboxPortInUse(SandboxCannotListen):
    """Another program listens there."""


def serve(
    settings: SandboxSettings, host: str = LOOPBACK, port: int = 0, *, ready: Callable[[str], None] | None = None
) -> None:
    """Serves until SIGTERM or SIGINT, then returns. `ready` is told the address once calls are answered; port 0 picks one.

    Raises SandboxPortInUse or SandboxCannotListen before the world is made, and SandboxCannotBeMade where it cannot be.
    """
    listener = _listen(host, port)
    try:
        server = _server(settings, both_vendors, on_start=lambda: ready(_address(listener)) if ready else None)
        server.run(sockets=[listener])
    finally:
        listener.close()


@contextmanager
def running(
    settings: SandboxSettings | None = None, *, host: str = LOOPBACK, port: int = 0, halves: Halves = both_vendors
) -> Iterator[str]:
    """Yields the base URL of a sandbox that runs in a thread and ends with the block."""
    listener = _listen(host, port)
    try:
        server = _server(settings or SandboxSettings(), halves)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="sandbox", daemon=True)
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise SandboxCannotListen(f"the sandbox did not start on {_address(listener)} within 30 s")
            time.sleep(0.005)
        try:
            yield _address(listener)
        finally:
            server.should_exit = True
            thread.join(timeout=10)
    finally:
        listener.close()


class _CuttableProtocol(H11Protocol):
    """Lets a fault close the connection under a reply, which ASGI itself has no word for."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        inner = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[DROP] = transport.close
            await inner(scope, receive, send)

        self.app = app


class _Server(uvicorn.Server):
    """Stops without passing the signal on, and without waiting for calls that a fault keeps hanging."""

    def __init__(self, config: uvicorn.Config, sandbox: Sandbox, on_start: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._sandbox, self._on_start = sandbox, on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._on_start is not None:
            self._on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._sandbox.border.release()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            yield
            self._captured_signals.clear()  # a signal that was obeyed need not also kill the caller


def _server(settings: SandboxSettings, halves: Halves, on_start: Callable[[], None] | None = None) -> _Server:
    try:
        app = build(settings, halves=halves)
    except ValueError as error:
        raise SandboxCannotBeMade(str(error)) from error
    config = uvicorn.Config(
        app,
        http=_CuttableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,  # the sandbox's clock dates its replies
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )
    return _Server(config, app.state.sandbox, on_start)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # the protocol is named because asyncio sets TCP_NODELAY only where it is: without, each reply waits 40 ms for an ACK
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise SandboxPortInUse(
                f"port {port} on {host} is in use by another program; stop that one, or choose another port"
            ) from None
        raise SandboxCannotListen(
            f"the sandbox cannot listen on {host} port {port} ({error.strerror}); choose another address or port"
        ) from None
    except OverflowError:
        listener.close()
        raise SandboxCannotListen(f"a port is a number from 0 to 65535, got {port}; choose another port") from None
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
