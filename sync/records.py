"""What is wanted of an object, and what comes of it: records, histories and links, page by page.

Values keep the CRM's own text (numbers exactly as written), so that PostgreSQL, and nobody before it, decides whether they fit their column.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sync.writes import Value

Cursor = dict[str, Any]  # opaque to all but the connector that made it; JSON


@dataclass(frozen=True, slots=True)
class ReadSpec:
    """What is wanted of one object: the mapping's needs, and what the mirror adds."""

    object: str
    fields: tuple[str, ...]
    history: tuple[str, ...] = ()  # fields whose change history is wanted
    associations: tuple[str, ...] = ()  # objects it is linked to without a field (HubSpot)
    instants: frozenset[str] = frozenset()  # fields whose columns hold instants: a CRM may write one in two ways
    # for the mirror alone, no connector looks at them:
    extra: tuple[str, ...] = ()  # fields that no rule reads and somebody wants in the mirror
    every: bool = False  # all fields that our user can see, besides
    ours: tuple[str, ...] = field(default=(), compare=False)  # fields that we write back, where they are there
    filtered: tuple[str, ...] = field(default=(), compare=False)  # fields that rules choose records by: people will too
    days: tuple[str, ...] = field(default=(), compare=False)  # fields that have to be dates or times


@dataclass(frozen=True, slots=True)
class CrmRecord:
    """One record as read. `version` is the CRM's own stamp: the newest one wins."""

    id: str
    version: datetime
    values: Mapping[str, Value]
    deleted: bool = False
    merged_into: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """That a record lives, and its version: what a sweep compares."""

    id: str
    version: datetime


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One change of one field, from the CRM's own history. `change_id` is the same at every reading."""

    record_id: str
    field: str
    change_id: str
    old: str | None
    new: str | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class AssociationRow:
    """A link between two records. One pair may carry several types."""

    from_id: str
    to_id: str
    type_id: str
    category: str
    label: str | None


@dataclass(frozen=True, slots=True)
class AssociationSet:
    """All links from the records `from_ids` to records of `to_object`: replaces what the mirror knew of them."""

    to_object: str
    from_ids: tuple[str, ...]
    rows: tuple[AssociationRow, ...]


class RecordFile(Protocol):
    """Many records as a CSV file that the CRM wrote: never held whole, and read again where that is needed.

    Quoted as RFC 4180 says, in UTF-8; an empty cell is nothing. `id`, `version`, `deleted` and `merged_into` name the columns that hold
    those; the others are values under their API names.
    """

    columns: tuple[str, ...]  # in the order of the file
    id: str
    version: str
    deleted: str | None
    merged_into: str | None
    count: int  # records in it, as the CRM says

    def blocks(self) -> Iterator[bytes]:
        """The file without its header line, piece by piece; opened anew at each call.

        Retry where it broke off on the way. A file that is cut off in silence is not noticed here: compare with `count`.
        """
        ...

    def records(self) -> Iterator[CrmRecord]:
        """The same records value by value, which is slower. BadReply at its end unless there were `count`."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """What one or a few calls returned. Its rows and its `cursor` are stored in one transaction.

    `gone` are ids that the CRM reports as deleted without sending the record; `forgotten` those that it erased for good, so that what we
    hold of them has to go too. `loaded` is true from the page that ends the first load. `refreshed` are new values of some fields of
    records whose version did not move: calculated fields change so.
    """

    records: tuple[CrmRecord, ...]
    cursor: Cursor
    history: tuple[HistoryRow, ...] = ()
    associations: tuple[AssociationSet, ...] = ()
    gone: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()
    loaded: bool = False
    covered_until: datetime | None = None
    expected: int | None = None  # how many records the CRM says this reading has in all
    file: RecordFile | None = None  # records besides `records`
    refreshed: tuple["LiveRecord", ...] = ()


@dataclass(frozen=True, slots=True)
class LiveRecord:
    """The values of a record in the CRM this moment; `missing` where it is deleted or not there, `merged_into` where it went.
    `absorbed` are records that were merged into this one, where the CRM names them.
    """

    id: str
    values: Mapping[str, Value] = field(default_factory=dict)
    missing: bool = False
    merged_into: str | None = None
    absorbed: tuple[str, ...] = ()
