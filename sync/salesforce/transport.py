"""The wire below simple-salesforce: one address, time-outs and a deadline on everything, and what every reply tells besides its body.

The library builds https:// addresses only and sets no time-out. Its requests session is the place to mend both: an adapter maps them to the
configured scheme and host, counts what is sent, and keeps the CRM's clock and quota from the headers.
"""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter

from sync.deadline import DEADLINE_POOLS, within
from sync.errors import BadReply, Stop
from sync.salesforce.stamps import http_date

_USAGE = re.compile(r"(?:^|[\s;])api-usage=(\d+)/(\d+)")
CONNECTIONS = 16  # threads that may talk at once without opening a connection for one call


class Transport:
    """A requests session that reaches `url` and hosts that were allowed, and nothing else. Safe for several threads."""

    def __init__(
        self,
        url: str,
        *,
        connect_timeout: float,
        read_timeout: float,
        deadline: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = checked_url(url)
        self.timeout = (connect_timeout, read_timeout)
        self.deadline = deadline
        self.monotonic = monotonic
        self.hosts = {urlsplit(self.url).netloc}
        self.counts: Counter[str] = Counter()
        self.limit: int | None = None
        self.used: int | None = None
        self._clock: tuple[datetime, float] | None = None
        self._lock = threading.Lock()
        self._call = threading.local()
        self.session = requests.Session()
        # an account in ~/.netrc would silently replace our bearer token
        self.session.auth = _keep
        adapter = _Adapter(self)
        self.session.mount("https://", adapter)
        self.session.mount("http://", adapter)

    def allow(self, instance: str) -> None:
        """Lets requests go to a host that the login named and that was found trustworthy."""
        self.hosts.add(urlsplit(instance).netloc)

    @contextmanager
    def call(self, kind: str) -> Iterator[None]:
        """Everything this thread sends inside counts as `kind` and shares one deadline."""
        self._call.kind = kind
        self._call.headers = {}
        with within(self.deadline):
            yield

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the reply that this thread got last, in its present call."""
        headers: Mapping[str, str] = getattr(self._call, "headers", {})
        return headers

    def replied_at(self) -> datetime | None:
        """The CRM's clock in the reply that this thread got last."""
        return http_date(self.headers.get("Date"))

    def now(self) -> datetime | None:
        """The CRM's clock: the newest Date header, moved on by the time since."""
        clock = self._clock
        return None if clock is None else clock[0] + timedelta(seconds=self.monotonic() - clock[1])

    def age(self) -> float:
        """Seconds since the CRM last told its time."""
        return float("inf") if self._clock is None else self.monotonic() - self._clock[1]

    def target(self, requested: str) -> str:
        """Where a request of the library really goes."""
        parts = urlsplit(requested)
        if parts.netloc not in self.hosts:
            raise BadReply(
                f"Salesforce redirected us to {parts.hostname}, which is not the configured host.",
                remedy="Set `url` to the organisation's present My Domain address; nothing was sent to the other host.",
            )
        own = urlsplit(self.url)
        return urlunsplit(parts._replace(scheme=own.scheme)) if parts.netloc == own.netloc else requested

    def sent(self) -> None:
        with self._lock:
            self.counts[getattr(self._call, "kind", "read")] += 1

    def heard(self, headers: Mapping[str, str]) -> None:
        self._call.headers = headers
        date = http_date(headers.get("Date"))
        usage = _USAGE.search(headers.get("Sforce-Limit-Info") or "")
        with self._lock:
            if date is not None:
                self._clock = (date, self.monotonic())
            if usage is not None:
                self.used, self.limit = int(usage[1]), int(usage[2])

    def close(self) -> None:
        self.session.close()


class _Adapter(HTTPAdapter):
    """Maps addresses, bounds time, refuses other hosts."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        super().__init__(pool_connections=4, pool_maxsize=CONNECTIONS, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = DEADLINE_POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = DEADLINE_POOLS
        return manager

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        response = super().build_response(req, resp)
        response.__class__ = _Reply
        return response

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        request.url = self._transport.target(request.url or "")
        if is_loopback(urlsplit(request.url).hostname):
            proxies = {}
        self._transport.sent()
        response = super().send(
            request,
            stream=stream,
            timeout=timeout or self._transport.timeout,
            verify=verify,
            cert=cert,
            proxies=proxies,
        )
        self._transport.heard(response.headers)
        return response


class _Reply(requests.Response):
    """A reply in which one broken value does not break the page."""

    def json(self, **how: Any) -> Any:
        """As JSON; a byte that is no UTF-8 becomes a lone surrogate, which the mirror keeps reversibly, and not a question mark.

        Control characters may stand in values as they are. ValueError where it is no JSON.
        """
        try:
            return json.loads(self.content, strict=False, **how)
        except UnicodeDecodeError:
            return json.loads(self.content.decode("utf-8", "surrogateescape"), strict=False, **how)


def checked_url(url: str) -> str:
    """The address without a path; Stop where it is none."""
    parts = urlsplit(url.strip())
    try:
        parts.port  # noqa: B018  (reading it checks it)
        well_formed = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.username is None
    except ValueError:
        well_formed = False
    if not well_formed:
        raise Stop(
            "The Salesforce `url` is not an address.",
            remedy="Write the organisation's My Domain address, such as https://acme.my.salesforce.com.",
        )
    return f"{parts.scheme}://{parts.netloc}"


def is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return host is not None and ip_address(host).is_loopback
    except ValueError:
        return False


def _keep(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
