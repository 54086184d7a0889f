"""Salesforce as the rest of the product knows it: the Protocol's methods, each handed to the file of its subject."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from models.catalogue import CatalogueField
from models.vocabulary import Crm
from sync.connector import NOTHING, Greeting, KnownVersions, ProvisionStep, Rights
from sync.described import ObjectDescription
from sync.errors import FieldMissing, PermissionMissing, SyncError
from sync.records import AssociationSet, Cursor, Identity, LiveRecord, Page, ReadSpec
from sync.retry import Patience, Told
from sync.salesforce import bulk_jobs, describe, live, rights, soql, sweep, values, wide, write
from sync.salesforce.auth import Auth
from sync.salesforce.budget import Budget
from sync.salesforce.bulk import jobs_of
from sync.salesforce.bulk_ingest import LEAST, BulkIngest
from sync.salesforce.bulk_jobs import BulkSettings
from sync.salesforce.client import Client
from sync.salesforce.describe import Facts
from sync.salesforce.ids import is_id, long_id
from sync.salesforce.make import RecordMaking
from sync.salesforce.provision import Provision
from sync.salesforce.provision_remove import remove
from sync.salesforce.reading import Reading
from sync.salesforce.transport import Transport, is_loopback
from sync.writes import RecordWrite, Value, WriteResult

_WRITTEN_WITHIN = 3600.0  # seconds that a delivery waits for a job of its own


class SalesforceConnector:
    """One Salesforce organisation. Safe for several threads.

    `url` is the My Domain address (or a local one). `daily_budget` bounds our own calls in 24 hours. `deadline` is the most that one call may
    take, in seconds, its retries included; a single reply may take `read_timeout` in silence and half the deadline in all.
    From `bulk_threshold` records on a reading goes by Bulk API 2.0 (None: never), `bulk_page` records a page, one job is waited for
    `bulk_patience` seconds by one reading, and given up `bulk_deadline` seconds after it was made; more than `bulk_writes_from` records are
    written by it. Calculated fields are read again every `refresh_every`, by the CRM's clock.
    """

    crm = Crm.SALESFORCE
    batch_size = write.BATCH

    def __init__(
        self,
        connection: str,
        url: str,
        auth: Auth,
        *,
        daily_budget: int | None = None,
        api_version: str | None = None,
        connect_timeout: float = 5.0,
        read_timeout: float = 60.0,
        deadline: float = 300.0,
        retry_for: float = 300.0,
        bulk_threshold: int | None = 20_000,
        bulk_page: int = 50_000,
        bulk_patience: float = 300.0,
        bulk_deadline: float = 43_200.0,
        bulk_writes_from: int = LEAST,
        refresh_every: timedelta = timedelta(hours=6),
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        told: Told | None = None,
    ) -> None:
        self.connection = connection
        self._transport = Transport(
            url, connect_timeout=connect_timeout, read_timeout=read_timeout, deadline=deadline / 2, monotonic=monotonic
        )
        self._client = Client(
            self._transport,
            auth,
            patience=Patience(deadline=min(deadline, retry_for), sleep=sleep, monotonic=monotonic, told=told),
            budget=Budget(daily_budget, monotonic),
            api_version=api_version,
        )
        self.bulk_writer = BulkIngest(
            self._client,
            BulkSettings(deadline=min(bulk_deadline, _WRITTEN_WITHIN), sleep=sleep, monotonic=monotonic),
            least=bulk_writes_from,
        )
        self.maker = RecordMaking(self._client)
        self._bulk = BulkSettings(bulk_threshold, bulk_page, bulk_patience, bulk_deadline, sleep, monotonic)
        self._refresh_every = refresh_every
        self._raw: dict[str, dict[str, Any]] = {}  # descriptions as last read
        self._portions: dict[str, int] = {}  # queries that a wide object takes, as far as it was found out

    def greet(self) -> Greeting:
        """Logs in and asks for the limits; Stop with a remedy where that fails."""
        token = self._client.token
        limit, used = self._limits()
        return Greeting(
            crm=self.crm,
            account=token.organisation,
            user=token.user,
            api_version=self._client.version(),
            crm_time=self._client.now(),
            quota_limit=limit,
            quota_used=used,
            granted=token.scopes,
            advice=tuple(self._advice(token.scopes)),
        )

    def _limits(self) -> tuple[int | None, int | None]:
        try:
            limits = self._client.get("limits/", "limits")
        except PermissionMissing:
            return self.quota()  # the header of every reply tells it too
        daily = limits.get("DailyApiRequests") if isinstance(limits, Mapping) else None
        if not isinstance(daily, Mapping):
            return self.quota()
        return int(daily["Max"]), int(daily["Max"]) - int(daily["Remaining"])

    def _advice(self, scopes: Sequence[str]) -> Iterator[str]:
        parts = urlsplit(self._transport.url)
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            yield "The address begins with http://, so the secret and all records travel unencrypted; use https://."
        if "full" in scopes:
            yield "The connected app grants the scope `full`; `api` is enough."

    def crm_now(self) -> datetime:
        return self._client.now()

    def calls(self) -> Mapping[str, int]:
        return {kind: self._transport.counts[kind] for kind in ("login", "read", "write", "describe")}

    def quota(self) -> tuple[int | None, int | None]:
        return self._transport.limit, self._transport.used

    def describe(self, object_name: str) -> ObjectDescription:
        self._raw[object_name] = describe.fetch(self._client, object_name)
        return describe.described(self._raw[object_name])

    def custom_objects(self) -> Sequence[tuple[str, str]]:
        return describe.custom_objects(self._client)

    def labels(self, from_object: str, to_object: str) -> None:  # noqa: ARG002 - links are fields here
        return None

    def pages(self, spec: ReadSpec, cursor: Cursor | None, known: KnownVersions) -> Iterator[Page]:  # noqa: ARG002
        facts = self._facts_for(spec, cursor)
        spec = _askable(spec, tracked=facts.history)
        if cursor is not None and facts != Facts.of(cursor["facts"]):
            cursor = {**cursor, "facts": facts.cursor()}
        if cursor is None:
            described = describe.described(self._raw[spec.object])
            missing = describe.missing_fields(described, (*spec.fields, *spec.history))
            if missing is not None:
                raise missing
        while True:
            reading = Reading(self._client, spec, facts, self._bulk, refresh_every=self._refresh_every)
            try:
                for page in reading.pages(cursor):
                    cursor = page.cursor
                    yield page
            except FieldMissing as e:
                # the query names one field; the description names all that are missing, and what is near
                raise (describe.missing_fields(self.describe(spec.object), (*spec.fields, *spec.history)) or e) from e
            except SyncError as e:
                if (more := wide.narrower(facts, e, spec.fields)) is None:
                    raise
                self._portions[spec.object] = more
                facts = replace(facts if cursor is None else Facts.of(cursor["facts"]), portions=more)
                cursor = None if cursor is None else {**cursor, "facts": facts.cursor()}
            else:
                return

    def give_up(self, cursor: Cursor) -> None:
        for job in jobs_of(cursor):
            bulk_jobs.remove(self._client, job, "job of a reading that is begun anew", running=True)

    def identities(self, object_name: str) -> Iterator[Sequence[Identity]]:
        return sweep.identities(self._client, object_name, self._facts(object_name))

    def count(self, object_name: str) -> int | None:
        return sweep.count(self._client, object_name, self._facts(object_name))

    def fetch(self, spec: ReadSpec, ids: Sequence[str]) -> Iterator[Page]:
        spec = _askable(spec)
        facts = replace(self._facts(spec.object), portions=self._portions.get(spec.object, 1))
        while True:
            try:
                for page in sweep.fetch(self._client, spec, facts, ids):
                    answered = {*(r.id for r in page.records), *page.gone}
                    ids = [i for i in ids if (long_id(i) if is_id(i) else i) not in answered]
                    yield page
            except FieldMissing as e:
                raise (describe.missing_fields(self.describe(spec.object), (*spec.fields, *spec.history)) or e) from e
            except SyncError as e:
                if (more := wide.narrower(facts, e, spec.fields)) is None:
                    raise
                self._portions[spec.object] = more
                facts = replace(facts, portions=more)
            else:
                return

    def links(self, spec: ReadSpec, ids: Sequence[str]) -> Sequence[AssociationSet]:  # noqa: ARG002
        return ()  # fields of the records here

    def _facts_for(self, spec: ReadSpec, cursor: Cursor | None) -> Facts:
        """What the cursor remembers; which fields are calculated is taken from a younger description where there is one."""
        if cursor is None:
            facts = describe.facts(self._description_of(spec.object), spec.fields)
            return replace(facts, portions=self._portions.get(spec.object, 1))
        kept = Facts.of(cursor["facts"])
        if spec.object not in self._raw:
            return kept
        now = describe.facts(self._raw[spec.object], spec.fields)
        return replace(kept, calculated=now.calculated, whole=now.whole)

    def _facts(self, object_name: str) -> Facts:
        return describe.facts(self._description_of(object_name))

    def read(self, object_name: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, LiveRecord]:
        facts = describe.facts(self._description_of(object_name))
        try:
            return live.read(self._client, object_name, ids, fields, has_master=facts.has_master)
        except FieldMissing as e:
            raise (describe.missing_fields(self.describe(object_name), fields) or e) from e
        except SyncError as e:
            if e.code != wide.TOO_COMPLICATED or len(fields) < 2:
                raise
        halves = [self.read(object_name, ids, part) for part in (fields[::2], fields[1::2])]
        return {
            i: halves[1][i] if halves[1][i].missing else replace(one, values={**one.values, **halves[1][i].values})
            for i, one in halves[0].items()
        }

    def write(self, object_name: str, writes: Sequence[RecordWrite]) -> list[WriteResult]:
        return write.write(self._client, object_name, writes)

    def api_name(self, field: CatalogueField, prefix: str) -> str:
        return values.api_name(field, prefix)

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
        layout: bool = True,
    ) -> list[ProvisionStep]:
        description = self.describe(object_name)
        making = Provision(self._client, description, prefix=prefix, language=language, dry_run=dry_run, layout=layout)
        steps = making.run(fields)
        if not dry_run:
            self._raw.pop(object_name, None)
        return steps

    def unprovision(
        self, targets: Mapping[str, Sequence[CatalogueField]], *, prefix: str, dry_run: bool
    ) -> list[ProvisionStep]:
        steps = remove(self._client, targets, prefix=prefix, dry_run=dry_run)
        for name in targets:
            self._raw.pop(name, None)
        return steps

    def rights(
        self,
        reads: Mapping[str, ReadSpec],
        writes: Mapping[str, Sequence[str]],
        makes: Mapping[str, Sequence[str]] = NOTHING,
    ) -> Rights:
        return rights.compared(self._client, reads, writes, makes)

    def close(self) -> None:
        self._transport.close()

    def _description_of(self, object_name: str) -> dict[str, Any]:
        if object_name not in self._raw:
            self._raw[object_name] = describe.fetch(self._client, object_name)
        return self._raw[object_name]


def _askable(spec: ReadSpec, *, tracked: bool = True) -> ReadSpec:
    """The spec without a history that Salesforce does not keep."""
    return spec if tracked and spec.object not in soql.WITHOUT_HISTORY else replace(spec, history=())
