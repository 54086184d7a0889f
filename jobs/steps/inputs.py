"""What the arithmetic is given: our tables as columns of whole numbers."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

import numpy as np
from psycopg import Connection
from sqlalchemy import Connection as SqlConnection

from indicators.inputs import (
    FIRST_DAY,
    NO_DAY,
    WILLINGNESS_CODE,
    Days,
    EntryTable,
    EventTable,
    Flags,
    PartnerTable,
    day_numbers,
)
from jobs import overrides
from jobs.steps.taken import events_of, taken
from models.vocabulary import Partner
from sync.events import read
from sync.events.entry_columns import EntryColumns, entry_columns
from sync.events.ids import Ids, places_of
from sync.mapping.facts import CustomerFact

Tables = tuple[EventTable, EntryTable, PartnerTable]


@dataclass(frozen=True, slots=True)
class Given:
    """Facts that are computed on: those that are stored, or those that another version of the mapping would make."""

    partners: Sequence[Partner]
    entries: EntryColumns
    events: read.EventColumns
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
        columns = read.visible_events(conn, workspace, as_of, known_at, only, ahead=True)  # the arithmetic counts them
    else:
        partners, entries, columns = given.partners, given.entries, given.events
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
            submitted_day=_submitted(partners),
            joined_day=day_numbers(p.joined_on for p in partners),
            ended_day=day_numbers(p.ended_on for p in partners),
            overrides=overrides.acting(
                cast("Connection[Any]", conn.connection.driver_connection), workspace, known_at, place_of_partner
            ),
        ),
    )


def _submitted(partners: Iterable[Partner]) -> Days:
    """The day of each partner's list; one before 2000 is a typing error, as it is of a milestone, and tells nothing."""
    days = day_numbers(p.submitted_on for p in partners)
    return np.where(days < FIRST_DAY, np.int32(NO_DAY), days)


def _some(ids: Sequence[str], kept: Flags) -> Sequence[str]:
    return ids[kept] if isinstance(ids, Ids) else [name for name, stays in zip(ids, kept, strict=True) if stays]
