"""Stores new values of some fields of rows whose version did not move: calculated fields."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection, sql

from sync.described import FieldType
from sync.mirror.park import park
from sync.mirror.place import LandCounts, Place
from sync.mirror.schema import MirrorTable
from sync.mirror.shapes import fits
from sync.mirror.text import storable
from sync.records import LiveRecord

_STAGE = sql.Identifier("_refreshed")


def land_refreshed(
    conn: Connection[Any],
    table: MirrorTable,
    records: Sequence[LiveRecord],
    place: Place,
    *,
    known_before: datetime | None = None,
) -> LandCounts:
    """Updates what differs inside the caller's transaction; the versions stay.

    Rows that are not held are left out: reading brings them whole. The old and the new value of a tracked field are kept, dated by when
    they were noticed, because nothing tells when they came to be. A value that does not fit is parked, and the one before it stays.
    `known_before`: rows first seen after it never had a value of these fields here, so that theirs is no change.
    """
    counts = LandCounts(read=len(records))
    names = [n for n in table.columns if records and n in records[0].values]
    if not names:
        return counts
    _stage(conn, table, names, records, place, counts)
    wanted = [table.columns[n] for n in names]
    pairs = sql.SQL(", ").join(
        sql.SQL("({n}, t.{c}::text, ({v})::text)").format(n=sql.Literal(n), c=sql.Identifier(c), v=_cast(c, kind))
        for n, (c, kind) in zip(names, wanted, strict=True)
        if n in place.tracked
    )
    if set(names) & set(place.tracked):
        counts.history = conn.execute(
            sql.SQL("""
            insert into {history} (object, record_id, field, change_id, old_value, new_value, changed_at, first_seen_at, origin)
            select %(object)s, t.id, v.field, 'refreshed:' || %(mark)s, v.old, v.new, %(now)s, %(now)s, 'observed'
            from {stage} s join {table} t on t.id = s.id cross join lateral (values {pairs}) as v(field, old, new)
            where v.old is distinct from v.new and (%(before)s::timestamptz is null or t._first_seen_at <= %(before)s)
            on conflict do nothing""").format(
                history=sql.Identifier(table.schema, "field_history"), stage=_STAGE, table=table.identifier, pairs=pairs
            ),
            {"object": table.object, "mark": place.now.isoformat(), "now": place.now, "before": known_before},
        ).rowcount
    counts.changed = conn.execute(
        sql.SQL("""
        update {table} t set {sets}, _hash = null, _changed_at = %s from {stage} s
        where t.id = s.id and ({held}) is distinct from ({offered})""").format(
            table=table.identifier,
            stage=_STAGE,
            sets=sql.SQL(", ").join(sql.SQL("{} = {}").format(sql.Identifier(c), _cast(c, k)) for c, k in wanted),
            held=sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(c)) for c, _ in wanted),
            offered=sql.SQL(", ").join(_cast(c, k) for c, k in wanted),
        ),
        (place.now,),
    ).rowcount
    return counts


def _stage(
    conn: Connection[Any],
    table: MirrorTable,
    names: Sequence[str],
    records: Sequence[LiveRecord],
    place: Place,
    counts: LandCounts,
) -> None:
    """The values as text; those that do not fit are parked."""
    columns = ["id", *(table.columns[n][0] for n in names)]
    conn.execute(sql.SQL("drop table if exists pg_temp.{}").format(_STAGE))
    shape = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(c)) for c in columns)
    conn.execute(sql.SQL("create temporary table {} ({}) on commit drop").format(_STAGE, shape))
    with conn.cursor() as cursor, cursor.copy(sql.SQL("copy {} from stdin").format(_STAGE)) as copy:
        for r in {r.id: r for r in records}.values():
            copy.write_row((r.id, *(_text(r.values[n], table.columns[n][1]) for n in names)))
    misfits: list[tuple[str, str, str, str]] = []
    for name in names:
        column, kind = table.columns[name]
        if kind is FieldType.TEXT:
            continue
        found = conn.execute(
            sql.SQL("select id, {c} from {t} where {c} is not null and not {fits}").format(
                c=sql.Identifier(column), t=_STAGE, fits=fits(sql.Identifier(column), kind)
            )
        )
        misfits += [(r[0], name, f"it does not fit the column's type {kind.value}", r[1]) for r in found]
    counts.parked = park(conn, table, place, misfits)


def _text(value: Any, kind: FieldType) -> str | None:
    return None if value == "" and kind is not FieldType.TEXT else storable(value)[0]


def _cast(column: str, kind: FieldType) -> sql.Composed:
    """The staged value in its type; the held one where it does not fit."""
    c = sql.Identifier(column)
    if kind is FieldType.TEXT:
        return sql.SQL("s.{}").format(c)
    return sql.SQL("case when s.{c} is null or {fits} then s.{c}::{t} else t.{c} end").format(
        c=c, fits=fits(sql.SQL("s.{}").format(c), kind), t=sql.SQL(kind.value)
    )
