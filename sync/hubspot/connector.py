"""HubSpot as the rest of the product sees it."""

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from models.catalogue import CatalogueField
from models.vocabulary import Crm
from sync.connector import NOTHING, Greeting, KnownVersions, ProvisionStep, Rights
from sync.described import FieldType, ObjectDescription
from sync.errors import BadReply, PermissionMissing, SyncError
from sync.hubspot import rights, values
from sync.hubspot.auth import AccessToken, OAuthRefresh
from sync.hubspot.describe import custom_objects, describe, link_labels, list_kind
from sync.hubspot.extras import BATCH
from sync.hubspot.live import read_live
from sync.hubspot.make import RecordMaking
from sync.hubspot.pages import Pages
from sync.hubspot.paths import DEFAULT, Paths
from sync.hubspot.provision import Provision, api_name
from sync.hubspot.reading import in_one_way
from sync.hubspot.replies import NoEnvelope, Refused
from sync.hubspot.sweep import Sweep
from sync.hubspot.transport import Timeouts, Transport
from sync.hubspot.write import write_batch
from sync.ratelimit import RateLimiter
from sync.records import AssociationSet, Cursor, Identity, LiveRecord, Page, ReadSpec
from sync.retry import Patience, Told
from sync.writes import RecordWrite, Value, WriteResult

SEARCHES_PER_SECOND = 5
SMALLEST_LIMIT = 100  # calls in ten seconds, until HubSpot's first reply tells
DESCRIBE_EVERY = timedelta(hours=6)  # of HubSpot's clock: descriptions belong to the sweeps, not to every cycle


class HubspotConnector:
    """One HubSpot account. Every call has time-outs, stays inside the account's limits, and is retried where that can help.

    `ten_second_limit`: calls this app may make in ten seconds at most; without it, what HubSpot says in its replies (100, 190 or 250 by
    edition; 110 for public apps). `daily_budget`: calls a day this connection may use at most.
    """

    crm = Crm.HUBSPOT
    bulk_writer = None  # HubSpot's imports tell nothing of single records

    def __init__(
        self,
        connection: str,
        auth: AccessToken | OAuthRefresh,
        *,
        url: str = "https://api.hubapi.com",
        api_version: str = DEFAULT,
        ten_second_limit: int | None = None,
        searches_per_second: int = SEARCHES_PER_SECOND,
        daily_budget: int | None = None,
        connect_timeout: float = 5.0,
        read_timeout: float = 60.0,
        call_timeout: float = 120.0,
        retry_for: float = 180.0,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        told: Told | None = None,
    ) -> None:
        self.connection = connection
        self._auth = auth
        self._paths = Paths(api_version)
        self._transport = Transport(
            url,
            self._paths,
            auth,
            timeouts=Timeouts(connect_timeout, read_timeout, call_timeout),
            patience=Patience(deadline=retry_for, sleep=sleep, monotonic=monotonic, chance=chance, told=told),
            calls=RateLimiter(
                ten_second_limit or SMALLEST_LIMIT,
                10.0,
                sleep=sleep,
                monotonic=monotonic,
                fixed=ten_second_limit is not None,
            ),
            searches=RateLimiter(searches_per_second, 1.0, sleep=sleep, monotonic=monotonic, margin=0.05),
            daily_budget=daily_budget,
            monotonic=monotonic,
        )
        self.maker = RecordMaking(self._transport)
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._described: dict[str, tuple[datetime, ObjectDescription]] = {}

    def greet(self) -> Greeting:
        """Asks for the account and, where HubSpot tells, the token's scopes and user."""
        account = self._account()
        scopes, user = self._granted()
        limit, used = self._transport.quota
        return Greeting(
            crm=Crm.HUBSPOT,
            account=str(account["portalId"]),
            user=user,
            api_version=self._paths.version,
            crm_time=self.crm_now(),
            quota_limit=limit,
            quota_used=used,
            granted=scopes,
            zone=account.get("timeZone") or None,
        )

    def crm_now(self) -> datetime:
        told = self._transport.clock
        if told is None:
            with self._asking:  # threads that begin together ask once
                if self._transport.clock is None:
                    self._account()
            told = self._transport.clock
        if told is None:
            raise BadReply(
                "HubSpot's replies carry no Date header, so its clock is not known.",
                remedy="Check the connection's url and any proxy between here and HubSpot.",
            )
        return told

    def calls(self) -> Mapping[str, int]:
        return self._transport.counts()

    def quota(self) -> tuple[int | None, int | None]:
        return self._transport.quota

    def custom_objects(self) -> list[tuple[str, str]]:
        """(name, label), the name with `p_` before it, as HubSpot's addresses take it."""
        return custom_objects(self._transport)

    def labels(self, from_object: str, to_object: str) -> frozenset[str] | None:
        return link_labels(self._transport, from_object, to_object)

    def describe(self, object_name: str) -> ObjectDescription:
        """The object as the token sees it, asked again every six hours of HubSpot's clock and after `provision`."""
        with self._lock:
            held = self._described.get(object_name)
        clock = self._transport.clock
        if held is not None and clock is not None and clock - held[0] < DESCRIBE_EVERY:
            return held[1]
        found = describe(self._transport, object_name)
        with self._lock:
            self._described[object_name] = (self.crm_now(), found)
        return found

    def _describe_anew(self, object_name: str) -> ObjectDescription:
        with self._lock:
            self._described.pop(object_name, None)
        return self.describe(object_name)

    def pages(self, spec: ReadSpec, cursor: Cursor | None, known: KnownVersions) -> Iterator[Page]:
        """FieldMissing names the nearest where a property is not there, or no longer visible: it is never read as empty."""
        with _reading(spec.object):
            yield from Pages(self._transport, spec, known, self.crm_now(), self._describe_anew).since(cursor)

    def give_up(self, cursor: Cursor) -> None:
        """Nothing: HubSpot works at nothing between two calls."""

    def identities(self, object_name: str) -> Iterator[Sequence[Identity]]:
        with _reading(object_name):
            yield from self._sweep().identities(object_name)

    def count(self, object_name: str) -> int | None:
        with _reading(object_name):
            return self._sweep().count(object_name)

    def fetch(self, spec: ReadSpec, ids: Sequence[str]) -> Iterator[Page]:
        with _reading(spec.object):
            yield from self._sweep().fetch(spec, ids)

    def links(self, spec: ReadSpec, ids: Sequence[str]) -> Sequence[AssociationSet]:
        with _reading(spec.object):
            return self._sweep().links(spec, ids)

    def _sweep(self) -> Sweep:
        return Sweep(self._transport, self.crm_now(), self._describe_anew)

    def read(self, object_name: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, LiveRecord]:
        """Lists that are read whole, such as owners, are read whole. Instants are written in one way where the description is at hand."""
        with _reading(object_name):
            if list_kind(object_name) is not None:
                pages = self._sweep().fetch(ReadSpec(object_name, tuple(fields)), ids)
                listed = {r.id: r for page in pages for r in page.records if not r.deleted}
                return {i: LiveRecord(i, listed[i].values) if i in listed else LiveRecord(i, missing=True) for i in ids}
            found = read_live(self._transport, object_name, ids, fields)
        with self._lock:
            held = self._described.get(object_name)
        instants = {f.name for f in held[1].fields if f.type is FieldType.DATETIME} & set(fields) if held else set()
        return {i: replace(r, values=in_one_way(dict(r.values), instants)) if instants else r for i, r in found.items()}

    def write(self, object_name: str, writes: Sequence[RecordWrite]) -> list[WriteResult]:
        """At most 100 records. FieldMissing where HubSpot lacks one of the properties: nothing was applied then."""
        return write_batch(self._transport, object_name, writes)

    @property
    def batch_size(self) -> int:
        return BATCH

    def api_name(self, field: CatalogueField, prefix: str) -> str:
        return api_name(field, prefix)

    def encode(self, field: CatalogueField, value: Any) -> Value:
        return values.encode(field, value)

    def decode(self, field: CatalogueField, value: Value) -> Any:
        return values.decode(field, value)

    def provision(
        self,
        object_name: str,
        fields: Iterable[CatalogueField],
        *,
        prefix: str,
        language: str,
        dry_run: bool,
        layout: bool = True,  # noqa: ARG002 - pages are not to be had by an API here
    ) -> list[ProvisionStep]:
        with _reading(object_name):
            steps = Provision(self._transport, object_name, dry_run=dry_run).run(
                fields, prefix=prefix, language=language
            )
        with self._lock:
            self._described.pop(object_name, None)
        return steps

    def unprovision(
        self, targets: Mapping[str, Sequence[CatalogueField]], *, prefix: str, dry_run: bool
    ) -> list[ProvisionStep]:
        steps: list[ProvisionStep] = []
        for name, fields in targets.items():
            with _reading(name):
                steps += Provision(self._transport, name, dry_run=dry_run).remove(fields, prefix=prefix)
            with self._lock:
                self._described.pop(name, None)
        return steps

    def rights(
        self,
        reads: Mapping[str, ReadSpec],
        writes: Mapping[str, Sequence[str]],
        makes: Mapping[str, Sequence[str]] = NOTHING,
    ) -> Rights:
        return rights.compared(self._granted()[0], reads, {**makes, **writes})

    def close(self) -> None:
        self._transport.close()

    def _account(self) -> Mapping[str, Any]:
        with _reading("the account"):
            reply = self._transport.read("GET", self._paths.account, kind="login")
        if "portalId" not in reply.body:
            raise BadReply(
                "HubSpot's account details came without a portal id.",
                remedy="Check the connection's url and api_version.",
            )
        return reply.body

    def _granted(self) -> tuple[tuple[str, ...], str]:
        """(scopes, user id); nothing where this kind of token has no way of asking."""
        token = self._transport.token()
        try:
            if isinstance(self._auth, AccessToken):
                said = self._transport.read(
                    "POST", self._paths.private_app, kind="login", body={"tokenKey": token}
                ).body
            else:
                form = {
                    "client_id": self._auth.client_id,
                    "client_secret": self._auth.client_secret,
                    "token": token,
                    "token_type_hint": "access_token",
                }
                said = self._transport.form(self._paths.introspect, form)
        except (Refused, PermissionMissing, NoEnvelope):
            return (), ""
        scopes = said.get("scopes")
        user = said.get("userId") or said.get("user_id") or ""
        return tuple(sorted(str(s) for s in scopes)) if isinstance(scopes, list) else (), str(user)


class _reading:  # noqa: N801 - used as a statement
    """A refusal of a call that only asks is not one record's matter: it stops the reading, and says of what."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Refused):
            raise _stop(self._what, error) from error


def _stop(what: str, refused: Refused) -> SyncError:
    return BadReply(
        f"HubSpot refused to answer about {what}: {refused.message}",
        remedy="Check the object's name in the mapping, and the connection's api_version.",
        status=refused.status,
        code=refused.code,
    )


__all__ = ["AccessToken", "HubspotConnector", "OAuthRefresh"]
