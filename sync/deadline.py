"""A total deadline for HTTP replies, beside the time-outs that only bound silence.

A read time-out starts anew with every byte: a server that sends one byte every half minute keeps a caller for ever. Inside `within`,
every read of a connection from `DEADLINE_POOLS` ends when the time is up, wherever the reply stands: status line, headers or body.
"""

import http.client
import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_time = threading.local()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Replies read by this thread inside the block end, with a time-out, `seconds` from now at the latest."""
    before = getattr(_time, "up", None)
    _time.up = time.monotonic() + seconds
    try:
        yield
    finally:
        _time.up = before


class _Bounded(io.RawIOBase):
    """A socket's bytes, until the time is up."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        up = getattr(_time, "up", None)
        if up is None:
            return self._read(buffer)
        left = up - time.monotonic()
        if left <= 0:
            raise TimeoutError("the reply was not complete when its time was up")
        usual = self._sock.gettimeout()
        if usual is not None and usual <= left:
            return self._read(buffer)
        self._sock.settimeout(left)
        try:
            return self._read(buffer)
        finally:
            self._sock.settimeout(usual)

    def _read(self, buffer: Any) -> int | None:
        return cast("int | None", self._raw.readinto(buffer))

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Bounded(self.fp.detach(), sock))


class _Connection(HTTPConnection):
    response_class = _Response


class _SecureConnection(HTTPSConnection):
    response_class = _Response


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


DEADLINE_POOLS: dict[str, type[HTTPConnectionPool]] = {"http": _Pool, "https": _SecurePool}
"""For `PoolManager.pool_classes_by_scheme`."""
