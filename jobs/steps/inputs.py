"""What the arithmetic is given: our tables as columns of whole numbers."""

from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

import numpy as np
from psycopg import Connection
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import select

from indicators.inputs import (
    NO_DAY,
    WILLINGNESS_CODE,
    EntryTable,
    EventTable,
    Flags,
    PartnerTable,
    day_number,
    day_numbers,
)
from jobs import overrides
from jobs.steps.taken import events_of, taken
from models.coverage import UnplacedEntry
from models.vocabulary import Activity, Entry, Partner, RecordRef
from sync.events import read
from sync.events.entry_columns import EntryColumns, entry_columns
from sync.events.ids import Ids, places_of
from sync.events.target_numbers import target_number
from sync.mapping.facts import CustomerFact

Tables = tuple[EventTable, EntryTable, PartnerTable]


@dataclass(frozen=True, slots=True)
class Given:
    """Facts that are computed on: those that are stored, or those that another version of the mapping would make."""

    partners: Sequence[Partner]
    entries: Iterable[Entry] | EntryColumns
    events: read.EventColumns
    activities: Iterable[Activity]
    customers: Iterable[CustomerFact] | None = None  # None: those that are stored


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

    `past`: partners, entries and activities too as they were known at `known_at`; without it as they are now.
    `only`: these partners alone, as they are now, with all of their entries.
    """
    if given is None:
        moment = known_at if past else None
        partners: Sequence[Partner] = read.partners(conn, workspace, moment, only)
        entries = entry_columns(conn, workspace, as_of, only, moment)
        columns = read.visible_events(conn, workspace, as_of, known_at, only)
    else:
        partners, columns, values = given.partners, given.events, given.entries
        entries = (
            values
            if isinstance(values, EntryColumns)
            else _columns_of(values, given.activities, _unplaced(conn, workspace))
        )
    place_of_partner = {p.partner_id: i for i, p in enumerate(partners)}
    partner = np.array([place_of_partner.get(p, -1) for p in entries.partner_ids], np.int64)[entries.partner]
    kept = partner >= 0
    ids = entries.ids if kept.all() else _some(entries.ids, kept)
    entry = places_of(columns.entry_ids, ids)[columns.entry] if len(columns) else np.zeros(0, np.int64)
    stands = entry >= 0
    kinds = sorted({p.type for p in partners})
    target = entries.target[kept]
    elsewhere = taken(
        conn,
        workspace,
        as_of,
        known_at,
        number=entries.number[kept],
        target=target,
        n_partners=len(partners),
        customers=None if given is None else given.customers,
        only=only,
    )
    return (
        events_of(columns, entry, stands),
        EntryTable.of(
            ids,
            partner[kept],
            last_activity_day=entries.last_active[kept],
            target=target,
            unplaced=entries.unplaced[kept],
            taken=elsewhere,
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


def _some(ids: Sequence[str], kept: Flags) -> Sequence[str]:
    return ids[kept] if isinstance(ids, Ids) else [name for name, stays in zip(ids, kept, strict=True) if stays]


def _columns_of(
    values: Iterable[Entry], activities: Iterable[Activity], unplaced: AbstractSet[RecordRef]
) -> EntryColumns:
    """Entries that are values as the columns that `entry_columns` reads."""
    entries = list(values)
    place = {e.entry_id: i for i, e in enumerate(entries)}
    last_active = np.full(len(entries), NO_DAY, np.int64)
    for activity in activities:
        at = place.get(activity.entry_id or "", -1)
        if at >= 0:
            last_active[at] = max(last_active[at], day_number(activity.occurred_on))
    partner_ids = sorted({e.partner_id for e in entries})
    place_of_partner = {p: i for i, p in enumerate(partner_ids)}
    number = np.array([target_number(e.entry_id, e.target) for e in entries], np.int64)
    return EntryColumns(
        ids=[e.entry_id for e in entries],
        partner_ids=partner_ids,
        partner=np.fromiter((place_of_partner[e.partner_id] for e in entries), np.int64, len(entries)),
        target=np.unique(number, return_inverse=True)[1].astype(np.int64),
        number=number,
        last_active=last_active,
        unplaced=np.fromiter(
            (any(r in unplaced for r in e.sources or (e.source,)) for e in entries), np.bool_, len(entries)
        ),
    )


def _unplaced(conn: SqlConnection, workspace: str) -> set[RecordRef]:
    """Records of entries that stand in a stage which the mapping does not name."""
    query = select(UnplacedEntry.connection, UnplacedEntry.object, UnplacedEntry.record_id)
    return {RecordRef(*row) for row in conn.execute(query.where(UnplacedEntry.workspace == workspace))}
