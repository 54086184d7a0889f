"""What the compute step reads: events as columns, and partners, entries and activities as values.

Events leave PostgreSQL in its binary form, whose rows are all of one width here, so that numpy takes them whole: a million
rows in about a second, where a row at a time would take ten.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import psycopg
from sqlalchemy import Connection, select

from models.partners import ActivityRow, EntryRow, PartnerRow, PartnerSource
from models.vocabulary import Activity, Entry, Milestone, Partner, RecordRef, Target, Willingness, aware

MILESTONES = tuple(Milestone)
"""`EventColumns.milestone` holds places in this tuple: listed 0, requested 1, agreed 2, executed 3, deal 4, won 5, lost 6."""

_HEADER = len(b"PGCOPY\n\xff\r\n\0") + 4 + 4
_ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("entry_length", ">i4"),
        ("entry", "V16"),
        ("partner_length", ">i4"),
        ("partner", "V16"),
        ("event_length", ">i4"),
        ("event", "V16"),
        ("milestone_length", ">i4"),
        ("milestone", ">i2"),
        ("day_length", ">i4"),
        ("day", ">i4"),
        ("reconstructed_length", ">i4"),
        ("reconstructed", "?"),
    ]
)
_POSTGRES_EPOCH = np.datetime64("2000-01-01", "D")

# `order by` makes equal facts equal columns, down to the byte
_VISIBLE = """
    copy (
        select e.entry_id::uuid, e.partner_id::uuid, e.event_id::uuid,
            array_position(%s::text[], e.milestone)::int2 - 1::int2, e.occurred_on, e.reconstructed
        from sakigake.event e
        where e.workspace = %s and e.op = 'assert' and e.occurred_on <= %s and e.known_at <= %s
            and not exists (
                select from sakigake.event r
                where r.workspace = e.workspace and r.supersedes = e.event_id and r.known_at <= %s)
        order by e.entry_id, e.occurred_on, 4, e.event_id
    ) to stdout (format binary)"""


@dataclass(frozen=True, slots=True)
class EventColumns:
    """Events as columns of one length, ordered by entry, day, milestone, event. `entry` and `partner` are places in the id lists."""

    entry_ids: list[str]
    partner_ids: list[str]
    entry: npt.NDArray[np.int64]
    partner: npt.NDArray[np.int64]
    milestone: npt.NDArray[np.int8]
    occurred_on: npt.NDArray[np.datetime64]
    reconstructed: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.entry)


def visible_events(connection: Connection, workspace: str, as_of: date, known_at: datetime) -> EventColumns:
    """Events that had happened by `as_of`, as they were known at `known_at` (aware): asserted by then and not yet retracted."""
    raw = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    moment = aware(known_at, "known_at")
    given = ([milestone.value for milestone in MILESTONES], workspace, as_of, moment, moment)
    with raw.cursor() as cursor, cursor.copy(_VISIBLE, given) as copy:
        sent = b"".join(bytes(block) for block in copy)
    rows = np.frombuffer(sent, _ROW, count=(len(sent) - _HEADER - 2) // _ROW.itemsize, offset=_HEADER)
    entry_ids, entry = ids_of(rows["entry"])
    partner_ids, partner = ids_of(rows["partner"])
    return EventColumns(
        entry_ids=entry_ids,
        partner_ids=partner_ids,
        entry=entry,
        partner=partner,
        milestone=rows["milestone"].astype(np.int8),
        occurred_on=_POSTGRES_EPOCH + rows["day"].astype("timedelta64[D]"),
        reconstructed=rows["reconstructed"].copy(),
    )


def ids_of(column: npt.NDArray[np.void]) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The distinct ids in order, and each row's place among them."""
    if not len(column):
        return [], np.zeros(0, np.int64)
    halves = np.ascontiguousarray(column).view(">u8").reshape(-1, 2)
    order = np.lexsort((halves[:, 1], halves[:, 0]))
    ordered = halves[order]
    first = np.concatenate(([True], (ordered[1:] != ordered[:-1]).any(axis=1)))
    places = np.empty(len(column), np.int64)
    places[order] = np.cumsum(first) - 1
    digits = ordered[first].tobytes().hex()
    names = (digits[at : at + 32] for at in range(0, len(digits), 32))
    return [f"{n[:8]}-{n[8:12]}-{n[12:16]}-{n[16:20]}-{n[20:]}" for n in names], places


def partners(connection: Connection, workspace: str) -> list[Partner]:
    """Partners as the mapping now sees them, in the order of their ids."""
    sources: dict[str, list[RecordRef]] = {}
    places = select(PartnerSource).where(PartnerSource.workspace == workspace)
    for s in connection.execute(places):
        sources.setdefault(s.partner_id, []).append(RecordRef(s.connection, s.object, s.record_id))
    rows = select(PartnerRow).where(PartnerRow.workspace == workspace, PartnerRow.removed_at.is_(None))
    return [
        Partner(
            partner_id=r.partner_id,
            name=r.name,
            type=r.type,
            sources=tuple(sorted(sources.get(r.partner_id, ()))),
            willingness=Willingness(r.willingness),
            submitted_on=r.submitted_on,
            joined_on=r.joined_on,
            attributes=dict(r.attributes),
        )
        for r in connection.execute(rows.order_by(PartnerRow.partner_id))
    ]


def entries(connection: Connection, workspace: str) -> list[Entry]:
    """Entries as the mapping now sees them, in the order of their ids."""
    rows = select(EntryRow).where(EntryRow.workspace == workspace, EntryRow.removed_at.is_(None))
    return [
        Entry(r.entry_id, r.partner_id, RecordRef(r.connection, r.object, r.record_id), Target(**r.target))
        for r in connection.execute(rows.order_by(EntryRow.entry_id))
    ]


def activities(connection: Connection, workspace: str, as_of: date) -> list[Activity]:
    """Activities up to `as_of` as the mapping now sees them, in the order of their ids."""
    rows = select(ActivityRow).where(
        ActivityRow.workspace == workspace, ActivityRow.removed_at.is_(None), ActivityRow.occurred_on <= as_of
    )
    return [
        Activity(
            activity_id=r.activity_id,
            partner_id=r.partner_id,
            entry_id=r.entry_id,
            kind=r.kind,
            occurred_on=r.occurred_on,
            source=RecordRef(r.connection, r.object, r.record_id),
            rule=r.rule,
        )
        for r in connection.execute(rows.order_by(ActivityRow.activity_id))
    ]
