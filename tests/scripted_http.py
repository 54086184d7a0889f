"""A server that answers as a test tells it to, over real HTTP: statuses, headers, cuts, silence, slow bytes."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes
    at: float

    @property
    def body(self) -> Any:
        return json.loads(self.raw) if self.raw else None


@dataclass(frozen=True)
class Answer:
    """What is sent back. `cut` sends only that many bytes of the body; `drip` waits so many seconds between single bytes.

    `chunked` sends the body in chunks, whose last one, which says that it is over, goes missing where there is a `cut`.
    """

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    hang: float = 0.0
    drip: float = 0.0
    chunked: bool = False
    content_type: str = "application/json;charset=utf-8"
    date: str | None = None

    def data(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Script:
    """The server's address, and every request it saw."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)

    def paths(self) -> list[str]:
        return [f"{a.method} {a.path}" for a in self.asked]


@contextmanager
def scripted(answer: Callable[[Asked], Answer]) -> Iterator[Script]:
    """Serves `answer` on a free port until the block ends."""
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # one segment a reply

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
            return

        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            query = {k: ",".join(v) for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
            asked = Asked(self.command, parts.path, query, dict(self.headers), raw, time.monotonic())
            with script.lock:
                script.asked.append(asked)
            told = answer(asked)
            if told.hang:
                script.over.wait(told.hang)
                self.close_connection = True
                return
            data = told.data()
            self.send_response_only(told.status)
            self.send_header("Date", told.date or formatdate(usegmt=True))
            self.send_header("Content-Type", told.content_type)
            if told.chunked:
                self.send_header("Transfer-Encoding", "chunked")
            else:
                self.send_header("Content-Length", str(len(data)))
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if told.drip:
                for byte in data:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    if script.over.wait(told.drip):
                        return
                return
            sent = data if told.cut is None else data[: told.cut]
            if told.chunked:
                parts_of = (sent[at : at + 1000] for at in range(0, len(sent), 1000))
                sent = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in parts_of)
                sent += b"0\r\n\r\n" if told.cut is None else b""
            self.wfile.write(sent)
            self.wfile.flush()
            if told.cut is not None:
                self.close_connection = True

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128  # 5 unless told: the kernel lets the sixth of several threads wait a second

        def handle_error(self, request: object, client_address: object) -> None:
            return  # the client went away: that is what some tests are about

    server = Server(("127.0.0.1", 0), Handler)
    script.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        script.over.set()
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
