"""One request function for all that is asked of Salesforce, on simple-salesforce's session: login, retries, budget, errors.

The library's own renewal of sessions recurses without end and loses headers, so it is built with a session id, which switches it off.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError

from sync.errors import BadReply, LoginRefused, Stop, SyncError
from sync.retry import Patience
from sync.salesforce.auth import TOKEN_PATH, Auth, JwtBearer, Token, refusal, token_from
from sync.salesforce.budget import Budget
from sync.salesforce.failures import GATEWAY, classify, is_bad_json, not_json, unreachable
from sync.salesforce.transport import Transport

T = TypeVar("T")
OLDEST, NEWEST = 58.0, 67.0  # API versions whose replies this connector knows
_SKEW = timedelta(seconds=60)  # a smaller difference of clocks harms no assertion
REFUSED_FOR = 30.0  # seconds for which a refusal holds for all threads: a login that is repeated may lock its user out
LONGEST_ADDRESS = 12_000  # of 16,384 bytes for address and headers together


class Client:
    """A logged-in Salesforce, shared by all threads of one connection."""

    def __init__(
        self,
        transport: Transport,
        auth: Auth,
        *,
        patience: Patience,
        budget: Budget,
        api_version: str | None = None,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.transport = transport
        self.patience = patience
        self.budget = budget
        self._auth = auth
        self._wall = wall
        self._version = api_version
        self._negotiated: str | None = None
        self._token: Token | None = None
        self._sf: Salesforce | None = None
        self._refused: tuple[LoginRefused, float] | None = None
        self._lock = threading.RLock()

    # what is asked

    def get(self, path: str, about: str, *, params: Mapping[str, str] | None = None, kind: str = "read") -> Any:
        """The parsed body of a GET below /services/data/vNN.N/."""
        return self.ask(kind, about, lambda sf: sf.restful(path, params=dict(params or {})))

    def post(self, path: str, body: Any, about: str, *, kind: str = "read") -> Any:
        """The parsed body of a POST that reads: repeated where that helps."""
        return self.ask(kind, about, lambda sf: sf.restful(path, method="POST", json=body))

    def stream(self, path: str, params: Mapping[str, str], about: str) -> requests.Response:
        """The reply to a GET of a CSV file, its body not read yet. `path` begins with /services/data."""

        def send(sf: Salesforce) -> requests.Response:
            url, headers = self.token.instance + path, {**sf.headers, "Accept": "text/csv"}
            reply = self.transport.session.get(url, params=dict(params), headers=headers, stream=True)
            if reply.status_code == 200 and reply.headers.get("Content-Type", "").startswith("text/csv"):
                return reply
            try:
                content = reply.json() if reply.status_code != 200 else None
            except ValueError:
                content = None
            finally:
                reply.close()
            if reply.status_code != 200:
                raise self._classified(reply.status_code, content, about)
            raise not_json(about, kind="CSV")

        return self.ask("read", about, send)

    def change(self, method: str, path: str, body: Any, about: str) -> Any:
        """The parsed body of a request that changes something: sent once, but for an ended session."""
        return self.once("write", about, lambda sf: sf.restful(path, method=method, json=body))

    def upload(self, path: str, data: Any, about: str) -> None:
        """Puts a CSV file, streamed. `path` begins with /services/data. Sent once, but for an ended session."""

        def send(sf: Salesforce) -> None:
            data.seek(0)
            url, headers = self.token.instance + path, {**sf.headers, "Content-Type": "text/csv; charset=UTF-8"}
            reply = self.transport.session.put(url, data=data, headers=headers)
            if reply.status_code not in (200, 201):
                try:
                    content = reply.json()
                except ValueError:
                    content = None
                raise self._classified(reply.status_code, content, about)

        self.once("write", about, send)

    def query(self, soql: str, about: str, *, deleted: bool = False) -> dict[str, Any]:
        """The first page of a query; a long one goes in a body, where an address would be refused."""
        if len(quote(soql)) > LONGEST_ADDRESS:
            return page_of(self.composite({"page": self.query_path(soql, deleted=deleted)}, about)["page"], about)
        return page_of(self.ask("read", about, lambda sf: sf.query(soql, include_deleted=deleted)), about)

    def more(self, next_url: str, about: str) -> dict[str, Any]:
        """A further page."""
        if not next_url.startswith("/services/data/"):
            raise BadReply(f"The {about} points to a next page outside /services/data.", remedy="Try again later.")
        return page_of(self.ask("read", about, lambda sf: sf.query_more(next_url, identifier_is_url=True)), about)

    def query_path(self, soql: str, *, deleted: bool) -> str:
        return f"{'queryAll' if deleted else 'query'}/?{urlencode({'q': soql}, quote_via=quote)}"

    def composite(self, asked: Mapping[str, str], about: str) -> dict[str, Any]:
        """Several GETs in one call: bodies by their names. A sub-request that failed raises; the whole is repeated where that helps.

        At most five queries fit one call.
        """
        base = f"/services/data/v{self.version()}/"
        body = {
            "allOrNone": False,
            "compositeRequest": [
                {"method": "GET", "url": base + path, "referenceId": name} for name, path in asked.items()
            ],
        }

        def send(sf: Salesforce) -> dict[str, Any]:
            reply = sf.restful("composite", method="POST", json=body)
            parts = reply.get("compositeResponse") if isinstance(reply, Mapping) else None
            if not isinstance(parts, list):
                raise not_json(about)
            found: dict[str, Any] = {}
            for part in parts:
                status, name = int(part["httpStatusCode"]), part["referenceId"]
                if status >= 300:
                    raise self._classified(status, part.get("body"), about)
                found[name] = part["body"]
            if found.keys() != asked.keys():
                raise BadReply(f"The {about} was answered in part only.", remedy="Try again later.")
            return found

        return self.ask("read", about, send)

    # how it is asked

    def ask(self, kind: str, about: str, act: Callable[[Salesforce], T]) -> T:
        """What `act` returns, retried by the error family. For what may be sent twice."""
        return self._trying(self.patience, kind, about, act)

    def once(self, kind: str, about: str, act: Callable[[Salesforce], T]) -> T:
        """What `act` returns, sent once; again only after a login, since an ended session applied nothing."""
        return self._trying(replace(self.patience, attempts=1), kind, about, act)

    def _trying(self, patience: Patience, kind: str, about: str, act: Callable[[Salesforce], T]) -> T:
        used: list[Salesforce] = []

        def send() -> T:
            used[:] = [self.salesforce()]
            return self._send(kind, about, used[0], act)

        return patience.call(send, renew=lambda: self.renew(used[0]))

    def _send(self, kind: str, about: str, sf: Salesforce, act: Callable[[Salesforce], T]) -> T:
        self.budget.spend()
        with self.transport.call(kind):
            try:
                return act(sf)
            except SalesforceError as e:
                raise self._classified(e.status, e.content, about) from None
            except (requests.RequestException, ValueError) as e:
                if is_bad_json(e):
                    raise not_json(about) from None
                if isinstance(e, requests.RequestException):
                    raise unreachable(e, self.transport.url, about) from e
                raise
            finally:
                self.budget.told(self.transport.used, self.transport.limit)

    def _classified(self, status: int, content: Any, about: str) -> SyncError:
        return classify(status, content, self.transport.headers, self.transport.now(), about)

    # who asks

    def salesforce(self) -> Salesforce:
        """The logged-in library; logs in where nobody has yet. One login serves all threads."""
        with self._lock:
            if self._sf is None:
                self._log_in()
            assert self._sf is not None
            return self._sf

    def renew(self, stale: Salesforce) -> None:
        """A new session in place of `stale`, unless another thread got one meanwhile."""
        with self._lock:
            if self._sf is stale:
                self._log_in()

    @property
    def token(self) -> Token:
        self.salesforce()
        assert self._token is not None
        return self._token

    def _log_in(self) -> None:
        version = self.version()  # first: it also tells the CRM's clock, which a signed assertion may need
        if self._refused is not None and self.transport.monotonic() < self._refused[1]:
            raise self._refused[0]
        try:
            self._token = self.patience.call(self._token_once)
        except LoginRefused as e:
            self._refused = e, self.transport.monotonic() + REFUSED_FOR
            raise
        self.transport.allow(self._token.instance)
        sf = Salesforce(
            session_id=self._token.value,
            instance_url=self._token.instance,
            version=version,
            session=self.transport.session,
            parse_float=str,  # numbers stay as they were written
            object_pairs_hook=dict,
        )
        sf.headers = {"Authorization": f"Bearer {self._token.value}", "Accept": "application/json"}
        self._sf = sf

    def _token_once(self) -> Token:
        try:
            return self._granted(self._wall())
        except LoginRefused:
            theirs = self.transport.now()
            if theirs is None or not isinstance(self._auth, JwtBearer) or abs(theirs - self._wall()) < _SKEW:
                raise
            # a signed assertion bears a time: our clock may be the wrong one
            return self._granted(theirs)

    def _granted(self, at: datetime) -> Token:
        url, form = self.transport.url, self._auth.form(at)
        with self.transport.call("login"):
            try:
                reply = self.transport.session.post(url + TOKEN_PATH, data=form, headers=self._auth.headers())
            except requests.RequestException as e:
                raise unreachable(e, url, "login") from e
        try:
            body = reply.json()
        except ValueError:
            body = None
        if reply.status_code == 200:
            return token_from(body, url)
        if reply.status_code == 429 or reply.status_code in GATEWAY or (body is None and reply.status_code != 401):
            raise classify(reply.status_code, body, reply.headers, self.transport.now(), "login")
        raise refusal(reply.status_code, body)

    # which version is spoken, and what time it is there

    def version(self) -> str:
        """The API version both sides know: the newest, or the one that was set."""
        with self._lock:
            if self._negotiated is None:
                self._negotiated = self._agreed(self.patience.call(self._versions_once))
            return self._negotiated

    def now(self, *, newer_than: float = float("inf")) -> datetime:
        """The CRM's clock, asked for where the last reply is older than `newer_than` seconds. That call costs no quota."""
        with self._lock:  # threads that begin together ask once
            if self.transport.age() > newer_than or self.transport.now() is None:
                self.patience.call(self._versions_once)
        now = self.transport.now()
        if now is None:
            raise BadReply(
                "Salesforce's replies carry no Date header, so its clock is unknown.",
                remedy="A proxy between removes it; let it pass.",
            )
        return now

    def _versions_once(self) -> list[float]:
        url = self.transport.url
        with self.transport.call("login"):
            try:
                reply = self.transport.session.get(f"{url}/services/data", headers={"Accept": "application/json"})
            except requests.RequestException as e:
                raise unreachable(e, url, "list of API versions") from e
            if reply.status_code != 200:
                raise self._classified(reply.status_code, None, "list of API versions")
        try:
            return [float(v["version"]) for v in reply.json()]
        except (ValueError, TypeError, KeyError) as e:
            raise BadReply(
                f"{urlsplit(url).hostname} does not answer like Salesforce: it lists no API versions.",
                remedy="Set `url` to the My Domain address of the organisation, such as https://acme.my.salesforce.com.",
            ) from e

    def _agreed(self, offered: list[float]) -> str:
        known = [v for v in offered if OLDEST <= v <= NEWEST]
        if self._version is not None:
            wished = float(self._version.lstrip("v"))
            if wished not in offered:
                raise Stop(
                    f"Salesforce does not offer API version {wished:.1f}.",
                    remedy=f"Leave `api_version` out, or choose one of {', '.join(f'{v:.1f}' for v in known)}.",
                )
            return f"{wished:.1f}"
        if not known:
            raise Stop(
                f"Salesforce offers none of the API versions {OLDEST:.1f} to {NEWEST:.1f}.",
                remedy="Use a release of this product that knows a newer version.",
            )
        return f"{max(known):.1f}"


def page_of(body: Any, about: str) -> dict[str, Any]:
    """A query's page, if it is one: never an empty page made of something else."""
    if (
        not isinstance(body, dict)
        or not isinstance(body.get("records"), list)
        or not isinstance(body.get("done"), bool)
        or not isinstance(body.get("totalSize"), int)
    ):
        raise BadReply(
            f"The {about} was answered without records.", remedy="Try again later; nothing was taken for an empty page."
        )
    if not body["done"] and not body.get("nextRecordsUrl"):
        raise BadReply(f"The {about} has more pages but names no next one.", remedy="Try again later.")
    return body
