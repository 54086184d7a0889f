"""What a CRM is to the rest of the product: one Protocol, two implementations, one contract suite.

Vendor types, field names and date formats stop behind it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol

from models.catalogue import CatalogueField
from models.vocabulary import Crm
from sync.described import ObjectDescription
from sync.record_maker import RecordMaker
from sync.records import AssociationSet, Cursor, Identity, LiveRecord, Page, ReadSpec
from sync.writes import BulkWriter, RecordWrite, Value, WriteResult

NOTHING: Mapping[str, Sequence[str]] = MappingProxyType({})


class KnownVersions(Protocol):
    """What the mirror already holds; lets a connector leave out what costs extra calls."""

    def __call__(self, object_name: str, ids: Sequence[str]) -> Mapping[str, datetime]:
        """The versions of those of these ids that are held."""
        ...

    def count(self, object_name: str, low: datetime, high: datetime) -> int:
        """How many live records are held whose version lies in [low, high]."""
        ...


@dataclass(frozen=True, slots=True)
class ProvisionStep:
    """One thing that was, or would be, made in the CRM so that reps see our fields."""

    object: str
    what: str  # such as `field Sakigake_Tier__c`, `read permission for Sakigake_Tier__c`
    status: str  # present, created, would create, refused, advice; removed, would remove, kept, absent
    advice: str = ""
    request: Mapping[str, Any] | None = None  # method, path and body, for the dry run


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a connection says of itself."""

    crm: Crm
    account: str  # organisation or portal id
    user: str  # the integration user's id
    api_version: str
    crm_time: datetime
    quota_limit: int | None = None
    quota_used: int | None = None
    granted: tuple[str, ...] = ()  # scopes or permissions, where the CRM tells
    advice: tuple[str, ...] = ()
    zone: str | None = None  # the account's time zone by its IANA name, where the CRM has one for all


@dataclass(frozen=True, slots=True)
class Rights:
    """Rights granted against rights needed, each under the name by which an administrator finds it in the CRM.

    `provisioning` are held and needed by `sakigake provision` alone; `unknown` says why nothing can be told of some.
    """

    missing: tuple[str, ...] = ()
    excess: tuple[str, ...] = ()
    provisioning: tuple[str, ...] = ()
    others: tuple[str, ...] = ()  # who besides us may edit our fields
    unknown: str = ""


class Connector(Protocol):
    """One CRM account. Every method has time-outs, retries by the error family, and stays inside the account's limits.

    Raises members of `sync.errors`: what reaches the caller has already been retried where that could help.
    """

    connection: str
    crm: Crm

    def greet(self) -> Greeting:
        """Logs in and asks who we are; Stop with a remedy where that fails."""
        ...

    def crm_now(self) -> datetime:
        """The CRM's own clock: the Date header of its newest reply, moved on by the time since; asks where there is none yet."""
        ...

    def calls(self) -> Mapping[str, int]:
        """API calls made so far, by kind (login, read, write, describe)."""
        ...

    def quota(self) -> tuple[int | None, int | None]:
        """(limit, used) of the day as last told by the CRM."""
        ...

    def describe(self, object_name: str) -> ObjectDescription:
        """The object as our user sees it; ObjectMissing names the nearest."""
        ...

    def custom_objects(self) -> Sequence[tuple[str, str]]:
        """(name, label) of every custom object that our user can see, by the name that `describe` takes."""
        ...

    def labels(self, from_object: str, to_object: str) -> AbstractSet[str] | None:
        """The labels that links between records of two objects may bear; None where this cannot be told."""
        ...

    def pages(self, spec: ReadSpec, cursor: Cursor | None, known: KnownVersions) -> Iterator[Page]:
        """Everything new since `cursor`: all records (deleted ones included) where it is None. Resumable after any page.

        Underway where the CRM still works at what was asked for: the cursor of the last page goes on with it.

        Records of one reading come in (version, id) order or in id order, those of a file in none, and may come again: storing twice is
        harmless.
        """
        ...

    def give_up(self, cursor: Cursor) -> None:
        """Takes away what the reading that stands at this cursor left to be worked at in the CRM: nobody will go on with it. Never fails."""
        ...

    def identities(self, object_name: str) -> Iterator[Sequence[Identity]]:
        """Every live record with its version, at the least cost the CRM allows. BadReply rather than a list that lacks some."""
        ...

    def count(self, object_name: str) -> int | None:
        """How many records live, by the CRM's own count; it may lag behind by minutes. None where the CRM does not count them."""
        ...

    def fetch(self, spec: ReadSpec, ids: Sequence[str]) -> Iterator[Page]:
        """These records whole, with histories and links, whatever became of them: live, deleted, merged away, `gone` or `forgotten`.

        Every id is answered for; records that others were merged into may come besides. The pages carry no cursor.
        """
        ...

    def links(self, spec: ReadSpec, ids: Sequence[str]) -> Sequence[AssociationSet]:
        """All links of these records that the spec wants, in as few calls as the CRM allows; nothing where links are fields."""
        ...

    def read(self, object_name: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, LiveRecord]:
        """Live values, in as few calls as the CRM allows; an entry for every id asked for."""
        ...

    def write(self, object_name: str, writes: Sequence[RecordWrite]) -> list[WriteResult]:
        """One batch (at most `batch_size`), one result a record. Never retries what may have been applied: that is UNKNOWN."""
        ...

    @property
    def batch_size(self) -> int:
        """How many records one write call takes: 1,000 for Salesforce (five collections of 200), 100 for HubSpot."""
        ...

    @property
    def bulk_writer(self) -> BulkWriter | None:
        """The way for very many records, where the CRM has one."""
        ...

    @property
    def maker(self) -> RecordMaker | None:
        """The way of making records, where it is known."""
        ...

    def api_name(self, field: CatalogueField, prefix: str) -> str:
        """The field's name in this CRM, such as Sakigake_Tier__c or sakigake_tier."""
        ...

    def encode(self, field: CatalogueField, value: Any) -> Value:
        """A result as this CRM takes it; the same form in which `decode` and `read` give it back."""
        ...

    def decode(self, field: CatalogueField, value: Value) -> Any:
        """A live value as results are kept (JSON: numbers, strings, booleans, None), for comparing."""
        ...

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
        """Makes what is missing of our fields, their rights and, unless not `layout`, their place on pages; a second time changes nothing.

        What no API can make comes as a step with the status `advice`.
        """
        ...

    def unprovision(
        self, targets: Mapping[str, Sequence[CatalogueField]], *, prefix: str, dry_run: bool
    ) -> list[ProvisionStep]:
        """Takes out what `provision` made on these objects, and nothing else; what it cannot tell to be ours is `kept`. Values go with their fields."""
        ...

    def rights(
        self,
        reads: Mapping[str, ReadSpec],
        writes: Mapping[str, Sequence[str]],
        makes: Mapping[str, Sequence[str]] = NOTHING,
    ) -> Rights:
        """What our user may do, held against what it reads (by object), writes (API names of our fields by object), and makes.

        `makes` has the fields that new records are given, by object.
        """
        ...

    def close(self) -> None:
        """Lets connections go."""
        ...
