"""A page's records on their way into one table."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Any

from psycopg import Connection, sql

from sync.mirror.lines import STATE, Escaped, Lines, Row, lines_of, texts
from sync.mirror.schema import MirrorTable
from sync.records import CrmRecord


def newest(records: Sequence[CrmRecord]) -> Sequence[CrmRecord]:
    """One version of each id: the newest, of equal ones the last."""
    best: dict[str, CrmRecord] = dict(zip(map(attrgetter("id"), records), records, strict=True))
    if len(best) == len(records):
        return records
    best.clear()
    for record in records:
        held = best.get(record.id)
        if held is None or record.version >= held.version:
            best[record.id] = record
    return list(best.values())


class Rows:
    """The records of a page for one table; each id at most once. What costs is made once, when it is first asked for."""

    def __init__(self, table: MirrorTable, records: Sequence[CrmRecord]) -> None:
        self._table = table
        self.records = records

    def __len__(self) -> int:
        return len(self.records)

    def some(self, places: Iterable[int]) -> "Rows":
        """The records at these places; their lines are not made anew."""
        chosen = list(places)
        if len(chosen) == len(self.records):
            return self
        part = Rows(self._table, [self.records[i] for i in chosen])
        ids = {r.id for r in part.records}
        told = [e for e in self.lines.escaped if e[0] in ids]
        whole = self.lines
        part.lines = Lines([whole.lines[i] for i in chosen], [whole.hashes[i] for i in chosen], told, whole.odd)
        return part

    @cached_property
    def lines(self) -> Lines:
        """For COPY, with a hash each."""
        return lines_of(self._table.columns, self.records)

    def texts(self, escaped: list[Escaped]) -> Iterator[Row]:
        """Each record value by value; `escaped` hears of what had to be changed."""
        return texts(self._table.columns, self.records, escaped)


def columns_of(table: MirrorTable, *, hashed: bool) -> list[sql.Identifier]:
    """The columns in the order of the lines, with or without their hash."""
    names = ["id", *(column for column, _ in table.columns.values()), *STATE, *(["_hash"] if hashed else [])]
    return [sql.Identifier(n) for n in names]


def copy_block(conn: Connection[Any], into: sql.Composable, table: MirrorTable, block: bytes) -> None:
    """Whole lines by COPY. Raises psycopg.DataError where a value does not fit its column."""
    names = sql.SQL(", ").join(columns_of(table, hashed=True))
    with conn.cursor() as cursor, cursor.copy(sql.SQL("copy {} ({}) from stdin").format(into, names)) as copy:
        copy.write(block)


def copy_rows(
    conn: Connection[Any], into: sql.Composable, columns: Sequence[sql.Identifier], rows: Iterable[Row]
) -> None:
    statement = sql.SQL("copy {} ({}) from stdin").format(into, sql.SQL(", ").join(columns))
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
