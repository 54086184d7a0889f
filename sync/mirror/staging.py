"""Rows on their way into a table that holds some of them already: by COPY into a temporary table, then by one UPDATE .. WHERE changed."""

from typing import Any

from psycopg import Connection, sql

from sync.mirror.lines import STATE
from sync.mirror.place import LandCounts, Place
from sync.mirror.rows import columns_of
from sync.mirror.schema import LANDING, MirrorTable

OWN = (
    "_version timestamptz not null",
    "_deleted boolean not null default false",
    "_merged_into text",
    "_hash bigint",
)  # a row's state; when it was stored is said by who moves it into its table


def prepare_session(conn: Connection[Any], place: Place) -> None:
    """What the transaction's statements go by: the time of storing, looking each row up by its key, and not waiting for the disk.

    A page is small beside its table, whatever the planner believes of a table it has no figures of. Compiling is off because it
    goes by costs, which ways that are turned off make huge. A crash of the machine may undo the last pages, rows and cursor
    together: they are read again. What is committed after them, such as the end of the run, waits for them too.
    """
    conn.execute(
        """select set_config(%s, %s, true), set_config('enable_hashjoin', 'off', true), set_config('jit', 'off', true),
            set_config('enable_mergejoin', 'off', true), set_config('enable_seqscan', 'off', true),
            set_config('synchronous_commit', 'off', true)""",
        (LANDING, place.now.isoformat()),
    )


def staging(conn: Connection[Any], table: MirrorTable, *, typed: bool) -> sql.Identifier:
    """An empty temporary table with the object's columns, in their types or all text; it empties itself at each commit.

    It is kept for the session: making one a page would cost more than filling it.
    """
    name = staged_name(table, typed=typed)
    if typed:
        shape: list[sql.Composable] = [sql.SQL("id text not null")]
        shape += [sql.SQL("{} {}").format(sql.Identifier(c), sql.SQL(k.value)) for c, k in table.columns.values()]
        shape += [sql.SQL(own) for own in OWN]
    else:
        shape = [sql.SQL("{} text").format(c) for c in columns_of(table, hashed=False)]
    conn.execute(
        sql.SQL(
            "create temporary table if not exists {name} ({shape}) on commit delete rows; delete from {name}"
        ).format(name=name, shape=sql.SQL(", ").join(shape))
    )
    return name


def staged_name(table: MirrorTable, *, typed: bool) -> sql.Identifier:
    return sql.Identifier(f"_stage_{'typed' if typed else 'text'}_{table.name}"[:63])


def forget_staging(conn: Connection[Any], table: MirrorTable) -> None:
    """Drops the session's temporary tables of this object: its columns may have grown since they were made."""
    for typed in (True, False):
        conn.execute(sql.SQL("drop table if exists pg_temp.{}").format(staged_name(table, typed=typed)))


def settle(conn: Connection[Any], table: MirrorTable, rows: int, place: Place, counts: LandCounts) -> None:
    """From the typed staging table, which has as many rows, each id once, into the table: what is news there, and its history."""
    staged = staged_name(table, typed=True)
    if _update(conn, table, staged, place, counts) < rows:
        counts.inserted += conn.execute(
            sql.SQL("""
            insert into {table} ({columns}) select {columns} from {staged} s
            where not exists (select from {table} t where t.id = s.id) on conflict (id) do nothing""").format(
                table=table.identifier, columns=sql.SQL(", ").join(columns_of(table, hashed=True)), staged=staged
            )
        ).rowcount


def _update(conn: Connection[Any], table: MirrorTable, staged: sql.Identifier, place: Place, counts: LandCounts) -> int:
    """Brings rows that are held up to date; returns how many of the staged ones surely are held.

    All parts of the statement see the rows as they were before it: so the old values are at hand for the history. A row whose values
    stayed keeps the time of its last change.
    """
    names = [*(column for column, _ in table.columns.values()), *STATE, "_hash"]
    held, offered = _content(table, "t", whole=True), _content(table, "s", whole=True)
    row = conn.execute(
        sql.SQL("""
        with moved as (
            update {table} t set {sets},
                _changed_at = case when ({theirs_held}) is distinct from ({theirs}) then %(now)s else t._changed_at end
            from {staged} s
            where t.id = s.id and t._version <= s._version
                and (t._version is distinct from s._version or ({held}) is distinct from ({offered}))
            returning t._changed_at = %(now)s as is_changed
        ), {observed}
        select count(*) filter (where is_changed), count(*) filter (where not is_changed), (select count(*) from observed)
        from moved""").format(
            table=table.identifier,
            staged=staged,
            sets=sql.SQL(", ").join(sql.SQL("{c} = s.{c}").format(c=sql.Identifier(n)) for n in names),
            held=held,
            offered=offered,
            theirs_held=_content(table, "t"),
            theirs=_content(table, "s"),
            observed=_observed(table, staged, place),
        ),
        {"now": place.now, "object": table.object},
    ).fetchone()
    assert row is not None
    counts.changed += row[0]
    counts.touched += row[1]
    counts.history += row[2]
    return int(row[0] + row[1])


def _observed(table: MirrorTable, staged: sql.Identifier, place: Place) -> sql.Composable:
    """Keeps the old and new value of each tracked field that is about to change, with the CRM's stamp."""
    tracked = [(n, table.columns[n][0]) for n in place.tracked if n in table.columns]
    if not tracked:
        return sql.SQL("observed as (select where false)")
    pairs = sql.SQL(", ").join(
        sql.SQL("({n}, t.{c}::text, s.{c}::text)").format(n=sql.Literal(name), c=sql.Identifier(column))
        for name, column in tracked
    )
    return sql.SQL("""observed as (
            insert into {history} (object, record_id, field, change_id, old_value, new_value, changed_at, first_seen_at, origin)
            select %(object)s, s.id, v.field, 'observed:' || to_char(s._version at time zone 'UTC', 'YYYYMMDDHH24MISSUS'),
                v.old, v.new, s._version, %(now)s, 'observed'
            from {staged} s join {table} t on t.id = s.id and t._version <= s._version
            cross join lateral (values {pairs}) as v(field, old, new)
            where v.old is distinct from v.new
            on conflict do nothing returning 1
        )""").format(
        history=sql.Identifier(table.schema, "field_history"), staged=staged, table=table.identifier, pairs=pairs
    )


def _content(table: MirrorTable, alias: str, *, whole: bool = False) -> sql.Composed:
    """What a row says; unless `whole`, without what we wrote ourselves: our echo is no change."""
    fields = (column for name, (column, _) in table.columns.items() if whole or name not in table.ours)
    names = [*fields, "_deleted", "_merged_into"]
    return sql.SQL(", ").join(sql.SQL("{}.{}").format(sql.SQL(alias), sql.Identifier(n)) for n in names)
