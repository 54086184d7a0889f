"""Stores one page: rows, history, links and the watermark, in one transaction.

May be repeated: the newest version by the CRM's stamp wins, ties change nothing, and a row whose content is the same is not rewritten.
A first load goes straight into the table by COPY; where rows exist, COPY fills a temporary table and one INSERT .. ON CONFLICT ..
WHERE changed moves it over. A value that does not fit its column is parked with its cause, and its row still lands.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cached_property
from typing import Any, Self

import psycopg
from psycopg import Connection, errors, sql

from sync.connector import AssociationSet, CrmRecord, FieldType, HistoryRow, Page, Value
from sync.mirror.schema import BOOKKEEPING, MirrorTable
from sync.mirror.shapes import SHAPES, fits, odd
from sync.mirror.text import storable

Row = tuple[str | None, ...]


@dataclass(slots=True)
class LandCounts:
    """What storing did. `touched` rows moved their version only: no value of theirs changed."""

    read: int = 0
    inserted: int = 0
    changed: int = 0
    touched: int = 0
    deleted: int = 0
    history: int = 0
    links: int = 0
    parked: int = 0

    def __iadd__(self, other: "LandCounts") -> Self:
        for f in fields(self):
            setattr(self, f.name, getattr(self, f.name) + getattr(other, f.name))
        return self

    @property
    def altered(self) -> bool:
        """Whether the mapping could see a difference."""
        return bool(self.inserted or self.changed or self.deleted or self.history or self.links)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page belongs, and when it is stored."""

    workspace: str
    connection: str
    run_id: str
    now: datetime
    tracked: tuple[str, ...] = field(default=())  # fields whose value changes are kept


def land(conn: Connection[Any], table: MirrorTable, page: Page, place: Place, *, loading: bool) -> LandCounts:
    """Stores the page inside the caller's transaction. `loading` says that rows are not expected to exist yet."""
    counts = LandCounts(read=len(page.records))
    # a record that was merged away comes without values: what it held stays readable
    merged = [r for r in page.records if r.merged_into is not None and not r.values]
    records = _newest([r for r in page.records if r.merged_into is None or r.values])
    if records:
        rows = _Rows(table, place, records)
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
    counts.history += _history(conn, table, page.history, place)
    for links in page.associations:
        counts.links += _link(conn, table, links, place)
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


def _newest(records: Sequence[CrmRecord]) -> list[CrmRecord]:
    """One version of each id: the newest, of equal ones the last; in (version, id) order, so that a crash leaves a prefix."""
    best: dict[str, CrmRecord] = {}
    for record in records:
        held = best.get(record.id)
        if held is None or record.version >= held.version:
            best[record.id] = record
    return sorted(best.values(), key=lambda r: (r.version, r.id))


NULL = "\\N"


def _plain(value: Value) -> str:
    """A value that is no text, as `storable` writes it, so that a row is the same however it came; TypeError where it needs care."""
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int:
        return str(value)
    raise TypeError


class _Rows:
    """The page as text for COPY; `escaped` tells which values had to be changed to be stored at all."""

    def __init__(self, table: MirrorTable, place: Place, records: Sequence[CrmRecord]) -> None:
        self._table = table
        self._now = place.now.isoformat()
        self._records = records
        self.escaped: list[tuple[str, str, str, str]] = []  # record, field, cause, text

    def __len__(self) -> int:
        return len(self._records)

    @cached_property
    def odd(self) -> bool:
        """Whether PostgreSQL would take some text for a number or a time that is none."""
        values = [r.values for r in self._records]
        return any(
            odd(kind, [v.get(name) for v in values])
            for name, (_, kind) in self._table.columns.items()
            if kind in SHAPES
        )

    def block(self) -> bytes | None:
        """The whole page in COPY's text format; None where some value needs care, so that rows have to be taken one by one.

        Whether one does is seen by counting: a tab, a line end or a backslash that is not ours would be one too many.
        """
        names = list(self._table.columns)
        lines: list[str] = []
        nulls = 0
        tail = f"{self._now}\t{self._now}"
        stamps: dict[datetime, str] = {}  # many records of a page share one
        try:
            for r in self._records:
                get = r.values.get
                values = list(map(get, names))
                cells = [v if type(v) is str else NULL if v is None else _plain(v) for v in values]
                nulls += values.count(None) + (r.merged_into is None)  # a text that reads \N is not one of ours
                stamp = stamps.get(r.version) or stamps.setdefault(r.version, r.version.isoformat())
                cells = [r.id, *cells, stamp, "t" if r.deleted else "f", r.merged_into or NULL, tail]
                lines.append("\t".join(cells))
        except TypeError:
            return None
        text = "\n".join((*lines, ""))
        ours = (len(lines) * (len(names) + len(BOOKKEEPING)), len(lines), nulls)
        if (text.count("\t"), text.count("\n"), text.count("\\")) != ours or "\x00" in text or "\r" in text:
            return None
        try:
            return text.encode("utf-8")
        except UnicodeEncodeError:
            return None

    def __iter__(self) -> Iterator[Row]:
        self.escaped.clear()
        blank_is_null = [(name, kind is not FieldType.TEXT) for name, (_, kind) in self._table.columns.items()]
        for record in self._records:
            values: list[str | None] = [record.id]
            for name, blank in blank_is_null:
                value = record.values.get(name)
                if blank and value == "":
                    value = None
                text, escaped = storable(value)
                if escaped and text is not None:
                    self.escaped.append((record.id, name, "it holds a NUL or a lone surrogate; kept escaped", text))
                values.append(text)
            values += [
                record.version.isoformat(), "t" if record.deleted else "f", record.merged_into, self._now, self._now,
            ]  # fmt: skip
            yield tuple(values)


def _columns(table: MirrorTable) -> list[sql.Identifier]:
    names = ["id", *(column for column, _ in table.columns.values())]
    return [
        sql.Identifier(n) for n in (*names, "_version", "_deleted", "_merged_into", "_first_seen_at", "_changed_at")
    ]


def _copy(conn: Connection[Any], into: sql.Composable, columns: Sequence[sql.Identifier], rows: Iterable[Row]) -> None:
    statement = sql.SQL("copy {} ({}) from stdin").format(into, sql.SQL(", ").join(columns))
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _copy_page(conn: Connection[Any], into: sql.Composable, table: MirrorTable, rows: _Rows) -> None:
    """The page by COPY: as one block where all its values are plain, otherwise row by row.

    Raises psycopg.DataError where a value does not fit its column.
    """
    block = rows.block()
    if block is not None:
        try:
            with conn.transaction():
                statement = sql.SQL("copy {} ({}) from stdin").format(into, sql.SQL(", ").join(_columns(table)))
                with conn.cursor() as cursor, cursor.copy(statement) as copy:
                    copy.write(block)
            return
        except psycopg.DataError:
            pass  # a blank where a number is due is nothing, and only the careful way knows that
    _copy(conn, into, _columns(table), rows)


def _copy_directly(conn: Connection[Any], table: MirrorTable, rows: _Rows, counts: LandCounts) -> bool:
    """COPY into the table itself. False, and nothing done, where a row exists already or a value does not fit."""
    if rows.odd:
        return False
    try:
        with conn.transaction():
            _copy_page(conn, table.identifier, table, rows)
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
        shape = sql.SQL(", ").join(sql.SQL("{} text").format(c) for c in _columns(table))
    conn.execute(sql.SQL("create temporary table if not exists {} ({}) on commit delete rows").format(name, shape))
    return name


def forget_staging(conn: Connection[Any], table: MirrorTable) -> None:
    """Drops the session's temporary tables of this object: its columns may have grown since they were made."""
    for kind in ("typed", "text"):
        conn.execute(
            sql.SQL("drop table if exists pg_temp.{}").format(sql.Identifier(f"_stage_{kind}_{table.name}"[:63]))
        )


def _upsert(conn: Connection[Any], table: MirrorTable, rows: _Rows, place: Place, counts: LandCounts) -> None:
    # a page is small beside its table: look each row up by its key, whatever the planner believes of a table it has no figures of
    conn.execute("select set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)")
    staged = staging(conn, table, typed=True)
    try:
        if rows.odd:
            raise psycopg.DataError
        with conn.transaction():
            _copy_page(conn, staged, table, rows)
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
    held, offered = _content(table, "t"), _content(table, "s")
    return conn.execute(
        sql.SQL("""
        delete from {staged} s using {table} t where t.id = s.id and not (t._version <= s._version
            and (t._version is distinct from s._version or ({held}) is distinct from ({offered})))""").format(
            staged=staged, table=table.identifier, held=held, offered=offered
        )
    ).rowcount


def _content(table: MirrorTable, alias: str) -> sql.Composed:
    names = [*(column for column, _ in table.columns.values()), "_deleted", "_merged_into"]
    return sql.SQL(", ").join(sql.SQL("{}.{}").format(sql.SQL(alias), sql.Identifier(n)) for n in names)


def _stage_parking(
    conn: Connection[Any], table: MirrorTable, staged: sql.Identifier, rows: _Rows, place: Place, counts: LandCounts
) -> None:
    """Stages a page in which some value does not fit: as text first, then what PostgreSQL says is valid; the rest is parked."""
    text = staging(conn, table, typed=False)
    _copy(conn, text, _columns(table), rows)
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
            staged, sql.SQL(", ").join(_columns(table)), sql.SQL(", ").join(picks), text
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
            columns=sql.SQL(", ").join(_columns(table)),
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


def _history(conn: Connection[Any], table: MirrorTable, history: Sequence[HistoryRow], place: Place) -> int:
    if not history:
        return 0
    stage = sql.Identifier(f"_history_{table.name}"[:63])
    conn.execute(sql.SQL("drop table if exists pg_temp.{}").format(stage))
    place_of = sql.Identifier(table.schema, "field_history")
    conn.execute(sql.SQL("create temporary table {} (like {}) on commit drop").format(stage, place_of))
    columns = (
        "object",
        "record_id",
        "field",
        "change_id",
        "old_value",
        "new_value",
        "changed_at",
        "first_seen_at",
        "origin",
    )
    now = place.now.isoformat()
    _copy(
        conn,
        stage,
        [sql.Identifier(c) for c in columns],
        (
            (
                table.object, h.record_id, h.field, h.change_id, storable(h.old)[0], storable(h.new)[0],
                h.changed_at.isoformat(), now, "crm",
            )
            for h in history
        ),
    )  # fmt: skip
    return conn.execute(
        sql.SQL("insert into {} select * from {} on conflict do nothing").format(place_of, stage)
    ).rowcount


def _link(conn: Connection[Any], table: MirrorTable, links: AssociationSet, place: Place) -> int:
    """Makes the links from these records to that object exactly what the CRM says; returns how many rows changed."""
    association = sql.Identifier(table.schema, "association")
    rows = links.rows
    given = {
        "object": table.object,
        "to": links.to_object,
        "ids": list(links.from_ids),
        "from_ids": [r.from_id for r in rows],
        "to_ids": [r.to_id for r in rows],
        "types": [r.type_id for r in rows],
        "categories": [r.category for r in rows],
        "labels": [r.label for r in rows],
        "now": place.now,
    }
    removed = conn.execute(
        sql.SQL("""
        delete from {} a where from_object = %(object)s and to_object = %(to)s and from_id = any(%(ids)s)
            and not exists (select from unnest(%(from_ids)s::text[], %(to_ids)s::text[], %(types)s::text[]) as n(f, t, y)
                where n.f = a.from_id and n.t = a.to_id and n.y = a.type_id)""").format(association),
        given,
    ).rowcount
    added = conn.execute(
        sql.SQL("""
        insert into {} as a (from_object, from_id, to_object, to_id, type_id, category, label, seen_at)
        select distinct on (f, t, y) %(object)s, f, %(to)s, t, y, c, l, %(now)s
        from unnest(%(from_ids)s::text[], %(to_ids)s::text[], %(types)s::text[], %(categories)s::text[], %(labels)s::text[])
            as n(f, t, y, c, l)
        on conflict (from_object, to_object, from_id, to_id, type_id) do update
            set category = excluded.category, label = excluded.label, seen_at = excluded.seen_at
            where (a.category, a.label) is distinct from (excluded.category, excluded.label)""").format(association),
        given,
    ).rowcount
    return removed + added


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
