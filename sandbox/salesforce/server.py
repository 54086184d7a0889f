"""The HTTP side: Starlette routes at Salesforce's own paths, sessions, quota, and the table of the data API's resources."""

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.routing import Route as HttpRoute

from sandbox.salesforce.auth import Tokens
from sandbox.salesforce.errors import ApiError, OAuthError, invalid_session, not_found
from sandbox.salesforce.limits import Usage
from sandbox.salesforce.org import Org
from sandbox.salesforce.wire import Call, Handler, Reply, Route, required
from sandbox.salesforce.writer import Writer

SEASONS = ("Spring", "Summer", "Winter")
"""31.0 came with Summer '14; three releases a year since. Older ones are retired."""
VERSIONS = {f"v{n}.0": f"{SEASONS[n % 3]} '{14 + (n - 30 + (n % 3 == 2)) // 3}" for n in range(31, 68)}
LONGEST_HEAD = 16_384  # bytes of request line and headers
_RESOURCES = ("tooling", "query", "queryAll", "composite", "sobjects", "limits", "jobs")


class Server:
    def __init__(self, org: Org, writer: Writer, tokens: Tokens, usage: Usage) -> None:
        self._org = org
        self._writer = writer
        self._tokens = tokens
        self._usage = usage
        self._table: list[tuple[str, re.Pattern[str], Handler]] = []
        self._requests = 0
        self.add(
            [("GET", "", self._resources), ("GET", "limits", self._limits), ("GET", "limits/recordCount", self._counts)]
        )

    def add(self, routes: Iterable[Route]) -> None:
        """Makes resources of the data API known; of two that fit a path, the first counts."""
        self._table += [(method, re.compile(pattern), handler) for method, pattern, handler in routes]

    def routes(self) -> list[BaseRoute]:
        every = ["GET", "POST", "PATCH", "PUT", "DELETE"]
        return [
            HttpRoute("/services/oauth2/token", self._token, methods=["POST", "GET"]),
            HttpRoute("/services/oauth2/revoke", self._revoke, methods=["POST"]),
            HttpRoute("/services/oauth2/userinfo", self._who_am_i, methods=["GET", "POST"]),
            HttpRoute("/id/{organization}/{user}", self._who_am_i, methods=["GET"]),
            HttpRoute("/services/data", self._versions, methods=["GET"]),
            HttpRoute("/services/data/", self._versions, methods=["GET"]),
            HttpRoute("/services/data/{rest:path}", self._data, methods=every),
        ]

    # before the data API

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)) or dict(
            request.query_params
        )
        try:
            body = self._tokens.issue(form, request.headers.get("authorization", ""), _base_url(request))
        except OAuthError as error:
            return JSONResponse({"error": error.error, "error_description": error.description}, error.status)
        return JSONResponse(body, headers={"Cache-Control": "no-cache, no-store"})

    async def _revoke(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        if not self._tokens.valid(form.get("token", "")):
            return JSONResponse(
                {"error": "unsupported_token_type", "error_description": "this token type is not supported"}, 400
            )
        self._tokens.revoke(form["token"])
        return Response(status_code=200)

    async def _who_am_i(self, request: Request) -> Response:
        if not self._tokens.valid(_bearer(request)):
            return Response("Bad_OAuth_Token", 403, media_type="text/html")
        return JSONResponse(self._tokens.who_am_i(_base_url(request)))

    async def _versions(self, _: Request) -> Response:
        return JSONResponse(
            [{"label": label, "url": f"/services/data/{v}", "version": v[1:]} for v, label in VERSIONS.items()]
        )

    # the data API

    async def _data(self, request: Request) -> Response:
        head = len(request.scope.get("raw_path", b"")) + len(request.scope["query_string"])
        head += sum(len(k) + len(v) + 4 for k, v in request.scope["headers"])
        if head > LONGEST_HEAD:
            return HTMLResponse("<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>", 414)
        body = await request.body()
        self._requests += 1
        self._org.settle()
        self._writer.begin()
        request_id = request.headers.get("x-request-id") or f"sf-{self._requests}"
        headers = {"Sforce-Limit-Info": self._usage.header, "X-SFDC-Request-Id": request_id}
        try:
            if not self._tokens.valid(_bearer(request)):
                raise invalid_session()
            self._usage.charge()
            reply = self.dispatch(self._call(request, body, request_id))
            headers["Sforce-Limit-Info"] = self._usage.header
        except ApiError as error:
            reply = Reply(error.status, error.body())
            if error.status == 401:
                del headers["Sforce-Limit-Info"]
        self._writer.begin()
        return _response(reply, headers)

    def _call(self, request: Request, body: bytes, request_id: str) -> Call:
        version, _, path = request.path_params["rest"].partition("/")
        params = dict(parse_qsl(request.scope["query_string"].decode("utf-8", "replace"), keep_blank_values=True))
        return Call(
            request.method,
            version,
            path.strip("/"),
            params,
            dict(request.headers),
            body,
            _base_url(request),
            request_id,
        )

    def dispatch(self, call: Call) -> Reply:
        """The reply to a call of the data API; composite's subrequests come here too."""
        try:
            if call.version not in VERSIONS:
                raise not_found()
            allowed = []
            for method, pattern, handler in self._table:
                match = pattern.fullmatch(call.path)
                if match is None:
                    continue
                if method == call.method:
                    return handler(call, *match.groups())
                allowed.append(method)
            if allowed:
                message = f"HTTP Method '{call.method}' not allowed. Allowed are {','.join(dict.fromkeys(allowed))}"
                raise ApiError(405, "METHOD_NOT_ALLOWED", message)
            raise not_found()
        except ApiError as error:
            return Reply(error.status, error.body())

    def _resources(self, call: Call) -> Reply:
        listed = {name: f"/services/data/{call.version}/{name}" for name in _RESOURCES}
        return Reply(body=listed | {"identity": self._tokens.identity_url(call.base_url)})

    def _limits(self, _: Call) -> Reply:
        return Reply(body=self._usage.report())

    def _counts(self, call: Call) -> Reply:
        names = [n for n in required(call, "sObjects").split(",") if n]
        known = [o for n in names if (o := self._org.schema.find(n)) is not None and o.in_data_api]
        return Reply(body={"sObjects": [{"count": self._org.count(o), "name": o.name} for o in known]})


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() in ("bearer", "oauth") else ""


def _base_url(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}"


def _response(reply: Reply, headers: dict[str, str]) -> Response:
    headers = headers | reply.headers
    if reply.raw is not None:
        return Response(reply.raw, reply.status, headers, media_type=reply.media)
    if reply.body is None:
        return Response(status_code=reply.status, headers=headers)
    content = json.dumps(reply.body, ensure_ascii=False, default=_unknown)
    return Response(content.encode(), reply.status, headers, media_type=reply.media)


def _unknown(value: Any) -> Any:
    raise TypeError(f"the store holds a {type(value).__name__}, which JSON cannot")
