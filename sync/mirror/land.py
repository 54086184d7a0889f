"""Stores one page: rows, history, links and the watermark, in one transaction.

May be repeated: the newest version by the CRM's stamp wins, ties change nothing, and a row whose content is the same is not rewritten.
A first load goes straight into the table by COPY; where rows exist, COPY fills a temporary table and one INSERT .. ON CONFLICT ..
WHERE changed moves it over. A value that does not fit its column is parked with its cause, and its row still lands.
"""

import json
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import Connection, errors, sql

from sync.connector import CrmRecord, FieldType, Page
from sync.mirror.place import LandCounts, Place
from sync.mirror.rows import Rows, columns_of, copy_page, copy_rows, newest
from sync.mirror.schema import MirrorTable
from sync.mirror.shapes import fits
from sync.mirror.trail import keep_history, keep_links


def land(conn: Connection[Any], table: MirrorTable, page: Page, place: Place, *, loading: bool) -> LandCounts:
    """Stores the page inside the caller's transaction. `loading` says that rows are not expected to exist yet."""
    counts = LandCounts(read=len(page.records))
    # a record that was merged away comes without values: what it held stays readable
    merged = [r for r in page.records if r.merged_into is not None and not r.values]
    records = newest([r for r in page.records if r.merged_into is None or r.values])
    if records:
        rows = Rows(table, place.now, records)
        if not (loading and _copy_directly(conn, table, rows, counts)):
            _upsert(conn, table, rows, place, counts)
        counts.parked += park(conn, table, place, rows.escaped)
    counts.deleted += sum(_merge_away(conn, table, r, place) for r in merged)
    if page.gone:
        counts.deleted += conn.execute(
            sql.SQL("update {} set _deleted = true, _changed_at = %s where id = any(%s) and not _deleted").format(
                table.identifier
            ),
            (place.now, list(page.gone)),
        ).rowcount
    counts.history += keep_history(conn, table, page.history, place)
    for links in page.associations:
        counts.links += keep_links(conn, table, links, place)
    return counts


def _merge_away(conn: Connection[Any], table: MirrorTable, record: CrmRecord, place: Place) -> int:
    """Marks the loser of a merge; its row is made where it was never seen. Returns whether anything changed."""
    return conn.execute(
        sql.SQL("""
        insert into {} as t (id, _version, _deleted, _merged_into, _first_seen_at, _changed_at)
        values (%s, %s, true, %s, %s, %s)
        on conflict (id) do update set _deleted = true, _merged_into = excluded._merged_into, _changed_at = excluded._changed_at
        where (t._deleted, t._merged_into) is distinct from (true, excluded._merged_into)""").format(table.identifier),
        (record.id, record.version, record.merged_into, place.now, place.now),
    ).rowcount


def keep_cursor(conn: Connection[Any], table: MirrorTable, page: Page, place: Place, counts: LandCounts) -> None:
    """Moves the object's watermark: belongs into the transaction that stored the page."""
    conn.execute(
        """update sakigake.mirror_object set cursor = %s, loaded = loaded or %s,
            covered_until = coalesce(%s, covered_until), last_run_id = %s,
            last_changed_run_id = case when %s then %s else last_changed_run_id end, updated_at = %s
        where workspace = %s and connection = %s and object = %s""",
        (
            json.dumps(page.cursor), page.loaded, page.covered_until, place.run_id, counts.altered, place.run_id,
            place.now, place.workspace, place.connection, table.object,
        ),
    )  # fmt: skip


def _copy_directly(conn: Connection[Any], table: MirrorTable, rows: Rows, counts: LandCounts) -> bool:
    """COPY into the table itself. False, and nothing done, where a row exists already or a value does not fit."""
    if rows.odd:
        return False
    try:
        with conn.transaction():
            copy_page(conn, table.identifier, table, rows)
    except (errors.UniqueViolation, psycopg.DataError):
        return False
    counts.inserted += len(rows)
    return True


def staging(conn: Connection[Any], table: MirrorTable, *, typed: bool) -> sql.Identifier:
    """A temporary table shaped like the object's, with its types or all text; it empties itself at each commit.

    It is kept for the session: making one a page would cost more than filling it.
    """
    name = sql.Identifier(f"_stage_{'typed' if typed else 'text'}_{table.name}"[:63])
    if typed:
        shape: sql.Composable = sql.SQL("like {} including defaults").format(table.identifier)
    else:
        shape = sql.SQL(", ").join(sql.SQL("{} text").format(c) for c in columns_of(table))
    conn.execute(sql.SQL("create temporary table if not exists {} ({}) on commit delete rows").format(name, shape))
    return name


def forget_staging(conn: Connection[Any], table: MirrorTable) -> None:
    """Drops the session's temporary tables of this object: its columns may have grown since they were made."""
    for kind in ("typed", "text"):
        conn.execute(
            sql.SQL("drop table if exists pg_temp.{}").format(sql.Identifier(f"_stage_{kind}_{table.name}"[:63]))
        )


def _upsert(conn: Connection[Any], table: MirrorTable, rows: Rows, place: Place, counts: LandCounts) -> None:
    # a page is small beside its table: look each row up by its key, whatever the planner believes of a table it has no figures of
    conn.execute("select set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)")
    staged = staging(conn, table, typed=True)
    try:
        if rows.odd:
            raise psycopg.DataError
        with conn.transaction():
            copy_page(conn, staged, table, rows)
    except psycopg.DataError:
        _stage_parking(conn, table, staged, rows, place, counts)
    settle(conn, table, staged, len(rows), place, counts)


def settle(
    conn: Connection[Any], table: MirrorTable, staged: sql.Identifier, rows: int, place: Place, counts: LandCounts
) -> None:
    """From a staging table of as many rows, each id once, into the table: what is news there, and its history."""
    if _prune(conn, table, staged) == rows:
        return
    if place.tracked:
        counts.history += _observe(conn, table, staged, place)
    _move(conn, table, staged, place, counts)


def _prune(conn: Connection[Any], table: MirrorTable, staged: sql.Identifier) -> int:
    """Takes out of staging what is older than, or the same as, what is held; returns how many rows that were."""
    held, offered = _content(table, "t", whole=True), _content(table, "s", whole=True)
    return conn.execute(
        sql.SQL("""
        delete from {staged} s using {table} t where t.id = s.id and not (t._version <= s._version
            and (t._version is distinct from s._version or ({held}) is distinct from ({offered})))""").format(
            staged=staged, table=table.identifier, held=held, offered=offered
        )
    ).rowcount


def _content(table: MirrorTable, alias: str, *, whole: bool = False) -> sql.Composed:
    """What a row says; unless `whole`, without what we wrote ourselves: our echo is no change."""
    fields = (column for name, (column, _) in table.columns.items() if whole or name not in table.ours)
    names = [*fields, "_deleted", "_merged_into"]
    return sql.SQL(", ").join(sql.SQL("{}.{}").format(sql.SQL(alias), sql.Identifier(n)) for n in names)


def _stage_parking(
    conn: Connection[Any], table: MirrorTable, staged: sql.Identifier, rows: Rows, place: Place, counts: LandCounts
) -> None:
    """Stages a page in which some value does not fit: as text first, then what PostgreSQL says is valid; the rest is parked."""
    text = staging(conn, table, typed=False)
    copy_rows(conn, text, columns_of(table), rows)
    misfits: list[tuple[str, str, str, str]] = []
    for name, (column, kind) in table.columns.items():
        if kind is FieldType.TEXT:
            continue
        found = conn.execute(
            sql.SQL("select id, {c} from {t} where {c} is not null and not {fits}").format(
                c=sql.Identifier(column), t=text, fits=fits(sql.Identifier(column), kind)
            )
        )
        misfits += [(r[0], name, f"it does not fit the column's type {kind.value}", r[1]) for r in found]
    picks: list[sql.Composable] = [sql.SQL("id")]
    for column, kind in table.columns.values():
        picks.append(
            sql.SQL("{c}").format(c=sql.Identifier(column))
            if kind is FieldType.TEXT
            else sql.SQL("case when {fits} then {c}::{t} end").format(
                fits=fits(sql.Identifier(column), kind), c=sql.Identifier(column), t=sql.SQL(kind.value)
            )
        )
    picks.append(
        sql.SQL(
            "_version::timestamptz, _deleted::boolean, _merged_into, _first_seen_at::timestamptz, _changed_at::timestamptz"
        )
    )
    conn.execute(
        sql.SQL("insert into {} ({}) select {} from {}").format(
            staged, sql.SQL(", ").join(columns_of(table)), sql.SQL(", ").join(picks), text
        )
    )
    counts.parked += park(conn, table, place, misfits)


def _move(conn: Connection[Any], table: MirrorTable, staged: sql.Identifier, place: Place, counts: LandCounts) -> None:
    """From staging, which now holds only news, into the table. A row whose values stayed keeps the time of its last change."""
    names = [*(column for column, _ in table.columns.values()), "_deleted", "_merged_into", "_version"]
    row = conn.execute(
        sql.SQL("""
        with moved as (
            insert into {table} as t ({columns}) select {columns} from {staged}
            on conflict (id) do update set {sets},
                _changed_at = case when ({held}) is distinct from ({offered}) then excluded._changed_at else t._changed_at end
            returning t._first_seen_at = %(now)s as is_new, t._changed_at = %(now)s as is_changed
        )
        select count(*) filter (where is_new), count(*) filter (where is_changed and not is_new),
            count(*) filter (where not is_changed) from moved""").format(
            table=table.identifier,
            columns=sql.SQL(", ").join(columns_of(table)),
            staged=staged,
            sets=sql.SQL(", ").join(sql.SQL("{c} = excluded.{c}").format(c=sql.Identifier(n)) for n in names),
            held=_content(table, "t"),
            offered=_content(table, "excluded"),
        ),
        {"now": place.now},
    ).fetchone()
    assert row is not None
    counts.inserted += row[0]
    counts.changed += row[1]
    counts.touched += row[2]


def _observe(conn: Connection[Any], table: MirrorTable, staged: sql.Identifier, place: Place) -> int:
    """Keeps the old and new value of each tracked field that is about to change, with the CRM's stamp."""
    tracked = [(n, table.columns[n][0]) for n in place.tracked if n in table.columns]
    if not tracked:
        return 0
    pairs = sql.SQL(", ").join(
        sql.SQL("({n}, t.{c}::text, s.{c}::text)").format(n=sql.Literal(name), c=sql.Identifier(column))
        for name, column in tracked
    )
    return conn.execute(
        sql.SQL("""
        insert into {history} (object, record_id, field, change_id, old_value, new_value, changed_at, first_seen_at, origin)
        select %s, s.id, v.field, 'observed:' || to_char(s._version at time zone 'UTC', 'YYYYMMDDHH24MISSUS'), v.old, v.new,
            s._version, %s, 'observed'
        from {staged} s join {table} t on t.id = s.id and t._version <= s._version
        cross join lateral (values {pairs}) as v(field, old, new)
        where v.old is distinct from v.new
        on conflict do nothing""").format(
            history=sql.Identifier(table.schema, "field_history"), staged=staged, table=table.identifier, pairs=pairs
        ),
        (table.object, place.now),
    ).rowcount


def park(conn: Connection[Any], table: MirrorTable, place: Place, parked: Sequence[tuple[str, str, str, str]]) -> int:
    if not parked:
        return 0
    with conn.cursor() as cursor:
        cursor.executemany(
            """insert into sakigake.parked (workspace, connection, object, record_id, field, step, cause, raw, run_id, parked_at)
            values (%s, %s, %s, %s, %s, 'pull', %s, %s, %s, %s)
            on conflict (workspace, connection, object, record_id, field, step)
            do update set cause = excluded.cause, raw = excluded.raw, run_id = excluded.run_id, parked_at = excluded.parked_at""",
            [
                (place.workspace, place.connection, table.object, record, name, cause, raw, place.run_id, place.now)
                for record, name, cause, raw in parked
            ],
        )
    return len(parked)
