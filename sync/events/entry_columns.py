"""Entries as columns, taken whole from PostgreSQL's binary form: what the arithmetic needs of them, without a value a row."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import psycopg
from sqlalchemy import Connection

from models.vocabulary import Target
from sync.events.read import fixed_rows, ids_of
from sync.mapping.names import name_key, phone_key

NO_DAY = -1
_EPOCH = 10957  # 2000-01-01 in days since 1970
_ROW = np.dtype(
    [
        ("entry", "V16"),
        ("partner", "V16"),
        ("target", ">i8"),
        ("active", ">i4"),
        ("unplaced", "?"),
    ]
)
_ENTRIES = """
    copy (
        select string_agg(
            uuid_send(e.entry_id::uuid) || uuid_send(e.partner_id::uuid) ||
            int8send(hashtextextended(case
                when coalesce(e.target ->> 'corporate_number', '') <> '' then 'number ' || (e.target ->> 'corporate_number')
                when coalesce(e.target ->> 'domain', '') <> '' then 'domain ' || (e.target ->> 'domain')
                else 'entry ' || e.entry_id end, 0)) ||
            int4send(coalesce(a.newest - date '2000-01-01', -2147483648)::int4) || boolsend(u.entry_id is not null),
            ''::bytea)
        from sakigake.entry e
        left join (
            select entry_id, max(occurred_on) as newest from sakigake.activity
            where workspace = %(w)s and removed_at is null and entry_id is not null and occurred_on <= %(day)s {mine} group by 1
        ) a using (entry_id)
        left join (
            select s.entry_id from sakigake.unplaced_entry u
            join sakigake.entry_source s using (workspace, connection, object, record_id) where u.workspace = %(w)s {source}
            union select s.entry_id from sakigake.unplaced_entry u
            join sakigake.entry s using (workspace, connection, object, record_id) where u.workspace = %(w)s {source}
        ) u using (entry_id)
        where e.workspace = %(w)s and e.removed_at is null {entry}
        group by left(e.entry_id, 2)
    ) to stdout (format binary)"""
_OF_PARTNERS = {
    "entry": "and e.partner_id = any(%(only)s)",
    "source": "and s.partner_id = any(%(only)s)",
    "mine": """and entry_id = any(array(
        select entry_id from sakigake.entry where workspace = %(w)s and removed_at is null and partner_id = any(%(only)s)))""",
}
_NAMED = """
    select entry_id, target ->> 'name', target ->> 'phone' from sakigake.entry e
    where workspace = %(w)s and removed_at is null and coalesce(target ->> 'corporate_number', '') = ''
        and coalesce(target ->> 'domain', '') = '' and target ->> 'name' <> '' and target ->> 'phone' <> '' {entry}"""


@dataclass(frozen=True, slots=True)
class EntryColumns:
    """Entries in the order of their ids, all columns of one length.

    partner      place in `partner_ids`
    target       number of the target company: the same by corporate number, else by domain, else by name with phone; otherwise its own
    last_active  days since 1970-01-01 of the newest activity about the entry, NO_DAY where there is none
    unplaced     it stands in a stage that the mapping does not name
    """

    ids: list[str]
    partner_ids: list[str]
    partner: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    last_active: npt.NDArray[np.int64]
    unplaced: npt.NDArray[np.bool_]


def entry_columns(
    connection: Connection, workspace: str, as_of: date, only: Collection[str] | None = None
) -> EntryColumns:
    """Entries as the mapping now sees them, with activities up to `as_of`. `only`: those of these partners."""
    scope = dict.fromkeys(_OF_PARTNERS, "") if only is None else _OF_PARTNERS
    given = {"w": workspace, "day": as_of, "only": None if only is None else sorted(only)}
    raw = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    with raw.cursor() as cursor:
        rows = fixed_rows(cursor, _ENTRIES.format(**scope), given, _ROW)
    ids, place_of_row = ids_of(rows["entry"])
    rows = rows[np.argsort(place_of_row, kind="stable")]  # an entry has one row
    numbers = rows["target"].astype(np.int64)
    place = {entry_id: at for at, entry_id in enumerate(ids)}
    for entry_id, name, phone in raw.execute(
        _NAMED.format(**scope), given
    ):  # written in many ways: told by the one form of both
        if (at := place.get(entry_id)) is not None:
            numbers[at] = target_number(entry_id, Target(name=name, phone=phone))
    partner_ids, partner = ids_of(rows["partner"])
    active = rows["active"].astype(np.int64)
    return EntryColumns(
        ids=ids,
        partner_ids=partner_ids,
        partner=partner,
        target=numbers,
        last_active=np.where(active == -(2**31), NO_DAY, active + _EPOCH),
        unplaced=rows["unplaced"].copy(),
    )


def target_number(entry_id: str, target: Target) -> int:
    """A number of 64 bits, the same for the same target company: by corporate number, else domain, else name with phone; else its own."""
    name, phone = name_key(target.name), phone_key(target.phone)
    key = (
        f"number {target.corporate_number}"
        if target.corporate_number
        else f"domain {target.domain}"
        if target.domain
        else f"name {phone} {name}"
        if name and phone
        else f"entry {entry_id}"
    )
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)
