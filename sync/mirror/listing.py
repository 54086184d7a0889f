"""What a CRM lists of an object, held against what we hold: COPY streams the list into a temporary table, so that memory does not grow with it,
and PostgreSQL compares.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection, sql

from sync.mirror.schema import MirrorTable
from sync.records import Identity

COPIED = 5000  # identities held in memory
LISTED = sql.Identifier("_sweep_listed")
DIFFERENT = sql.Identifier("_sweep_different")


class Listing:
    """The live records of one object by the CRM's word, in temporary tables of one database connection.

    What changed after `covered` is a difference like others, and counted apart: the last pull could not know of it.
    """

    def __init__(self, conn: Connection[Any], table: MirrorTable, covered: datetime | None) -> None:
        self.conn = conn
        self.table = table
        self.covered = covered
        self.waiting: list[Identity] = []

    def begin(self) -> None:
        """An empty list."""
        self.clear()
        self.waiting = []
        self.conn.execute(
            sql.SQL("create temporary table {} (id text not null, version timestamptz not null)").format(LISTED)
        )

    def add(self, some: Sequence[Identity]) -> None:
        """Some of what the CRM lists. One COPY for many, so that no transaction waits for the CRM."""
        self.waiting += some
        if len(self.waiting) >= COPIED:
            self._copy()

    def end(self) -> None:
        """The list is whole."""
        self._copy()
        with self.conn.transaction():
            # a record that changed while the list was read may stand in it twice
            self.conn.execute(
                sql.SQL(
                    "delete from {t} a using {t} b where a.id = b.id and (a.version, a.ctid) < (b.version, b.ctid)"
                ).format(t=LISTED)
            )
            self.conn.execute(sql.SQL("alter table {} add primary key (id)").format(LISTED))
        self.conn.execute(sql.SQL("analyze {}").format(LISTED))

    def compare(self) -> tuple[int, int, int, int]:
        """(missing, extra, stale, recent); the ids are kept in a temporary table, numbered."""
        self.conn.execute(sql.SQL("drop table if exists pg_temp.{}").format(DIFFERENT))
        self.conn.execute(
            sql.SQL("""
            create temporary table {different} as
            select row_number() over () as place, id, kind, recent from (
                select coalesce(l.id, t.id) as id,
                    case when t.id is null then 'missing' when l.id is null then 'extra' else 'stale' end as kind,
                    l.version > {covered} as recent
                from {listed} l full join (select id, _version from {table} where not _deleted) t on t.id = l.id
                where l.version is distinct from t._version
            ) d""").format(
                different=DIFFERENT,
                listed=LISTED,
                table=self.table.identifier,
                covered=sql.Literal(self.covered),
            )
        )
        self.conn.execute(sql.SQL("alter table {} add primary key (place)").format(DIFFERENT))
        row = self.conn.execute(
            sql.SQL("""
            select count(*) filter (where kind = 'missing'), count(*) filter (where kind = 'extra'),
                count(*) filter (where kind = 'stale'), count(*) filter (where recent) from {}""").format(DIFFERENT)
        ).fetchone()
        assert row is not None
        return row[0], row[1], row[2], row[3]

    def different(self, after: int, most: int) -> list[str]:
        """The ids that differed, from place `after` on."""
        rows = self.conn.execute(
            sql.SQL("select id from {} where place > %s and place <= %s").format(DIFFERENT), (after, after + most)
        )
        return [row[0] for row in rows]

    def mend(self, live: Sequence[Identity], ended: Sequence[str]) -> None:
        """What the CRM answered for records asked for by id goes over what it listed."""
        self.conn.execute(sql.SQL("delete from {} where id = any(%s)").format(LISTED), (list(ended),))
        self.conn.execute(
            sql.SQL("""
            insert into {} (id, version) select * from unnest(%s::text[], %s::timestamptz[])
            on conflict (id) do update set version = excluded.version""").format(LISTED),
            ([one.id for one in live], [one.version for one in live]),
        )

    def count(self) -> int:
        """How many records live by the list."""
        row = self.conn.execute(sql.SQL("select count(*) from {}").format(LISTED)).fetchone()
        return int(row[0]) if row else 0

    def clear(self) -> None:
        """Both tables are gone."""
        for name in (LISTED, DIFFERENT):
            self.conn.execute(sql.SQL("drop table if exists pg_temp.{}").format(name))

    def _copy(self) -> None:
        with (
            self.conn.cursor() as cursor,
            cursor.copy(sql.SQL("copy {} (id, version) from stdin").format(LISTED)) as copy,
        ):
            for one in self.waiting:
                copy.write_row((one.id, one.version))
        self.waiting = []
