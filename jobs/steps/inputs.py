"""What the arithmetic is given: our tables as columns of whole numbers."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

import numpy as np
from psycopg import Connection
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import select

from indicators.inputs import (
    MILESTONE_CODE,
    NO_DAY,
    WILLINGNESS_CODE,
    EntryTable,
    EventTable,
    PartnerTable,
    day_number,
    day_numbers,
)
from jobs import overrides
from models.coverage import UnplacedEntry
from models.vocabulary import Activity, Entry, Partner, RecordRef
from sync.events import read
from sync.events.entry_columns import EntryColumns, entry_columns, target_number

Tables = tuple[EventTable, EntryTable, PartnerTable]


@dataclass(frozen=True, slots=True)
class Given:
    """Facts that are computed on: those that are stored, or those that another version of the mapping would make."""

    partners: Sequence[Partner]
    entries: EntryColumns
    events: read.EventColumns


def read_inputs(
    conn: SqlConnection,
    workspace: str,
    as_of: date,
    known_at: datetime,
    given: Given | None = None,
    *,
    past: bool = False,
    only: Collection[str] | None = None,
) -> Tables:
    """The tables as columns of whole numbers; events of entries or partners that stand no more are left out.

    `past`: partners, entries and activities too as they were known at `known_at`; without it as they are now, which is quicker.
    `only`: these partners alone, as they are now, with all of their entries.
    """
    if given is None and not past:
        partners: Sequence[Partner] = read.partners(conn, workspace, only=only)
        entries = entry_columns(conn, workspace, as_of, only)
        columns = read.visible_events(conn, workspace, as_of, known_at, only)
    else:
        facts = given or Given(
            read.partners(conn, workspace, known_at),
            columns_of_entries(
                conn,
                workspace,
                read.entries(conn, workspace, known_at),
                read.activities(conn, workspace, as_of, known_at),
            ),
            read.visible_events(conn, workspace, as_of, known_at),
        )
        partners, columns, entries = facts.partners, facts.events, facts.entries
    place_of_partner = {p.partner_id: i for i, p in enumerate(partners)}
    partner = np.array([place_of_partner.get(p, -1) for p in entries.partner_ids], np.int64)[entries.partner]
    kept = partner >= 0
    ids = entries.ids if kept.all() else [entries.ids[i] for i in np.flatnonzero(kept)]
    place_of_entry = {entry_id: i for i, entry_id in enumerate(ids)}
    places = np.array([place_of_entry.get(e, -1) for e in columns.entry_ids], np.int64)
    entry = places[columns.entry] if len(columns) else np.zeros(0, np.int64)
    stands = entry >= 0
    codes = np.array([MILESTONE_CODE[m.value] for m in read.MILESTONES], np.int8)
    events = EventTable.of(
        entry[stands],
        codes[columns.milestone][stands],
        columns.occurred_on[stands].astype("datetime64[D]").astype(np.int64),
        source=columns.connection[stands],
    )
    kinds = sorted({p.type for p in partners})
    return (
        events,
        EntryTable.of(
            ids,
            partner[kept],
            last_activity_day=entries.last_active[kept],
            target=entries.target[kept],
            unplaced=entries.unplaced[kept],
        ),
        PartnerTable.of(
            [p.partner_id for p in partners],
            kinds,
            np.array([kinds.index(p.type) for p in partners], np.int64),
            willingness=np.array([WILLINGNESS_CODE[p.willingness.value] for p in partners], np.int64),
            submitted_day=day_numbers(p.submitted_on for p in partners),
            joined_day=day_numbers(p.joined_on for p in partners),
            overrides=overrides.acting(
                cast("Connection[Any]", conn.connection.driver_connection), workspace, known_at, place_of_partner
            ),
        ),
    )


def columns_of_entries(
    conn: SqlConnection, workspace: str, values: Iterable[Entry], activities: Iterable[Activity]
) -> EntryColumns:
    """Entries that are values as the columns that `entry_columns` reads."""
    entries, unplaced = list(values), _unplaced(conn, workspace)
    place = {e.entry_id: i for i, e in enumerate(entries)}
    last_active = np.full(len(entries), NO_DAY, np.int64)
    for activity in activities:
        at = place.get(activity.entry_id or "", -1)
        if at >= 0:
            last_active[at] = max(last_active[at], day_number(activity.occurred_on))
    partner_ids = sorted({e.partner_id for e in entries})
    place_of_partner = {p: i for i, p in enumerate(partner_ids)}
    return EntryColumns(
        ids=[e.entry_id for e in entries],
        partner_ids=partner_ids,
        partner=np.fromiter((place_of_partner[e.partner_id] for e in entries), np.int64, len(entries)),
        target=np.unique([target_number(e.entry_id, e.target) for e in entries], return_inverse=True)[1].astype(
            np.int64
        ),
        last_active=last_active,
        unplaced=np.fromiter(
            (any(r in unplaced for r in e.sources or (e.source,)) for e in entries), np.bool_, len(entries)
        ),
    )


def _unplaced(conn: SqlConnection, workspace: str) -> set[RecordRef]:
    """Records of entries that stand in a stage which the mapping does not name."""
    query = select(UnplacedEntry.connection, UnplacedEntry.object, UnplacedEntry.record_id)
    return {RecordRef(*row) for row in conn.execute(query.where(UnplacedEntry.workspace == workspace))}
