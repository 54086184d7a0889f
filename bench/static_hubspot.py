"""A HubSpot that has every reply ready made: its list of deals, and nothing else. It takes next to no time of its own."""

import asyncio
import json
import time
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = 100
CALLS = "/calls"  # when each call came, in seconds
PROPERTIES = {
    "dealname": "string", "dealstage": "enumeration", "amount": "number", "closedate": "datetime", "createdate": "datetime",
    "pipeline": "enumeration", "hubspot_owner_id": "enumeration", "hs_lastmodifieddate": "datetime", "description": "string",
    "deal_currency_code": "enumeration",
}  # fmt: skip
OBJECTS, FIELDS, PIPELINES = (f"/crm/{area}/2026-09/deals" for area in ("objects", "properties", "pipelines"))


def serve(rows: int, ready: Any) -> None:
    """Serves deals 1 to `rows` on a free port of the loopback until the process is ended."""
    asyncio.run(_run(rows, ready))


async def _run(rows: int, ready: Any) -> None:
    pages = {first: _reply(_page(first, rows)) for first in range(1, rows + 1, PAGE)}
    loop = asyncio.get_running_loop()
    calls: list[float] = []
    server = await loop.create_server(lambda: _Connection(pages, calls), "127.0.0.1", 0)
    ready.put(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await server.serve_forever()


class _Connection(asyncio.Protocol):
    def __init__(self, pages: dict[int, bytes], calls: list[float]) -> None:
        self._pages = pages
        self._calls = calls
        self._got = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        if self._got.endswith(b"\r\n\r\n"):  # reading takes GET alone: no body follows
            target = self._got.split(b" ", 2)[1].decode("ascii")
            self._got = b""
            self._transport.write(self._answer(target))

    def _answer(self, target: str) -> bytes:
        if target == CALLS:
            return _reply({"at": self._calls})
        self._calls.append(time.monotonic())
        asked = urlsplit(target)
        query = parse_qs(asked.query)
        if asked.path == OBJECTS and query.get("archived") == ["true"]:
            return _reply({"results": []})
        if asked.path == OBJECTS:
            return self._pages[int(query.get("after", ["1"])[0])]
        fields = [{"name": n, "label": n, "type": t, "fieldType": "text"} for n, t in PROPERTIES.items()]
        return _reply(
            {"results": fields if asked.path == FIELDS else []}
            if asked.path in {FIELDS, PIPELINES}
            else {"portalId": 1}
        )


def _page(first: int, rows: int) -> dict[str, Any]:
    last = min(first + PAGE - 1, rows)
    page: dict[str, Any] = {"results": [_deal(i) for i in range(first, last + 1)]}
    if last < rows:
        page["paging"] = {"next": {"after": str(last + 1), "link": "https://api.hubapi.com/crm"}}
    return page


def _deal(i: int) -> dict[str, Any]:
    stamp = f"2026-{i % 9 + 1:02}-{i % 28 + 1:02}T{i % 24:02}:{i % 60:02}:07.{i % 1000:03}Z"
    values = {
        "dealname": f"株式会社テスト {i}", "dealstage": f"{i % 7}", "amount": f"{i}.50", "closedate": "2026-12-01T00:00:00Z",
        "createdate": "2026-01-05T07:25:37.123Z", "pipeline": "default", "hubspot_owner_id": f"{i % 97}",
        "hs_lastmodifieddate": stamp, "description": None if i % 3 else f"ご紹介 {i}: 定例で確認", "deal_currency_code": "JPY",
        "hs_object_id": str(i),
    }  # fmt: skip
    url = f"https://app.hubspot.com/contacts/1/record/0-3/{i}"
    return {
        "id": str(i), "properties": values, "createdAt": values["createdate"], "updatedAt": stamp, "archived": False, "url": url,
    }  # fmt: skip


def _reply(document: dict[str, Any]) -> bytes:
    body = json.dumps(document, ensure_ascii=False).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=utf-8\r\nContent-Length: {len(body)}\r\nDate: {formatdate(usegmt=True)}\r\n\r\n"
    return head.encode("ascii") + body
