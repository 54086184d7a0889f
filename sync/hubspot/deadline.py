"""Bounds the whole of one call. A read time-out starts anew with every byte: a server that sends one a minute would hold us for ever."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Any, Self

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_current = threading.local()


class Deadline:
    """Shuts the socket of this thread's call after `seconds`; `passed` says that it did."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self.socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        _current.deadline = self
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        _current.deadline = None
        self.socket = None

    def _cut(self) -> None:
        self.passed = True
        held = self.socket
        if held is not None:
            with contextlib.suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)


def _show_socket(connection: HTTPConnection) -> None:
    deadline: Deadline | None = getattr(_current, "deadline", None)
    if deadline is not None:
        deadline.socket = connection.sock


class _Http(HTTPConnection):
    def request(self, *args: Any, **kwargs: Any) -> None:
        super().request(*args, **kwargs)
        _show_socket(self)


class _Https(HTTPSConnection):
    def request(self, *args: Any, **kwargs: Any) -> None:
        super().request(*args, **kwargs)
        _show_socket(self)


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


def heed_deadlines(pools: urllib3.PoolManager) -> None:
    """Makes connections of these pools show their socket to the deadline of the thread that uses them."""
    pools.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
