"""What the arithmetic is given: our tables as columns of whole numbers."""

from collections.abc import Iterable, Sequence
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


@dataclass(frozen=True, slots=True)
class Given:
    """Facts that are computed on: those that are stored, or those that another version of the mapping would make."""

    partners: Sequence[Partner]
    entries: Iterable[Entry]
    events: read.EventColumns
    activities: Iterable[Activity]


def read_inputs(
    conn: SqlConnection,
    workspace: str,
    as_of: date,
    known_at: datetime,
    given: Given | None = None,
    *,
    past: bool = False,
) -> tuple[EventTable, EntryTable, PartnerTable]:
    """The tables as columns of whole numbers; events of entries or partners that stand no more are left out.

    `past`: partners, entries and activities as they were known at `known_at`; without it as they are now, which is quicker.
    """
    then = known_at if past else None
    facts = given or Given(
        read.partners(conn, workspace, then),
        read.entries(conn, workspace, then),
        read.visible_events(conn, workspace, as_of, known_at),
        read.activities(conn, workspace, as_of, then),
    )
    partners = facts.partners
    place_of_partner = {p.partner_id: i for i, p in enumerate(partners)}
    entries = [e for e in facts.entries if e.partner_id in place_of_partner]
    place_of_entry = {e.entry_id: i for i, e in enumerate(entries)}
    columns = facts.events
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
    last_activity = np.full(len(entries), NO_DAY, np.int64)
    for activity in facts.activities:
        at = place_of_entry.get(activity.entry_id or "", -1)
        if at >= 0:
            last_activity[at] = max(last_activity[at], day_number(activity.occurred_on))
    kinds = sorted({p.type for p in partners})
    return (
        events,
        EntryTable.of(
            [e.entry_id for e in entries],
            np.array([place_of_partner[e.partner_id] for e in entries], np.int64),
            last_activity_day=last_activity,
            target=_targets(entries),
            unplaced=_unplaced(conn, workspace, entries),
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


def _unplaced(conn: SqlConnection, workspace: str, entries: Iterable[Entry]) -> list[bool]:
    """Of each entry, whether it stands in a stage that the mapping does not name."""
    query = select(UnplacedEntry.connection, UnplacedEntry.object, UnplacedEntry.record_id)
    found = {RecordRef(*row) for row in conn.execute(query.where(UnplacedEntry.workspace == workspace))}
    return [entry.source in found for entry in entries]


def _targets(entries: Iterable[Entry]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A number per target company: the same by corporate number, else by domain, else by name with phone; otherwise its own."""
    numbers: dict[tuple[str, ...], int] = {}
    found = []
    for entry in entries:
        t = entry.target
        key = (
            ("number", t.corporate_number)
            if t.corporate_number
            else ("domain", t.domain)
            if t.domain
            else ("name", t.name, t.phone)
            if t.name and t.phone
            else ("entry", entry.entry_id)
        )
        found.append(numbers.setdefault(key, len(numbers)))
    return np.array(found, np.int64)
