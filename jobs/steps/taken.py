"""What is known of the targets of entries by others: companies that buy already, and other partners' entries for the same target."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, cast

import numpy as np
from psycopg import Connection
from sqlalchemy import Connection as SqlConnection

from indicators.inputs import (
    EXCLUSION_CODE,
    MILESTONE_CODE,
    EntryTable,
    EventTable,
    Flags,
    Ints,
    PartnerTable,
    Taken,
    day_numbers,
)
from models.vocabulary import Entry
from sync.events import read
from sync.events.customers import Company, companies
from sync.events.ids import places_of
from sync.events.target_numbers import numbers_of, target_number
from sync.events.targets import rivals
from sync.mapping.facts import CustomerFact

_CODES = {"customer": EXCLUSION_CODE["existing_customer"], "open_deal": EXCLUSION_CODE["open_deal"]}


def taken(
    conn: SqlConnection,
    workspace: str,
    as_of: date,
    known_at: datetime,
    *,
    number: Ints,
    target: Ints,
    n_partners: int,
    customers: Iterable[CustomerFact] | None,
    only: Collection[str] | None,
) -> Taken:
    """What others say of the targets of entries, which stand as `number` in our tables and as `target` in the arithmetic's.

    `customers`: in the place of those that are stored. With `only`, a part of the partners, other partners' entries are told too.
    """
    raw = cast("Connection[Any]", conn.connection.driver_connection)
    if customers is None:
        told = companies(raw, workspace, known_at, None if only is None else np.unique(number).tolist())
    else:
        told = list(_untold(customers))
    if only is None and not told:
        return Taken.of()  # as in most workspaces, whose million of numbers need not be put in order
    distinct, first = np.unique(number, return_index=True)
    named = target[first]
    found = sorted(
        {
            _row(int(named[at]), company)
            for at, company in zip(_places(distinct, [c.number for c in told]).tolist(), told, strict=True)
            if at >= 0
        }
    )
    if only is None:
        return Taken.of(found)
    others = rivals(raw, workspace, only, distinct.tolist())
    if not others:
        return Taken.of(found)
    ids = [rival.entry_id for rival in others]
    owners = {partner_id: n_partners + at for at, partner_id in enumerate(sorted({r.partner_id for r in others}))}
    columns = read.visible_events(conn, workspace, as_of, known_at, entries=ids)
    entry = places_of(columns.entry_ids, ids)[columns.entry] if len(columns) else np.zeros(0, np.int64)
    table = EntryTable.of(
        ids,
        [owners[r.partner_id] for r in others],
        target=named[_places(distinct, [r.number for r in others])],
    )
    return Taken.of(found, rivals=table, rival_events=events_of(columns, entry, entry >= 0))


def _places(distinct: Ints, sought: Sequence[int]) -> Ints:
    """The place of each number among the distinct ones, which are in order; -1 where it is not there."""
    if not len(distinct):
        return np.full(len(sought), -1, np.int64)
    wanted = np.array(sought, np.int64)
    at = np.minimum(np.searchsorted(distinct, wanted), len(distinct) - 1)
    return np.where(distinct[at] == wanted, at, -1)


def _untold(customers: Iterable[CustomerFact]) -> Iterator[Company]:
    """Those that a version of the mapping finds: since the day that the record states, or nobody knows when."""
    return (Company(number, one.stands, one.since, None) for one in customers for number in numbers_of(one.target))


def _row(target: int, company: Company) -> tuple[int, int, int, int]:
    since, until = day_numbers((company.since, company.until)).tolist()
    return target, since, until, _CODES[company.stands]


def events_of(columns: read.EventColumns, entry: Ints, stands: np.ndarray[Any, np.dtype[np.bool_]]) -> EventTable:
    """Events as the arithmetic takes them; `entry` is each one's entry by place, `stands` which are taken."""
    codes = np.array([MILESTONE_CODE[m.value] for m in read.MILESTONES], np.int8)
    return EventTable.of(
        entry[stands],
        codes[columns.milestone][stands],
        columns.occurred_on[stands].astype("datetime64[D]").astype(np.int64),
        source=columns.connection[stands],
        told=columns.told[stands],
        histories=columns.histories,
    )


def rivalling(entries: Iterable[Entry], partner_id: str) -> list[Entry]:
    """The entries of a partner, and others for the targets of these."""
    every = list(entries)
    wanted = {target_number(e.entry_id, e.target) for e in every if e.partner_id == partner_id}
    return [e for e in every if e.partner_id == partner_id or target_number(e.entry_id, e.target) in wanted]


def alone(
    tables: tuple[EventTable, EntryTable, PartnerTable], partner_id: str
) -> tuple[EventTable, EntryTable, PartnerTable]:
    """The tables of one partner, with the others' entries beside them as rivals."""
    events, entries, partners = tables
    if partner_id not in partners.ids:
        return tables
    at = partners.ids.index(partner_id)
    mine = entries.partner == at
    own_events, own = _part(events, entries, mine)
    other_events, others = _part(events, entries, ~mine)
    taken = (
        replace(entries.taken, rivals=replace(others, taken=Taken.of()), rival_events=other_events)
        if len(others)
        else entries.taken
    )
    single = PartnerTable.of(
        [partner_id],
        partners.types,
        [int(partners.type[at])],
        willingness=partners.willingness[[at]],
        willingness_day=partners.willingness_day[[at]],
        submitted_day=partners.submitted_day[[at]],
        joined_day=partners.joined_day[[at]],
        ended_day=partners.ended_day[[at]],
        overrides=[replace(o, partner=0) for o in partners.overrides if o.partner == at],
    )
    return own_events, replace(own, partner=np.zeros(len(own), np.int64), taken=taken), single


def _part(events: EventTable, entries: EntryTable, chosen: Flags) -> tuple[EventTable, EntryTable]:
    place = np.cumsum(chosen) - 1
    of = chosen[events.entry]
    return (
        EventTable(
            place[events.entry[of]],
            events.milestone[of],
            events.day[of],
            events.source[of],
            events.told[of],
            events.histories,
        ),
        EntryTable(
            tuple(entries.ids[int(i)] for i in np.flatnonzero(chosen)),
            entries.partner[chosen],
            entries.last_activity_day[chosen],
            entries.target[chosen],
            entries.unplaced[chosen],
            entries.taken,
        ),
    )
