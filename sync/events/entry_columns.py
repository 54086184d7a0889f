"""Entries as columns, taken whole from PostgreSQL's binary form: what the arithmetic needs of them, without a value a row."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import psycopg
from sqlalchemy import Connection

from models.vocabulary import Target, aware
from sync.events.as_known import tables
from sync.events.blocks import blocks, numbers
from sync.events.ids import WRITTEN, Ids
from sync.events.target_numbers import target_number

NO_DAY = -1
_EPOCH = 10957  # 2000-01-01 in days since 1970

_ENTRIES = """
    select e.partner_id, string_agg(e.entry_id, ''), array_agg(coalesce(e.target_number, 0)),
        array_agg(u.entry_id is not null)
    from {entry} e
    left join (
        select s.entry_id from sakigake.unplaced_entry u
        join {entry_source} s using (connection, object, record_id) where u.workspace = %(w)s {source}
        union select s.entry_id from sakigake.unplaced_entry u
        join {entry} s using (connection, object, record_id) where u.workspace = %(w)s {source}
    ) u using (entry_id)
    where true {of}
    group by e.partner_id"""
_ACTIVE = """
    select string_agg(entry_id, ''), array_agg(occurred_on) from {activity} y
    where entry_id is not null and occurred_on <= %(day)s {mine} group by (occurred_on - date '2000-01-01') / 1024"""
_OWNERS = """
    select e.partner_id, string_agg(e.entry_id, '') from {entry} e group by 1"""
_UNNUMBERED = "select e.entry_id, e.target from {entry} e where e.target_number is null {of}"

_OF_PARTNERS = {
    "of": "and e.partner_id = any(%(only)s)",
    "source": "and s.partner_id = any(%(only)s)",
    "mine": """and entry_id = any(array(
        select entry_id from sakigake.entry where workspace = %(w)s and removed_at is null and partner_id = any(%(only)s)))""",
}


@dataclass(frozen=True, slots=True)
class EntryColumns:
    """Entries in the order of their ids, all columns of one length.

    partner      place in `partner_ids`
    target       number of the target company: the same by corporate number, else by domain, else by name with phone; otherwise its own
    number       the target's number as it is stored, of 64 bits; 0 where nobody numbered it
    last_active  days since 1970-01-01 of the newest activity about the entry, NO_DAY where there is none
    unplaced     it stands in a stage that the mapping does not name
    """

    ids: Sequence[str]
    partner_ids: list[str]
    partner: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    number: npt.NDArray[np.int64]
    last_active: npt.NDArray[np.int64]
    unplaced: npt.NDArray[np.bool_]


def entry_columns(
    connection: Connection,
    workspace: str,
    as_of: date,
    only: Collection[str] | None = None,
    known_at: datetime | None = None,
) -> EntryColumns:
    """Entries with activities up to `as_of`: as the mapping now sees them, or as they were known at `known_at` (aware).

    `only`: those of these partners, as the mapping now sees them. Which stages nobody placed is told as of now in any case.
    """
    seen = tables(past=known_at is not None)
    scope = dict.fromkeys(_OF_PARTNERS, "") if only is None else _OF_PARTNERS
    given = {
        "w": workspace,
        "day": as_of,
        "only": None if only is None else sorted(only),
        "k": None if known_at is None else aware(known_at, "known_at"),
    }
    raw = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    with raw.cursor() as cursor:
        sent = blocks(cursor, _ENTRIES.format(**seen, **scope), given, 4)
        active = blocks(cursor, _ACTIVE.format(**seen, **scope), given, 2)
    ids = Ids.of_text(b"".join(block[1] for block in sent))
    order = ids.order()
    ids = ids[order]
    target = numbers([block[2] for block in sent], 8)[order]
    if not target.all():
        unnumbered = dict(raw.execute(_UNNUMBERED.format(**seen, **scope), given).fetchall())
        for place in np.flatnonzero(target == 0):
            if (said := unnumbered.get(ids[int(place)])) is not None:
                target[place] = target_number(ids[int(place)], Target(**said))
    return EntryColumns(
        ids=ids,
        partner_ids=[block[0].decode() for block in sent],
        partner=_owner(sent)[order],
        target=np.unique(target, return_inverse=True)[1].astype(np.int64),
        number=target,
        last_active=_newest(ids, active),
        unplaced=numbers([block[3] for block in sent], 1)[order].astype(np.bool_),
    )


def _newest(ids: Ids, active: list[tuple[bytes, ...]]) -> npt.NDArray[np.int64]:
    """The newest day of each of the entries, of blocks of entries and days."""
    who, place = Ids.of_text(b"".join(block[0] for block in active)).distinct()
    newest = np.full(len(who), NO_DAY, np.int64)
    np.maximum.at(newest, place, numbers([block[1] for block in active]) + _EPOCH)
    at = who.places_among(ids)
    found = np.full(len(ids), NO_DAY, np.int64)
    found[at[at >= 0]] = newest[at >= 0]
    return found


def owners(
    connection: Connection, workspace: str, known_at: datetime | None = None
) -> tuple[Ids, list[str], npt.NDArray[np.int64]]:
    """Entries in the order of their ids, ids of partners, and the place there of each entry's: as now seen, or as known at `known_at` (aware)."""
    seen = tables(past=known_at is not None)
    given = {"w": workspace, "k": None if known_at is None else aware(known_at, "known_at")}
    raw = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    with raw.cursor() as cursor:
        sent = blocks(cursor, _OWNERS.format(**seen), given, 2)
    ids = Ids.of_text(b"".join(block[1] for block in sent))
    order = ids.order()
    return ids[order], [block[0].decode() for block in sent], _owner(sent)[order]


def _owner(sent: list[tuple[bytes, ...]]) -> npt.NDArray[np.int64]:
    """Which block each id stands in, of blocks by partner."""
    return np.repeat(np.arange(len(sent)), np.array([len(block[1]) // WRITTEN for block in sent], np.int64))
