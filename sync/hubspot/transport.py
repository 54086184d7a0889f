"""One HTTP call to HubSpot: limits before it, time-outs around it, one error family after it.

The pooled client of hubspot-api-client does the HTTP; replies stay raw JSON, since its models cost sixteen times as much (and ninety
times with history). Its own retries are off: they know neither POST nor our limits.
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import urllib3
from hubspot.crm.objects import ApiClient, Configuration
from hubspot.crm.objects.exceptions import ApiException
from urllib3 import exceptions as http

from sync.deadline import DEADLINE_POOLS, within
from sync.errors import BadReply, LoginRefused, QuotaExhausted, RateLimited, Reauthenticate, Unreachable
from sync.hubspot.auth import AccessToken, OAuthRefresh, Session
from sync.hubspot.paths import Paths
from sync.hubspot.replies import NotSent, ReplyLost, classify, envelope, http_date
from sync.ratelimit import RateLimiter
from sync.retry import Patience

FORM = "application/x-www-form-urlencoded"
Query = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, without what it has to carry to be let in."""

    method: str
    path: str
    query: Query = ()
    body: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of 2xx: its status (207 is a batch that partly failed) and its JSON."""

    status: int
    body: Mapping[str, Any]
    request_id: str | None = None  # HubSpot's own, for its support

    def results(self, key: str | None = None) -> list[Mapping[str, Any]]:
        """The list that every collection reply carries, each row with its `key`; BadReply where it is not there."""
        rows = self.body.get("results")
        if not isinstance(rows, list) or not all(isinstance(r, dict) and (key is None or key in r) for r in rows):
            raise BadReply(
                "HubSpot answered a collection without its list of results, or with rows that are none.",
                remedy="Nothing of it was taken. Check the connection's url and api_version.",
            )
        return rows


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, between two bytes, and for one call in all."""

    connect: float = 5.0
    read: float = 60.0
    call: float = 120.0


class Transport:
    """All calls of one connection. Safe for threads."""

    def __init__(
        self,
        url: str,
        paths: Paths,
        auth: AccessToken | OAuthRefresh,
        *,
        timeouts: Timeouts,
        patience: Patience,
        calls: RateLimiter,
        searches: RateLimiter,
        daily_budget: int | None,
        monotonic: Callable[[], float],
    ) -> None:
        if not url.startswith(("https://", "http://")):
            raise ValueError(f"a HubSpot url starts with https://, got {url!r}")
        self.paths = paths
        self._url = url.rstrip("/")
        self._timeouts = timeouts
        self._patience = patience
        self._calls = calls
        self._searches = searches
        self._budget = daily_budget
        self._monotonic = monotonic
        self._session = Session(auth, self._exchange, monotonic)
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._today: tuple[date | None, int] = (None, 0)
        self._clock: tuple[datetime, float] | None = None
        self._quota: tuple[int | None, int | None] = (None, None)
        configuration = Configuration(host=self._url)
        configuration.retries = False
        self._client = ApiClient(configuration=configuration)
        self._client.user_agent = "sakigake"
        self._client.set_default_header("Accept-Encoding", "gzip")
        self._client.set_default_header("Accept", "application/json")
        self._pools: urllib3.PoolManager = self._client.rest_client.pool_manager
        self._pools.pool_classes_by_scheme = DEADLINE_POOLS

    def read(
        self,
        method: str,
        path: str,
        *,
        kind: str = "read",
        query: Query = (),
        body: Mapping[str, Any] | None = None,
        search: bool = False,
    ) -> Reply:
        """A call that may be repeated at will. Raises Refused for a 400 or 404 that names no missing property or object."""
        ask = Ask(method, path, query, body)
        return self._patiently(lambda token: self._send(ask, kind, token, search=search))

    def write(self, path: str, body: Mapping[str, Any]) -> Reply:
        """A call that must not be repeated blindly. ReplyLost where it may have been applied; Retry only where it surely was not."""

        def once(token: str) -> Reply:
            try:
                return self._send(Ask("POST", path, body=body), "write", token)
            except NotSent:
                raise
            except Unreachable as lost:
                raise ReplyLost(lost.message, status=lost.status, code=lost.code) from lost

        return self._patiently(once)

    def form(self, path: str, fields: Mapping[str, str]) -> Mapping[str, Any]:
        """A form to the login endpoints, which take no token."""
        return self._patience.call(lambda: self._send(Ask("POST", path, form=fields), "login")).body

    def token(self) -> str:
        return self._session.token()

    @property
    def clock(self) -> datetime | None:
        """The CRM's time by the Date of its newest reply, moved on since; None before the first one."""
        held = self._clock
        return None if held is None else held[0] + timedelta(seconds=self._monotonic() - held[1])

    @property
    def quota(self) -> tuple[int | None, int | None]:
        return self._quota

    def counts(self) -> dict[str, int]:
        with self._lock:
            return dict(self._counts)

    def close(self) -> None:
        self._pools.clear()
        self._client.close()

    def _exchange(self, fields: Mapping[str, str]) -> Mapping[str, Any]:
        return self.form(self.paths.token, fields)

    def _patiently(self, send: Callable[[str], Reply]) -> Reply:
        used = ""

        def once() -> Reply:
            nonlocal used
            used = self._session.token()
            try:
                return send(used)
            except Reauthenticate as refused:
                if self._session.renewable:
                    raise
                raise LoginRefused(
                    refused.message, remedy=refused.remedy, status=refused.status, code=refused.code
                ) from refused

        return self._patience.call(once, renew=lambda: self._session.renew(used))

    def _send(self, ask: Ask, kind: str, token: str | None = None, *, search: bool = False) -> Reply:
        if search:
            self._searches.acquire()
        self._calls.acquire()
        self._count(kind)
        call = f"{ask.method} {ask.path}"
        try:
            with within(self._timeouts.call):
                status, headers, data = self._exchange_bytes(ask, token)
        except http.HTTPError as failed:
            raise self._unreachable(failed, call) from failed
        self._note(headers)
        if not 200 <= status < 300:
            error = classify(status, headers, data, call)
            if isinstance(error, RateLimited):
                searching = search and error.code != "TEN_SECONDLY_ROLLING"
                (self._searches if searching else self._calls).slow_down(error.after)
            raise error
        if not data:
            return Reply(status, {})
        said = envelope(data)
        if said is None:
            raise Unreachable(
                f"HubSpot's address answered {status} to {call} with something that is not JSON.",
                remedy="Check the connection's url and any proxy between here and HubSpot.",
                status=status,
            )
        return Reply(status, said, headers.get("X-HubSpot-Correlation-Id"))

    def _exchange_bytes(self, ask: Ask, token: str | None) -> tuple[int, Mapping[str, str], bytes]:
        """(status, headers, body) whatever the status: the client raises for each one outside 2xx."""
        try:
            reply: urllib3.BaseHTTPResponse = self._client.call_api(
                ask.path,
                ask.method,
                query_params=list(ask.query),
                header_params={"Content-Type": FORM} if ask.form is not None else {},
                body=ask.body,
                post_params=list(ask.form.items()) if ask.form is not None else None,
                auth_settings=["oauth2"] if token is not None else [],
                # per call, not on the shared configuration: another thread may be renewing the token
                _request_auth={"in": "header", "key": "Authorization", "value": f"Bearer {token}"},
                _preload_content=False,
                _request_timeout=(self._timeouts.connect, self._timeouts.read),
            )
            return reply.status, reply.headers, reply.data
        except ApiException as answered:
            return self._answered(answered)
        except UnicodeDecodeError as foreign:
            # the client decodes error bodies as UTF-8 before it raises; the reply itself hangs on the context
            if isinstance(foreign.__context__, ApiException):
                return self._answered(foreign.__context__)
            raise

    @staticmethod
    def _answered(answered: ApiException) -> tuple[int, Mapping[str, str], bytes]:
        if not answered.status:
            raise http.SSLError(answered.reason)
        body = answered.body
        data = body.encode("utf-8", "replace") if isinstance(body, str) else body or b""
        return int(answered.status), urllib3.HTTPHeaderDict(answered.headers or {}), data

    def _unreachable(self, failed: http.HTTPError, call: str) -> Unreachable:
        if isinstance(failed, (http.NewConnectionError, http.ConnectTimeoutError, http.SSLError)):
            why = {http.NameResolutionError: "its name is not known", http.SSLError: "its certificate is not accepted"}
            return NotSent(
                f"No connection to {self._url}: {why.get(type(failed), 'nothing answers there')}.",
                remedy="Check the connection's url and the network.",
            )
        if isinstance(failed, http.TimeoutError):
            limits = f"{self._timeouts.read:g} s of silence or {self._timeouts.call:g} s in all"
            return Unreachable(f"HubSpot did not finish answering {call} within {limits}.")
        return Unreachable(f"HubSpot did not answer {call}: the connection broke.")

    def _count(self, kind: str) -> None:
        now = self.clock
        today = now.astimezone(UTC).date() if now else None
        with self._lock:
            day, made = self._today
            made = made if day in (None, today) else 0
            if self._budget is not None and made >= self._budget:
                raise QuotaExhausted(
                    f"This connection's budget of {self._budget} calls a day is used up.",
                    remedy="It starts anew at midnight UTC; raise daily_budget or run less often.",
                )
            self._today = (today, made + 1)
            self._counts[kind] += 1

    def _note(self, headers: Mapping[str, str]) -> None:
        told = http_date(headers.get("Date"))
        if told is not None:
            self._clock = (told, self._monotonic())
        limit, left = (_number(headers.get(f"X-HubSpot-RateLimit-Daily{end}")) for end in ("", "-Remaining"))
        if limit is not None and left is not None:
            self._quota = (limit, max(limit - left, 0))
        burst = _number(headers.get("X-HubSpot-RateLimit-Max"))
        if burst is not None and headers.get("X-HubSpot-RateLimit-Interval-Milliseconds") == "10000":
            self._calls.told_limit(burst)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None
