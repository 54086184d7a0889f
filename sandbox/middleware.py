"""What stands between a client and the CRMs: the sandbox's own Date header, the count of calls, and faults.

Pure ASGI: replies stream through untouched unless a fault must hold them.
"""

import asyncio
import gzip
import json
import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any

from sandbox.calls import Calls, crm_of
from sandbox.clock import Clock
from sandbox.faults import Fault, Faults, Request

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

DROP = "sandbox.drop"  # extension of the scope: closes the connection, whatever was sent so far
_LONG = 3600.0
_log = logging.getLogger("sandbox")


class DateHeader:
    """Puts the sandbox's time on every reply: clients take the as-of date from it."""

    def __init__(self, app: App, clock: Callable[[], Clock]) -> None:
        self._app, self._clock = app, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [h for h in message.get("headers", []) if h[0].lower() != b"date"]
                stamp = format_datetime(self._clock().now(), usegmt=True)
                message = {**message, "headers": [*headers, (b"date", stamp.encode())]}
            await send(message)

        await self._app(scope, receive, dated if scope["type"] == "http" else send)


@dataclass(slots=True)
class Reply:
    """One reply held back whole."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def take(self, message: Message) -> None:
        """Receives what an app sends."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], [(bytes(k), bytes(v)) for k, v in message.get("headers", [])]
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    async def send(self, send: Send) -> None:
        await self.start(send)
        await send({"type": "http.response.body", "body": self.body})

    async def start(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})

    def set_header(self, name: str, value: str | None) -> None:
        """Replaces a header; None takes it away."""
        key = name.lower().encode("latin-1")
        self.headers = [h for h in self.headers if h[0].lower() != key]
        if value is not None:
            self.headers.append((key, str(value).encode("latin-1")))

    @classmethod
    def of(cls, status: int, body: Any, headers: dict[str, Any] | None = None) -> "Reply":
        """Text goes out as it is, anything else as JSON."""
        text = isinstance(body, str)
        content = body.encode() if text else json.dumps(body).encode()
        reply = cls(status, [(b"content-type", b"text/html" if text else b"application/json;charset=UTF-8")], content)
        for name, value in (headers or {}).items():
            reply.set_header(name, value)
        reply.set_header("content-length", str(len(content)))
        return reply


class Border:
    """Counts every call to a CRM and lets faults strike it."""

    def __init__(self, app: App, calls: Calls, faults: Faults) -> None:
        self._app, self._calls, self._faults = app, calls, faults
        self._late: set[asyncio.Task[None]] = set()
        self._closing: asyncio.Event | None = None
        self._hanging: set[asyncio.Task[bool]] = set()

    @property
    def late(self) -> int:
        """How many calls are still to be applied, long after they were answered."""
        return len(self._late)

    def let_go(self) -> None:
        """Ends what hangs: its fault is over."""
        for task in self._hanging:
            task.cancel()

    def release(self) -> None:
        """Ends what hangs and forgets what was to be applied late: the sandbox stops or begins anew."""
        for task in self._late:
            task.cancel()
        if self._closing is not None:
            self._closing.set()
            self._closing = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        crm, path = crm_of(scope["path"]), scope["path"]
        self._calls.count(crm, scope["method"], path)
        if self._faults.revoked and authorization(scope) in self._faults.revoked:
            await expired(crm).send(send)
            return
        if not self._faults.scripts:
            await self._app(scope, receive, send)
            return
        body = b""
        if self._faults.read_bodies:
            body = await read_body(receive)
            receive = replay(body, receive)
        query = scope.get("query_string", b"").decode("latin-1")
        token = authorization(scope)
        request = Request(crm, scope["method"], path, query, body.decode(errors="replace"), token)
        fault, watching = self._faults.strike(request)
        if fault is not None:
            await self._strike(fault, request, scope, receive, send)
        elif watching:
            reply = await self._answer(scope, receive)
            for watcher in watching:
                watcher.last_page = reply
            await reply.send(send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Reply:
        reply = Reply()
        await self._app(scope, receive, reply.take)
        return reply

    async def _strike(self, fault: Fault, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        effect = fault.effect
        match fault.kind:
            case "status":
                await Reply.of(effect["status"], effect.get("body", ""), effect.get("headers")).send(send)
            case "delay":
                await self._pause(effect["seconds"])
                await self._app(scope, receive, send)
            case "hang":
                await self._hang(effect.get("seconds", _LONG), receive)
                await drop(scope, receive)
            case "trickle":
                await self._trickle(effect, scope, receive, send)
            case "cut":
                reply = await self._answer(scope, receive)
                await reply.start(send)
                sent = reply.body[: _share(effect.get("after", 0.5), reply.body)]
                await send({"type": "http.response.body", "body": sent, "more_body": True})
                await drop(scope, receive)
            case "lost_reply":
                await self._answer(scope, receive)
                await drop(scope, receive)
            case "late_apply":
                body = await read_body(receive)
                self._apply_later(effect["delay"], scope, body)
                await Reply.of(effect.get("status", 504), effect.get("body", "")).send(send)
            case "duplicate_page":
                page = fault.last_page or await self._answer(scope, receive)
                fault.last_page = page
                await page.send(send)
            case "expired_token":
                if effect.get("revoke", request.crm == "salesforce"):
                    self._faults.revoked.add(authorization(scope))
                await expired(request.crm).send(send)
            case _:
                await edit(await self._answer(scope, receive), effect).send(send)

    def _apply_later(self, delay: float, scope: Scope, body: bytes) -> None:
        async def gone() -> Message:
            return {"type": "http.disconnect"}

        async def apply() -> None:
            await asyncio.sleep(delay)
            await self._answer(dict(scope), replay(body, gone))

        task = asyncio.create_task(apply())
        self._late.add(task)
        task.add_done_callback(self._applied)

    def _applied(self, task: asyncio.Task[None]) -> None:
        self._late.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("a call that a fault applied late failed", exc_info=task.exception())

    async def _trickle(self, effect: dict[str, Any], scope: Scope, receive: Receive, send: Send) -> None:
        reply = await self._answer(scope, receive)
        await reply.start(send)
        step = max(1, effect.get("bytes", 1))
        for at in range(0, len(reply.body), step):
            await send({"type": "http.response.body", "body": reply.body[at : at + step], "more_body": True})
            if await self._pause(effect.get("seconds", 30), receive):
                return
        await send({"type": "http.response.body", "body": b""})

    async def _hang(self, seconds: float, receive: Receive) -> None:
        task = asyncio.create_task(self._pause(seconds, receive))
        self._hanging.add(task)
        try:
            await asyncio.wait({task})
        finally:
            self._hanging.discard(task)

    async def _pause(self, seconds: float, receive: Receive | None = None) -> bool:
        """Waits; returns early, and True, when the client has left or the sandbox stops."""
        if self._closing is None:
            self._closing = asyncio.Event()
        waiting: set[asyncio.Task[Any]] = {asyncio.create_task(self._closing.wait())}
        if receive is not None:
            waiting.add(asyncio.create_task(_left(receive)))
        done, pending = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        return bool(done)


def authorization(scope: Scope) -> str:
    return next((v.decode("latin-1") for k, v in scope["headers"] if k == b"authorization"), "")


def expired(crm: str) -> Reply:
    """The 401 with which each vendor refuses a token that was good once."""
    if crm == "salesforce":
        return Reply.of(401, [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}])
    message = "The OAuth token used to make this call expired."
    return Reply.of(401, {"status": "error", "message": message, "category": "EXPIRED_AUTHENTICATION"})


def edit(reply: Reply, effect: dict[str, Any]) -> Reply:
    """Changes a genuine reply: status, headers (null removes one), text, or its length. A packed body is unpacked for it."""
    body, headers = reply.body, list(reply.headers)
    packed = (b"content-encoding", b"gzip")
    if packed in headers and ("find" in effect or "keep" in effect):
        body = gzip.decompress(body)
        headers.remove(packed)
    if "find" in effect:
        text = body.decode("utf-8", "surrogateescape")
        body = re.sub(effect["find"], effect.get("replace", ""), text).encode("utf-8", "surrogateescape")
    if "keep" in effect:
        body = body[: _share(effect["keep"], body)]
    changed = Reply(effect.get("status", reply.status), headers, body)
    changed.set_header("content-length", str(len(body)))
    for name, value in effect.get("headers", {}).items():
        changed.set_header(name, value)
    return changed


def _share(amount: float, body: bytes) -> int:
    """Up to 1 a share of the body, above that a number of bytes."""
    return int(amount * len(body)) if amount <= 1 else int(amount)


async def read_body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = bool(message.get("more_body", False))
    return body


def replay(body: bytes, receive: Receive) -> Receive:
    """A receive that gives the whole body first, then what really comes."""
    given = False

    async def again() -> Message:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def drop(scope: Scope, receive: Receive) -> None:
    """Closes the connection without finishing the reply."""
    close = scope.get("extensions", {}).get(DROP)
    if close is None:
        raise ConnectionResetError("the sandbox cut this connection, as a fault told it to")
    close()
    await asyncio.wait_for(_left(receive), 5)
