"""From an HTTP request to a handler and back: versions of paths, bearer tokens, limits, bodies, headers."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.clock import Clock
from sandbox.hubspot.access import Access, Principal
from sandbox.hubspot.errors import HubspotError, bad_request
from sandbox.hubspot.quota import Quota

DATED = ("2025-09", "2026-03", "2026-09")


class _Version(StringConvertor):
    """A dated version; `v3` too, since real paging links carry it in this place."""

    regex = rf"(?:{'|'.join(DATED)}|v3)"


register_url_convertor("hubspot_version", _Version())

_FAMILIES = {  # family: the paths of v3 or v4, then the dated one
    "objects": ("/crm/v3/objects", "/crm/objects/{version:hubspot_version}"),
    "linked": ("/crm/v4/objects", "/crm/objects/{version:hubspot_version}"),
    "properties": ("/crm/v3/properties", "/crm/properties/{version:hubspot_version}"),
    "pipelines": ("/crm/v3/pipelines", "/crm/pipelines/{version:hubspot_version}"),
    "associations": ("/crm/v4/associations", "/crm/associations/{version:hubspot_version}"),
    "owners": ("/crm/v3/owners", "/crm/owners/{version:hubspot_version}"),
    "schemas": (
        "/crm/v3/schemas",
        "/crm-object-schemas/{version:hubspot_version}/schemas",
        "/crm/schemas/{version:hubspot_version}",
    ),
    "limits": ("/crm/v3/limits", "/crm/limits/{version:hubspot_version}"),
    "account": ("/account-info/{version:hubspot_version}",),
}


@dataclass(slots=True)
class Call:
    """One request, read and admitted."""

    request: Request
    principal: Principal
    now: datetime
    correlation_id: str
    body: dict[str, Any]

    @property
    def dated(self) -> bool:
        return self.request.path_params.get("version", "v3") in DATED

    def path(self, name: str) -> str:
        return str(self.request.path_params[name])

    def text(self, name: str) -> str | None:
        return self.request.query_params.get(name)

    def flag(self, name: str) -> bool:
        """A boolean parameter, in any case: `true`, `True`."""
        return (self.text(name) or "").lower() == "true"

    def number(self, name: str, default: int, *, most: int) -> int:
        """A whole number from 1 to `most`; 400 otherwise."""
        text = self.text(name)
        if text is None or text == "":
            return default
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise bad_request(f"{name} must be a whole number from 1 to {most}, got {text}")
        return int(text)

    def names(self, name: str) -> list[str]:
        """A list parameter: repeated, joined by commas, or both."""
        return [part for text in self.request.query_params.getlist(name) for part in text.split(",") if part]

    def link(self, after: str) -> str:
        """The absolute address of the next page, on the host that the client called."""
        kept = [(k, v) for k, v in self.request.query_params.multi_items() if k != "after"]
        return f"{str(self.request.base_url).rstrip('/')}{self.request.url.path}?{urlencode([*kept, ('after', after)])}"


@dataclass(frozen=True, slots=True)
class Reply:
    status: int = 200
    body: Any = None


Handler = Callable[[Call], Reply]
OpenHandler = Callable[[dict[str, Any], str], Reply]


class Api:
    """Makes routes whose handlers need only know what they answer."""

    def __init__(self, clock: Clock, access: Access, quota: Quota) -> None:
        self._clock = clock
        self._access = access
        self._quota = quota
        self.before: Callable[[datetime], None] = lambda _: None  # runs ahead of every handler

    def routes(self, method: str, family: str, tail: str, handler: Handler, *, search: bool = False) -> list[Route]:
        """The routes of one operation under every version of its path."""
        return [self.route(method, prefix + tail, handler, search=search) for prefix in _FAMILIES[family]]

    def route(self, method: str, path: str, handler: Handler, *, search: bool = False) -> Route:
        async def endpoint(request: Request) -> Response:
            correlation_id, headers = str(uuid4()), {}
            try:
                principal = self._access.principal(request.headers.get("authorization"))
                headers = self._quota.admit(search=search, private=principal.private)
                now = self._clock.now()
                self.before(now)
                body = _json(await request.body()) if method in ("POST", "PUT", "PATCH") else {}
                reply = handler(Call(request, principal, now, correlation_id, body))
            except HubspotError as refused:
                return self._respond(refused.status, refused.body(correlation_id), correlation_id, headers)
            return self._respond(reply.status, reply.body, correlation_id, headers)

        return Route(path, endpoint, methods=[method])

    def open_route(self, method: str, path: str, handler: OpenHandler) -> Route:
        """A route without a bearer token, for OAuth. The handler gets the form or JSON body with the path's parameters."""

        async def endpoint(request: Request) -> Response:
            correlation_id = str(uuid4())
            try:
                sent = await _sent(request) | dict(request.path_params)
                reply = handler(sent, request.path_params.get("version", "v1"))
            except HubspotError as refused:
                return self._respond(refused.status, refused.body(correlation_id), correlation_id, {})
            return self._respond(reply.status, reply.body, correlation_id, {})

        return Route(path, endpoint, methods=[method])

    def _respond(self, status: int, body: Any, correlation_id: str, headers: dict[str, str]) -> Response:
        sent = {
            "Date": format_datetime(self._clock.now().replace(microsecond=0), usegmt=True),
            "X-HubSpot-Correlation-Id": correlation_id,
            **headers,
        }
        if body is None:
            return Response(status_code=status, headers=sent)
        return Response(encode(body), status, sent, media_type="application/json;charset=utf-8")


def encode(body: Any) -> bytes:
    """JSON as bytes. Text that UTF-8 cannot hold (a lone surrogate) is escaped, as real servers let it through."""
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(body, separators=(",", ":")).encode()


def _json(raw: bytes) -> dict[str, Any]:
    if not raw:
        return {}
    try:
        found = json.loads(raw)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        line, column = getattr(error, "lineno", 1), getattr(error, "colno", 1)
        raise bad_request(f"Invalid input JSON on line {line}, column {column}: the body could not be read") from None
    if found is None:
        return {}
    if isinstance(found, list):  # only the types of a single association come as a list
        return {"_list": found}
    if not isinstance(found, dict):
        raise bad_request(f"Invalid input JSON on line 1, column 1: expected an object, got {type(found).__name__}")
    return found


async def _sent(request: Request) -> dict[str, Any]:
    if request.method != "POST":
        return {}
    if "json" in request.headers.get("content-type", ""):
        return _json(await request.body())
    with contextlib.suppress(AssertionError):
        form = await request.form()
        return {str(k): v for k, v in form.items()}
    return {}
