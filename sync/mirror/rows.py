"""A page's records as text for COPY: one block where all values are plain, otherwise row by row, with care."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

import psycopg
from psycopg import Connection, sql

from sync.connector import CrmRecord, FieldType, Value
from sync.mirror.schema import BOOKKEEPING, MirrorTable
from sync.mirror.shapes import SHAPES, odd
from sync.mirror.text import storable

Row = tuple[str | None, ...]


def newest(records: Sequence[CrmRecord]) -> list[CrmRecord]:
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


class Rows:
    """The page as text for COPY; `escaped` tells which values had to be changed to be stored at all."""

    def __init__(self, table: MirrorTable, now: datetime, records: Sequence[CrmRecord]) -> None:
        self._table = table
        self._now = now.isoformat()
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


def columns_of(table: MirrorTable) -> list[sql.Identifier]:
    names = ["id", *(column for column, _ in table.columns.values())]
    return [
        sql.Identifier(n) for n in (*names, "_version", "_deleted", "_merged_into", "_first_seen_at", "_changed_at")
    ]


def copy_rows(
    conn: Connection[Any], into: sql.Composable, columns: Sequence[sql.Identifier], rows: Iterable[Row]
) -> None:
    statement = sql.SQL("copy {} ({}) from stdin").format(into, sql.SQL(", ").join(columns))
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def copy_page(conn: Connection[Any], into: sql.Composable, table: MirrorTable, rows: Rows) -> None:
    """The page by COPY: as one block where all its values are plain, otherwise row by row.

    Raises psycopg.DataError where a value does not fit its column.
    """
    block = rows.block()
    if block is not None:
        try:
            with conn.transaction():
                statement = sql.SQL("copy {} ({}) from stdin").format(into, sql.SQL(", ").join(columns_of(table)))
                with conn.cursor() as cursor, cursor.copy(statement) as copy:
                    copy.write(block)
            return
        except psycopg.DataError:
            pass  # a blank where a number is due is nothing, and only the careful way knows that
    copy_rows(conn, into, columns_of(table), rows)
