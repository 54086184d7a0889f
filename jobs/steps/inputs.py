"""What the arithmetic is given: our tables as columns of whole numbers."""

from collections.abc import Collection, Iterable, Mapping, Sequence
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
    PartnerTable,
    Taken,
    day_number,
    day_numbers,
)
from jobs import overrides
from jobs.steps.taken import bought_targets, events_of, with_rivals
from models.coverage import UnplacedEntry
from models.vocabulary import Activity, Entry, Partner, RecordRef
from sync.events import read
from sync.events.entry_columns import EntryColumns, entry_columns
from sync.mapping.facts import CustomerMark
from sync.mapping.target_numbers import target_number

Tables = tuple[EventTable, EntryTable, PartnerTable]


@dataclass(frozen=True, slots=True)
class Given:
    """Facts that are computed on: those that are stored, or those that another version of the mapping would make."""

    partners: Sequence[Partner]
    entries: Iterable[Entry] | EntryColumns
    events: read.EventColumns
    activities: Iterable[Activity]
    customers: Iterable[CustomerMark] | None = None  # None: those that are stored


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
    raw = cast("Connection[Any]", conn.connection.driver_connection)
    numbers: Mapping[str, int] | None = None  # of the targets of entries that are no rows of now
    facts: Given | None = None
    if given is None and not past:
        partners: Sequence[Partner] = read.partners(conn, workspace, only=only)
        entries = entry_columns(conn, workspace, as_of, only)
        columns = read.visible_events(conn, workspace, as_of, known_at, only)
    else:
        facts = given or Given(
            read.partners(conn, workspace, known_at),
            read.entries(conn, workspace, known_at),
            read.visible_events(conn, workspace, as_of, known_at),
            read.activities(conn, workspace, as_of, known_at),
        )
        partners, columns = facts.partners, facts.events
        given_entries = facts.entries
        if isinstance(given_entries, EntryColumns):
            entries = given_entries
        else:
            given_entries = list(given_entries)
            numbers = {e.entry_id: target_number(e.entry_id, e.target) for e in given_entries}
            entries = _columns_of(given_entries, numbers, facts.activities, _unplaced(conn, workspace))
    place_of_partner = {p.partner_id: i for i, p in enumerate(partners)}
    partner = np.array([place_of_partner.get(p, -1) for p in entries.partner_ids], np.int64)[entries.partner]
    kept = partner >= 0
    ids = entries.ids if kept.all() else [entries.ids[i] for i in np.flatnonzero(kept)]
    place_of_entry = {entry_id: i for i, entry_id in enumerate(ids)}
    places = np.array([place_of_entry.get(e, -1) for e in columns.entry_ids], np.int64)
    entry = places[columns.entry] if len(columns) else np.zeros(0, np.int64)
    stands = entry >= 0
    events = events_of(columns, entry, stands)
    kinds = sorted({p.type for p in partners})
    target = entries.target[kept]
    customers = None if facts is None else facts.customers
    bought = bought_targets(raw, workspace, known_at, place_of_entry, target, numbers, customers, only)
    taken = (
        Taken.of(bought)
        if only is None
        else with_rivals(conn, workspace, as_of, known_at, only, place_of_entry, target, bought, len(partners))
    )
    return (
        events,
        EntryTable.of(
            ids,
            partner[kept],
            last_activity_day=entries.last_active[kept],
            target=target,
            unplaced=entries.unplaced[kept],
            taken=taken,
        ),
        PartnerTable.of(
            [p.partner_id for p in partners],
            kinds,
            np.array([kinds.index(p.type) for p in partners], np.int64),
            willingness=np.array([WILLINGNESS_CODE[p.willingness.value] for p in partners], np.int64),
            submitted_day=day_numbers(p.submitted_on for p in partners),
            joined_day=day_numbers(p.joined_on for p in partners),
            overrides=overrides.acting(raw, workspace, known_at, place_of_partner),
        ),
    )


def _columns_of(
    entries: Sequence[Entry],
    numbers: Mapping[str, int],
    activities: Iterable[Activity],
    unplaced: AbstractSet[RecordRef],
) -> EntryColumns:
    """Entries that are values, with the numbers of their targets, as the columns that `entry_columns` reads."""
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
        target=np.unique([numbers[e.entry_id] for e in entries], return_inverse=True)[1].astype(np.int64),
        last_active=last_active,
        unplaced=np.fromiter(
            (any(r in unplaced for r in e.sources or (e.source,)) for e in entries), np.bool_, len(entries)
        ),
    )


def _unplaced(conn: SqlConnection, workspace: str) -> set[RecordRef]:
    """Records of entries that stand in a stage which the mapping does not name."""
    query = select(UnplacedEntry.connection, UnplacedEntry.object, UnplacedEntry.record_id)
    return {RecordRef(*row) for row in conn.execute(query.where(UnplacedEntry.workspace == workspace))}
