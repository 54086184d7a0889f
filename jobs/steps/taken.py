"""What is known of the targets of entries by others: companies that buy already, and other partners' entries for the same target."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, cast

import numpy as np
from psycopg import Connection
from sqlalchemy import Connection as SqlConnection

from indicators.inputs import (
    EXCLUSION_CODE,
    MILESTONE_CODE,
    NO_DAY,
    EntryTable,
    EventTable,
    Flags,
    Ints,
    PartnerTable,
    Taken,
    day_number,
)
from models.vocabulary import Entry
from sync.events import read
from sync.events.customers import Company, companies, targets_bought
from sync.events.targets import rivals, target_numbers
from sync.mapping.facts import CustomerMark
from sync.mapping.target_numbers import target_number

_CODES = {"customer": EXCLUSION_CODE["existing_customer"], "open_deal": EXCLUSION_CODE["open_deal"]}
Bought = list[tuple[int, int, int, int]]


def bought_targets(
    conn: Connection[Any],
    workspace: str,
    known_at: datetime,
    place: Mapping[str, int],
    target: Ints,
    numbers: Mapping[str, int] | None,
    customers: Iterable[CustomerMark] | None,
    only: Collection[str] | None,
) -> Bought:
    """(target, since, until, why) of every target that bought. `place` is of entries, `target` their targets by place.

    `numbers`: of the targets of entries that are not as they now stand. `customers`: in the place of those that are stored.
    """
    found: set[tuple[int, int, int, int]] = set()
    if numbers is None and customers is None:
        for entry_id, company in targets_bought(conn, workspace, known_at, only):
            if (at := place.get(entry_id)) is not None:
                found.add(_row(int(target[at]), company))
        return sorted(found)
    told = companies(conn, workspace, known_at) if customers is None else _untold(customers)
    if numbers is None:
        numbers = target_numbers(conn, workspace)
    by_number = {numbers[entry_id]: int(target[at]) for entry_id, at in place.items() if entry_id in numbers}
    for company in told:
        if (named := by_number.get(company.number)) is not None:
            found.add(_row(named, company))
    return sorted(found)


def _untold(customers: Iterable[CustomerMark]) -> Iterator[Company]:
    """Those that a version of the mapping finds: since nobody knows when."""
    return (Company(mark.number, mark.stands, None, None) for mark in customers)


def _row(target: int, company: Company) -> tuple[int, int, int, int]:
    since, until = (NO_DAY if day is None else day_number(day) for day in (company.since, company.until))
    return target, since, until, _CODES[company.stands]


def with_rivals(
    conn: SqlConnection,
    workspace: str,
    as_of: date,
    known_at: datetime,
    only: Collection[str],
    place: Mapping[str, int],
    target: Ints,
    bought: Bought,
    n_partners: int,
) -> Taken:
    """The same with the entries that others have for the targets of these partners, as they now stand, and their events."""
    found = [
        r
        for r in rivals(cast("Connection[Any]", conn.connection.driver_connection), workspace, only)
        if r.ours in place
    ]
    if not found:
        return Taken.of(bought)
    ids = [rival.entry_id for rival in found]
    owners = {partner_id: n_partners + at for at, partner_id in enumerate(sorted({r.partner_id for r in found}))}
    columns = read.visible_events(conn, workspace, as_of, known_at, entries=ids)
    at = {entry_id: i for i, entry_id in enumerate(ids)}
    entry = (
        np.array([at[e] for e in columns.entry_ids], np.int64)[columns.entry] if len(columns) else np.zeros(0, np.int64)
    )
    table = EntryTable.of(
        ids, [owners[r.partner_id] for r in found], target=[int(target[place[r.ours]]) for r in found]
    )
    return Taken.of(bought, rivals=table, rival_events=events_of(columns, entry, np.ones(len(entry), np.bool_)))


def events_of(columns: read.EventColumns, entry: Ints, stands: np.ndarray[Any, np.dtype[np.bool_]]) -> EventTable:
    """Events as the arithmetic takes them; `entry` is each one's entry by place, `stands` which are taken."""
    codes = np.array([MILESTONE_CODE[m.value] for m in read.MILESTONES], np.int8)
    return EventTable.of(
        entry[stands],
        codes[columns.milestone][stands],
        columns.occurred_on[stands].astype("datetime64[D]").astype(np.int64),
        source=columns.connection[stands],
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
        overrides=[replace(o, partner=0) for o in partners.overrides if o.partner == at],
    )
    return own_events, replace(own, partner=np.zeros(len(own), np.int64), taken=taken), single


def _part(events: EventTable, entries: EntryTable, chosen: Flags) -> tuple[EventTable, EntryTable]:
    place = np.cumsum(chosen) - 1
    of = chosen[events.entry]
    return (
        EventTable(place[events.entry[of]], events.milestone[of], events.day[of], events.source[of]),
        EntryTable(
            tuple(entries.ids[i] for i in np.flatnonzero(chosen)),
            entries.partner[chosen],
            entries.last_activity_day[chosen],
            entries.target[chosen],
            entries.unplaced[chosen],
            entries.taken,
        ),
    )
